"""Every visual decision of the window: colours, type, space. Widgets take them from `current()` and redraw on
`manager().changed`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from sapo_studio.paths import resources_dir

Mode = Literal["system", "light", "dark"]
FontRole = Literal["small", "body", "strong", "title", "heading", "headline", "mono", "mono_small"]

# Space, in device-independent pixels.
SPACE_1, SPACE_2, SPACE_3, SPACE_4, SPACE_6 = 4, 8, 12, 16, 24
RADIUS = 6
CONTROL_HEIGHT = 28

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


@dataclass(frozen=True)
class Theme:
    """The colours of one look, as `#rrggbb`."""

    name: str
    dark: bool
    window: str  # behind everything
    surface: str  # cards, lists, docks
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
    series=("#56b4e9", "#e69f00", "#1fb58a", "#cc79a7", "#e8702a", "#4a90d9"),
    series_text=("#6fc0ee", "#eeb033", "#34c79c", "#db93ba", "#f08a4d", "#76aeea"),
    no_step="#22262c",
    mark="#ffffff",
    mark_outline="#0b0d10",
)


class ThemeManager(QObject):
    """Follows the system's light or dark scheme, unless one is chosen."""

    changed = Signal(object)
    """(Theme) Sent after palette and style sheet are in place."""

    def __init__(self) -> None:
        super().__init__()
        self._theme = LIGHT
        self._mode: Mode = "system"
        self._app: QApplication | None = None

    @property
    def theme(self) -> Theme:
        """The look in use."""
        return self._theme

    @property
    def mode(self) -> Mode:
        """What was chosen."""
        return self._mode

    def attach(self, app: QApplication) -> None:
        """Dress `app`: style, fonts, palette, style sheet; follow the system from now on."""
        self._app = app
        app.setStyle("Fusion")
        load_fonts()
        app.setFont(font("body"))
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._system_changed)
        self._apply()

    def detach(self) -> None:
        """Stop following (before the application ends)."""
        if self._app is not None:
            QGuiApplication.styleHints().colorSchemeChanged.disconnect(self._system_changed)
            self._app = None

    def choose(self, mode: Mode) -> None:
        """Take `light`, `dark`, or what the `system` says."""
        self._mode = mode
        scheme = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark, "system": Qt.ColorScheme.Unknown}[mode]
        hints = QGuiApplication.styleHints()
        if hasattr(hints, "setColorScheme"):  # Qt 6.8: window frames and native dialogs go along
            hints.setColorScheme(scheme)
        self._apply()

    def _system_changed(self) -> None:
        if self._mode == "system":
            self._apply()

    def _apply(self) -> None:
        if self._mode == "system":
            dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        else:
            dark = self._mode == "dark"
        self._theme = DARK if dark else LIGHT
        if self._app is not None:
            self._app.setPalette(palette(self._theme))
            from sapo_ui.style import style_sheet

            self._app.setStyleSheet(style_sheet(self._theme))
        self.changed.emit(self._theme)


@cache
def manager() -> ThemeManager:
    """The program's theme manager."""
    return ThemeManager()


def current() -> Theme:
    """The look in use."""
    return manager().theme


class _Restyler(QObject):
    """A child of the widget that it restyles: Qt disconnects it when the widget goes."""

    def __init__(self, owner: QObject, restyle: Callable[[], object]) -> None:
        super().__init__(owner)
        # by name: a reference to the method would keep the widget's Python half alive for ever
        self._owner = weakref.ref(owner)
        self._name = restyle.__name__

    def restyle(self, look: Theme) -> None:
        del look
        owner = self._owner()
        if owner is not None:
            getattr(owner, self._name)()


def on_change(owner: QObject, restyle: Callable[[], object]) -> None:
    """Call `restyle`, a method of `owner`, now and at every change of theme, for as long as `owner` exists."""
    restyle()
    manager().changed.connect(_Restyler(owner, restyle).restyle)


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
    name = colour.name()
    return "#000000" if contrast(name, "#000000") >= contrast(name, "#ffffff") else "#ffffff"


def palette(theme: Theme) -> QPalette:
    """Qt's palette for `theme`, for everything the style sheet does not reach."""
    made = QPalette()
    role = QPalette.ColorRole
    for which, colour in (
        (role.Window, theme.window),
        (role.WindowText, theme.text),
        (role.Base, theme.surface),
        (role.AlternateBase, theme.raised),
        (role.Text, theme.text),
        (role.Button, theme.raised),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.bad),
        (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent),
        (role.Link, theme.accent),
        (role.LinkVisited, theme.accent),
        (role.Light, theme.surface),
        (role.Midlight, theme.raised),
        (role.Mid, theme.hairline),
        (role.Dark, theme.border),
        (role.Shadow, theme.border),
        (role.Accent, theme.accent),
    ):
        made.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.muted))
    return made


def style_plot(plot: Any) -> None:
    """Give a pyqtgraph PlotItem (or PlotWidget) the window's look: no frame, no axis lines, hairlines across at the
    ticks of the left axis. Call it again when the theme changes."""
    theme = current()
    item: Any = plot.getPlotItem() if hasattr(plot, "getPlotItem") else plot
    if hasattr(plot, "setBackground"):
        plot.setBackground(theme.surface)
    item.hideButtons()
    item.setMenuEnabled(False)
    for side in ("left", "bottom"):
        axis = item.getAxis(side)
        axis.setPen(None)
        axis.setTickPen(QColor(theme.hairline) if side == "left" else None)
        axis.setTextPen(QColor(theme.muted))
        axis.setStyle(tickFont=font("small"), tickLength=0, tickTextOffset=6, tickAlpha=255)
        axis.label.setFont(font("small"))
    item.getAxis("left").setGrid(255)
