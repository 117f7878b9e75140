"""What was paid beside what others would have charged: one bar a party, hatched where the figure is an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import ChartFrame

ROW, BAR = 24, 12


@dataclass(frozen=True)
class Bill:
    """A bar: its name, its size, how it is written, and a remark behind that. `group` starts a new block with a
    heading."""

    group: str
    name: str
    amount: float
    text: str
    remark: str = ""
    estimate: bool = False
    series: int = 0


class BillBars(ChartFrame):
    """Draws `Bill`s, to one scale within a group; names left, figures right-aligned beside them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bills: tuple[Bill, ...] = ()

    @property
    def bills(self) -> tuple[Bill, ...]:
        """What is drawn."""
        return self._bills

    def set_bills(self, bills: Sequence[Bill]) -> None:
        """Draw `bills`, group by group, in the order they first appear."""
        self._bills = tuple(bills)
        self.setMinimumHeight(self.needed())
        self.updateGeometry()
        self.update()

    def needed(self) -> int:
        """Pixels that all rows take."""
        return (len(self._bills) + len(self._groups())) * ROW + max(0, len(self._groups()) - 1) * 8

    def _groups(self) -> list[str]:
        return list(dict.fromkeys(bill.group for bill in self._bills))

    def sizeHint(self) -> QSize:
        return QSize(360, max(80, self.needed()))

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._bills:
            return
        painter = QPainter(self)
        look = theme.current()
        metrics = self.fontMetrics()
        names = max(metrics.horizontalAdvance(bill.name) for bill in self._bills) + 12.0
        figures = max(metrics.horizontalAdvance(bill.text) for bill in self._bills) + 12.0
        remarks = max(metrics.horizontalAdvance(bill.remark) for bill in self._bills) + 12.0
        room = self.width() - names - figures - remarks
        if room < 60:
            remarks, room = 0.0, room + remarks
        room = max(8.0, room)
        y = 0.0
        middle = Qt.AlignmentFlag.AlignVCenter
        for group in self._groups():
            mine = [bill for bill in self._bills if bill.group == group]
            most = max(bill.amount for bill in mine) or 1.0
            painter.setPen(QColor(look.text))
            painter.setFont(theme.font("strong"))
            painter.drawText(QRectF(0, y, self.width(), ROW), middle, group)
            painter.setFont(self.font())
            y += ROW
            for bill in mine:
                painter.setPen(QColor(look.text))
                painter.drawText(QRectF(0, y, names, ROW), middle, bill.name)
                painter.drawText(QRectF(names, y, figures - 12, ROW), middle | Qt.AlignmentFlag.AlignRight, bill.text)
                where = QRectF(names + figures, y + (ROW - BAR) / 2, max(1.0, room * bill.amount / most), BAR)
                self._bar(painter, where, bill)
                if remarks:
                    painter.setPen(QColor(look.muted))
                    painter.drawText(QRectF(names + figures + room + 10, y, remarks, ROW), middle, bill.remark)
                y += ROW
            y += 8

    def _bar(self, painter: QPainter, where: QRectF, bill: Bill) -> None:
        colour = self.series_colour(bill.series)
        if not bill.estimate:
            painter.fillRect(where, colour)
            return
        faint = QColor(colour)
        faint.setAlphaF(0.18)
        painter.fillRect(where, faint)
        painter.setPen(colour)
        painter.setBrush(QColor(colour))
        brush = painter.brush()
        brush.setStyle(Qt.BrushStyle.BDiagPattern)
        painter.setBrush(brush)
        painter.drawRect(where.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
