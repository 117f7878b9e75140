"""The panels of the run page: docks in a window of their own, so that their layout is theirs to save and restore."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QChildEvent, QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QTabBar,
    QTabWidget,
    QToolButton,
    QWidget,
)

from sapo_ui import theme
from sapo_ui.panels.panel import Area, Panel, PanelSpec
from sapo_ui.services.poller import StoreChange
from sapo_ui.theme import icons
from sapo_ui.widgets.plain_text import PlainLabel

LAYOUT_VERSION = 2
"""Goes up when saved layouts should be dropped. A new panel does not ask for it: it joins the others of its area."""


LEAST_HEIGHTS: dict[Area, int] = {"main": 126, "side": 126, "bottom": 192}
"""Pixels of a panel: three lines of a chart with their names; a filter bar in two rows and some rows of a table."""
LEAST_AREA = 2 * (LEAST_HEIGHTS["side"] + 30) + LEAST_HEIGHTS["bottom"] + 30 + 16
"""Two panels above each other and one below them, with their tabs."""


class DockTitle(QWidget):
    """A dock's title bar: name, help, float, close. Hidden while the dock is one of several tabs, which name it
    already."""

    def __init__(self, dock: QDockWidget, title: str) -> None:
        super().__init__(dock)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._dock = dock
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 2)
        row.setSpacing(0)
        name = PlainLabel(title)
        name.setFont(theme.font("strong"))
        row.addWidget(name, 1)
        self.float_button = self._button(f"Float {title}", "Float or dock")
        self.float_button.clicked.connect(self._toggle_float)
        self.close_button = self._button(f"Close {title}", "Close (the View menu shows it again)")
        self.close_button.clicked.connect(dock.close)
        row.addWidget(self.float_button)
        row.addWidget(self.close_button)
        theme.on_change(self, self._restyle)

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.setFixedSize(24, 22)
        button.setStyleSheet("padding: 0;")
        return button

    def _toggle_float(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())

    def _restyle(self) -> None:
        muted = theme.current().muted
        self.float_button.setIcon(icons.icon("float", muted))
        self.close_button.setIcon(icons.icon("close", muted))


class _Holder(QWidget):
    """Gives its panel the whole room, even where that is less than the panel asks for: tall panels behind other tabs
    would else press their neighbours out of the page."""

    def __init__(self, panel: Panel, least: int) -> None:
        super().__init__()
        self._panel = panel
        panel.setParent(self)
        self.setMinimumSize(180, least)

    def sizeHint(self) -> QSize:
        return self._panel.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        del event
        self._panel.setGeometry(self.rect().adjusted(1, 0, -1, -3))


class PanelDock(QDockWidget):
    """A dock with one panel."""

    def __init__(self, spec: PanelSpec, parent: QMainWindow) -> None:
        panel = spec.panel()
        super().__init__(panel.title, parent)
        self.spec = spec
        self.panel = panel
        self.setObjectName(f"dock.{panel.panel_id}")
        self.setAccessibleName(panel.title)
        self.setWidget(_Holder(panel, LEAST_HEIGHTS[spec.area]))
        self.title_bar = DockTitle(self, panel.title)
        self._no_title = QWidget(self)
        self._no_title.setFixedHeight(0)
        self.setTitleBarWidget(self.title_bar)
        self.toggleViewAction().setText(panel.title)
        self.toggleViewAction().setToolTip(f"Show or hide the panel {panel.title}")

    def paintEvent(self, event: QPaintEvent) -> None:
        """The card behind title bar and panel; open at the top where tabs sit on it."""
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(look.hairline))
        painter.setBrush(QColor(look.surface))
        card = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.titleBarWidget() is self._no_title:
            painter.setClipRect(self.rect())
            card.setTop(card.top() - 2 * theme.RADIUS)
        painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)

    def follow_tabs(self, tabbed: bool) -> None:
        """Show the title bar only where no tab shows the title."""
        wanted = self._no_title if tabbed and not self.isFloating() else self.title_bar
        if self.titleBarWidget() is not wanted:
            (self.title_bar if wanted is self._no_title else self._no_title).hide()
            self.setTitleBarWidget(wanted)
            wanted.show()


class DockArea(QMainWindow):
    """Holds the panels of `specs`."""

    queue_requested = Signal(object)
    """(TraceFilter) One of the panels wants a queue made of what it lists."""

    def __init__(self, specs: Sequence[PanelSpec], parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Widget)
        self.setMinimumHeight(LEAST_AREA)
        self.setDockNestingEnabled(True)
        self.setDockOptions(
            QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.GroupedDragging
        )
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._heights: tuple[int, int] | None = None
        self.docks: dict[str, PanelDock] = {}
        for spec in specs:
            dock = PanelDock(spec, self)
            self.docks[dock.panel.panel_id] = dock
            dock.panel.trace_requested.connect(self.show_trace)
            dock.panel.queue_requested.connect(self.queue_requested)
            dock.topLevelChanged.connect(self._tabs_changed)
            dock.visibilityChanged.connect(self._tabs_changed)
        self.reset()

    @property
    def panels(self) -> list[Panel]:
        """All panels, shown or not."""
        return [dock.panel for dock in self.docks.values()]

    @property
    def view_actions(self) -> list[QAction]:
        """An action for each panel that shows or hides it."""
        return [dock.toggleViewAction() for dock in self.docks.values()]

    def reset(self) -> None:
        """Put every panel where it stands at first."""
        for dock in self.docks.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        main, side, bottom = self._group("main"), self._group("side"), self._group("bottom")
        # tabs come last: what is split from a dock that is already one of several tabs becomes a tab there
        first = [group[0] for group in (main, side) if group]
        for dock in first:
            self.addDockWidget(Qt.DockWidgetArea.TopDockWidgetArea, dock)
        if len(first) == 2:
            self.splitDockWidget(first[0], first[1], Qt.Orientation.Horizontal)
        if len(side) > 1:
            self.splitDockWidget(side[0], side[1], Qt.Orientation.Vertical)
        for dock in side[2:]:
            self.tabifyDockWidget(side[1], dock)
        for dock in main[1:]:
            self.tabifyDockWidget(main[0], dock)
        for at, dock in enumerate(bottom):
            self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
            if at:
                self.tabifyDockWidget(bottom[0], dock)
        for dock in self.docks.values():
            dock.setVisible(dock.spec.shown)
        for group in (main, side, bottom, side[1:]):
            if group:
                group[0].raise_()
        self._sizes_due = not self.isVisible()
        self._set_sizes()
        self._tabs_changed()

    def _group(self, area: Area) -> list[PanelDock]:
        return [dock for dock in self.docks.values() if dock.spec.area == area]

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._sizes_due:  # only now is it known how much room there is
            self._sizes_due = False
            self._set_sizes()
        elif self._heights is None:
            self._note_heights()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the shares of what stands above each other: Qt gives all that is gained to one of them."""
        super().resizeEvent(event)
        if self._heights is not None and event.oldSize().height() > 0:
            self._share_heights(*self._heights)

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() == QEvent.Type.MouseButtonRelease:  # a border between docks was dragged
            self._note_heights()
        return handled

    def _note_heights(self) -> None:
        """Remember how the height is shared out between what stands at the top and at the bottom."""
        tops, bottoms = ([dock for dock in self._group(area) if _seen(dock)] for area in ("main", "bottom"))
        self._heights = (tops[0].height(), bottoms[0].height()) if tops and bottoms else None

    def _share_heights(self, top: int, bottom: int) -> None:
        main, low = self._group("main"), self._group("bottom")
        if main and low:
            whole = self.height()
            heights = [whole * share // (top + bottom) for share in (top, bottom)]
            self.resizeDocks([main[0], low[0]], heights, Qt.Orientation.Vertical)

    def _set_sizes(self) -> None:
        main, side, bottom = self._group("main"), self._group("side"), self._group("bottom")
        wide = [(group[0], share) for group, share in ((main, 70), (side, 30)) if group]
        # in pixels of what there is: where sizes do not add up, Qt takes as much from each
        widths = [self.width() * share // 100 for _, share in wide]
        self.resizeDocks([dock for dock, _ in wide], widths, Qt.Orientation.Horizontal)
        if bottom and main:
            self._heights = (63, 37)
            self._share_heights(*self._heights)

    def layout_state(self) -> QByteArray:
        """The layout, to be saved."""
        return self.saveState(LAYOUT_VERSION)

    def restore_layout(self, state: QByteArray) -> bool:
        """Put the panels where they were, and those that `state` does not know beside the others of their area. False,
        and nothing changes, where `state` is of another version."""
        restored = self.restoreState(state, LAYOUT_VERSION)
        if restored:
            self._sizes_due = False
            self._heights = None  # those of the layout, once it is shown
            for dock in self.docks.values():
                if dock.objectName().encode("utf-16-be") not in state.data():  # how Qt writes names
                    self._join(dock)
        self._tabs_changed()
        return restored

    def _join(self, dock: PanelDock) -> None:
        """Make `dock` a tab beside the last dock of its area that stands in this window."""
        others = [
            other
            for other in self._group(dock.spec.area)
            if other is not dock and not other.isHidden() and not other.isFloating()
        ]
        if others:
            self.tabifyDockWidget(others[-1], dock)
            others[-1].raise_()
        dock.setVisible(dock.spec.shown)

    def show_run(self, run_id: str | None) -> None:
        """Tell every panel which run to show."""
        for panel in self.panels:
            panel.show_run(run_id)

    def refresh(self, change: StoreChange) -> None:
        """Tell every panel that its run changed."""
        for panel in self.panels:
            panel.refresh(change)

    def show_trace(self, trajectory_id: object, step: object = 0) -> None:
        """Show a trajectory in the panel that is made for it, this step of it chosen, and raise that panel."""
        if not isinstance(trajectory_id, int) or not isinstance(step, int):
            return
        for dock in self.docks.values():
            if dock.panel.show_trace(trajectory_id, step):
                dock.show()
                dock.raise_()
                return

    def focused_panel(self) -> Panel | None:
        """The panel that has the focus somewhere inside."""
        widget = QApplication.focusWidget()
        while widget is not None:
            if isinstance(widget, Panel):
                return widget
            widget = widget.parentWidget()
        return None

    def childEvent(self, event: QChildEvent) -> None:
        """Qt makes tab bars as it needs them; each gets the look of the card below it."""
        super().childEvent(event)
        bar = event.child()
        if event.type() == QEvent.Type.ChildPolished and isinstance(bar, QTabBar):
            bar.setProperty("look", "dock")
            bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
            bar.setAccessibleName("Panels that share this place")
            bar.setDrawBase(False)
            bar.setExpanding(False)
            bar.style().unpolish(bar)
            bar.style().polish(bar)

    def _tabs_changed(self) -> None:
        for dock in self.docks.values():
            dock.follow_tabs(any(not other.isHidden() for other in self.tabifiedDockWidgets(dock)))


def _seen(dock: QDockWidget) -> bool:
    """Whether it stands in the window, and before the others of its tabs."""
    return not dock.isHidden() and not dock.isFloating() and not dock.visibleRegion().isEmpty()
