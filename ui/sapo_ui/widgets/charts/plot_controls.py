"""pyqtgraph's plots without the menus that they bring along.

Every PlotItem makes some fifty widgets for a menu "Plot Options", which these charts never show, and asks them for its
settings. With five charts they were a third of the window's widgets, all of which Qt dresses again at each change of
theme. Here the settings stay, as values, and the widgets go.
"""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtWidgets import QAbstractButton, QGroupBox, QSlider, QSpinBox, QWidget


class _Setting:
    """What one of the controls said, for good, in the words in which pyqtgraph asks."""

    def __init__(self, control: QWidget) -> None:
        self._checked = isinstance(control, QAbstractButton | QGroupBox) and control.isChecked()
        counts = isinstance(control, QSpinBox | QSlider)
        self._value, self._maximum = (control.value(), control.maximum()) if counts else (0, 0)

    def isChecked(self) -> bool:  # pyqtgraph's words
        return self._checked

    def value(self) -> int:
        return self._value

    def maximum(self) -> int:
        return self._maximum


class _Settings:
    """In the place of pyqtgraph's form."""

    def __init__(self, form: Any) -> None:
        for name, control in list(vars(form).items()):
            if isinstance(control, QWidget):
                setattr(self, name, _Setting(control))


class QuietPlot(pg.PlotItem):
    """A PlotItem without its menu. Its settings can only be read."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        plot: Any = self  # pyqtgraph's own signatures are too loose to be checked
        plot.ctrl = _Settings(plot.ctrl)
        for action in plot.ctrlMenu.actions():
            menu = action.menu()
            for held in menu.actions():
                held.deleteLater()  # with the group of controls in it
            menu.deleteLater()

    def updateParamList(self) -> None:
        """The list of averages is in the menu."""
