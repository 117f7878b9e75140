"""What every chart draws the same way: axes, gridlines, tick labels, the line under the pointer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme

Format = Callable[[float], str]


class ChartFrame(QWidget):
    """A widget that a chart is painted on: theme, type, sizes. Nothing moves but by new data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.on_change(self, self._restyle)

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

    def paint_y_axis(self, painter: QPainter, plot: QRectF, ticks: Sequence[tuple[float, str]]) -> None:
        """Hairlines across `plot` at each (pixel y, text), the text to their left."""
        look = theme.current()
        for y, text in ticks:
            painter.setPen(QPen(QColor(look.hairline), 1))
            painter.drawLine(QPointF(plot.left(), round(y) + 0.5), QPointF(plot.right(), round(y) + 0.5))
            painter.setPen(QColor(look.muted))
            where = QRectF(0, y - 9, plot.left() - 8, 18)
            painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def paint_x_axis(self, painter: QPainter, plot: QRectF, ticks: Sequence[tuple[float, str]]) -> None:
        """Text below `plot` at each (pixel x, text); texts that would run into the one before are left out."""
        painter.setPen(QColor(theme.current().muted))
        edge = -1e9
        for x, text in ticks:
            wide = self.fontMetrics().horizontalAdvance(text)
            left = min(max(x - wide / 2, 2.0), self.width() - wide - 2.0)
            if left > edge + 8:
                painter.drawText(QRectF(left, plot.bottom() + 5, wide + 2, 18), Qt.AlignmentFlag.AlignLeft, text)
                edge = left + wide


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
