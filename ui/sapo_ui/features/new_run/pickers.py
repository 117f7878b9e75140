"""What chooses a value beside typing it: a model, a file of questions, the cards to use, a Python.

A new one: a class here, a line in PICKERS, and its name as `picker` of the field in the configuration's schema.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QPushButton, QWidget

from sapo_studio import engines
from sapo_studio.paths import resources_dir
from sapo_ui import theme
from sapo_ui.services import tasks
from sapo_ui.theme import icons


class Picker(QPushButton):
    """A button beside a line of text. What is chosen goes into the line, and `chosen` is called."""

    icon_name = "folder"

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._edit = edit
        self._chosen = chosen
        theme.on_change(self, self._restyle)

    def take(self, value: str) -> None:
        """Put `value` into the line."""
        if value:
            self.put(value)

    def put(self, value: str) -> None:
        """Put `value` into the line, also an empty one."""
        self._edit.setText(value)
        self._edit.setCursorPosition(0)
        self._chosen()

    def start_folder(self) -> str:
        """The folder in which a dialog begins: that of what is there already."""
        path = Path(self._edit.text()).expanduser()
        if not path.is_absolute():
            return str(Path.home())
        return str(path if path.is_dir() else path.parent)

    def _restyle(self) -> None:
        self.setIcon(icons.icon(self.icon_name))


class ModelPicker(Picker):
    """A folder, a GGUF file, or a reasoner that ships with the program."""

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__(edit, chosen, parent)
        self.setToolTip("A model on this machine. For one of the Hugging Face Hub, type hub:OWNER/NAME")
        menu = QMenu(self)
        menu.addAction("&Model folder\u2026", self._folder)
        menu.addAction("&GGUF file\u2026", self._gguf)
        menu.addSeparator()
        for name in bundled():
            menu.addAction(f"Bundled: {name}", lambda name=name: self.take(f"bundled:{name}"))
        menu.addAction("&Fresh (arithmetic lab)", lambda: self.take("fresh"))
        self.setMenu(menu)

    def _folder(self) -> None:
        self.take(QFileDialog.getExistingDirectory(self, "Model folder", self.start_folder()))

    def _gguf(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "GGUF file", self.start_folder(), "GGUF (*.gguf)")
        self.take(chosen)


class DataPicker(Picker):
    """A JSON Lines file."""

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__(edit, chosen, parent)
        self.setToolTip("A JSON Lines file. For data of the Hugging Face Hub, type hub:OWNER/NAME:SPLIT")
        self.clicked.connect(self._file)

    def _file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Questions", self.start_folder(), "JSON Lines (*.jsonl *.json)")
        self.take(chosen)


class PythonPicker(Picker):
    """A Python in which torch lives, for this run or for all runs that name none."""

    icon_name = "more"

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__(edit, chosen, parent)
        self.setToolTip("Another Python environment, such as ~/torch-env/bin/python")
        menu = QMenu(self)
        menu.addAction("&Choose a Python\u2026", self._file)
        menu.addAction("&This program's own", lambda: self.put(sys.executable))
        menu.addSeparator()
        menu.addAction("&Use it for all runs", self._keep)
        menu.addAction("&Forget the one for all runs", lambda: self._keep_for_all(""))
        self.setMenu(menu)

    def _file(self) -> None:
        self.take(QFileDialog.getOpenFileName(self, "Python", self.start_folder())[0])

    def _keep(self) -> None:
        self._keep_for_all(self._edit.text().strip())

    def _keep_for_all(self, python: str) -> None:
        """The line is empty then: the run names none, and has the one for all."""
        before = self._edit.text()

        def done(_: object) -> None:
            if self._edit.text() == before:  # and nothing else was typed meanwhile
                self.put("")

        tasks.change(self, lambda store: engines.choose(python), done)


class CardPicker(Picker):
    """Back to all the cards that are needed; single ones are ticked on the tiles above."""

    icon_name = "close"

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__(edit, chosen, parent)
        self.setToolTip("No cards of one's own choice: as many as are needed")
        self.clicked.connect(lambda: self.put(""))


PICKERS: dict[str, type[ModelPicker | DataPicker | CardPicker | PythonPicker]] = {
    "model": ModelPicker,
    "data": DataPicker,
    "cards": CardPicker,
    "python": PythonPicker,
}
"""By the name that the schema gives."""


def bundled() -> list[str]:
    """The reasoners that ship with the program."""
    folder = resources_dir() / "models"
    return sorted(path.parent.name for path in folder.glob("*/config.json"))
