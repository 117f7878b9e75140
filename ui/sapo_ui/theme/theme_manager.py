"""Which look is in use, and what is told when it changes. Widgets take colours from `current()` and redraw on
`manager().changed`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from sapo_ui.theme.fonts import font, load_fonts
from sapo_ui.theme.palette import DARK, LIGHT, Theme

Mode = Literal["system", "light", "dark"]


class ThemeManager(QObject):
    """Follows the system's light or dark scheme, unless one is chosen."""

    changed = Signal(object)
    """(Theme) Sent after palette and style sheet are in place."""

    def __init__(self) -> None:
        super().__init__()
        self._theme = LIGHT
        self._mode: Mode = "system"
        self._app: QApplication | None = None
        self._painted = False
        self._held: list[weakref.ref[QWidget]] = []
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._next_turn)

    @property
    def theme(self) -> Theme:
        """The look in use."""
        return self._theme

    @property
    def mode(self) -> Mode:
        """What was chosen."""
        return self._mode

    @property
    def attached(self) -> bool:
        """Whether it dresses an application."""
        return self._app is not None

    def attach(self, app: QApplication) -> None:
        """Dress `app`: style, fonts, palette, style sheet; follow the system from now on."""
        self._app = app
        app.setStyle("Fusion")
        load_fonts()
        app.setFont(font("body"))
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._system_changed)
        self._apply()

    @contextmanager
    def bare(self) -> Generator[None]:
        """Inside, the application has no style sheet: for making many widgets at once, which Qt would dress anew at
        every step of putting them into their places. At the end each is dressed once."""
        app = self._app
        if app is None:
            yield
            return
        dressed = app.styleSheet()
        app.setStyleSheet("")
        try:
            yield
        finally:
            app.setStyleSheet(dressed)

    def detach(self) -> None:
        """Stop following (before the application ends)."""
        if self._app is not None:
            QGuiApplication.styleHints().colorSchemeChanged.disconnect(self._system_changed)
            self._app = None
            self._turn.stop()
            self._show_again()

    def choose(self, mode: Mode, *, in_turns: bool = False) -> None:
        """Take `light`, `dark`, or what the `system` says. `in_turns`: over several turns of the event loop, so that
        none of them is long; nothing is drawn until the last."""
        self._mode = mode
        scheme = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark, "system": Qt.ColorScheme.Unknown}[mode]
        hints = QGuiApplication.styleHints()
        if hasattr(hints, "setColorScheme"):  # Qt 6.8: window frames and native dialogs go along
            hints.setColorScheme(scheme)
        self._apply(in_turns=in_turns)

    def _system_changed(self) -> None:
        if self._mode == "system":
            self._apply(in_turns=True)

    def _apply(self, *, in_turns: bool = False) -> None:
        if self._mode == "system":
            dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        else:
            dark = self._mode == "dark"
        self._theme = DARK if dark else LIGHT
        if self._app is None:
            self.changed.emit(self._theme)
            return
        if in_turns:
            for window in self._app.topLevelWidgets():
                if window.isVisible() and window.updatesEnabled():
                    window.setUpdatesEnabled(False)
                    self._held.append(weakref.ref(window))
        # Bare first: from one style sheet to another Qt dresses each widget anew with all that is in it, and takes six
        # times as long as for both of these.
        self._painted = False
        self._app.setStyleSheet("")
        if in_turns:
            self._turn.start()
        else:
            self._paint()
            self._dress()

    def _next_turn(self) -> None:
        if self._app is None:
            return
        if not self._painted:
            self._paint()
            self._turn.start()
        else:
            self._dress()

    def _paint(self) -> None:
        if self._app is not None:
            self._app.setPalette(_qt_palette(self._theme))
        self._painted = True

    def _dress(self) -> None:
        from sapo_ui.theme.style_sheet import style_sheet

        self._turn.stop()
        if self._app is not None:
            self._app.setStyleSheet(style_sheet(self._theme))
        self.changed.emit(self._theme)
        self._show_again()

    def _show_again(self) -> None:
        held, self._held = self._held, []
        for window in (one() for one in held):
            if window is not None and isValid(window):
                window.setUpdatesEnabled(True)


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


def _qt_palette(theme: Theme) -> QPalette:
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
