"""Asking for the name of a preset: what cannot be a name is said while it is typed, and nothing that was typed is
lost."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from sapo_studio.config.presets import NAME
from sapo_studio.errors import SapoError
from sapo_ui import theme
from sapo_ui.widgets.labels import label

RULE = "Letters, digits, dots, hyphens and underscores, at most 64; the first is a letter or a digit."


def nearest_name(text: str) -> str:
    """The name that comes nearest to `text`: `my run` as `my-run`. Empty where nothing of it can be in one."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", plain.strip()).strip("-")[:64].rstrip("-")
    return re.sub(r"^[^A-Za-z0-9]+", "", found)


class PresetNameDialog(QDialog):
    """Calls `save(name)`; where that raises SapoError, it says so and stays open."""

    def __init__(self, name: str, save: Callable[[str], object], parent: QWidget) -> None:
        super().__init__(parent)
        self._save = save
        self.setWindowTitle("Save as preset")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        title = label("Name of the preset", "strong")
        column.addWidget(title)
        self.name = QLineEdit(name, self)
        self.name.setAccessibleName("Name of the preset")
        title.setBuddy(self.name)
        column.addWidget(self.name)
        self.said = label(RULE, "small", "muted", wrap=True)
        self.said.setMinimumHeight(2 * self.said.fontMetrics().height() + 4)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.said)
        row = QHBoxLayout()
        self.instead = QPushButton(self)
        self.instead.setAutoDefault(False)
        self.instead.clicked.connect(self._take_nearest)
        row.addWidget(self.instead)
        row.addStretch(1)
        cancel = QPushButton("Cancel", self)
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        self.ok = QPushButton("Save preset", self)
        self.ok.setDefault(True)
        self.ok.clicked.connect(self._agreed)
        row.addWidget(cancel)
        row.addWidget(self.ok)
        column.addLayout(row)
        self.resize(440, self.sizeHint().height())
        self.name.textChanged.connect(self._typed)
        self.name.selectAll()
        self._typed()

    def _typed(self) -> None:
        text = self.name.text().strip()
        fits = NAME.fullmatch(text) is not None
        nearest = nearest_name(text)
        self.ok.setEnabled(fits)
        self.instead.setVisible(not fits and bool(nearest))
        self.instead.setText(f"Use {nearest}")
        self._say(RULE, "muted" if fits or not text else "bad")

    def _take_nearest(self) -> None:
        self.name.setText(nearest_name(self.name.text()))
        self.name.setFocus(Qt.FocusReason.OtherFocusReason)

    def _agreed(self) -> None:
        try:
            self._save(self.name.text().strip())
        except SapoError as error:
            self._say(str(error), "bad")
        else:
            self.accept()

    def _say(self, text: str, look: str) -> None:
        self.said.setText(text)
        if self.said.property("look") != look:
            self.said.setProperty("look", look)
            self.said.style().unpolish(self.said)
            self.said.style().polish(self.said)
        self.said.setFont(theme.font("small"))
