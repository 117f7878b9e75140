"""What a file or folder that is dropped on the New run page is good for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QMimeData


@dataclass(frozen=True)
class Dropped:
    """A configuration, a model (a folder or a GGUF file) or data."""

    kind: Literal["toml", "model", "data"]
    path: Path


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
