"""Below a changed step: how often rollouts from it came right, and each of their endings, to be read."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sapo_studio.domain.aggregation import Aggregation
from sapo_ui import theme
from sapo_ui.features.playground.places import KEEP, TEXT
from sapo_ui.features.playground.solution_line import SolutionLine, told
from sapo_ui.features.playground.step_line import StepFacts, StepLine
from sapo_ui.services.playground_state import Solution, WhatIf, failure_words
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.point_bar import PointBar


def outcome(what_if: WhatIf) -> str:
    """What the rollouts come to so far, in words."""
    found = what_if.result
    if found is None or not found.done:
        if what_if.trouble is not None:
            return failure_words(what_if.trouble)
        return "Rollouts from here are being written" if what_if.going else "Stopped before a rollout was done"
    so_far = f", {found.of} asked" if what_if.going else ", then stopped" if found.done < found.of else ""
    if found.successes is None:
        return f"{found.done} rollout{'s' if found.done != 1 else ''} from here{so_far}; no reference answer"
    return f"{found.successes} of {found.done} rollouts from here correct{so_far}"


class Ending(QWidget):
    """A rollout: one line, and its steps from the changed one on while it is open."""

    pressed = Signal(object)
    """(rollout: str)"""

    def __init__(self, rollout: Solution, after: int, by: Aggregation, programs: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.rollout, self._after = rollout, after
        self.chosen = self.open = False
        self._programs = programs
        self.line = SolutionLine(rollout, by, programs, self)
        self.line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.steps: list[StepLine] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, KEEP, 0)
        top.addWidget(self.line)
        self._column.addLayout(top)
        self.take(rollout, by, programs)

    def take(self, rollout: Solution, by: Aggregation, programs: bool) -> None:
        """Show it as it is now."""
        self.rollout, self._programs = rollout, programs
        self.line.take(rollout, by, programs)
        self.setAccessibleName(told(rollout, by, programs).replace("Solution", "Rollout", 1))
        self._fill()

    def set_open(self, open_: bool) -> None:
        """Show its text, or its line alone."""
        self.open = open_
        self._fill()

    def set_chosen(self, chosen: bool) -> None:
        """Whether the keys act on it."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.update()

    def _fill(self) -> None:
        one = self.rollout
        wanted: list[StepFacts] = []
        if self.open:
            for at in range(self._after, len(one.steps)):
                score = one.scores[at] if at < len(one.scores) else None
                wanted.append(StepFacts(at + 1, one.steps[at], score, code=self._programs))
            if one.phase != "done" and one.tail:
                wanted.append(StepFacts(len(one.steps) + 1, one.tail, code=self._programs))
        for line in self.steps[len(wanted) :]:
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        del self.steps[len(wanted) :]
        for at, facts in enumerate(wanted):
            if at < len(self.steps):
                self.steps[at].take(facts)
                continue
            line = StepLine(facts, editable=False, parent=self)
            line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self._column.addWidget(line)
            line.show()
            self.steps.append(line)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        del event
        self.pressed.emit(self.rollout.id)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self.chosen:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.current().raised))
            painter.drawRoundedRect(self.rect().adjusted(8, 0, -8, 0), 4, 4)


class WhatIfBlock(QWidget):
    """The success rate with its interval, Undo, and the endings."""

    undo_wanted = Signal()
    ending_pressed = Signal(object)
    """(rollout: str)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.endings: list[Ending] = []
        self.words = label("", "strong", wrap=True)
        self.words.setMinimumWidth(80)
        self.bar = PointBar()
        self.bar.setFixedWidth(88)
        self.interval = label("", "small", "muted")
        self.undo = QPushButton("Undo")
        self.undo.setProperty("look", "link")
        self.undo.setAutoDefault(False)
        self.undo.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.undo.setAccessibleName("Undo the change of the step")
        self.undo.setToolTip("Back to the original solution (u)")
        self.undo.clicked.connect(self.undo_wanted)
        row = QHBoxLayout()
        row.setContentsMargins(TEXT, theme.SPACE_1, theme.SPACE_3, theme.SPACE_1)
        row.setSpacing(theme.SPACE_2)
        row.addWidget(self.words, 1)
        row.addWidget(self.bar)
        row.addWidget(self.interval)
        row.addWidget(self.undo)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, theme.SPACE_1)
        self._column.setSpacing(0)
        self._column.addLayout(row)

    def take(self, what_if: WhatIf, by: Aggregation, programs: bool) -> None:
        """Show it as it is now."""
        found = what_if.result
        said = outcome(what_if)
        self.words.setText(said)
        known = found is not None and found.successes is not None and found.done > 0
        self.bar.setVisible(known)
        self.interval.setVisible(known)
        if found is not None and found.successes is not None and found.done:
            low, high = found.low or 0.0, found.high if found.high is not None else 1.0
            self.bar.show_value(found.successes / found.done, low, high)
            self.bar.setAccessibleName(f"{said}; 95 % interval {low:.2f} to {high:.2f}")
            self.bar.setToolTip("The share of rollouts that come right, with its 95 % interval, from 0 to 1")
            self.interval.setText(f"{low:.2f} to {high:.2f}")
        for ending in self.endings[len(what_if.rollouts) :]:
            self._column.removeWidget(ending)
            ending.hide()
            ending.deleteLater()
        del self.endings[len(what_if.rollouts) :]
        for at, rollout in enumerate(what_if.rollouts):
            if at < len(self.endings):
                self.endings[at].take(rollout, by, programs)
                continue
            ending = Ending(rollout, what_if.step, by, programs, self)
            ending.pressed.connect(partial(self.ending_pressed.emit))
            self._column.addWidget(ending)
            ending.show()
            self.endings.append(ending)
