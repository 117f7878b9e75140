"""What an opened solution shows below its line: its steps, a step that is being changed, and what came of that."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sapo_studio.domain.aggregation import Aggregation
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.playground.places import SIGN, TEXT
from sapo_ui.features.playground.step_editor import StepEditor
from sapo_ui.features.playground.step_line import StepFacts, StepLine
from sapo_ui.features.playground.what_if_block import WhatIfBlock
from sapo_ui.services.playground_state import Solution, WhatIf
from sapo_ui.widgets.elided_label import ElidedLabel


def step_facts(one: Solution, what_if: WhatIf | None, programs: bool) -> list[StepFacts]:
    """The steps that are shown: to the changed one, where there is one; the one that is being written is the last."""
    end = one.end
    found: list[StepFacts] = []
    for at, text in enumerate(one.steps, start=1):
        if what_if is not None and at == what_if.step:
            found.append(StepFacts(at, what_if.text, changed=True, code=programs))
            return found
        found.append(
            StepFacts(
                at,
                text,
                one.scores[at - 1] if at <= len(one.scores) else None,
                end is not None and end.correct is False and end.predicted == at,
                end is not None and end.truth == at,
                code=programs,
            )
        )
    if one.phase != "done" and one.tail:
        found.append(StepFacts(len(one.steps) + 1, one.tail, code=programs))
    return found


class OpenedSolution(QWidget):
    """The keys act on the step at `place`, from 1 on, or behind the steps on an ending."""

    continue_wanted = Signal(object, object, object)
    """(step: int, text: str, rollouts: int)"""
    undo_wanted = Signal()
    pressed = Signal()
    """Somebody acts on this solution."""
    editor_left = Signal()
    """A step is no longer being changed."""
    edit_wanted = Signal()
    """The step that the keys act on is to be changed."""
    copy_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.solution: Solution | None = None
        self.lines: list[StepLine] = []
        self.place = 1
        self.block: WhatIfBlock | None = None
        self.editor: StepEditor | None = None
        self.facts = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.copy = QPushButton("Copy solution")
        self.copy.setProperty("look", "link")
        self.copy.setAutoDefault(False)
        self.copy.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.copy.setToolTip("Copy its text (c)")
        self.copy.clicked.connect(self.copy_wanted)
        row = QHBoxLayout()
        row.setContentsMargins(TEXT, 2, SIGN, theme.SPACE_2)
        row.setSpacing(theme.SPACE_2)
        row.addWidget(self.facts, 1)
        row.addWidget(self.copy)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(row)

    # -- What it shows

    def take(self, one: Solution, what_if: WhatIf | None, by: Aggregation, programs: bool) -> None:
        """Show the solution as it is now."""
        self.solution = one
        wanted = step_facts(one, what_if, programs)
        for line in self.lines[len(wanted) :]:
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        del self.lines[len(wanted) :]
        for at, facts in enumerate(wanted):
            if at < len(self.lines):
                self.lines[at].take(facts)
                continue
            line = StepLine(facts, parent=self)
            line.pressed.connect(self._step_pressed)
            line.edit_wanted.connect(self._edit_pressed)
            self._column.insertWidget(at, line)
            line.setVisible(self.editor is None or self.editor.number != facts.number)
            self.lines.append(line)
        self._take_what_if(what_if, by, programs)
        self.facts.set_text(self._facts(one))
        self.copy.setEnabled(bool(one.text.strip()))
        self._mark()

    def _take_what_if(self, what_if: WhatIf | None, by: Aggregation, programs: bool) -> None:
        if what_if is None:
            if self.block is not None:
                self._column.removeWidget(self.block)
                self.block.hide()
                self.block.deleteLater()
                self.block = None
            return
        if self.block is None:
            self.block = WhatIfBlock(self)
            self.block.undo_wanted.connect(self.undo_wanted)
            self.block.ending_pressed.connect(self._ending_pressed)
            self._column.insertWidget(self._column.count() - 1, self.block)
            self.block.show()
        self.block.take(what_if, by, programs)

    @staticmethod
    def _facts(one: Solution) -> str:
        end = one.end
        if end is None:
            return f"{fmt.count(one.tokens)} tokens{', stopped' if one.phase == 'stopped' else ''}"
        parts = [f"{fmt.count(end.tokens)} tokens in {fmt.duration(end.seconds)}"]
        if not end.finished:
            parts.append("cut off at the longest that was allowed")
        if end.why:
            parts.append(" ".join(end.why.split()))
        return " \u00b7 ".join(parts)

    # -- Where the keys act

    @property
    def _places(self) -> int:
        return len(self.lines) + (len(self.block.endings) if self.block is not None else 0)

    def step_by(self, by: int) -> bool:
        """Go on to the next step or ending. False at the end."""
        wanted = self.place + by
        if not 1 <= wanted <= self._places:
            return False
        self.place = wanted
        self._mark()
        return True

    @property
    def current(self) -> QWidget | None:
        """The line that the keys act on."""
        self.place = max(1, min(self.place, self._places))
        if self.place <= len(self.lines):
            return self.lines[self.place - 1] if self.lines else None
        return self.block.endings[self.place - len(self.lines) - 1] if self.block is not None else None

    def _mark(self) -> None:
        current = self.current
        for line in self.lines:
            line.set_chosen(line is current)
        for ending in self.block.endings if self.block is not None else ():
            ending.set_chosen(ending is current)

    def _step_pressed(self, number: object) -> None:
        if isinstance(number, int):
            self.place = number
            self._mark()
            self.pressed.emit()

    def _ending_pressed(self, rollout: object) -> None:
        for at, ending in enumerate(self.block.endings if self.block is not None else (), start=1):
            if ending.rollout.id == rollout:
                self.place = len(self.lines) + at
                self._mark()
                ending.set_open(not ending.open)
                self.pressed.emit()

    def toggle_ending(self) -> bool:
        """Open or close the ending that the keys act on. False where they act on a step."""
        current = self.current
        for ending in self.block.endings if self.block is not None else ():
            if ending is current:
                ending.set_open(not ending.open)
                return True
        return False

    @property
    def ending(self) -> str:
        """The rollout that the keys act on; empty: they act on a step."""
        current = self.current
        found = (one for one in (self.block.endings if self.block is not None else ()) if one is current)
        return next((one.rollout.id for one in found), "")

    # -- Changing a step

    def _edit_pressed(self, number: object) -> None:
        if isinstance(number, int):
            self.place = number
            self._mark()
            self.edit_wanted.emit()

    def edit_step(self, rollouts: int) -> bool:
        """Have the step that the keys act on changed; so many rollouts are offered. False where there is none that is
        complete."""
        one = self.solution
        if one is None or not 1 <= self.place <= min(len(self.lines), len(one.steps)):
            return False
        self.leave_editor()
        line = self.lines[self.place - 1]
        editor = self.editor = StepEditor(self.place, line.facts.text, rollouts, self)
        editor.continue_wanted.connect(self._continue)
        editor.left.connect(self.leave_editor)
        self._column.insertWidget(self._column.indexOf(line), editor)
        line.hide()
        editor.show()
        self._mark()
        editor.field.setFocus(Qt.FocusReason.OtherFocusReason)
        editor.field.selectAll()
        return True

    def leave_editor(self) -> None:
        """Leave the step as it is."""
        editor, self.editor = self.editor, None
        if editor is None:
            return
        self._column.removeWidget(editor)
        editor.hide()
        editor.deleteLater()
        for line in self.lines:
            line.show()
        self.editor_left.emit()

    def _continue(self, text: object, rollouts: object) -> None:
        editor = self.editor
        if editor is None or not isinstance(rollouts, int):
            return
        number = editor.number
        self.leave_editor()
        self.continue_wanted.emit(number, str(text), rollouts)
