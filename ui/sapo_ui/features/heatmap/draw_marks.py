"""Marks over many columns: where columns are narrow, one mark stands for several, as binning says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap

from sapo_ui.features.heatmap.binning import Ints, MarkLayer, bin_marks
from sapo_ui.widgets.marks import DRAW, SIZES

STAMP = 24


def _stamp(shape: str, size: float, ratio: float, colours: tuple[QColor, QColor]) -> QPixmap:
    """The mark on a pixmap of its own, to be put down hundreds of times."""
    made = QPixmap(round(STAMP * ratio), round(STAMP * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    DRAW[shape](painter, QPointF(STAMP / 2, STAMP / 2), size, *colours)
    painter.end()
    return made


def draw_marks(
    painter: QPainter,
    layers: Iterable[MarkLayer],
    edges: Ints,
    rows: int,
    plot: QRectF,
    colours: tuple[QColor, QColor],
) -> int:
    """Draw all layers over the bins `edges`, which fill `plot`. Returns how many marks were drawn.

    Where marks of several kinds fall into one cell they are drawn so that each can be read: the square inside the
    ring, the triangle above.
    """
    bins = len(edges) - 1
    if bins < 1 or rows < 1:
        return 0
    cells: dict[tuple[int, int], list[str]] = defaultdict(list)
    for layer in layers:
        for key in bin_marks(layer, edges, rows):
            cells[key].append(layer.shape)
    width, height = plot.width() / bins, plot.height() / rows
    stamps: dict[tuple[str, float], QPixmap] = {}
    for (column, row), shapes in cells.items():
        centre = QPointF(plot.left() + (column + 0.5) * width, plot.top() + (row - 0.5) * height)
        for shape in ("ring", "square", "triangle"):
            if shape not in shapes:
                continue
            at, size = centre, min(SIZES[shape], max(4.0, 0.8 * height))
            if shape == "triangle" and len(shapes) > 1:
                if height >= 26:
                    at = QPointF(centre.x(), centre.y() - 0.5 * height + 7)
                else:
                    size = min(14.0, height)
            stamp = stamps.get((shape, size))
            if stamp is None:
                stamp = stamps[shape, size] = _stamp(shape, size, painter.device().devicePixelRatioF(), colours)
            painter.drawPixmap(at - QPointF(STAMP / 2, STAMP / 2), stamp)
    return sum(len(shapes) for shapes in cells.values())
