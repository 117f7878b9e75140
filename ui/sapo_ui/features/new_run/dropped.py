"""Files and folders that are dropped on the New run page, and what they are good for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEvent, QMimeData, QObject, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget


@dataclass(frozen=True)
class Dropped:
    """A configuration, a model (a folder or a GGUF file) or data."""

    kind: Literal["toml", "model", "data"]
    path: Path


class DropTarget(QObject):
    """Has a widget take what the form has a place for."""

    dropped = Signal(object)
    """(Dropped)"""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        entered, fell = event.type() == QEvent.Type.DragEnter, event.type() == QEvent.Type.Drop
        if (entered or fell) and isinstance(event, QDropEvent):  # which is what a QDragEnterEvent is, too
            found = what_is_dropped(event.mimeData())
            if found is not None:
                event.acceptProposedAction()
                if fell:
                    self.dropped.emit(found)
            return True
        return super().eventFilter(watched, event)


def what_is_dropped(mime: QMimeData) -> Dropped | None:
    """The first of what is dragged that the form has a place for; None where there is none."""
    for url in mime.urls():
        if url.isLocalFile():
            found = what_it_is(Path(url.toLocalFile()))
            if found is not None:
                return found
    return None


def what_it_is(path: Path) -> Dropped | None:
    """By its ending, or for a folder by the configuration that each model's has."""
    if path.is_dir():
        return Dropped("model", path) if (path / "config.json").is_file() else None
    match path.suffix.lower():
        case ".toml":
            return Dropped("toml", path)
        case ".gguf":
            return Dropped("model", path)
        case ".jsonl" | ".json":
            return Dropped("data", path)
        case _:
            return None
