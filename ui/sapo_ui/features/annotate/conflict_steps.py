"""The steps of a conflict as a table: what each person says of a step, and what is to hold."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.trajectory.step_column import Card, StepColumn
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.marks import DRAW
from sapo_ui.widgets.plain_text import breakable

WORDS = {-1: "incorrect", 0: "neutral", 1: "correct"}
COLUMN, ICON, RING, PAD = 66, 14, 11.0, 10


@dataclass(frozen=True)
class ConflictStep:
    """A step: what each person says (None: nothing), in the order of the columns, and whose first error it is.
    `holds`: what stands in the last column, None where nothing does. `differs`: the row is framed.
    """

    number: int
    text: str
    said: tuple[int | None, ...]
    first: tuple[bool, ...]
    holds: int | None
    first_holds: bool
    differs: bool

    def words(self, people: tuple[str, ...], last: str, missing: str) -> str:
        """The row as one would read it out. `last`: the last column's name; `missing`: what an empty one says."""
        parts = [
            f"{who}: {'nothing' if said is None else WORDS[said]}{', first error' if first else ''}"
            for who, said, first in zip(people, self.said, self.first, strict=True)
        ]
        parts.append(f"{last}: {missing if self.holds is None else WORDS[self.holds]}")
        return f"Step {self.number}: {self.text}. {'. '.join(parts)}{'. They differ' if self.differs else ''}"


class ConflictHead(QWidget):
    """The names above the columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self.setFixedHeight(24)

    def show_names(self, names: tuple[str, ...]) -> None:
        """One column each."""
        self._names = names
        self.setAccessibleName("Columns: " + ", ".join(self._names))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        painter.drawText(QRectF(PAD + 28, 0, 80, self.height()), Qt.AlignmentFlag.AlignVCenter, "Step")
        painter.setFont(theme.font("strong"))
        painter.setPen(QColor(look.text))
        metrics = QFontMetrics(painter.font())
        for at, name in enumerate(self._names):
            where = _cell(self.width() - 4, len(self._names), at, self.height())  # the cards leave room for a scroller
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, COLUMN - 4)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, shown)


def _cell(width: int, columns: int, at: int, height: int) -> QRectF:
    return QRectF(width - PAD - (columns - at) * COLUMN, 0, COLUMN, height)


class ConflictRow(Card):
    """One step. A frame says that people differ on it, a ring that it is somebody's first error."""

    def __init__(self, step: ConflictStep, words: str, missing: str, parent: QWidget) -> None:
        super().__init__(step.number, parent)
        self.step = step
        self._missing = missing
        row = QHBoxLayout(self)
        row.setContentsMargins(PAD, 8, PAD + COLUMN * (len(step.said) + 1), 8)
        row.setSpacing(theme.SPACE_2)
        number = label(str(step.number), "small", "muted")
        number.setFixedWidth(20)
        text = label(breakable(step.text), "mono", wrap=True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        text.setMinimumWidth(40)
        row.addWidget(number)
        row.addWidget(text, 1)
        self.setMinimumHeight(38)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.setAccessibleName(words)
        theme.on_change(self, self._restyle)

    def _restyle(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        fill = look.warning_soft if self.step.differs else look.surface
        line = look.accent if self.chosen else look.warning if self.step.differs else look.hairline
        self.paint_frame(painter, fill=fill, line=line)
        columns = (*self.step.said, self.step.holds)
        rings = (*self.step.first, self.step.first_holds)
        for at, (said, first) in enumerate(zip(columns, rings, strict=True)):
            where = _cell(self.width(), len(columns), at, self.height())
            self._paint_said(painter, where, said, last=at == len(columns) - 1)
            if first:
                centre = QPointF(where.center().x() + 20, where.center().y())
                DRAW["ring"](painter, centre, RING, QColor(look.text), QColor(fill))

    def _paint_said(self, painter: QPainter, where: QRectF, said: int | None, *, last: bool) -> None:
        look = theme.current()
        if said is None or said == 0:
            painter.setFont(theme.font("strong" if last else "small"))
            painter.setPen(QColor(look.warning if last and said is None and self._missing == "open" else look.muted))
            words = "neutral" if said == 0 else self._missing if last else fmt.NONE
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, words)
            return
        icon = QRectF(where.center().x() - ICON / 2, where.center().y() - ICON / 2, ICON, ICON)
        glyphs.paint(painter, "check" if said > 0 else "close", look.good if said > 0 else look.bad, icon)


class ConflictSteps(QWidget):
    """All steps below the names, one of them chosen. `last`: what the last column is called; `missing`: what stands in
    it where there is nothing."""

    def __init__(self, last: str, missing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._people: tuple[str, ...] = ()
        self._last, self._missing = last, missing
        self.head = ConflictHead()
        self.steps = StepColumn(self._row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.head)
        column.addWidget(self.steps, 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 110)

    def show_steps(self, people: tuple[str, ...], steps: list[ConflictStep], chosen: int) -> None:
        """Show these steps of a conflict between `people`."""
        if people != self._people:
            self._people = people
            self.head.show_names((*people, self._last))
            self.steps.show_steps([], 1)
        self.steps.show_steps(steps, chosen)

    def _row(self, step: ConflictStep, inside: QWidget) -> ConflictRow:
        return ConflictRow(step, step.words(self._people, self._last, self._missing), self._missing, inside)
