"""A run's status, or that it is an imported file: icon, word and colour, so that no one of them has to be seen."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.theme import glyphs

WORDS = {
    "queued": "queued",
    "running": "running",
    "paused": "paused",
    "stopped": "stopped",
    "interrupted": "interrupted",
    "failed": "failed",
    "done": "done",
    "import": "imported file",
}
_MEANING = {
    "queued": "Waiting for its engine to start.",
    "running": "An engine is working on it.",
    "paused": "Its engine waits and keeps its state.",
    "stopped": "Stopped on request. Resume continues from there.",
    "interrupted": "Its engine stopped unexpectedly, with no exit message (a crash, a power cut). Resume continues "
    "from the last checkpoint.",
    "failed": "Its engine reported an error. The banner says which.",
    "done": "All phases are complete.",
    "import": "Solutions from a file. No run made them.",
}
HEIGHT = 22


class StatusChip(QWidget):
    """A pill with icon and word in the status's colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = "queued"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFont(theme.font("small"))
        theme.on_change(self, self.update)
        self.set_status("queued")

    def set_status(self, status: str) -> None:
        """Show this status."""
        self._status = status
        word = WORDS.get(status, status)
        self.setAccessibleName(f"Status: {word}")
        self.setToolTip(_MEANING.get(status, ""))
        self.updateGeometry()
        self.update()

    @property
    def status(self) -> str:
        """The status shown."""
        return self._status

    def sizeHint(self) -> QSize:
        word = WORDS.get(self._status, self._status)
        return QSize(8 + 14 + 5 + self.fontMetrics().horizontalAdvance(word) + 10, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        colour = look.status(self._status)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill = QColor(colour)
        fill.setAlphaF(0.16 if look.dark else 0.10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(QRectF(self.rect()), HEIGHT / 2, HEIGHT / 2)
        glyphs.paint(painter, self._status, colour, QRectF(8, (HEIGHT - 14) / 2, 14, 14))
        painter.setPen(QColor(colour))
        painter.drawText(
            QRectF(27, 0, self.width() - 27, HEIGHT),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            WORDS.get(self._status, self._status),
        )
