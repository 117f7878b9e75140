"""A line in a panel that warns or tells. `banner` is the strip that says what failed and has buttons for it."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import PlainLabel, plain_tip


class Notice(QFrame):
    """A line across the top of a panel that warns or tells, with an icon; hidden while it has nothing to say."""

    def __init__(self, kind: Literal["warning", "bad"] = "warning", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", f"banner-{kind}")
        self._kind = kind
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_2, theme.SPACE_1, theme.SPACE_2, theme.SPACE_1)
        row.setSpacing(theme.SPACE_2)
        self._icon = PlainLabel()
        self._text = label("", wrap=True)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        self.setVisible(False)
        theme.on_change(self, self._restyle)

    @property
    def text(self) -> str:
        """What it says; empty while it is hidden."""
        return self._text.text()

    def say(self, text: str, hover: str = "") -> None:
        """Show `text`, or hide on an empty one."""
        self._text.setText(text)
        self.setToolTip(plain_tip(hover))
        self._keep_room()
        self.setVisible(bool(text))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._keep_room()

    def _keep_room(self) -> None:
        """A wrapped label gives way to its neighbours; a warning must not be cut."""
        needed = max(0, self.heightForWidth(self.width()))
        if needed != self.minimumHeight():
            self.setMinimumHeight(needed)
        layout = self.layout()
        if layout is not None:
            layout.invalidate()  # it has the label's height for the width of before

    def _restyle(self) -> None:
        look = theme.current()
        self._icon.setPixmap(glyphs.pixmap("warning", look.warning if self._kind == "warning" else look.bad, 16))
