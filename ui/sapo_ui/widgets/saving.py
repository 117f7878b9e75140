"""Where files are saved from the window, and that it says so: one folder for every dialog, and word of each file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from sapo_studio.errors import InputError

PNG = "PNG picture (*.png)"
SVG = "SVG drawing (*.svg)"
NUMBERS = "Comma-separated values (*.csv)"
PAGES = "HTML page (*.html)"


Work = Callable[[], object]
Runner = Callable[[QWidget, Work, Work, Callable[[Exception], object]], object]
"""Does work for a widget, then calls one of two functions in the window's thread: when it is done, or failed."""


class Saving(QObject):
    """The folder that save dialogs begin in, where files are written, and what is told of a saved file."""

    saved = Signal(object)
    """(Path) A file was written that somebody asked for."""

    said = Signal(object)
    """(str) Something else was done that somebody asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._runner: Runner = _at_once

    @property
    def folder(self) -> Path:
        """The folder chosen last; before anybody chose one, or where it is gone, the one for documents."""
        return self._folder if self._folder is not None and self._folder.is_dir() else documents()

    def remember(self, folder: Path | None) -> None:
        """Begin in `folder` from now on; None: as nobody had chosen."""
        self._folder = folder.absolute() if folder is not None else None

    def ask(self, parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
        """Ask where to write a file that is called `name` unless somebody says otherwise. `kinds` as QFileDialog takes
        them; the ending of the chosen one is added where none of them was typed.
        """
        chosen, kind = QFileDialog.getSaveFileName(parent, title, str(self.folder / name), kinds)
        if not chosen:
            return None
        path = Path(chosen)
        endings = [one.rpartition("(*")[2].rstrip(")") for one in kinds.split(";;")]
        if path.suffix.lower() not in endings:
            path = path.with_name(path.name + (kind.rpartition("(*")[2].rstrip(")") or endings[0]))
        self.remember(path.parent)
        return path

    def use(self, runner: Runner | None) -> None:
        """Write files by `runner` from now on, as in the background; None: at once."""
        self._runner = runner or _at_once

    def write(self, parent: QWidget, work: Work, done: Work, failed: Callable[[Exception], object]) -> None:
        """Do `work`, which writes a file, then call `done`, or `failed` with an OSError or InputError."""
        self._runner(parent, work, done, failed)

    def say(self, text: str) -> None:
        """Something else than a file came of it."""
        self.said.emit(text)

    def tell(self, path: Path) -> None:
        """The file is written."""
        self.saved.emit(path)


def _at_once(parent: QWidget, work: Work, done: Work, failed: Callable[[Exception], object]) -> None:
    del parent
    try:
        work()
    except (OSError, InputError) as problem:
        failed(problem)
    else:
        done()


@cache
def saving() -> Saving:
    """The program's."""
    return Saving()


def documents() -> Path:
    """The folder where people keep files."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation) or Path.home())
