"""The side bar: New run, the pages, and the runs; folded, a rail of icons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.theme import icons
from sapo_ui.widgets.focus import holds

WIDE, RAIL = 216, 48
"""Pixels."""

NARROW = 1180
"""A window that is narrower starts with the rail."""


class NavButton(QPushButton):
    """A page: icon and name, or the icon alone. The page in front has a bar at the edge."""

    def __init__(self, action: QAction, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(action.iconText(), parent)
        self._action = action
        self._name = icon
        self.front = False
        self.folded = False
        self.setProperty("look", "nav")
        self.setAutoDefault(False)
        self.setIconSize(QSize(16, 16))
        self.setFixedHeight(32)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()
        theme.on_change(self, self._restyle)

    def _follow(self) -> None:
        action = self._action
        keys = action.shortcut().toString()
        self.setText("" if self.folded else action.iconText().rstrip("\u2026"))
        self.setAccessibleName(action.iconText())
        self.setToolTip(f"{action.toolTip()} ({keys})" if keys else action.toolTip())
        self.setEnabled(action.isEnabled())

    def set_folded(self, folded: bool) -> None:
        """Show the icon alone, or the name too."""
        self.folded = folded
        self._follow()

    def set_front(self, front: bool) -> None:
        """Mark the page in front."""
        if front != self.front:
            self.front = front
            self.setProperty("front", front)
            self.style().unpolish(self)
            self.style().polish(self)
            self._restyle()

    def _restyle(self) -> None:
        look = theme.current()
        self.setIcon(icons.icon(self._name, look.accent if self.front else look.text))
        self.update()

    def paintEvent(self, arg__1: QPaintEvent) -> None:
        super().paintEvent(arg__1)
        if self.front:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.current().accent))
            painter.drawRoundedRect(QRectF(0, 7, 3, self.height() - 14), 1.5, 1.5)


class SideBar(QFrame):
    """Holds `runs`, the list of runs. `pages`: name, action and icon of each page, in order.

    Whether it is folded is remembered for each view (a page, or a way to use one), beside a wide window and a narrow
    one.
    """

    fold_changed = Signal(object)
    """(folded: bool)"""

    def __init__(
        self,
        new_run: QAction,
        pages: Sequence[tuple[str, QAction, str]],
        unfold: QAction,
        runs: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("look", "side")
        self.runs = runs
        self.folded = False
        self._view, self._wide, self._narrow = "", False, False
        self._chosen: dict[str, str] = {}
        self._new_run = new_run
        self.new_button = QPushButton()
        self.new_button.setProperty("look", "primary")
        self.new_button.setFixedHeight(32)
        self.new_button.setToolTip(f"{new_run.toolTip()} ({new_run.shortcut().toString()})")
        self.new_button.setAccessibleName("New run")
        self.new_button.clicked.connect(new_run.trigger)
        self.buttons = {name: NavButton(action, icon) for name, action, icon in pages}
        self.runs_button = NavButton(unfold, "runs")
        self.runs_button.setAccessibleName("Show the runs")
        self.fold_button = QPushButton()
        self.fold_button.setProperty("look", "nav")
        self.fold_button.setAutoDefault(False)
        self.fold_button.setFixedHeight(32)
        self.fold_button.clicked.connect(self.toggle)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 8)
        column.setSpacing(8)
        self._head = QVBoxLayout()
        self._head.setSpacing(2)
        self._head.addWidget(self.new_button)
        self._head.addSpacing(6)
        self._head.addWidget(self.runs_button)
        for button in self.buttons.values():
            self._head.addWidget(button)
        column.addLayout(self._head)
        self._line = QFrame()
        self._line.setProperty("look", "line")
        column.addWidget(self._line)
        column.addWidget(runs, 1)
        self._foot = QHBoxLayout()
        self._foot.addWidget(self.fold_button)
        column.addStretch(0)
        column.addLayout(self._foot)
        theme.on_change(self, self._restyle)
        self._fold(False)

    def show_view(self, page_id: str, view: str, *, wide: bool) -> None:
        """A page is in front, used in the way `view`. `wide`: it starts with the bar folded."""
        for name, button in self.buttons.items():
            button.set_front(name == page_id)
        self.runs_button.set_front(page_id == "run")
        self._view, self._wide = view, wide
        self._apply()

    def fit(self, width: int) -> None:
        """The window is that wide."""
        self._narrow = width < NARROW
        self._apply()

    def toggle(self) -> None:
        """Fold or unfold, for this view from now on."""
        self.set_folded(not self.folded)

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold, for this view from now on."""
        self._chosen[self._key] = "folded" if folded else "open"
        self._fold(folded)

    def choices(self) -> dict[str, str]:
        """What the user chose for each view, for the next start."""
        return dict(self._chosen)

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        """What `choices` gave."""
        self._chosen = dict(choices)
        self._apply()

    @property
    def _key(self) -> str:
        return f"{self._view}.narrow" if self._narrow else self._view

    def _apply(self) -> None:
        first = "folded" if self._wide or self._narrow else "open"
        self._fold(self._chosen.get(self._key, first) == "folded")

    def _fold(self, folded: bool) -> None:
        changed, self.folded = folded != self.folded, folded
        if changed and folded and holds(self.runs, QApplication.focusWidget()):
            self.runs_button.show()
            self.runs_button.setFocus(Qt.FocusReason.OtherFocusReason)
        self.setFixedWidth(RAIL if folded else WIDE)
        side = 8 if folded else 12
        self._head.setContentsMargins(side, 0, side, 0)
        self._foot.setContentsMargins(side, 0, side, 0)
        self.new_button.setText("" if folded else "New run")
        for button in (*self.buttons.values(), self.runs_button):
            button.set_folded(folded)
        self.runs_button.setVisible(folded)
        self.runs.setVisible(not folded)
        self._line.setVisible(not folded)
        name = "Unfold the side bar" if folded else "Fold the side bar"
        self.fold_button.setText("" if folded else "Fold")
        self.fold_button.setAccessibleName(name)
        self.fold_button.setToolTip(f"{name} (Ctrl+B)")
        if changed:
            self.fold_changed.emit(folded)

    def _restyle(self) -> None:
        look = theme.current()
        self.new_button.setIcon(icons.icon("plus", look.on_accent))
        self.fold_button.setIcon(icons.icon("side-bar", look.muted))
