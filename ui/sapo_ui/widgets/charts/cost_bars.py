"""Costs side by side: what was spent and what others would have spent, hatched where the figure is an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import ChartFrame
from sapo_ui.widgets.panel_export import Table

ROW, BAR = 24, 12


@dataclass(frozen=True)
class CostBar:
    """A bar: its name, its size, how it is written, and a remark behind that. `group` starts a new block with a
    heading. `unit`: what it is counted in."""

    group: str
    name: str
    amount: float
    text: str
    remark: str = ""
    estimate: bool = False
    series: int = 0
    unit: str = ""


class CostBars(ChartFrame):
    """Draws `CostBar`s, to one scale within a group; names left, figures right-aligned beside them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[CostBar, ...] = ()

    @property
    def bars(self) -> tuple[CostBar, ...]:
        """What is drawn."""
        return self._bars

    def set_bars(self, bars: Sequence[CostBar]) -> None:
        """Draw `bars`, group by group, in the order they first appear."""
        self._bars = tuple(bars)
        self.setMinimumHeight(self.needed())
        self.updateGeometry()
        self.update()

    @property
    def has_content(self) -> bool:
        return bool(self._bars)

    def table(self) -> Table:
        """A row a bar: its group, its name, its size and unit, whether that is an estimate, and the remark."""
        rows = ((bar.group, bar.name, _counted(bar), bar.unit, int(bar.estimate), bar.remark) for bar in self._bars)
        return [("group", "name", "amount", "unit", "estimate", "remark"), *rows]

    def needed(self) -> int:
        """Pixels that all rows take."""
        return (len(self._bars) + len(self._groups())) * ROW + max(0, len(self._groups()) - 1) * 8

    def _groups(self) -> list[str]:
        return list(dict.fromkeys(bar.group for bar in self._bars))

    def sizeHint(self) -> QSize:
        return QSize(360, max(80, self.needed()))

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._bars:
            return
        painter = QPainter(self)
        look = theme.current()
        metrics = self.fontMetrics()
        names = max(metrics.horizontalAdvance(bar.name) for bar in self._bars) + 12.0
        figures = max(metrics.horizontalAdvance(bar.text) for bar in self._bars) + 12.0
        remarks = max(metrics.horizontalAdvance(bar.remark) for bar in self._bars) + 12.0
        room = self.width() - names - figures - remarks
        if room < 60:
            remarks, room = 0.0, room + remarks
        room = max(8.0, room)
        y = 0.0
        middle = Qt.AlignmentFlag.AlignVCenter
        for group in self._groups():
            mine = [bar for bar in self._bars if bar.group == group]
            most = max(bar.amount for bar in mine) or 1.0
            painter.setPen(QColor(look.text))
            painter.setFont(theme.font("strong"))
            painter.drawText(QRectF(0, y, self.width(), ROW), middle, group)
            painter.setFont(self.font())
            y += ROW
            for bar in mine:
                painter.setPen(QColor(look.text))
                painter.drawText(QRectF(0, y, names, ROW), middle, bar.name)
                painter.drawText(QRectF(names, y, figures - 12, ROW), middle | Qt.AlignmentFlag.AlignRight, bar.text)
                where = QRectF(names + figures, y + (ROW - BAR) / 2, max(1.0, room * bar.amount / most), BAR)
                self._bar(painter, where, bar)
                if remarks:
                    painter.setPen(QColor(look.muted))
                    painter.drawText(QRectF(names + figures + room + 10, y, remarks, ROW), middle, bar.remark)
                y += ROW
            y += 8

    def _bar(self, painter: QPainter, where: QRectF, bar: CostBar) -> None:
        colour = self.series_colour(bar.series)
        if not bar.estimate:
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


def _counted(bar: CostBar) -> float | None:
    """Its size; None where nobody counted, which is not the same as 0."""
    return None if bar.text == fmt.NONE else bar.amount
