"""A strip that says what happened, why, and what to do, with buttons for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.plain_text import PlainLabel


class Banner(QFrame):
    """Hidden until `show_error`. `action` is the button that acts on it (Resume), shown where a text for it is
    given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bad = True
        self._plain = ""
        self.setProperty("look", "banner-bad")
        self.setAccessibleName("Problem")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(10)
        self._icon = PlainLabel()
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.what = PlainLabel()
        self.what.setFont(theme.font("strong"))
        self.more = PlainLabel()
        for label in (self.what, self.more):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            words.addWidget(label)
        row.addLayout(words, 1)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the whole message")
        self.copy.clicked.connect(self._copy)
        self.action = QPushButton()
        self.action.setVisible(False)
        row.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.action, 0, Qt.AlignmentFlag.AlignTop)
        theme.on_change(self, self._restyle)
        self.hide()

    def show_error(self, what: str, why: str = "", fix: str = "", *, action: str = "", bad: bool = True) -> None:
        """Show this. An empty `action` shows no second button."""
        self._plain = "\n".join(part for part in (what, why, fix) if part)
        self.what.setText(what)
        self.more.setText("\n".join(part for part in (why, fix) if part))
        self.more.setVisible(bool(why or fix))
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.setAccessibleDescription(self._plain)
        if bad != self._bad:
            self._bad = bad
            self.setProperty("look", "banner-bad" if bad else "banner-warning")
            self.style().unpolish(self)
            self.style().polish(self)
        self._restyle()
        self.show()

    @property
    def text(self) -> str:
        """All that is said, as Copy copies it."""
        return self._plain

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._plain)

    def _restyle(self) -> None:
        look = theme.current()
        self._icon.setPixmap(glyphs.pixmap("warning", look.bad if self._bad else look.warning))
