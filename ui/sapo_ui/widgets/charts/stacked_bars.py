"""Shares of a whole, one bar a row; what is too small for a name inside is still named beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import ChartFrame
from sapo_ui.widgets.panel_export import Table, with_unit

BAR, GAP, LEFT, TOP = 20, 14, 44, 6


COMPACT = 330
"""Pixels of width below which names stand once, below all bars."""


@dataclass(frozen=True)
class Part:
    """A part of a bar: how many, in which series colour, and what it means (for the hover)."""

    name: str
    count: float
    series: int
    meaning: str = ""


@dataclass(frozen=True)
class Bar:
    """A row: its name, its parts, and a remark at the right end of the line beneath."""

    name: str
    parts: tuple[Part, ...]
    remark: str = ""

    @property
    def total(self) -> float:
        """The whole."""
        return sum(part.count for part in self.parts)


class StackedBars(ChartFrame):
    """Draws `Bar`s to the full width. Each has a line beneath with every part's share, count and name, as much of
    it as fits whole."""

    def __init__(self, parent: QWidget | None = None, *, unit: str = "") -> None:
        """`unit` of what is counted, for who takes the numbers out."""
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self._unit = unit

    @property
    def bars(self) -> tuple[Bar, ...]:
        """What is drawn."""
        return self._bars

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Draw `bars`, from the top."""
        self._bars = tuple(bars)
        self.setMinimumHeight(self.needed())
        self.update()

    @property
    def has_content(self) -> bool:
        return bool(self._bars)

    def table(self) -> Table:
        """A row a part: its bar, its name, how many."""
        parts = ((bar.name, part.name, part.count) for bar in self._bars for part in bar.parts)
        return [("bar", "part", with_unit("count", self._unit)), *parts]

    @property
    def compact(self) -> bool:
        """Whether the bars are too narrow for lines of their own: names then stand once, below all bars."""
        return self.width() < COMPACT

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(self.needed())

    @property
    def _pitch(self) -> int:
        return BAR + 8 if self.compact else BAR + self.ascent() + 4 + GAP

    def needed(self) -> int:
        """Pixels that all rows take."""
        if self.compact:
            return TOP * 2 + len(self._bars) * self._pitch + self.ascent() + 4
        return TOP * 2 + len(self._bars) * self._pitch - (GAP if self._bars else 0)

    def sizeHint(self) -> QSize:
        return QSize(360, max(120, self.needed()))

    def rects(self) -> list[list[QRectF]]:
        """Where each part of each bar is drawn."""
        found: list[list[QRectF]] = []
        room = max(10.0, self.width() - LEFT - 4)
        for index, bar in enumerate(self._bars):
            x, y = float(LEFT), TOP + index * self._pitch
            row: list[QRectF] = []
            for part in bar.parts:
                wide = room * part.count / bar.total if bar.total else 0.0
                row.append(QRectF(x, y, wide, BAR))
                x += wide
            found.append(row)
        return found

    def captions(self, bar: Bar, room: float) -> list[str]:
        """The texts beneath `bar`, in the longest form that fits into `room` whole."""
        shares = [(part, part.count / bar.total if bar.total else 0.0) for part in bar.parts]
        forms = [
            [f"{part.name} {fmt.percent(share)} ({fmt.count(part.count)})" for part, share in shares],
            [f"{part.name} {fmt.percent(share)}" for part, share in shares],
            [f"{part.name} {share:.0%}" for part, share in shares],
            [part.name for part, _ in shares],  # the shares stand in the bar, or on hover
            [f"{share:.0%}" for _, share in shares],
        ]
        remark = self.fontMetrics().horizontalAdvance(bar.remark) + 16 if bar.remark else 0
        for form in forms:
            if sum(self.fontMetrics().horizontalAdvance(text) + 26 for text in form) + remark <= room:
                return form
        return forms[-1]

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        look = theme.current()
        line = self.ascent()
        for bar, row in zip(self._bars, self.rects(), strict=True):
            y = row[0].top() if row else TOP
            painter.setPen(QColor(look.text))
            painter.drawText(QRectF(0, y, LEFT - 8, BAR), Qt.AlignmentFlag.AlignVCenter, bar.name)
            captions = [""] * len(bar.parts) if self.compact else self.captions(bar, self.width() - LEFT)
            x, beneath = float(LEFT), y + BAR + 4
            for part, rect, caption in zip(bar.parts, row, captions, strict=True):
                colour = self.series_colour(part.series)
                painter.fillRect(rect.adjusted(0, 0, -1 if rect.width() > 3 else 0, 0), colour)
                share = fmt.percent(part.count / bar.total) if bar.total else ""
                if self.fontMetrics().horizontalAdvance(share) + 12 <= rect.width():
                    painter.setPen(QColor(theme.text_on(colour)))
                    painter.drawText(rect.adjusted(6, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, share)
                if self.compact:
                    continue
                painter.fillRect(QRectF(x, beneath + line / 2 - 4, 8, 8), colour)
                painter.setPen(QColor(look.muted))
                wide = self.fontMetrics().horizontalAdvance(caption)
                painter.drawText(QRectF(x + 12, beneath, wide + 2, line), Qt.AlignmentFlag.AlignVCenter, caption)
                x += wide + 26
            if bar.remark and x + self.fontMetrics().horizontalAdvance(bar.remark) <= self.width():
                painter.setPen(QColor(look.text))
                where = QRectF(x, beneath, self.width() - x - 4, line)
                painter.drawText(where, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, bar.remark)

        if self.compact and self._bars:
            self._paint_names(painter, TOP + len(self._bars) * self._pitch + 2)

    def _paint_names(self, painter: QPainter, top: float) -> None:
        """Every part's name with its color, once; as many as fit."""
        look, x, line = theme.current(), 0.0, self.ascent()
        for name, series in {part.name: part.series for bar in self._bars for part in bar.parts}.items():
            wide = self.fontMetrics().horizontalAdvance(name)
            if x + 12 + wide > self.width():
                break
            painter.fillRect(QRectF(x, top + line / 2 - 4, 8, 8), self.series_colour(series))
            painter.setPen(QColor(look.muted))
            painter.drawText(QRectF(x + 12, top, wide + 2, line), Qt.AlignmentFlag.AlignVCenter, name)
            x += wide + 24

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for bar, row in zip(self._bars, self.rects(), strict=True):
                for part, rect in zip(bar.parts, row, strict=True):
                    if rect.adjusted(0, 0, 0, self.ascent() + 6).contains(event.pos().toPointF()):
                        share = fmt.percent(part.count / bar.total) if bar.total else fmt.NONE
                        text = f"{bar.name}, {part.name}: {fmt.exact(part.count)} of {fmt.exact(bar.total)} ({share})"
                        QToolTip.showText(event.globalPos(), f"{text}\n{part.meaning}".strip(), self)
                        return True
            QToolTip.hideText()
            return True
        return super().event(event)
