"""How many questions both runs answer correctly, one of them alone, or neither: one bar of four parts."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_studio.app.comparison.records import Outcome
from sapo_ui import theme
from sapo_ui.features.compare.dots import colour_of

BAR, LEGEND, GAP = 16, 22, 2


@dataclass(frozen=True)
class Part:
    """One outcome: its words, how many, and the colour of the run that is right alone (None: grey)."""

    outcome: Outcome
    text: str
    count: int
    slot: int | None = None


class FourWayBar(QWidget):
    """The bar and its legend. A click on a part chooses it; the keyboard has the segments below."""

    chosen = Signal(object)
    """(outcome: Outcome)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parts: tuple[Part, ...] = ()
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def show_parts(self, parts: tuple[Part, ...]) -> None:
        """Show these, in order."""
        if parts != self.parts:
            self.parts = parts
            self.setAccessibleName(", ".join(f"{part.text} {part.count}" for part in parts))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, BAR + LEGEND)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, BAR + LEGEND)

    def places(self) -> list[QRectF]:
        """Where each part of the bar is."""
        total = sum(part.count for part in self.parts) or 1
        room, left, found = self.width() - GAP * (len(self.parts) - 1), 0.0, list[QRectF]()
        for part in self.parts:
            wide = room * part.count / total
            found.append(QRectF(left, 0, max(1.0, wide), BAR))
            left += wide + GAP
        return found

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for part, where in zip(self.parts, self.places(), strict=True):
            if part.count and where.contains(event.position()):
                self.chosen.emit(part.outcome)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not any(part.count for part in self.parts):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        look = theme.current()
        for part, where in zip(self.parts, self.places(), strict=True):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colour(part))
            if part.count:
                painter.drawRoundedRect(where, 2, 2)
        metrics, x = QFontMetricsF(self.font()), 0.0
        texts = self._texts(metrics)
        for part, text in zip(self.parts, texts, strict=True):
            painter.setPen(QColor(look.border) if part.outcome == "neither" else Qt.PenStyle.NoPen)
            painter.setBrush(self._colour(part))
            painter.drawRect(QRectF(x + 0.5, BAR + 7.5, 7, 7))
            painter.setPen(QColor(look.muted))
            painter.drawText(QRectF(x + 11, BAR, self.width(), LEGEND), Qt.AlignmentFlag.AlignVCenter, text)
            x += 11 + metrics.horizontalAdvance(text) + 10

    def _texts(self, metrics: QFontMetricsF) -> list[str]:
        """Each part's words and number; where there is little room, the names of runs end in an ellipsis."""
        named = [f"{part.text} {part.count:,}" for part in self.parts]
        over = sum(metrics.horizontalAdvance(text) + 21 for text in named) - 10 - self.width()
        long = [part for part in self.parts if part.slot is not None]
        if over <= 0 or not long:
            return named
        each = max(metrics.horizontalAdvance(part.text) for part in long) - over / len(long)
        while each > 30:
            made = [
                text
                if part.slot is None
                else f"{metrics.elidedText(part.text, Qt.TextElideMode.ElideMiddle, each)} {part.count:,}"
                for part, text in zip(self.parts, named, strict=True)
            ]
            if sum(metrics.horizontalAdvance(text) + 21 for text in made) - 10 <= self.width():
                return made
            each -= 6
        return [f"{part.count:,}" for part in self.parts]

    @staticmethod
    def _colour(part: Part) -> QColor:
        look = theme.current()
        if part.slot is not None:
            return colour_of(part.slot)
        return QColor(look.muted if part.outcome == "both" else look.sunken)
