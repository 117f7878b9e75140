"""A solution in the list: its line, the two buttons that keep it, and below them its steps while it is open."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from sapo_studio.app.playground.keeping import Word
from sapo_studio.domain.aggregation import Aggregation
from sapo_ui import theme
from sapo_ui.features.playground.opened_solution import OpenedSolution
from sapo_ui.features.playground.places import KEEP, LINE
from sapo_ui.features.playground.solution_line import SolutionLine, told
from sapo_ui.services.playground_state import Solution, WhatIf
from sapo_ui.theme import icons

WORDS: dict[Word, tuple[str, str, str]] = {
    "good": ("plus", "Keep as a good trace", "Keep as a good trace, to annotate (+)"),
    "bad": ("minus", "Keep as a bad trace", "Keep as a bad trace, to annotate (\u2212)"),
}


class SolutionRow(QWidget):
    """`opened` is made when the row is first opened."""

    pressed = Signal(object)
    """(solution: str) Somebody clicked on its line."""
    acted = Signal(object)
    """(solution: str) Somebody acts on what is below it."""
    edit_wanted = Signal(object)
    """(solution: str) A step of it is to be changed."""
    keep_wanted = Signal(object, object)
    """(solution: str, word)"""
    continue_wanted = Signal(object, object, object, object)
    """(solution: str, step: int, text: str, rollouts: int)"""
    undo_wanted = Signal(object)
    """(solution: str)"""
    editor_left = Signal()
    """A step is no longer being changed."""

    def __init__(self, one: Solution, by: Aggregation, programs: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.solution = one
        self.chosen = self.keys = False
        self.word: Word | None = None
        self._programs = programs
        self._by: Aggregation = by
        self._what_if: WhatIf | None = None
        self.opened: OpenedSolution | None = None
        self.line = SolutionLine(one, by, programs, self)
        self.keep: dict[Word, QToolButton] = {}
        """Its buttons; none before it is done. Qt would take long to dress those of 64 rows at once."""
        self._top = QHBoxLayout()
        self._top.setSpacing(0)
        self._top.addWidget(self.line, 1)
        self._top.addSpacing(KEEP)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(self._top)
        self._offer_to_keep()
        self._name()
        theme.on_change(self, self._restyle)

    @property
    def what_if(self) -> WhatIf | None:
        """What was changed in it."""
        return self._what_if

    @property
    def open(self) -> bool:
        """Whether its steps are shown."""
        return self.opened is not None and not self.opened.isHidden()

    @property
    def editing(self) -> bool:
        """Whether a step of it is being changed."""
        return self.opened is not None and self.opened.editor is not None

    def take(self, one: Solution, what_if: WhatIf | None, by: Aggregation, programs: bool, word: Word | None) -> None:
        """Show it as it is now."""
        before = (self.solution, self._what_if, self._by, self._programs, self.word)
        if before == (one, what_if, by, programs, word):
            return
        self.solution, self._what_if, self._by, self._programs = one, what_if, by, programs
        self.line.take(one, by, programs)
        self._offer_to_keep()
        if word != self.word:
            self.word = word
            self._restyle()
        if self.opened is not None and self.open:
            self.opened.take(one, what_if, by, programs)
        self._name()

    def _offer_to_keep(self) -> None:
        if self.keep or self.solution.phase != "done":
            return
        keep = QWidget(self)
        keep.setFixedSize(KEEP, LINE)
        row = QHBoxLayout(keep)
        row.setContentsMargins(4, 0, 8, 0)
        row.setSpacing(0)
        for word, (_, name, hover) in WORDS.items():
            button = self.keep[word] = QToolButton()
            button.setProperty("look", "icon")
            button.setFixedSize(26, 26)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # + and - do it; 64 stops for Tab would be in the way
            button.setAccessibleName(name)
            button.setToolTip(hover)
            button.clicked.connect(lambda _checked=False, word=word: self.keep_wanted.emit(self.solution.id, word))
            row.addWidget(button)
        self._top.takeAt(1)  # what has kept their place free
        self._top.addWidget(keep)
        keep.show()
        self._restyle()

    def set_open(self, open_: bool) -> None:
        """Show its steps, or its line alone."""
        if open_ == self.open:
            return
        if self.opened is None:
            made = self.opened = OpenedSolution(self)
            made.pressed.connect(self._acted)
            made.edit_wanted.connect(self._want_edit)
            made.copy_wanted.connect(self.copy_text)
            made.editor_left.connect(self.editor_left)
            made.continue_wanted.connect(self._continue)
            made.undo_wanted.connect(self._undo)
            self._column.addWidget(made)
        if open_:
            self.opened.take(self.solution, self._what_if, self._by, self._programs)
        else:
            self.opened.leave_editor()
        self.opened.setVisible(open_)
        self._name()
        self.update()

    def set_chosen(self, chosen: bool, keys: bool) -> None:
        """Whether it is the current one, and whether the keys act on it."""
        if (chosen, keys) != (self.chosen, self.keys):
            self.chosen, self.keys = chosen, keys
            self.update()

    def _name(self) -> None:
        words = told(self.solution, self._by, self._programs)
        kept = f", kept as a {self.word} trace" if self.word else ""
        self.setAccessibleName(f"{words}{kept}{', open' if self.open else ''}")

    def copy_text(self) -> None:
        """Copy the solution, as far as it is written."""
        QGuiApplication.clipboard().setText(self.solution.text)

    def edit_step(self, rollouts: int) -> bool:
        """Have a step of it changed: the one that the keys act on. False where there is none that is complete."""
        self.set_open(True)
        return self.opened is not None and self.opened.edit_step(rollouts)

    def _want_edit(self) -> None:
        self.edit_wanted.emit(self.solution.id)

    def _acted(self) -> None:
        self.acted.emit(self.solution.id)

    def _continue(self, step: object, text: object, rollouts: object) -> None:
        self.continue_wanted.emit(self.solution.id, step, text, rollouts)

    def _undo(self) -> None:
        self.undo_wanted.emit(self.solution.id)

    def _restyle(self) -> None:
        look = theme.current()
        for word, button in self.keep.items():
            kept = word == self.word
            button.setIcon(icons.icon(WORDS[word][0], look.accent if kept else look.muted))
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.position().y() < LINE:
            self.pressed.emit(self.solution.id)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(QRectF(4, 0, self.width() - 8, LINE), 4, 4)
            painter.setBrush(QColor(look.accent))
            painter.drawRoundedRect(QRectF(4, 6, 3, LINE - 12), 1.5, 1.5)
        if self.chosen and self.keys:
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(5, 1, -5, -1), 4, 4)
        elif self.open:
            painter.setPen(QPen(QColor(look.hairline), 1))
            painter.drawLine(12, self.height() - 1, self.width() - 12, self.height() - 1)
        for word, button in self.keep.items():
            if word == self.word:
                place = button.mapTo(self, button.rect().topLeft())
                where = QRectF(place, button.size()).adjusted(3, 3, -3, -3)
                painter.setPen(QPen(QColor(look.accent), 1.5))
                painter.setBrush(QColor(look.surface))
                painter.drawRoundedRect(where, 4, 4)
