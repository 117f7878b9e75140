"""What can be taken out of a chart, a table or any other drawing: its picture, to the clipboard or a file, and its
numbers. One mechanism for all of them: a menu under the right mouse button, and one by keyboard (`offer_near`).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, cast

from PySide6.QtCore import QBuffer, QObject, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QMenu, QMessageBox, QWidget

from sapo_studio.errors import InputError
from sapo_studio.files import output_place, write_atomic
from sapo_ui import theme
from sapo_ui.widgets.plain_text import show_plainly
from sapo_ui.widgets.saving import NUMBERS, PNG, SVG, saving

PICTURE_SCALE = 2
"""Pixels of an exported PNG for one on the screen."""

Table = Iterable[Sequence[object]]
"""Rows of a CSV file, the first with the names of the columns and their units. They may be made one by one, in another
thread than the window's, from what nobody changes any more."""

KINDS = (
    ("Save as &PNG\u2026", "png", PNG),
    ("Save as &SVG\u2026", "svg", SVG),
    ("Save &numbers (CSV)\u2026", "csv", NUMBERS),
)
"""What can be saved: what the menu says, how the name ends, and what the dialog calls it."""


class Exportable(Protocol):
    """What a widget has that something can be taken out of."""

    @property
    def has_content(self) -> bool:
        """Whether there is anything to take out."""
        ...

    def table(self) -> Table:
        """Its numbers."""
        ...

    def picture_size(self) -> QSize:
        """The size of a picture of it, in pixels of the screen."""
        ...

    def paint_picture(self, painter: QPainter, where: QRectF) -> None:
        """Draw it."""
        ...

    def add_to_menu(self, menu: QMenu) -> None:
        """Add what else its context menu offers."""
        ...


