"""Every visual decision of the window: colours, type, space, icons. `theme.current()` is the look in use."""

from sapo_ui.theme.fonts import MONO_FAMILY, FontRole, font, load_fonts
from sapo_ui.theme.palette import (
    CONTROL_HEIGHT,
    DARK,
    LIGHT,
    RADIUS,
    SPACE_1,
    SPACE_2,
    SPACE_3,
    SPACE_4,
    Theme,
    between,
    cividis,
    contrast,
    score_colour,
    text_on,
)
from sapo_ui.theme.theme_manager import Mode, current, manager, on_change

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
    "FontRole",
    "Mode",
    "Theme",
    "between",
    "cividis",
    "contrast",
    "current",
    "font",
    "load_fonts",
    "manager",
    "on_change",
    "score_colour",
    "text_on",
]
