"""Pictures of what is on the screen: asking where one is to go, and drawing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from sapo_studio.errors import InputError
from sapo_ui import theme
from sapo_ui.widgets.plain_text import show_plainly

PICTURE_SCALE = 2
"""Pixels of an exported PNG for one on the screen."""


def ask_picture(parent: QWidget, write: Callable[[Path], object]) -> None:
    """Ask for a file's name and have `write` write the picture to it: PNG, or SVG where the name ends in `.svg`.
    `write` raises InputError or OSError where it cannot."""
    name = "-".join(parent.accessibleName().lower().split()) or "picture"
    chosen, kind = QFileDialog.getSaveFileName(
        parent, "Export picture", f"{name}.png", "PNG picture (*.png);;SVG drawing (*.svg)"
    )
    if not chosen:
        return
    path = Path(chosen)
    if path.suffix.lower() not in (".png", ".svg"):
        path = path.with_name(path.name + (".svg" if "svg" in kind else ".png"))
    try:
        write(path)
    except (OSError, InputError) as problem:
        box = QMessageBox(
            QMessageBox.Icon.Warning, "Export picture", "The picture could not be written.", parent=parent
        )
        box.setInformativeText(str(problem))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        show_plainly(box)
        box.open()


def drawn(widget: QWidget, paint: Callable[[QPainter], object], *, svg: bool) -> bytes:
    """What `paint` draws in the size of `widget`, on the surface: an SVG drawing, or a PNG with two pixels for one."""
    buffer = QBuffer()
    surface = QColor(theme.current().surface)
    if svg:
        from PySide6.QtSvg import QSvgGenerator

        generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)  # the later Tiny 1.2 has no clipping
        generator.setOutputDevice(buffer)
        generator.setSize(widget.size())
        generator.setViewBox(widget.rect())
        generator.setTitle(widget.accessibleName())
        painter = QPainter(generator)
        painter.fillRect(widget.rect(), surface)
        paint(painter)
        painter.end()
        return bytes(buffer.data().data())
    image = QImage(widget.size() * PICTURE_SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PICTURE_SCALE)
    image.fill(surface)
    painter = QPainter(image)
    paint(painter)
    painter.end()
    # Qt takes the name of a format as text.
    image.save(buffer, "PNG")  # pyright: ignore[reportArgumentType, reportCallIssue]
    return bytes(buffer.data().data())
