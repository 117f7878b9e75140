"""A side's solutions as rows: in order, one of them current, any of them open."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from sapo_studio.app.playground.keeping import Word
from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.requests.limits import ROLLOUTS
from sapo_ui.features.playground.ordering import ordered
from sapo_ui.features.playground.solution_row import SolutionRow
from sapo_ui.services.playground_state import SideState

SCROLL = 10
"""Pixels of a scroll bar."""


class _Inside(QWidget):
    """As high as its rows are at its width. By itself it would want room for their texts at their narrowest."""

    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0)


class SolutionList(QScrollArea):
    """Rows keep their places while the pointer is in the list, or a step is being changed."""

    keep_wanted = Signal(object, object)
    """(solution: str, word)"""
    continue_wanted = Signal(object, object, object, object)
    """(solution: str, step: int, text: str, rollouts: int)"""
    undo_wanted = Signal(object)
    """(solution: str)"""
    other_side = Signal()
    """Tab: the keys are to act on the other side."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._name = name
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.rows: dict[str, SolutionRow] = {}
        self.rollouts = int(ROLLOUTS.default)
        """From a changed step, as many as were asked for last."""
        self.tabs_over = False
        """Whether Tab goes to the other side."""
        self._order: list[str] = []
        self._current = self._followed = ""
        self._pointer_in = False
        self._state: SideState | None = None
        self._by: Aggregation = "mean"
        self._inside = _Inside()
        self._column = QVBoxLayout(self._inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        self.setWidget(self._inside)
        self.verticalScrollBar().rangeChanged.connect(self._keep_width)
        self._keep_width()

    # -- What it shows

    def show_side(self, state: SideState, by: Aggregation, programs: bool, words: Mapping[str, Word]) -> None:
        """Show a side as it is now."""
        again = self._state is not None and self._state.asked is state.asked
        resort = by != self._by or not again
        self._state, self._by = state, by
        wanted = {one.id for one in state.solutions}
        for name in [name for name in self.rows if name not in wanted]:
            row = self.rows.pop(name)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
            self._order.remove(name)
        for one in state.solutions:
            row = self.rows.get(one.id)
            if row is None:
                row = self._add(one.id, SolutionRow(one, by, programs, self._inside))
            row.take(one, state.what_if(one.id), by, programs, words.get(one.id))
        if self._current not in self.rows:
            self._current = ""
        current = self.current
        asked = current.what_if if current is not None else None
        if asked is not None and asked.request != self._followed:
            self._followed = asked.request
            QTimer.singleShot(0, self, self._reveal_rollouts)
        self.sort(force=resort)
        self._mark()

    def _add(self, name: str, row: SolutionRow) -> SolutionRow:
        row.pressed.connect(self._pressed)
        row.acted.connect(self._acted)
        row.edit_wanted.connect(self._edit)
        row.keep_wanted.connect(self.keep_wanted)
        row.continue_wanted.connect(self._continue)
        row.undo_wanted.connect(self.undo_wanted)
        row.editor_left.connect(self._editor_left)
        self._column.insertWidget(self._column.count() - 1, row)
        row.show()
        self.rows[name] = row
        self._order.append(name)
        return row

    @property
    def order(self) -> list[str]:
        """The solutions as they stand, from the top."""
        return list(self._order)

    def sort(self, *, force: bool = False) -> None:
        """Put the rows in order, unless somebody is about to click on one (`force`: even then)."""
        held = self._pointer_in or any(row.editing for row in self.rows.values())
        if self._state is None or (held and not force):
            return
        wanted = ordered(self._state.solutions, self._by)
        if wanted == self._order:
            return
        current = self.rows.get(self._current)
        before = current.y() if current is not None else None
        for at, name in enumerate(wanted):
            row = self.rows[name]
            if self._column.indexOf(row) != at:
                self._column.removeWidget(row)
                self._column.insertWidget(at, row)
        self._order = wanted
        if current is not None and before is not None and self.hasFocus():
            self._column.activate()
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + current.y() - before)  # who reads it reads on

    def _keep_width(self) -> None:
        """A scroll bar that comes is not to push the columns aside: its place is kept free."""
        self.setViewportMargins(0, 0, 0 if self.verticalScrollBar().maximum() > 0 else SCROLL, 0)

    # -- The current row

    @property
    def current(self) -> SolutionRow | None:
        """The row that the keys act on."""
        return self.rows.get(self._current)

    def choose(self, solution: str, *, open_: bool | None = None) -> None:
        """Make a row the current one, in sight; `open_`: and open or close it."""
        row = self.rows.get(solution)
        if row is None:
            return
        self._current = solution
        if open_ is not None:
            row.set_open(open_)
        self._mark()
        QTimer.singleShot(0, row, self._reveal)  # once the row is as high as it will be

    def _reveal(self) -> None:
        row = self.current
        if row is None:
            return
        inner = (row.opened.editor or row.opened.current) if row.opened is not None and row.open else None
        part = inner if inner is not None else row.line
        top = part.mapTo(self._inside, part.rect().topLeft()).y()
        bar, high = self.verticalScrollBar(), self.viewport().height()
        if inner is None and row.height() <= high:
            top, bottom = row.y(), row.y() + row.height()
        else:
            bottom = top + part.height()
        if bottom > bar.value() + high:
            bar.setValue(bottom - high)
        if top < bar.value():
            bar.setValue(top)

    def _reveal_rollouts(self) -> None:
        """What comes of a changed step is to be in sight, the step too as far as there is room."""
        row = self.current
        block = row.opened.block if row is not None and row.opened is not None and row.open else None
        inner = row.opened.current if row is not None and row.opened is not None else None
        if block is None or inner is None:
            return
        self._column.activate()
        bar, high = self.verticalScrollBar(), self.viewport().height()
        top = inner.mapTo(self._inside, inner.rect().topLeft()).y()
        bottom = block.mapTo(self._inside, block.rect().bottomLeft()).y()
        if bottom > bar.value() + high:
            bar.setValue(min(top, bottom - high))

    def _mark(self) -> None:
        keys = self.hasFocus()
        for name, row in self.rows.items():
            row.set_chosen(name == self._current, keys)
        current = self.current
        self.setAccessibleDescription(current.accessibleName() if current is not None else "")

    def _pressed(self, solution: object) -> None:
        row = self.rows.get(str(solution))
        if row is not None:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.choose(str(solution), open_=not row.open)

    def _acted(self, solution: object) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.choose(str(solution))

    def _edit(self, solution: object) -> None:
        row = self.rows.get(str(solution))
        if row is not None:
            self.choose(str(solution))
            if row.edit_step(self.rollouts):
                QTimer.singleShot(0, row, self._reveal)

    def _continue(self, solution: object, step: object, text: object, rollouts: object) -> None:
        if isinstance(rollouts, int):
            self.rollouts = rollouts
        self.continue_wanted.emit(solution, step, text, rollouts)

    def _editor_left(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.sort()

    def step_to(self, by: int) -> None:
        """Go on to another solution."""
        if not self._order:
            return
        at = self._order.index(self._current) + by if self._current in self._order else (0 if by > 0 else -1)
        if at == -1 and self._current:
            at = 0
        self.choose(self._order[min(at, len(self._order) - 1)])

    # -- Qt's own

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._pointer_in = True

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._pointer_in = False
        self.sort()

    def hideEvent(self, event: object) -> None:
        del event
        self._pointer_in = False

    def resizeEvent(self, arg__1: QResizeEvent) -> None:
        super().resizeEvent(arg__1)
        if self.hasFocus():  # texts wrap otherwise now; who reads one reads on
            QTimer.singleShot(0, self, self._reveal)

    def focusInEvent(self, arg__1: QFocusEvent) -> None:
        super().focusInEvent(arg__1)
        if not self._current and self._order:
            self._current = self._order[0]
        self._mark()

    def focusOutEvent(self, arg__1: QFocusEvent) -> None:
        super().focusOutEvent(arg__1)
        self._mark()

    def focusNextPrevChild(self, next: bool) -> bool:
        if next and self.tabs_over and self.hasFocus():
            self.other_side.emit()
            return True
        return super().focusNextPrevChild(next)

    def keyPressEvent(self, arg__1: QKeyEvent) -> None:
        row, key = self.current, Qt.Key(arg__1.key())
        opened = row.opened if row is not None and row.open else None
        if arg__1.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            super().keyPressEvent(arg__1)
        elif key in (Qt.Key.Key_J, Qt.Key.Key_K):
            self.step_to(1 if key == Qt.Key.Key_J else -1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            by = 1 if key == Qt.Key.Key_Down else -1
            if opened is None or not opened.step_by(by):
                self.step_to(by)
            else:
                self._reveal()
        elif row is None:
            super().keyPressEvent(arg__1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if opened is None or not opened.toggle_ending():
                self.choose(row.solution.id, open_=not row.open)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._keep(row, "bad" if key == Qt.Key.Key_Minus else "good")
        elif key == Qt.Key.Key_E:
            self._edit(row.solution.id)
        elif key == Qt.Key.Key_U:
            self.undo_wanted.emit(row.solution.id)
        elif key == Qt.Key.Key_C:
            self.copy_current()
        else:
            super().keyPressEvent(arg__1)

    def copy_current(self) -> None:
        """Copy the text of the current solution."""
        row = self.current
        if row is not None:
            row.copy_text()

    def _keep(self, row: SolutionRow, word: Word) -> None:
        ending = row.opened.ending if row.opened is not None and row.open else ""
        if ending or row.solution.phase == "done":
            self.keep_wanted.emit(ending or row.solution.id, word)
