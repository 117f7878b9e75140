"""A dialog over a list that is read when it opens: what there is to say above it, what went wrong and buttons below."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QPushButton, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice


class ListDialog(QDialog):
    """`buttons` act on the list and stand on the left; Close is added. It deletes itself once it is closed."""

    def __init__(
        self, title: str, list_name: str, reading: str, buttons: Sequence[QPushButton], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(560, 380)
        self.summary = label(reading, "body", "muted", wrap=True)
        self.list = QListWidget()
        self.list.setSpacing(theme.SPACE_1)
        self.list.setAccessibleName(list_name)
        self.trouble = Notice("bad")
        self.close_button = QPushButton("Close")
        self.close_button.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_2)
        for button in buttons:
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.summary)
        column.addWidget(self.list, 1)
        column.addWidget(self.trouble)
        column.addLayout(row)
        for button in (*buttons, self.close_button):
            button.setAutoDefault(False)  # Enter is the list's
        self.finished.connect(self.deleteLater)
