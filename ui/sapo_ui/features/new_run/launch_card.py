"""The right side of the New run page: the forecast, what is wrong, and the buttons that begin a run."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_ui import theme
from sapo_ui.features.new_run.review import Review
from sapo_ui.features.new_run.review_card import ReviewBody
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import PlainLabel

WIDTH = 272
VERDICT_LINES = 3


class LaunchCard(QFrame):
    """Pinned: nothing in it moves while one types."""

    start_wanted = Signal()
    queue_wanted = Signal()
    save_wanted = Signal()
    export_wanted = Signal()
    next_wanted = Signal()
    """The next wrong value is wanted."""

    def __init__(self, parent: QWidget, forecast: Callable[[RunConfig], Review]) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setFixedWidth(WIDTH)
        self._pressed: QPushButton | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        head = QHBoxLayout()
        title = PlainLabel("Forecast", self)
        title.setFont(theme.font("title"))
        self.age = label("", "small", "muted")
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self.age)
        column.addLayout(head)
        self.review = ReviewBody(self, forecast)
        column.addWidget(self.review, 1)
        line = QFrame(self)
        line.setProperty("look", "line")
        column.addWidget(line)
        self.verdict = PlainLabel("", self)
        self.verdict.setWordWrap(True)
        self.verdict.setFont(theme.font("small"))
        self.verdict.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.verdict.setFixedHeight(VERDICT_LINES * self.verdict.fontMetrics().height() + 4)
        beside = QHBoxLayout()
        beside.setSpacing(8)
        beside.addWidget(self.verdict, 1)
        self.next = QPushButton("Next F8", self)
        self.next.setToolTip("Go to the next wrong value (F8)")
        self.next.clicked.connect(self.next_wanted)
        beside.addWidget(self.next, 0, Qt.AlignmentFlag.AlignTop)
        self._keep_place(self.next)
        column.addLayout(beside)
        self.start = QPushButton("Start run", self)
        self.start.setProperty("look", "primary")
        self.start.setMinimumHeight(32)
        self.start.setToolTip("Ctrl+Enter")
        self.start.clicked.connect(self.start_wanted)
        column.addWidget(self.start)
        self.queue = QPushButton("Add to queue", self)
        self.queue.setToolTip("Start it when its cards, or cores and memory, are free")
        self.queue.clicked.connect(self.queue_wanted)
        column.addWidget(self.queue)
        small = QHBoxLayout()
        small.setSpacing(8)
        self.save_button = QPushButton("Save as preset\u2026", self)
        self.save_button.clicked.connect(self.save_wanted)
        self.export_button = QPushButton("Export TOML\u2026", self)
        self.export_button.clicked.connect(self.export_wanted)
        for button in (self.save_button, self.export_button):
            button.setFont(theme.font("small"))
            small.addWidget(button)
        column.addLayout(small)

    @staticmethod
    def _keep_place(button: QPushButton) -> None:
        policy = button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        button.setSizePolicy(policy)
        button.hide()

    def ask(self, config: RunConfig | None) -> None:
        """Ask for the forecast of `config`. None where the values are wrong: the last one is of earlier values then."""
        if config is not None:
            self.review.ask(config)
            self.age.setText("updating\u2026" if self.review.stale else "")
        else:
            self.review.outdate()
            self.age.setText("of earlier values" if self.review.stale else "")

    def say(self, text: str, look: str) -> None:
        """The verdict, or what went wrong; its place stays when it is empty."""
        self.verdict.setText(text)
        self.verdict.setToolTip(text if len(text) > 100 else "")
        _look(self.verdict, look)

    def enable(self, *, ready: bool, wrong: bool, busy: bool = False) -> None:
        """Whether a run can be begun, whether there are wrong values to go to, and whether one is being begun
        (`busy`). The card holds the focus of the button that was pressed for it until it may be pressed again: Qt would
        hand it to whatever comes next."""
        holds = next((button for button in (self.start, self.queue) if button.hasFocus()), None)
        if busy and holds is not None:
            self._pressed = holds
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.start.setEnabled(ready and not busy)
        self.queue.setEnabled(ready and not busy)
        for button in (self.save_button, self.export_button):
            button.setEnabled(ready)
        if not busy and self._pressed is not None:
            if self.hasFocus():
                self._pressed.setFocus(Qt.FocusReason.OtherFocusReason)
            self._pressed = None
        self.next.setVisible(wrong)


def _look(words: QLabel, look: str) -> None:
    if words.property("look") != look:
        words.setProperty("look", look)
        words.style().unpolish(words)
        words.style().polish(words)
