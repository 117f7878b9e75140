"""What the charts on pyqtgraph share: a plot that is made when there is data, focus, a context menu, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import ChartFrame, style_plot

if TYPE_CHECKING:
    from sapo_ui.widgets.charts.plot_parts import PlotView

FOCUS_ROOM = 3


class PlotFrame(ChartFrame):
    """Holds a `PlotView`. pyqtgraph is first imported when one is needed, so that the window opens without it."""

    _view: PlotView | None = None
    zoom = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(FOCUS_ROOM, FOCUS_ROOM, FOCUS_ROOM, FOCUS_ROOM)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def view(self) -> PlotView | None:
        """The plot, once there is something to draw."""
        return self._view

    def need_view(self) -> PlotView:
        """The plot; made on the first call."""
        if self._view is None:
            from sapo_ui.widgets.charts.plot_parts import PlotView

            self._view = PlotView(self, zoom=self.zoom)
            self._column.addWidget(self._view)
            self.add_items(self._view)
            self._restyle()
        return self._view

    def add_items(self, view: PlotView) -> None:
        """Put the items of this chart into a new plot."""
        raise NotImplementedError

    def apply_colours(self, view: PlotView) -> None:
        """Give them the colours of the theme."""
        raise NotImplementedError

    def _restyle(self) -> None:
        if self._view is not None:
            style_plot(self._view)
            self._view.bottom.setHeight(self.ascent() + 7)
            self.apply_colours(self._view)
        self.update()

    # Menu

    @property
    def zoomed(self) -> bool:
        """Whether only a part of the data is in view."""
        return False

    def reset_view(self) -> None:
        """Show all of the data again."""

    def add_to_menu(self, menu: QMenu) -> None:
        if self.zoom:
            reset = menu.addAction("&Reset view")
            reset.setEnabled(self.zoomed)
            reset.triggered.connect(self.reset_view)

    @property
    def has_content(self) -> bool:
        return self._view is not None and self._view.isVisibleTo(self)

    def picture_size(self) -> QSize:
        return self.need_view().viewport().size()

    def paint_picture(self, painter: QPainter, where: QRectF) -> None:
        view = self.need_view()
        view.render(painter, where, view.viewport().rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(theme.current().accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
