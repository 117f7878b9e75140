"""Details of the chosen step: its score under each verifier, the rollouts from it, the same question's other
trajectories."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.store.records import RolloutInfo, SiblingInfo, TraceDetail
from sapo_ui import theme
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import Chip, label
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.wording import SOURCE_WORDS

MOST = 12


class _Swatch(QWidget):
    """A score's colour with its number and a name."""

    def __init__(self, name: str, score: float) -> None:
        super().__init__()
        self._name, self._score = name, score
        self.setFont(theme.font("mono_small"))
        self.setFixedSize(self.fontMetrics().horizontalAdvance(f"{name} 0.00") + 22, 20)
        self.setAccessibleName(f"{name}: {score:.2f}")

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setPen(QPen(QColor(look.border), 1))
        painter.setBrush(theme.score_colour(self._score))
        painter.drawRect(QRectF(0.5, 3.5, 9, 13))
        painter.setPen(QColor(look.text))
        where = QRectF(15, 0, self.width() - 15, 20)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, f"{self._name} {self._score:.2f}")


class _RolloutCard(QFrame):
    """Rollouts that say the same: what the reasoner wrote, how it ended, how often."""

    def __init__(self, rollouts: list[RolloutInfo]) -> None:
        super().__init__()
        first = rollouts[0]
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 5, 8, 6)
        column.setSpacing(2)
        times = "" if len(rollouts) == 1 else f", {len(rollouts)} times"
        word, tone, icon = ("correct", "good", "check") if first.correct else ("incorrect", "bad", "close")
        ending = Chip(f"{word}{times}", tone, icon=icon)
        ending.setToolTip(f"{first.tokens} tokens, by the reasoner of iteration {first.iteration}")
        text = label(first.text.strip() or "(empty)", "mono_small", wrap=True)
        text.setMinimumWidth(40)
        column.addWidget(text)
        column.addWidget(ending)
        theme.on_change(self, self._restyle)

    def _restyle(self) -> None:
        self.setStyleSheet(f"QFrame {{ background: {theme.current().raised}; border-radius: 6px; border: 0; }}")


def grouped(rollouts: list[RolloutInfo]) -> list[list[RolloutInfo]]:
    """Rollouts with equal text together: those that end right first, then the most frequent."""
    found: dict[tuple[bool, str], list[RolloutInfo]] = {}
    for rollout in rollouts:
        found.setdefault((rollout.correct, rollout.text.strip()), []).append(rollout)
    return sorted(found.values(), key=lambda group: (not group[0].correct, -len(group), group[0].id))


class StepSide(QScrollArea):
    """The right column of the trace view."""

    sibling_requested = Signal(object)
    """(trajectory id: int)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._inside = QWidget()
        self._column = QVBoxLayout(self._inside)
        self._column.setContentsMargins(theme.SPACE_2, 0, theme.SPACE_1, 0)
        self._column.setSpacing(6)
        self.setWidget(self._inside)
        self.sibling_buttons: list[QPushButton] = []
        self._key: tuple[object, int] | None = None

    def show_step(self, detail: TraceDetail, step: int) -> None:
        """Show the details of this step."""
        if self._key == (detail, step):
            return
        self._key = (detail, step)
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if detail.scores:
            self._title(f"Step {step} under each verifier")
            row = FlowRow()
            for verifier, scores in sorted(detail.scores.items()):
                row.add(_Swatch(f"V{verifier}", float(scores[step - 1])))
            self._column.addWidget(row)
        self._rollouts(detail, step)
        self._siblings(detail)
        self._column.addStretch(1)

    def _title(self, text: str, hover: str = "") -> QLabel:
        made = label(text, "strong", wrap=True)
        made.setToolTip(plain_tip(hover))
        self._column.addWidget(made)
        return made

    def _rollouts(self, detail: TraceDetail, step: int) -> None:
        mine = [rollout for rollout in detail.rollouts if rollout.prefix == step]
        right = sum(rollout.correct for rollout in mine)
        hover = "What the reasoner wrote when it continued from this step. Sampling stops at the first correct one."
        self._title(f"Rollouts from step {step}: {right} of {len(mine)} correct" if mine else "Rollouts", hover)
        if not mine:
            known = sorted({rollout.prefix for rollout in detail.rollouts})
            where = ", ".join(str(prefix) for prefix in known)
            if known == [0]:
                text = "None from this step; those from the question alone are counted in the table."
            elif known:
                text = f"None from this step. There are some from step {where}."
            elif detail.correct:
                text = "None: a trajectory with a correct answer is not checked."
            else:
                text = "None yet. They come with the labels, for the trajectories chosen for checking."
            self._column.addWidget(label(text, "small", "muted", wrap=True))
        groups = grouped(mine)
        for group in groups[:MOST]:
            self._column.addWidget(_RolloutCard(group))
        if len(groups) > MOST:
            self._column.addWidget(label(f"{len(groups) - MOST} more", "small", "muted"))

    def _siblings(self, detail: TraceDetail) -> None:
        self.sibling_buttons = []
        if not detail.siblings:
            return
        self._title("Same question", "Other trajectories of this question, in this iteration and in others")
        for sibling in sorted(detail.siblings, key=lambda one: (one.iteration, one.sample))[:MOST]:
            button = QPushButton(sibling_text(sibling))
            button.setProperty("look", "quiet")
            button.setFont(theme.font("small"))
            button.setStyleSheet("text-align: left; padding: 1px 6px; min-height: 18px;")
            button.setToolTip("Open this trajectory")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _checked=False, number=sibling.id: self.sibling_requested.emit(number))
            self.sibling_buttons.append(button)
            self._column.addWidget(button)
        if len(detail.siblings) > MOST:
            self._column.addWidget(label(f"{len(detail.siblings) - MOST} more", "small", "muted"))


def sibling_text(sibling: SiblingInfo) -> str:
    """`it 2, sample 3: correct, mean 0.91`."""
    ending = "correct" if sibling.correct else "incorrect"
    kind = SOURCE_WORDS.get(sibling.source, f"sample {sibling.sample}")
    mean = "" if sibling.mean is None else f", mean {sibling.mean:.2f}"
    return f"it {sibling.iteration}, {kind}: {ending}{mean}"
