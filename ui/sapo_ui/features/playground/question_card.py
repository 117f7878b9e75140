"""What is asked, and how: the question, its answer or tests where they are known, and the numbers of sampling."""

from __future__ import annotations

import itertools

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIntValidator, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.requests.limits import MAX_TOKENS, SOLUTIONS, TEMPERATURE
from sapo_studio.requests.play import Asking
from sapo_ui import theme
from sapo_ui.features.playground.tests_dialog import TestsDialog
from sapo_ui.services.playground import Sampling
from sapo_ui.services.playground_questions import TakenQuestion
from sapo_ui.theme import icons
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.spin_boxes import share_box, whole_box

LEAST_LINES, FEW_LINES, MOST_LINES = 2, 3, 5
"""The question's field grows with its text from the least to the most lines, on a low page to few."""

WIDEST_NOTE = 480
"""Pixels of what is said of where a question comes from; it ends in an ellipsis."""

LARGEST_SEED = 2**31 - 1


class QuestionCard(QFrame):
    """Ctrl+Enter is the page's."""

    sample_wanted = Signal()
    stop_wanted = Signal()
    take_wanted = Signal(object)
    """(which: str) A question's number, `random` or `annotated`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self._taken: TakenQuestion | None = None
        self._tests: tuple[str, ...] = ()
        self._programs = False
        self._most_lines = MOST_LINES
        self.text = QPlainTextEdit()
        self.text.setPlaceholderText("Type a question")
        self.text.setAccessibleName("Question")
        self.text.setTabChangesFocus(True)
        self.text.document().setDocumentMargin(7)
        self.text.textChanged.connect(self._edited)
        self.answer = QLineEdit()
        self.answer.setAccessibleName("Reference answer")
        self.answer.setPlaceholderText("not known")
        self.answer.setFixedWidth(108)
        self.answer_label = label("Reference answer", "small", "muted")
        self.tests = QPushButton()
        self.tests.setAutoDefault(False)
        self.tests.clicked.connect(self._edit_tests)
        self.number = QLineEdit()
        self.number.setAccessibleName("Number of a question to take")
        self.number.setPlaceholderText("number")
        self.number.setFixedWidth(76)
        self.number.setValidator(QIntValidator(0, 2_147_483_647, self.number))
        self.number.returnPressed.connect(self._take_number)
        self.random = self._link("a random one", "random", "A question that no reasoner of the run is trained on")
        self.annotated = self._link(
            "an annotated one", "annotated", "A question with a solution that somebody has judged"
        )
        self.where = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.where.setMaximumWidth(WIDEST_NOTE)
        self.solutions = whole_box("Solutions", 1, int(SOLUTIONS.high or 64), int(SOLUTIONS.default))
        self.temperature = share_box("Temperature", 0.1, 2)
        self.temperature.setRange(TEMPERATURE.low or 0.0, TEMPERATURE.high or 5.0)
        self.temperature.setValue(TEMPERATURE.default)
        self.max_tokens = whole_box("Max tokens", 0, int(MAX_TOKENS.high or 8192), 0)
        self.max_tokens.setSpecialValueText("as task")
        self.max_tokens.setSingleStep(32)
        self.max_tokens.setToolTip("The longest solution, in tokens. 0: as long as the task allows")
        self.seed = whole_box("Seed", 0, LARGEST_SEED, 0)
        self.seed.setToolTip("The same seed gives the same solutions")
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("End what is being written; it stays (Esc)")
        self.stop.clicked.connect(self.stop_wanted)
        self.sample = QPushButton("Sample")
        self.sample.setProperty("look", "primary")
        self.sample.setToolTip("Ask both sides (Ctrl+Enter)")
        self.sample.clicked.connect(self.sample_wanted)
        for button in (self.stop, self.sample):
            button.setAutoDefault(False)
        self._arrange()
        self.set_programs(False)
        self._edited()
        self.show_going(False)
        theme.on_change(self, self._restyle)

    def _link(self, words: str, which: str, hover: str) -> QPushButton:
        button = QPushButton(words)
        button.setProperty("look", "link")
        button.setFont(theme.font("small"))
        button.setAutoDefault(False)
        button.setAccessibleName(f"Take {words}")
        button.setToolTip(hover)
        button.clicked.connect(lambda _checked=False: self.take_wanted.emit(which))
        return button

    def _arrange(self) -> None:
        fields = QHBoxLayout()
        fields.setSpacing(theme.SPACE_2)
        for words, box, wide in (
            ("Solutions", self.solutions, 64),
            ("Temperature", self.temperature, 76),
            ("Max tokens", self.max_tokens, 76),
            ("Seed", self.seed, 76),
        ):
            pair = QVBoxLayout()
            pair.setSpacing(2)
            pair.addWidget(label(words, "small", "muted"))
            box.setFixedWidth(wide)
            pair.addWidget(box)
            fields.addLayout(pair)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE_2)
        buttons.addWidget(self.stop, 1)
        buttons.addWidget(self.sample, 1)
        right = QVBoxLayout()
        right.setSpacing(theme.SPACE_2)
        right.addLayout(fields)
        right.addStretch(1)
        right.addLayout(buttons)
        source = FlowRow(gap=theme.SPACE_2)
        source.add(self.answer_label, self.answer, self.tests)
        source.add(label("or take question", "small", "muted"), self.number, self.random, self.annotated)
        source.add(self.where)
        left = QVBoxLayout()
        left.setSpacing(theme.SPACE_2)
        left.addWidget(self.text)
        left.addWidget(source)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_3, theme.SPACE_3, theme.SPACE_3, theme.SPACE_3)
        row.setSpacing(theme.SPACE_4)
        row.addLayout(left, 1)
        row.addLayout(right)
        order = [self.text, self.answer, self.tests, self.number, self.random, self.annotated]
        order += [self.solutions, self.temperature, self.max_tokens, self.seed, self.stop, self.sample]
        for one, other in itertools.pairwise(order):
            QWidget.setTabOrder(one, other)

    # -- The question

    @property
    def asking(self) -> Asking | None:
        """What is asked; None: nothing is typed."""
        text = self.text.toPlainText().strip()
        if not text:
            return None
        taken = self._taken
        number = taken.asking.number if taken is not None and taken.asking.text.strip() == text else None
        answer = "" if self._programs else self.answer.text().strip()
        return Asking(text=text, answer=answer, tests=self._tests if self._programs else (), number=number)

    @property
    def taken(self) -> TakenQuestion | None:
        """Where the question comes from; None: it was typed, or changed since."""
        return self._taken

    @property
    def typed(self) -> tuple[str, str, tuple[str, ...]]:
        """What stands in the fields: question, answer and tests."""
        return self.text.toPlainText(), self.answer.text(), self._tests

    def take(self, taken: TakenQuestion) -> None:
        """Put a question of a task in the place of what is typed."""
        self._taken = None
        self.text.setPlainText(taken.asking.text)
        self.answer.setText(taken.asking.answer)
        self.answer.setCursorPosition(0)
        self._tests = taken.asking.tests
        self._taken = taken
        self.number.clear()
        self._say_where()

    def show_question(self, text: str, answer: str, tests: tuple[str, ...]) -> None:
        """Put this in the place of what is typed."""
        self._taken = None
        self.text.setPlainText(text)
        self.answer.setText(answer)
        self._tests = tests
        self._say_where()

    def say(self, words: str) -> None:
        """Say why a question could not be taken."""
        self.where.set_text(words)
        self.where.setVisible(bool(words))

    @property
    def test_lines(self) -> tuple[str, ...]:
        """The tests that were typed."""
        return self._tests

    def set_programs(self, programs: bool) -> None:
        """Whether solutions are programs, which have tests in the place of an answer."""
        self._programs = programs
        self.answer_label.setText("Tests" if programs else "Reference answer")
        self.answer.setVisible(not programs)
        self.tests.setVisible(programs)
        self._say_where()

    def _fit_height(self) -> None:
        metrics, margin = self.text.fontMetrics(), 2 * round(self.text.document().documentMargin()) + 4
        lines = max(LEAST_LINES, min(self._most_lines, round(self.text.document().size().height())))
        self.text.setFixedHeight(metrics.lineSpacing() * lines + margin)

    def _edited(self) -> None:
        self._fit_height()
        if self._taken is not None and self._taken.asking.text.strip() != self.text.toPlainText().strip():
            self._taken = None  # it is another question now, whose answer nobody knows
            self.answer.clear()
        self.sample.setEnabled(bool(self.text.toPlainText().strip()))
        self._say_where()

    def fit(self, low: bool) -> None:
        """Whether the page is low."""
        most = FEW_LINES if low else MOST_LINES
        if most != self._most_lines:
            self._most_lines = most
            self._fit_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def _say_where(self) -> None:
        taken = self._taken
        self.say(taken.where[0].upper() + taken.where[1:] if taken is not None else "")
        own = taken is not None and self._programs
        n = len(self._tests)
        self.tests.setText(f"{n} test{'s' if n != 1 else ''}\u2026" if n or not own else "the question's own\u2026")
        self.tests.setAccessibleName(f"Tests: {self.tests.text()}")

    def _edit_tests(self) -> None:
        dialog = TestsDialog(self._tests, self._taken is not None, self)
        dialog.given.connect(self._set_tests)
        dialog.open()

    def _set_tests(self, tests: object) -> None:
        if isinstance(tests, tuple):
            self._tests = tuple(str(line) for line in tests)
            self._say_where()

    def _take_number(self) -> None:
        if self.number.text():
            self.take_wanted.emit(self.number.text())

    # -- How it is asked

    @property
    def sampling(self) -> Sampling:
        """The numbers."""
        return Sampling(self.solutions.value(), self.temperature.value(), self.max_tokens.value(), self.seed.value())

    def show_sampling(self, how: Sampling) -> None:
        """Show these numbers."""
        self.solutions.setValue(how.solutions)
        self.temperature.setValue(how.temperature)
        self.max_tokens.setValue(how.max_tokens)
        self.seed.setValue(how.seed)

    @property
    def boxes(self) -> tuple[QSpinBox | QDoubleSpinBox, ...]:
        """The fields of the numbers."""
        return self.solutions, self.temperature, self.max_tokens, self.seed

    def show_going(self, going: bool, again: bool = False) -> None:
        """Whether something is being written, and whether something was before."""
        focused = self.stop.hasFocus()
        self.stop.setEnabled(going)
        self.sample.setText("Sample again" if again or going else "Sample")
        if focused and not going:
            self.sample.setFocus(Qt.FocusReason.OtherFocusReason)

    def _restyle(self) -> None:
        look = theme.current()
        self.stop.setIcon(icons.icon("stop", look.text))
