"""Watching a run: the heatmap large, the curves beside it, and the other panels in a drawer below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.run_page.drawer import LEAST, DrawerBar, DrawerSheet
from sapo_ui.panels.panel import Area, Panel
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.focus import holds
from sapo_ui.widgets.share_splitter import ShareSplitter

LEAST_MAIN, LEAST_SIDE, LEAST_CHART = 400, 232, 104
"""Pixels of width of the heatmap and of the side, and of height of a panel at the side."""


class Watch(QWidget):
    """Panels of the areas `main`, `side` and `bottom`. The drawer lies over the others and moves none of them."""

    drawer_closed = Signal()

    def __init__(self, panels: Mapping[Area, Sequence[Panel]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        main, side, bottom = (list(panels.get(area, ())) for area in ("main", "side", "bottom"))
        self.main = ShareSplitter(Qt.Orientation.Vertical, (1,) * len(main))
        self.side = ShareSplitter(Qt.Orientation.Vertical, (1,) * len(side))
        for splitter, group, title in ((self.main, main, len(main) > 1), (self.side, side, True)):
            for panel in group:
                card = Card(panel, panel.title if title else "")
                card.setMinimumHeight(LEAST_CHART)
                splitter.addWidget(card)
        self.split = ShareSplitter(Qt.Orientation.Horizontal, (74, 26) if main and side else (1,))
        for splitter, group, least in ((self.main, main, LEAST_MAIN), (self.side, side, LEAST_SIDE)):
            splitter.setMinimumWidth(least)
            splitter.setParent(self.split if group else self)
            splitter.setVisible(bool(group))
        self.bar = DrawerBar(bottom)
        self.bar.setVisible(bool(bottom))
        self.bar.pressed.connect(self._pressed)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.SPACE_2)
        self._column.addWidget(self.split, 1)
        self._column.addWidget(self.bar)
        self.sheet = DrawerSheet(bottom, self)
        self.sheet.closed.connect(self.close_drawer)

    @property
    def drawer(self) -> str:
        """The panel that is open in the drawer; empty: none."""
        return self.sheet.panel_id if not self.sheet.isHidden() else ""

    def open_drawer(self, panel_id: str) -> None:
        """Open this panel in the drawer."""
        self.sheet.open(panel_id)
        self.bar.show_open(panel_id)
        self._place()

    def close_drawer(self) -> None:
        """Close the drawer; the focus goes back to its button."""
        was = self.drawer
        inside = holds(self.sheet, QApplication.focusWidget())
        self.sheet.hide()
        self.bar.show_open("")
        if was and inside:
            self.bar.buttons[was].setFocus(Qt.FocusReason.OtherFocusReason)
        if was:
            self.drawer_closed.emit()

    def _pressed(self, panel_id: object) -> None:
        if isinstance(panel_id, str):
            if self.drawer == panel_id:
                self.close_drawer()
            else:
                self.open_drawer(panel_id)

    def _place(self) -> None:
        foot = self.bar.y() - 4
        least = max(LEAST, self.sheet.minimumSizeHint().height())
        high = min(foot, max(self.height() // 3, least))
        self.sheet.setGeometry(0, foot - high, self.width(), high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._column.activate()
        self._place()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.drawer:
            self.close_drawer()
        else:
            super().keyPressEvent(event)

    def choices(self) -> dict[str, str]:
        """How the room is divided, for the next start."""
        return {"watch": self.split.text(), "main": self.main.text(), "side": self.side.text()}

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        """What `choices` gave."""
        for name, splitter in (("watch", self.split), ("main", self.main), ("side", self.side)):
            splitter.restore(choices.get(name, ""))

    def reset(self) -> None:
        """As it is at first."""
        self.close_drawer()
        for splitter in (self.split, self.main, self.side):
            splitter.reset()
