"""Every visual decision of the window: colours, type, space, icons. `theme.current()` is the look in use."""

from sapo_ui.theme.fonts import MONO_FAMILY, UI_FAMILY, FontRole, font, load_fonts
from sapo_ui.theme.palette import (
    CONTROL_HEIGHT,
    DARK,
    LIGHT,
    RADIUS,
    SPACE_1,
    SPACE_2,
    SPACE_3,
    SPACE_4,
    SPACE_6,
    Theme,
    cividis,
    contrast,
    score_colour,
    text_on,
)
from sapo_ui.theme.theme_manager import Mode, ThemeManager, current, manager, on_change, palette

__all__ = [
    "CONTROL_HEIGHT",
    "DARK",
    "LIGHT",
    "MONO_FAMILY",
    "RADIUS",
    "SPACE_1",
    "SPACE_2",
    "SPACE_3",
    "SPACE_4",
    "SPACE_6",
    "UI_FAMILY",
    "FontRole",
    "Mode",
    "Theme",
    "ThemeManager",
    "cividis",
    "contrast",
    "current",
    "font",
    "load_fonts",
    "manager",
    "on_change",
    "palette",
    "score_colour",
    "text_on",
]
