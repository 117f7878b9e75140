"""How steps are judged: the key of each judgement, and the same as buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from sapo_ui import theme
from sapo_ui.services.annotations import annotator_name, set_annotator_name
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.flow_layout import FlowRow

KEYS = {
    Qt.Key.Key_1: "wrong",
    Qt.Key.Key_2: "neutral",
    Qt.Key.Key_3: "right",
    Qt.Key.Key_E: "first_error",
    Qt.Key.Key_N: "no_error",
    Qt.Key.Key_U: "undo",
}
BUTTONS = (
    ("wrong", "1", "Incorrect", "This step is incorrect"),
    ("neutral", "2", "Neutral", "This step neither helps nor harms"),
    ("right", "3", "Correct", "This step is correct"),
    ("first_error", "e", "First error", "Every step before is correct; this one and all after it are incorrect"),
    ("no_error", "n", "No error", "Every step is correct"),
    ("undo", "u", "Undo", "Take back my last judgement of this trajectory"),
)


class JudgeBar(FlowRow):
    """A button for each judgement, with its key printed on it, and one for the name they are kept under."""

    pressed = Signal(object)
    """(verb: str)"""

    renamed = Signal()
    """Judgements are kept under another name now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, gap=theme.SPACE_1)
        self.buttons: dict[str, QPushButton] = {}
        for verb, key, word, meaning in BUTTONS:
            button = QPushButton(f"{key}  {word}")
            button.setFont(theme.font("small"))
            button.setStyleSheet("padding: 3px 9px;")
            button.setAccessibleName(word)
            button.setToolTip(f"{meaning} ({key})")
            button.setAutoDefault(False)
            button.clicked.connect(lambda _checked=False, verb=verb: self.pressed.emit(verb))
            self.buttons[verb] = button
            self.add(button)
        self.who = QPushButton()
        self.who.setFont(theme.font("small"))
        self.who.setProperty("look", "quiet")
        self.who.setStyleSheet("padding: 3px 9px;")
        self.who.setAutoDefault(False)
        self.who.setToolTip("Your judgements are kept under this name. Click to change it.")
        self.who.clicked.connect(self._ask_name)
        self.add(self.who)
        self._say_name()

    def _ask_name(self) -> None:
        dialogs.ask_name(self.window(), "Judge as", "Keep my judgements under the name:", annotator_name(), self._named)

    def _named(self, name: str) -> None:
        set_annotator_name(name)
        self._say_name()
        self.renamed.emit()

    def _say_name(self) -> None:
        self.who.setText(f"as {annotator_name()}\u2026")
        self.who.setAccessibleName(f"Judging as {annotator_name()}")
