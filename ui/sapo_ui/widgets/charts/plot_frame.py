"""What the charts on pyqtgraph share: a plot that is made when there is data, focus, a context menu, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QBuffer, QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from sapo_studio.files import output_place
from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import ChartFrame, style_plot
from sapo_ui.widgets.pictures import PICTURE_SCALE, ask_picture

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

    def context_menu(self) -> QMenu:
        """What the right mouse button offers."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Export picture\u2026").triggered.connect(self.ask_picture)
        if self.zoom:
            reset = menu.addAction("Reset view")
            reset.setEnabled(self.zoomed)
            reset.triggered.connect(self.reset_view)
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._view is not None and self._view.isVisibleTo(self):
            self.context_menu().popup(event.globalPos())

    def ask_picture(self) -> None:
        """Ask for a file name and write the chart to it."""
        ask_picture(self, self.write_picture)

    def write_picture(self, path: Path) -> None:
        """Write the chart as PNG (two pixels for one on the screen) or, where the name ends in `.svg`, as SVG.

        Raises InputError where something else than a plain file stands there, OSError where writing fails.
        """
        place = output_place(path)
        view = self.need_view()
        place.write_bytes(self._svg(view) if path.suffix.lower() == ".svg" else self._png(view))

    @staticmethod
    def _png(view: PlotView) -> bytes:
        from pyqtgraph import exporters

        item: Any = view.getPlotItem()
        exporter: Any = exporters.ImageExporter(item)
        exporter.parameters()["width"] = round(item.width()) * PICTURE_SCALE
        picture: QImage = exporter.export(toBytes=True)
        buffer = QBuffer()
        # Qt takes the name of a format as text.
        picture.save(buffer, "PNG")  # pyright: ignore[reportArgumentType, reportCallIssue]
        return bytes(buffer.data().data())

    def _svg(self, view: PlotView) -> bytes:
        """By Qt: pyqtgraph 0.14's own exporter fails over the closed paths that Qt 6.11 writes (its issue 3495)."""
        from PySide6.QtSvg import QSvgGenerator

        where = QRectF(view.viewport().rect())
        buffer = QBuffer()
        generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)  # the later Tiny 1.2 has no clipping
        generator.setOutputDevice(buffer)
        generator.setResolution(view.logicalDpiX())  # else what pyqtgraph has recorded as QPicture comes out smaller
        generator.setSize(where.size().toSize())
        generator.setViewBox(where)
        generator.setTitle(self.accessibleName())
        painter = QPainter(generator)
        painter.fillRect(where, QColor(theme.current().surface))
        view.render(painter, where, view.viewport().rect())
        painter.end()
        return bytes(buffer.data().data())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(theme.current().accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
