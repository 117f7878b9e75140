"""What the window remembers from one start to the next: an INI file in the data folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from sapo_studio.paths import data_dir
from sapo_ui.theme import Mode


class Settings:
    """Typed access to the saved settings. A value that is missing or unreadable counts as not set."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_dir() / "window.ini"
        self._ini = QSettings(str(self.path), QSettings.Format.IniFormat)

    def text(self, key: str, default: str = "") -> str:
        """A saved string."""
        value: object = self._ini.value(key, default)
        return value if isinstance(value, str) else default

    def set_text(self, key: str, value: str) -> None:
        """Save a string."""
        self._ini.setValue(key, value)

    def blob(self, key: str) -> QByteArray | None:
        """A saved geometry or layout."""
        value: object = self._ini.value(key)
        return value if isinstance(value, QByteArray) and not value.isEmpty() else None

    def set_blob(self, key: str, value: QByteArray) -> None:
        """Save a geometry or layout."""
        self._ini.setValue(key, value)

    def texts(self, key: str) -> dict[str, str]:
        """Saved strings by name."""
        try:
            value: object = json.loads(self.text(key, "{}"))
        except ValueError:
            return {}
        return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}

    def set_texts(self, key: str, values: Mapping[str, str]) -> None:
        """Save strings by name."""
        self.set_text(key, json.dumps(dict(values)))

    def remove(self, key: str) -> None:
        """Forget a value."""
        self._ini.remove(key)

    @property
    def theme(self) -> Mode:
        """The chosen look."""
        value = self.text("theme", "system")
        return value if value in ("system", "light", "dark") else "system"

    @theme.setter
    def theme(self, mode: Mode) -> None:
        self.set_text("theme", mode)

    def save(self) -> None:
        """Write everything to disk now."""
        self._ini.sync()
