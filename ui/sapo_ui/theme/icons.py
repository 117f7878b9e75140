"""Icons as Qt takes them for buttons, actions and windows, in the colours of the theme in use."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QIcon

from sapo_ui.theme.glyphs import pixmap
from sapo_ui.theme.theme_manager import current


def icon(name: str, colour: str = "") -> QIcon:
    """The icon for a button or an action, in `colour` or the theme's text colour; greyed out where disabled."""
    look = current()
    made = QIcon(pixmap(name, colour or look.text))
    made.addPixmap(pixmap(name, look.muted), QIcon.Mode.Disabled)
    return made


@cache
def app_icon() -> QIcon:
    """The program's icon in the sizes that desktops ask for."""
    made = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        made.addPixmap(pixmap("sapo-studio", "#ffffff", size, 1.0))
    return made
