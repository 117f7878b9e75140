"""The window's own line icons: small SVG files in resources/icons, drawn in whatever colour and size is asked for."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from sapo_studio.paths import resources_dir


@cache
def _source(name: str) -> str:
    return (resources_dir() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@cache
def renderer(name: str, colour: str) -> QSvgRenderer:
    """The icon `name` in `colour` (`#rrggbb`), to be painted at any size."""
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))


def paint(painter: QPainter, name: str, colour: str, where: QRectF) -> None:
    """Paint the icon `name` into `where`."""
    renderer(name, colour).render(painter, where)


@cache
def pixmap(name: str, colour: str, size: int = 16, scale: float = 2.0) -> QPixmap:
    """The icon as a pixmap of `size` device-independent pixels."""
    made = QPixmap(QSize(round(size * scale), round(size * scale)))
    made.setDevicePixelRatio(scale)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    renderer(name, colour).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return made


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sapo-studio-icons-")


@cache
def glyph_file(name: str, colour: str) -> str:
    """A file with the icon in `colour`, for style sheets, which take images from files only. Gone when the program
    ends."""
    path = Path(_folder().name) / f"{name}-{colour.lstrip('#')}.svg"
    path.write_text(_source(name).replace("currentColor", colour), encoding="utf-8")
    return path.as_posix()
