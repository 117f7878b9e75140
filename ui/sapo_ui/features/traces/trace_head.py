"""The top of the trace view: which trajectory, how it ends, its place in the list, the question, whose scores."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from sapo_studio.store.codec import row_number
from sapo_studio.store.records import TraceDetail
from sapo_ui import theme
from sapo_ui.theme import icons
from sapo_ui.widgets.combo import combo_box
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.hits import marked
from sapo_ui.widgets.labels import Chip, label
from sapo_ui.widgets.plain_text import breakable, plain_tip
from sapo_ui.wording import SOURCE_WORDS

LONGEST_ANSWER = 24


class TraceHead(QWidget):
    """Shows the trajectory that it is given."""

    moved = Signal(object)
    """(1 | -1) The user wants the next trajectory of the list, or the one before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._detail: TraceDetail | None = None
        self._found = ""
        self.title = ElidedLabel(theme.font("title"))
        self.outcome, self.case = Chip(), Chip()
        self.position = label("", "small", "muted")
        self.before = self._arrow("chevron-left", "Trajectory before (k)", -1)
        self.after = self._arrow("chevron-right", "Next trajectory (j)", 1)
        self.question = ElidedLabel(theme.font("body"), lines=2)
        self.question.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.verifier: QComboBox = combo_box("Scores of verifier", [], "Whose scores the steps show")
        self.reference = QPushButton("Reference")
        self.reference.setProperty("look", "link")
        self.reference.setFont(theme.font("small"))
        self.reference.setAutoDefault(False)
        self.reference.setCheckable(True)
        self.reference.setToolTip("The whole question and the task's own solution")
        self.reference.toggled.connect(self._show_reference)
        self.whole = label("", "small", wrap=True)
        self.solution = label("", "mono_small", wrap=True)
        for text in (self.whole, self.solution):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.hide()
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(theme.SPACE_2)
        first.addWidget(self.title)
        first.addWidget(self.outcome)
        first.addWidget(self.case)
        first.addStretch(1)
        first.addWidget(self.position)
        first.addWidget(self.before)
        first.addWidget(self.after)
        second.setSpacing(theme.SPACE_3)
        second.addWidget(self.question, 1)
        second.addWidget(self.reference)
        second.addWidget(self.verifier)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_2)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.whole)
        column.addWidget(self.solution)
        theme.on_change(self, self._restyle)

    def _arrow(self, icon: str, name: str, step: int) -> QToolButton:
        made = QToolButton()
        made.setObjectName(icon)
        made.setProperty("look", "button")
        made.setFixedSize(28, 28)
        made.setStyleSheet("padding: 0;")
        made.setAccessibleName(name)
        made.setToolTip(name)
        made.clicked.connect(lambda: self.moved.emit(step))
        return made

    def show_detail(self, detail: TraceDetail, *, code: bool) -> None:
        """Show this trajectory's facts."""
        source = SOURCE_WORDS.get(detail.source, f"sample {detail.sample}")
        self._detail = detail
        kind = "task" if code else "q"
        self.title.set_text(f"{kind} {row_number(detail.question_id)} \u00b7 it {detail.iteration} \u00b7 {source}")
        tip = [f"{detail.tokens} tokens"] + ([f"written {detail.copies} times"] if detail.copies > 1 else [])
        self.title.setToolTip("; ".join(tip))
        answer = _short(detail.answer)
        if detail.correct:
            self.outcome.set_text(f"correct: {answer}" if answer else "correct", "good", "done")
        elif code or not detail.reference:
            self.outcome.set_text(f"incorrect: {answer}" if answer else "incorrect", "bad", "failed")
        else:
            told = f"incorrect: {answer or 'no answer'}, not {_short(detail.reference)}"
            self.outcome.set_text(told, "bad", "failed")
        answers = f"Its answer: {detail.answer or 'none'}\nReference: {detail.reference or 'none'}"
        self.outcome.setToolTip(plain_tip(answers))
        cases = [item.case for item in detail.labels if item.case not in ("", "right")]
        self.case.setVisible(bool(cases))
        self.case.set_text(cases[0] if cases else "")
        self.question.set_text(" ".join(detail.question.split()))
        self._show_whole()
        self.solution.setText(breakable(detail.solution) or "The task gives no solution.")

    def set_found(self, found: str) -> None:
        """Mark each place of the question where `found` stands, which is searched for."""
        self._found = found
        self.question.set_found(found)
        self._show_whole()

    def _show_whole(self) -> None:
        text = "" if self._detail is None else breakable(self._detail.question)
        found = self._found
        self.whole.setTextFormat(Qt.TextFormat.RichText if found else Qt.TextFormat.PlainText)
        self.whole.setText(marked(text, found) if found else text)

    def _show_reference(self, shown: bool) -> None:
        self.whole.setVisible(shown)
        self.solution.setVisible(shown)

    def _restyle(self) -> None:
        for button in (self.before, self.after):
            button.setIcon(icons.icon(button.objectName()))
        self._show_whole()


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST_ANSWER else f"{flat[: LONGEST_ANSWER - 1]}\u2026"
