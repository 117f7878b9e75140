"""What all charts share: theme, type, sizes, what can be taken out of them, and the look of a pyqtgraph plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPoint, QRectF, QSize
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.widgets.panel_export import PanelExport, Table

Format = Callable[[float], str]


class ChartFrame(QWidget):
    """A widget that a chart is painted on: theme, type, sizes. Nothing moves but by new data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.export = PanelExport(self)
        """Its exports."""
        theme.on_change(self, self._restyle)

    # What can be taken out

    @property
    def has_content(self) -> bool:
        """Whether there is anything to take out."""
        return True

    def table(self) -> Table:
        """The numbers that are drawn."""
        raise NotImplementedError

    def picture_size(self) -> QSize:
        """The size of a picture of it, in pixels of the screen."""
        return self.size()

    def paint_picture(self, painter: QPainter, where: QRectF) -> None:
        """Draw it, as it is on the screen."""
        del where
        self.render(painter, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)

    def add_to_menu(self, menu: QMenu) -> None:
        """Add what else the right mouse button offers."""

    def sizeHint(self) -> QSize:
        return QSize(360, 200)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 90)

    def _restyle(self) -> None:
        self.update()

    def series_colour(self, index: int, *, text: bool = False) -> QColor:
        """The colour of a series; `text` gives the shade that reads as text."""
        look = theme.current()
        colours = look.series_text if text else look.series
        return QColor(colours[index % len(colours)])

    def ascent(self) -> int:
        """Pixels a line of text needs."""
        return self.fontMetrics().height()


def style_plot(plot: Any) -> None:
    """Give a pyqtgraph PlotItem (or PlotWidget) the window's look: no frame, no axis lines, hairlines across at the
    ticks of the left axis. Call it again when the theme changes."""
    look = theme.current()
    item: Any = plot.getPlotItem() if hasattr(plot, "getPlotItem") else plot
    if hasattr(plot, "setBackground"):
        plot.setBackground(look.surface)
    item.hideButtons()
    item.setMenuEnabled(False)
    for side in ("left", "bottom"):
        axis = item.getAxis(side)
        axis.setPen(None)
        axis.setTickPen(QColor(look.hairline) if side == "left" else None)
        axis.setTextPen(QColor(look.muted))
        axis.setStyle(tickFont=theme.font("small"), tickLength=0, tickTextOffset=6, tickAlpha=255)
        axis.label.setFont(theme.font("small"))
    item.getAxis("left").setGrid(255)
