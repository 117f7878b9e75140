"""How full something gets: a groove, filled as far as it goes. What does not fit fills it all and is hatched."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme

HEIGHT = 8


class LevelBar(QWidget):
    """`set_level(share, tight)`: a share of the whole; `tight` paints it in the colour of warnings."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.share = 0.0
        self.tight = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def set_level(self, share: float, *, tight: bool) -> None:
        """Fill the groove to `share` (1: full; more: over)."""
        self.share, self.tight = share, tight
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(0, 0, self.width(), HEIGHT)
        painter.setBrush(QColor(look.sunken))
        painter.drawRoundedRect(whole, HEIGHT / 2, HEIGHT / 2)
        filled = QRectF(0, 0, max(HEIGHT, self.width() * min(1.0, self.share)), HEIGHT)
        colour = QColor(look.warning if self.tight else look.accent)
        painter.setBrush(colour)
        painter.drawRoundedRect(filled, HEIGHT / 2, HEIGHT / 2)
        if self.share > 1:
            painter.setBrush(QBrush(QColor(look.surface), Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(filled, HEIGHT / 2, HEIGHT / 2)
