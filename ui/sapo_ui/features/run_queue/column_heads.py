"""The titles above the rows of the queue, where the columns stand."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.features.run_queue.view import HEAD_HEIGHT, Columns, QueueModel


class ColumnHeads(QWidget):
    """One line."""

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def sizeHint(self) -> QSize:
        return QSize(400, HEAD_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        boxes = max((len(row.boxes) for row in self._model.rows), default=0)
        columns = Columns(self.width(), boxes)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        for title, x in (
            *(("Run", columns.name), ("Cards", columns.cards), ("Starts", columns.starts)),
            *(("Takes", columns.takes), ("Peak memory", columns.memory)),
        ):
            at = QRectF(x, 0, 120, self.height())
            painter.drawText(at, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
        painter.setPen(QColor(look.hairline))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
