"""How far the people of a queue agree: each number on the same scale, and the table of steps of two of them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.domain.agreement import Coefficient
from sapo_studio.domain.people import Agreement, PairAgreement
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.annotate.person_names import short_name
from sapo_ui.widgets.card import TitledCard
from sapo_ui.widgets.combo import set_items
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.point_bar import PointBar

ALONE = "Agreement needs a second person: who saves the items for everybody too."
CATEGORIES = ("incorrect", "neutral", "correct")
FIRST_ERROR = "Nominal: step 2 and step 3 are as different as step 2 and none."
INTERVAL = "The bar is the 95 % interval, the scale goes from 0 to 1."


def number(value: float) -> str:
    """`0.79`; two places are what such few items support."""
    return f"{value:.2f}".replace("-", fmt.MINUS)


class Measure(QWidget):
    """A name, a number and its bar; where there is no number, why."""

    def __init__(self, name: str, hover: str) -> None:
        super().__init__()
        self._name = name
        self.value = label("", "strong")
        self.bar = PointBar()
        self.why = label("", "small", "muted", wrap=True)
        above = QHBoxLayout()
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(label(name, "small", "muted"), 1)
        above.addWidget(self.value)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(above)
        column.addWidget(self.bar)
        column.addWidget(self.why)
        self.setToolTip(plain_tip(f"{hover} {INTERVAL}"))

    def show_value(self, found: Coefficient) -> None:
        """Show it."""
        told = fmt.NONE if found.value is None else number(found.value)
        self.value.setText(told)
        self.bar.show_value(found.value, found.low, found.high)
        self.bar.setVisible(found.value is not None)
        self.why.setText(found.why[:1].upper() + found.why[1:])
        self.why.setVisible(bool(found.why))
        interval = (
            f", 95 % interval {number(found.low)} to {number(found.high)}"
            if found.low is not None and found.high is not None
            else ""
        )
        self.setAccessibleName(f"{self._name}: {found.why or told + interval}")


def _axis() -> QHBoxLayout:
    """The scale that all bars are on."""
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for text, side in (("0", "Left"), ("0.5", "HCenter"), ("1", "Right")):
        tick = label(text, "small", "muted")
        tick.setAlignment(Qt.AlignmentFlag[f"Align{side}"])
        row.addWidget(tick, 1)
    return row


class StepTable(QWidget):
    """How often one person says this of a step while the other says that. The darker, the oftener."""

    LABELS, CELL, GAP, HEAD = 62, 30, 3, 18

    def __init__(self) -> None:
        super().__init__()
        self._counts: tuple[tuple[int, ...], ...] = ()
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self._restyle)

    def show_pair(self, pair: PairAgreement) -> None:
        """Show the steps that both have judged."""
        self._counts = pair.table
        told = "; ".join(
            f"{pair.first} {row}, {pair.second} {column}: {pair.table[y][x]}"
            for y, row in enumerate(CATEGORIES)
            for x, column in enumerate(CATEGORIES)
        )
        self.setAccessibleName(f"Steps by both. {told}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, self.HEAD + 3 * (self.CELL + self.GAP))

    def _restyle(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = (self.width() - self.LABELS) / 3
        most = max((count for row in self._counts for count in row), default=0)
        painter.setPen(QColor(look.muted))
        for at, word in enumerate(CATEGORIES):
            painter.drawText(QRectF(self.LABELS + at * wide, 0, wide, self.HEAD), Qt.AlignmentFlag.AlignCenter, word)
            painter.drawText(
                QRectF(0, self.HEAD + at * (self.CELL + self.GAP), self.LABELS, self.CELL),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                word,
            )
        for y, row in enumerate(self._counts):
            for x, count in enumerate(row):
                cell = QRectF(
                    self.LABELS + x * wide, self.HEAD + y * (self.CELL + self.GAP), wide - self.GAP, self.CELL
                )
                fill = theme.between(look.raised, look.accent, count / most if most else 0.0)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(fill)
                painter.drawRoundedRect(cell, 4, 4)
                painter.setPen(QColor(theme.text_on(fill)))
                painter.setFont(theme.font("strong" if x == y else "body"))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, f"{count:,}")


class AgreementCard(TitledCard):
    """Knows no store: it is told what there is."""

    MOST = 230
    """Pixels of the choice of two people."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Agreement", parent)
        self._found: Agreement | None = None
        self.counted = label("", "small", "muted")
        self.alone = label(ALONE, "body", "muted", wrap=True)
        self.who = QComboBox()
        self.who.setAccessibleName("Whose agreement")
        self.who.setFont(theme.font("small"))
        self.who.currentIndexChanged.connect(self._show_pair)
        self.kappa_steps = Measure("Cohen's kappa, steps", "Agreement of two beyond chance, over steps.")
        self.kappa_first = Measure("Cohen's kappa, first error", f"The same over first errors. {FIRST_ERROR}")
        self.alpha = Measure(
            "Kripp. alpha, first error", f"Krippendorff's alpha of everybody over first errors. {FIRST_ERROR}"
        )
        self.same = Measure("Same first error", "Share of trajectories of which both name the same first error.")
        self.measures = (self.kappa_steps, self.kappa_first, self.alpha, self.same)
        self.caption = label("", "small", "muted", wrap=True)
        self.table = StepTable()
        self.head.addWidget(self.counted)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.who)
        for measure in self.measures:
            column.addWidget(measure)
        column.addLayout(_axis())
        column.addWidget(self.caption)
        column.addWidget(self.table)
        self.column.addWidget(self.alone)
        self.column.addWidget(self._body)
        self.column.addStretch(1)
        self._body.hide()

    def show_agreement(self, found: Agreement) -> None:
        """Show it; with three people and more, of the two that are chosen."""
        if found == self._found:
            return
        self._found = found
        several = len(found.people) > 1
        self.alone.setVisible(not several)
        self._body.setVisible(several)
        self.counted.setText(f"{found.trajectories:,} trajectories, {found.steps:,} steps" if several else "")
        set_items(
            self.who,
            [(f"{short_name(pair.first)} and {short_name(pair.second)}", at) for at, pair in enumerate(found.pairs)],
        )
        self.who.setMinimumWidth(60)  # names may be of any length; the card is not
        self.who.setMaximumWidth(self.MOST)
        self.who.setVisible(len(found.pairs) > 1)
        if several:
            self.alpha.show_value(found.alpha_first_error)
            self._show_pair()

    def _show_pair(self) -> None:
        found, at = self._found, self.who.currentIndex()
        if found is None or not 0 <= at < len(found.pairs):
            return
        pair = found.pairs[at]
        self.kappa_steps.show_value(pair.kappa_steps)
        self.kappa_first.show_value(pair.kappa_first_error)
        self.same.show_value(pair.same_first_error)
        self.caption.setText(f"Steps: {short_name(pair.first)} down, {short_name(pair.second)} across")
        self.table.show_pair(pair)
