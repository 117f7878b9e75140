"""One headline number: label, value, change since the last iteration, and a small line of how it got there."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.widgets.plain_text import plain_tip

HEIGHT = 84
LEAST_FONT = 12
"""Pixels."""


@dataclass(frozen=True)
class Headline:
    """What a card shows. `trend` is better, worse or same: it gets an arrow and a word's colour. `history`: the
    value, iteration by iteration."""

    label: str
    value: str
    note: str = ""
    trend: str = "same"
    history: tuple[float, ...] = ()
    tip: str = ""


class HeadlineCard(QWidget):
    """A card with one number. The definition is on hover."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = Headline("", "")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def show_headline(self, headline: Headline) -> None:
        """Show this."""
        if headline == self._shown:
            return
        self._shown = headline
        self.setAccessibleName(f"{headline.label}: {headline.value} {headline.note}".strip())
        self.setAccessibleDescription(headline.tip)
        self.setToolTip(plain_tip(headline.tip))
        self.update()

    @property
    def shown(self) -> Headline:
        """What is shown."""
        return self._shown

    def sizeHint(self) -> QSize:
        return QSize(150, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(112, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        card = self._shown
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(look.hairline), 1))
        painter.setBrush(QColor(look.surface))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        inside = QRectF(self.rect()).adjusted(12, 8, -12, -8)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        small = QFontMetricsF(painter.font())
        label = small.elidedText(card.label, Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(QRectF(inside.x(), inside.y(), inside.width(), 16), align, label)

        note = small.elidedText(
            card.note, Qt.TextElideMode.ElideRight, inside.width() - (12 if card.trend != "same" else 0)
        )
        painter.setPen(QColor({"better": look.good, "worse": look.bad}.get(card.trend, look.muted)))
        bottom = QRectF(inside.x(), inside.bottom() - 16, inside.width(), 16)
        painter.drawText(bottom, align, note)

        painter.setFont(self.value_font(inside.width()))
        painter.setPen(QColor(look.text if card.history or card.value != "\u2013" else look.muted))
        painter.drawText(QRectF(inside.x(), inside.y() + 16, inside.width(), 36), align, card.value)
        used = QFontMetricsF(painter.font()).horizontalAdvance(card.value)
        self._paint_history(painter, QRectF(inside.x() + used + 12, inside.y() + 24, inside.width() - used - 12, 20))

    def value_font(self, room: float) -> QFont:
        """The headline's font, smaller where the value would not fit into `room` pixels."""
        font = QFont(theme.font("headline"))
        used = QFontMetricsF(font).horizontalAdvance(self._shown.value)
        if used > room > 0:
            font.setPixelSize(max(LEAST_FONT, int(QFontInfo(font).pixelSize() * room / used)))
        return font

    def _paint_history(self, painter: QPainter, room: QRectF) -> None:
        values = self._shown.history
        if len(values) < 2 or room.width() < 24:
            return
        look = theme.current()
        width = min(room.width() - 3, 14.0 * (len(values) - 1))
        low, high = min(values), max(values)
        spread = (high - low) or 1.0
        start = room.right() - 3 - width
        line = QPolygonF(
            [
                QPointF(
                    start + width * at / (len(values) - 1),
                    room.bottom() - 2 - (room.height() - 4) * (value - low) / spread,
                )
                for at, value in enumerate(values)
            ]
        )
        painter.setPen(QPen(QColor(look.border), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(line)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.accent))
        painter.drawEllipse(line.last(), 2.5, 2.5)
