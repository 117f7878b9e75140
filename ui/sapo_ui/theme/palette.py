"""The design tokens: spaces, and the colours of both looks. How colours are told apart (contrast) is computed here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor

# In device-independent pixels.
SPACE_1, SPACE_2, SPACE_3, SPACE_4 = 4, 8, 12, 16
RADIUS = 6
CONTROL_HEIGHT = 28


@dataclass(frozen=True)
class Theme:
    """The colours of one look, as `#rrggbb`."""

    name: str
    dark: bool
    window: str  # behind everything
    surface: str  # cards, lists, panels
    raised: str  # buttons, chips, hovered rows
    sunken: str  # progress grooves, code
    hairline: str
    border: str  # around what can be typed into or pressed
    text: str
    muted: str
    accent: str  # what can be acted on, and progress
    on_accent: str
    accent_soft: str  # the selected row
    good: str
    warning: str
    bad: str
    warning_soft: str
    bad_soft: str
    series: tuple[str, ...]  # Okabe-Ito: lines, bars and marks
    series_text: tuple[str, ...]  # the same hues, readable as text
    no_step: str  # heatmap: there is no such step
    mark: str  # heatmap marks
    mark_outline: str

    def status(self, status: str) -> str:
        """The colour of a run status or phase status word."""
        return {
            "running": self.accent,
            "done": self.good,
            "failed": self.bad,
            "interrupted": self.warning,
            "paused": self.warning,
        }.get(status, self.muted)


LIGHT = Theme(
    name="light",
    dark=False,
    window="#f3f4f6",
    surface="#ffffff",
    raised="#eef0f3",
    sunken="#e6e9ed",
    hairline="#e1e4e9",
    border="#c3c9d1",
    text="#1a1e24",
    muted="#545d69",
    accent="#0b7180",
    on_accent="#ffffff",
    accent_soft="#dcf0f2",
    good="#1c7337",
    warning="#855500",
    bad="#b0351a",
    warning_soft="#fdf3dc",
    bad_soft="#fdebe6",
    series=("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"),
    series_text=("#005f96", "#845a00", "#006b4e", "#94456f", "#a84a00", "#1d6a98"),
    no_step="#f0f1f3",
    mark="#ffffff",
    mark_outline="#111418",
)

DARK = Theme(
    name="dark",
    dark=True,
    window="#14161a",
    surface="#1c1f24",
    raised="#282c33",
    sunken="#2c3138",
    hairline="#2b3037",
    border="#4a525d",
    text="#e9ebee",
    muted="#a4adb8",
    accent="#52b9c7",
    on_accent="#06181b",
    accent_soft="#183a40",
    good="#6fcf85",
    warning="#e6b450",
    bad="#ff8f70",
    warning_soft="#38301b",
    bad_soft="#40231c",
    series=("#56b4e9", "#e69f00", "#1fb58a", "#cc79a7", "#e8702a", "#f0e442"),
    series_text=("#6fc0ee", "#eeb033", "#34c79c", "#db93ba", "#f08a4d", "#f2e96b"),
    no_step="#22262c",
    mark="#ffffff",
    mark_outline="#0b0d10",
)


@cache
def cividis() -> npt.NDArray[np.uint8]:
    """The verifier score's colours: 256 x 3, from 0 (dark blue) to 1 (yellow)."""
    import pyqtgraph as pg  # pyright: ignore[reportMissingTypeStubs]

    colours: Any = pg.colormap.get("cividis")
    table: npt.NDArray[np.uint8] = np.ascontiguousarray(colours.getLookupTable(0.0, 1.0, 256)[:, :3], dtype=np.uint8)
    table.setflags(write=False)
    return table


def score_colour(score: float) -> QColor:
    """The colour of one verifier score."""
    red, green, blue = (int(part) for part in cividis()[min(255, max(0, round(255 * score)))])
    return QColor(red, green, blue)


def between(low: str, high: str, share: float) -> QColor:
    """The colour `share` (0 to 1) of the way from `low` to `high`."""
    a, b = QColor(low), QColor(high)

    def part(first: int, last: int) -> int:
        return round(first + share * (last - first))

    return QColor(part(a.red(), b.red()), part(a.green(), b.green()), part(a.blue(), b.blue()))


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio of two `#rrggbb` colours, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_on(colour: QColor) -> str:
    """Black or white, whichever reads better on `colour`."""
    return _text_on(colour.name())


@cache  # the colours of scores, over and over: 256 and a few
def _text_on(name: str) -> str:
    return "#000000" if contrast(name, "#000000") >= contrast(name, "#ffffff") else "#ffffff"
