"""What can be taken out of a chart: its picture, to the clipboard or a file, and its numbers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QMenu, QMessageBox, QWidget

from sapo_studio.errors import InputError
from sapo_studio.files import output_place
from sapo_ui import theme
from sapo_ui.widgets.plain_text import show_plainly
from sapo_ui.widgets.saving import NUMBERS, PICTURES, saving

PICTURE_SCALE = 2
"""Pixels of an exported PNG for one on the screen."""

Table = Sequence[Sequence[object]]
"""Rows of a CSV file, the first with the names of the columns."""


class ChartExport:
    """The exports of one chart. `paint` draws it, `table` gives its numbers; `size` is that of the picture."""

    def __init__(
        self,
        chart: QWidget,
        size: Callable[[], QSize],
        paint: Callable[[QPainter, QRectF], None],
        table: Callable[[], Table],
    ) -> None:
        self._chart, self._size, self._paint, self._table = chart, size, paint, table

    def fill_menu(self, menu: QMenu) -> None:
        """Offer everything."""
        menu.addAction("&Copy picture").triggered.connect(self.copy_picture)
        menu.addAction("&Export picture\u2026").triggered.connect(self.ask_picture)
        menu.addAction("Export &numbers\u2026").triggered.connect(self.ask_numbers)

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QGuiApplication.clipboard().setImage(self.image())

    def ask_picture(self) -> None:
        """Ask for a file and write the picture to it."""
        self._ask("Export picture", "png", PICTURES, self.write_picture)

    def ask_numbers(self) -> None:
        """Ask for a file and write the numbers to it."""
        self._ask("Export numbers", "csv", NUMBERS, self.write_numbers)

    def _ask(self, title: str, ending: str, kinds: str, write: Callable[[Path], None]) -> None:
        name = "-".join(self._chart.accessibleName().lower().split()) or "chart"
        path = saving().ask(self._chart, title, f"{name}.{ending}", kinds)
        if path is None:
            return
        try:
            write(path)
        except (OSError, InputError) as problem:
            box = QMessageBox(QMessageBox.Icon.Warning, title, f"{path.name} could not be written.", parent=self._chart)
            box.setInformativeText(str(problem))
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            show_plainly(box)
            box.open()
        else:
            saving().tell(path)

    def write_picture(self, path: Path) -> None:
        """Write the chart as PNG (two pixels for one on the screen) or, where the name ends in `.svg`, as SVG.

        Raises InputError where something else than a plain file stands there, OSError where writing fails.
        """
        place = output_place(path)
        place.write_bytes(self._svg() if path.suffix.lower() == ".svg" else self._png())

    def write_numbers(self, path: Path) -> None:
        """Write what the chart shows as CSV, a number in full and nothing where there is none. Raises as
        `write_picture`.
        """
        place = output_place(path)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in self._table())
        place.write_bytes(text.getvalue().encode())

    def image(self) -> QImage:
        """The picture."""
        size = self._size()
        image = QImage(size * PICTURE_SCALE, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(PICTURE_SCALE)
        image.fill(QColor(theme.current().surface))
        painter = QPainter(image)
        self._paint(painter, QRectF(0, 0, size.width(), size.height()))
        painter.end()
        return image

    def _png(self) -> bytes:
        buffer = QBuffer()
        # Qt takes the name of a format as text.
        self.image().save(buffer, "PNG")  # pyright: ignore[reportArgumentType, reportCallIssue]
        return bytes(buffer.data().data())

    def _svg(self) -> bytes:
        """By Qt: pyqtgraph 0.14's own exporter fails over the closed paths that Qt 6.11 writes (its issue 3495)."""
        from PySide6.QtSvg import QSvgGenerator

        size = self._size()
        where = QRectF(0, 0, size.width(), size.height())
        buffer = QBuffer()
        generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)  # the later Tiny 1.2 has no clipping
        generator.setOutputDevice(buffer)
        # else what pyqtgraph has recorded as QPicture comes out smaller
        generator.setResolution(self._chart.logicalDpiX())
        generator.setSize(size)
        generator.setViewBox(where)
        generator.setTitle(self._chart.accessibleName())
        painter = QPainter(generator)
        painter.fillRect(where, QColor(theme.current().surface))
        self._paint(painter, where)
        painter.end()
        return bytes(buffer.data().data())


def _cell(value: object) -> object:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return value
