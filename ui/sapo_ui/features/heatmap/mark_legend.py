"""What the marks on the heatmap mean, drawn as they are drawn there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.widgets.marks import DRAW, SIZES


class MarkLegend(QWidget):
    """(shape, word)s in a row; shape `hatch` is a cell without a step."""

    def __init__(self, items: Sequence[tuple[str, str]], hover: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = tuple(items)
        self.setFont(theme.font("small"))
        self.setToolTip(hover)
        self.setAccessibleName("Marks: " + ", ".join(f"{shape} {word}" for shape, word in self._items))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self._restyle)

    def _restyle(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(sum(metrics.horizontalAdvance(word) + 32 for _, word in self._items) - 8, 20)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        x = 0.0
        for shape, word in self._items:
            box = QRectF(x, 2, 16, 16)
            if shape == "hatch":
                painter.fillRect(box.adjusted(1, 1, -1, -1), QColor(look.no_step))
                painter.setBrush(QColor(look.border))
                brush = painter.brush()
                brush.setStyle(Qt.BrushStyle.BDiagPattern)
                painter.fillRect(box.adjusted(1, 1, -1, -1), brush)
            else:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                colour, edge = QColor(look.text), QColor(look.surface)
                DRAW[shape](painter, QPointF(box.center()), min(11.0, SIZES[shape]), colour, edge)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            wide = self.fontMetrics().horizontalAdvance(word)
            painter.setPen(QColor(look.muted))
            painter.drawText(QRectF(x + 20, 0, wide + 2, 20), Qt.AlignmentFlag.AlignVCenter, word)
            x += wide + 32