class PanelExport(QObject):
    """The exports of `widget`, an `Exportable`, which has them in its context menu from then on. It belongs to the
    widget, and holds nothing of it: what held it in turn would keep a closed chart alive."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        widget.customContextMenuRequested.connect(self._asked)

    @property
    def source(self) -> Exportable:
        """What is exported."""
        return cast("Exportable", self.parent())

    @property
    def _widget(self) -> QWidget:
        return cast("QWidget", self.parent())

    @property
    def title(self) -> str:
        """What is exported."""
        return self._widget.accessibleName() or "Chart"

    @property
    def ready(self) -> bool:
        """Whether it is on the screen, and there is something to take out."""
        return self._widget.isVisible() and self.source.has_content

    def menu(self) -> QMenu:
        """What the right mouse button offers."""
        menu = _menu(self._widget)
        self.fill_menu(menu)
        self.source.add_to_menu(menu)
        return menu

    def fill_menu(self, menu: QMenu) -> None:
        """Offer everything that can be taken out."""
        menu.addAction("&Copy picture").triggered.connect(self.copy_picture)
        for text, ending, kind in KINDS:
            asks = menu.addAction(text)
            asks.triggered.connect(lambda _=False, ending=ending, kind=kind: self.ask(ending, kind))

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QGuiApplication.clipboard().setImage(self.image())
        saving().say(f"Copied the picture of {self.title}.")

    def ask(self, ending: str, kind: str) -> None:
        """Ask for a file and write it in the background."""
        name = "-".join(self.title.lower().split()) or "chart"
        path = saving().ask(self._widget, f"Save {self.title}", f"{name}.{ending}", kind)
        if path is None:
            return
        try:
            place, made = output_place(path), self._content(ending)
        except InputError as problem:
            self._tell(path, problem)
            return
        saving().write(
            self._widget,
            lambda: write_atomic(place, made()),
            lambda: saving().tell(path),
            lambda problem: self._tell(path, problem),
        )

    def write(self, path: Path) -> None:
        """Write it at once, as the ending of `path` says: SVG, CSV, else PNG (two pixels for one on the screen).

        Raises InputError where something else than a plain file stands there, OSError where writing fails.
        """
        place = output_place(path)
        write_atomic(place, self._content(path.suffix.lower().removeprefix("."))())

    def _content(self, ending: str) -> Callable[[], bytes]:
        """What makes the file's bytes, in any thread. What must be drawn is drawn now."""
        if ending == "csv":
            table = self.source.table()
            return lambda: _csv(table)
        if ending == "svg":
            drawn = self._svg()
            return lambda: drawn
        image = self.image()
        return lambda: _png(image)

    def _tell(self, path: Path, problem: Exception) -> None:
        """Say that it was not written, and why."""
        box = QMessageBox(
            QMessageBox.Icon.Warning, f"Save {self.title}", f"{path.name} could not be written.", parent=self._widget
        )
        box.setInformativeText(str(problem))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        show_plainly(box)
        box.open()

    def image(self) -> QImage:
        """The picture."""
        size = self.source.picture_size()
        image = QImage(size * PICTURE_SCALE, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(PICTURE_SCALE)
        image.fill(QColor(theme.current().surface))
        painter = QPainter(image)
        self.source.paint_picture(painter, QRectF(0, 0, size.width(), size.height()))
        painter.end()
        return image

    def _svg(self) -> bytes:
        """By Qt: pyqtgraph 0.14's own exporter fails over the closed paths that Qt 6.11 writes (its issue 3495)."""
        from PySide6.QtSvg import QSvgGenerator

        size = self.source.picture_size()
        where = QRectF(0, 0, size.width(), size.height())
        buffer = QBuffer()
        generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)  # the later Tiny 1.2 has no clipping
        generator.setOutputDevice(buffer)
        # else what pyqtgraph has recorded as QPicture comes out smaller
        generator.setResolution(self._widget.logicalDpiX())
        generator.setSize(size)
        generator.setViewBox(where)
        generator.setTitle(self.title)
        painter = QPainter(generator)
        painter.fillRect(where, QColor(theme.current().surface))
        self.source.paint_picture(painter, where)
        painter.end()
        return bytes(buffer.data().data())

    def _asked(self, at: QPoint) -> None:
        if self.source.has_content:
            self.menu().popup(self._widget.mapToGlobal(at))


def offer_near(focus: QWidget | None, page: QWidget) -> QMenu | None:
    """A menu of what can be taken out of what has the focus, or of the nearest part of `page` around it that has
    anything; of the whole page where the focus is elsewhere. None where there is nothing."""
    around = focus if focus is not None and page.isAncestorOf(focus) else page
    while not (found := exports_in(around)) and around is not page:
        parent = around.parentWidget()
        if parent is None:
            break
        around = parent
    if not found:
        return None
    if len(found) == 1:
        menu = found[0].menu()
    else:
        menu = _menu(page)
        for one in found:
            one.fill_menu(menu.addMenu(one.title))
    menu.popup(around.mapToGlobal(around.rect().center()))
    return menu


def exports_in(widget: QWidget) -> list[PanelExport]:
    """Those of `widget` and of what it holds that are ready."""
    return [one for one in widget.findChildren(PanelExport) if one.ready]


def with_unit(name: str, unit: str) -> str:
    """What a column is called: `value (fraction)`."""
    return f"{name} ({unit})" if unit else name


def _menu(parent: QWidget) -> QMenu:
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return menu


def _png(image: QImage) -> bytes:
    buffer = QBuffer()
    # Qt takes the name of a format as text.
    image.save(buffer, "PNG")  # pyright: ignore[reportArgumentType, reportCallIssue]
    return bytes(buffer.data().data())


def _csv(table: Table) -> bytes:
    """A number in full, and nothing where there is none."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in table)
    return text.getvalue().encode("utf-8", "backslashreplace")  # halves of surrogate pairs, in texts of models


def _cell(value: object) -> object:
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else ""  # numpy's are floats, too
    return value
