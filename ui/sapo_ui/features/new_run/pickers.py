"""What chooses a value beside typing it: a model, a file of questions, the cards to use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QPushButton, QWidget

from sapo_studio.hardware import Card, read_cards
from sapo_studio.paths import resources_dir
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services import tasks

NO_CARD = "No GPU was found on this machine."


class Picker(QPushButton):
    """A button beside a line of text. What is chosen goes into the line, and `chosen` is called."""

    def __init__(self, text: str, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__(text, parent)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self._edit = edit
        self._chosen = chosen

    def take(self, value: str) -> None:
        """Put `value` into the line."""
        if value:
            self._edit.setText(value)
            self._edit.setCursorPosition(0)
            self._chosen()

    def _start(self) -> str:
        """The folder in which a dialog begins: that of what is there already."""
        path = Path(self._edit.text()).expanduser()
        return str(path if path.is_dir() else path.parent) if path.is_absolute() else ""


class ModelPicker(Picker):
    """A folder, a GGUF file, or a reasoner that ships with the program."""

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__("Choose", edit, chosen, parent)
        self.setToolTip("A model on this machine. For one of the Hugging Face Hub, type hub:OWNER/NAME")
        menu = QMenu(self)
        menu.addAction("Model folder\u2026", self._folder)
        menu.addAction("GGUF file\u2026", self._gguf)
        menu.addSeparator()
        for name in bundled():
            menu.addAction(f"Bundled: {name}", lambda name=name: self.take(f"bundled:{name}"))
        menu.addAction("Fresh (arithmetic lab)", lambda: self.take("fresh"))
        self.setMenu(menu)

    def _folder(self) -> None:
        self.take(QFileDialog.getExistingDirectory(self, "Model folder", self._start()))

    def _gguf(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "GGUF file", self._start(), "GGUF (*.gguf)")
        self.take(chosen)


class DataPicker(Picker):
    """A JSON Lines file."""

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__("File\u2026", edit, chosen, parent)
        self.setToolTip("A JSON Lines file. For data of the Hugging Face Hub, type hub:OWNER/NAME:SPLIT")
        self.clicked.connect(self._file)

    def _file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Questions", self._start(), "JSON Lines (*.jsonl *.json)")
        self.take(chosen)


class CardPicker(Picker):
    """The machine's cards, to be ticked. Off until they are known, and where there is none."""

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__("GPUs", edit, chosen, parent)
        self.setEnabled(False)
        self.setToolTip(NO_CARD)
        menu = QMenu(self)
        menu.aboutToShow.connect(self._tick)
        self.setMenu(menu)
        tasks.run(self, lambda store: read_cards(), lambda found: self.offer(found.cards), key="cards")

    def offer(self, cards: tuple[Card, ...]) -> None:
        """Offer these cards."""
        menu = self.menu()
        menu.clear()
        for card in cards:
            free = f"{fmt.size(card.free)} of {fmt.size(card.total)} free"
            action = QAction(f"{card.number}: {card.name}, {free}", menu, checkable=True)
            action.setData(card.number)
            action.triggered.connect(self._told)
            menu.addAction(action)
        self.setEnabled(bool(cards))
        self.setToolTip("" if cards else NO_CARD)

    def _tick(self) -> None:
        named = {part.strip() for part in self._edit.text().split(",")}
        for action in self.menu().actions():
            action.setChecked(str(action.data()) in named)

    def _told(self) -> None:
        ticked = [str(action.data()) for action in self.menu().actions() if action.isChecked()]
        self._edit.setText(",".join(ticked))
        self._chosen()


PICKERS: dict[str, type[ModelPicker | DataPicker | CardPicker]] = {
    "model": ModelPicker,
    "data": DataPicker,
    "cards": CardPicker,
}
"""By the name that the schema gives."""


def bundled() -> list[str]:
    """The reasoners that ship with the program."""
    folder = resources_dir() / "models"
    return sorted(path.parent.name for path in folder.glob("*/config.json"))
