"""One headline number: label, value, change since the last iteration, and where there is room a line of how it got
there."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.widgets.plain_text import plain_tip

HEIGHT = 56
"""Pixels of its three lines."""

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
    """One number of the strip. The definition is on hover."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = Headline("", "")
        self._folded = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
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

    def set_folded(self, folded: bool) -> None:
        """Show label and value on one line."""
        self._folded = folded
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(104, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(76, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, card = theme.current(), self._shown
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = self.width() - 4.0
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("small"))
        small = QFontMetricsF(painter.font())
        filled = bool(card.history) or card.value != "\u2013"
        if self._folded:
            self._paint_folded(painter, wide, small)
            return
        top = (self.height() - HEIGHT) / 2
        painter.setPen(QColor(look.muted))
        label = small.elidedText(card.label, Qt.TextElideMode.ElideRight, wide)
        painter.drawText(QRectF(0, top, wide, 16), align, label)
        brief = card.note.partition(" since ")[0].removesuffix(" (estimate)") if filled else "not yet"
        note = card.note if small.horizontalAdvance(card.note) <= wide else brief
        note = small.elidedText(note, Qt.TextElideMode.ElideRight, wide)
        painter.setPen(QColor({"better": look.good, "worse": look.bad}.get(card.trend, look.muted)))
        painter.drawText(QRectF(0, top + HEIGHT - 16, wide, 16), align, note)
        painter.setFont(self.value_font(wide))
        painter.setPen(QColor(look.text if filled else look.muted))
        painter.drawText(QRectF(0, top + 16, wide, 24), align, card.value)
        used = QFontMetricsF(painter.font()).horizontalAdvance(card.value)
        self._paint_history(painter, QRectF(used + 12, top + 18, wide - used - 20, 20))

    def _paint_folded(self, painter: QPainter, wide: float, small: QFontMetricsF) -> None:
        look, card = theme.current(), self._shown
        strong = theme.font("strong")
        value = QFontMetricsF(strong).horizontalAdvance(card.value)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        room = max(0.0, wide - value - 6)
        label = small.elidedText(card.label, Qt.TextElideMode.ElideRight, room)
        painter.setPen(QColor(look.muted))
        painter.drawText(QRectF(0, 0, room, self.height()), align, label)
        used = small.horizontalAdvance(label)
        painter.setFont(strong)
        painter.setPen(QColor(look.text))
        painter.drawText(QRectF(used + 6, 0, value + 2, self.height()), align, card.value)

    def value_font(self, room: float) -> QFont:
        """The value's font, smaller where the value would not fit into `room` pixels."""
        font = QFont(theme.font("heading"))
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
