"""The typefaces, and the font of each role."""

from __future__ import annotations

from functools import cache
from typing import Literal

from PySide6.QtGui import QFont, QFontDatabase

from sapo_studio.paths import resources_dir

FontRole = Literal["small", "body", "strong", "title", "heading", "headline", "mono", "mono_small"]

UI_FAMILY = "Inter"
MONO_FAMILY = "JetBrains Mono"
_FONTS: dict[FontRole, tuple[str, int, QFont.Weight]] = {
    "small": (UI_FAMILY, 12, QFont.Weight.Normal),
    "body": (UI_FAMILY, 13, QFont.Weight.Normal),
    "strong": (UI_FAMILY, 13, QFont.Weight.DemiBold),
    "title": (UI_FAMILY, 15, QFont.Weight.DemiBold),
    "heading": (UI_FAMILY, 20, QFont.Weight.DemiBold),
    "headline": (UI_FAMILY, 28, QFont.Weight.DemiBold),
    "mono": (MONO_FAMILY, 13, QFont.Weight.Normal),
    "mono_small": (MONO_FAMILY, 12, QFont.Weight.Normal),
}


@cache
def load_fonts() -> tuple[str, ...]:
    """Make the shipped typefaces known to Qt. Returns the families found; the system's own take the place of any that
    is missing."""
    families: list[str] = []
    for path in sorted((resources_dir() / "fonts").glob("*.[ot]tf")):
        number = QFontDatabase.addApplicationFont(str(path))
        if number >= 0:
            families += QFontDatabase.applicationFontFamilies(number)
    return tuple(dict.fromkeys(families))


def font(role: FontRole = "body") -> QFont:
    """The typeface of a role. Figures are tabular, so that changing numbers do not move."""
    family, pixels, weight = _FONTS[role]
    made = QFont(family)
    mono = family == MONO_FAMILY
    made.setStyleHint(QFont.StyleHint.Monospace if mono else QFont.StyleHint.SansSerif)
    made.setPixelSize(pixels)
    made.setWeight(weight)
    if mono:
        made.setFeature(QFont.Tag("calt"), 0)  # ligatures would hide what a step really says
    else:
        made.setFeature(QFont.Tag("tnum"), 1)
    return made
