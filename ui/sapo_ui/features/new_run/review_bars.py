"""The bars of the review: how a memory fills, and amounts side by side. A stale forecast (a disabled bar) is grey."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sapo_ui import theme
from sapo_ui.features.new_run.review import MemoryUse, ReviewLine
from sapo_ui.widgets.plain_text import plain_tip

ROW, BAR, HEAD = 20, 8, 18
NAME_WIDTH = 76


def part_colours(*, live: bool) -> list[QColor]:
    """Of weights, gradients, optimiser and the rest."""
    look = theme.current()
    if not live:
        return [QColor(look.border)] * 4
    return [QColor(look.accent), QColor(look.series[5]), QColor(look.series[1]), QColor(look.muted)]


class MemoryBar(QWidget):
    """One memory: its name, its peak, and a bar with a tick at what is free now. What does not fit is hatched."""

    def __init__(self, memory: MemoryUse, parent: QWidget) -> None:
        super().__init__(parent)
        self.memory = memory
        self.setFixedHeight(2 * HEAD + BAR + 6 if memory.share is not None else 2 * HEAD)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        says = " It is too small." if self.over else " Others have to make room." if memory.tight else ""
        self.setAccessibleName(f"{memory.where}: {memory.text}.{says}")
        self.setToolTip(plain_tip(memory.made_of))
        theme.on_change(self, self.update)

    @property
    def over(self) -> bool:
        """Whether it does not fit at all."""
        return (self.memory.share or 0.0) > 1

    def sizeHint(self) -> QSize:
        return QSize(220, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, painter, memory = theme.current(), QPainter(self), self.memory
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, live = float(self.width()), self.isEnabled()
        says = "too small" if self.over else "tight" if memory.tight else ""
        painter.setFont(theme.font("small"))
        metrics = painter.fontMetrics()
        painter.setPen(QColor(look.warning if live else look.muted))
        end = metrics.horizontalAdvance(says)
        painter.drawText(QRectF(width - end, 0, end, HEAD), Qt.AlignmentFlag.AlignVCenter, says)
        painter.setPen(QColor(look.text if live else look.muted))
        name = metrics.elidedText(memory.where, Qt.TextElideMode.ElideRight, int(width - end - 8))
        painter.drawText(QRectF(0, 0, width - end - 8, HEAD), Qt.AlignmentFlag.AlignVCenter, name)
        y = float(HEAD)
        if memory.share is not None and memory.there:
            self._bar(painter, QRectF(0, y + 2, width, BAR), live=live)
            y += BAR + 6
        painter.setPen(QColor(look.muted))
        text = metrics.elidedText(memory.text, Qt.TextElideMode.ElideRight, int(width))
        painter.drawText(QRectF(0, y, width, HEAD), Qt.AlignmentFlag.AlignVCenter, text)

    def _bar(self, painter: QPainter, where: QRectF, *, live: bool) -> None:
        look, memory = theme.current(), self.memory
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.sunken))
        painter.drawRoundedRect(where, 3, 3)
        whole = max(float(memory.there), sum(memory.parts))
        x = where.left()
        for amount, colour in zip(memory.parts, part_colours(live=live), strict=False):
            part = QRectF(x, where.top(), where.width() * amount / whole, where.height())
            painter.fillRect(part, colour)
            x = part.right()
        if self.over:
            edge = where.width() * memory.there / whole
            beyond = QRectF(where.left() + edge, where.top(), x - where.left() - edge, where.height())
            painter.fillRect(beyond, QBrush(QColor(look.surface), Qt.BrushStyle.BDiagPattern))
        elif memory.free < memory.there:
            at = where.left() + where.width() * memory.free / whole
            painter.fillRect(QRectF(at, where.top() - 3, 1.5, where.height() + 6), QColor(look.text))


class PartLegend(QWidget):
    """The colours of the memory bars, by name."""

    def __init__(self, names: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._names = tuple(names)
        self.setFixedHeight(2 * HEAD)
        self.setAccessibleName("Legend: " + ", ".join(names))
        self.setToolTip("The tick on a bar is what is free now.")
        theme.on_change(self, self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(theme.current().muted))
        for at, (name, colour) in enumerate(zip(self._names, part_colours(live=self.isEnabled()), strict=True)):
            x, y = at % 2 * self.width() / 2, at // 2 * HEAD
            painter.fillRect(QRectF(x, y + HEAD / 2 - 4, 8, 8), colour)
            painter.drawText(QRectF(x + 14, y, self.width() / 2 - 14, HEAD), Qt.AlignmentFlag.AlignVCenter, name)


class AmountBars(QWidget):
    """Lines with a bar each, to one scale: name, bar, amount. What is not the run's own is grey."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.lines: tuple[ReviewLine, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def set_lines(self, lines: Sequence[ReviewLine]) -> None:
        """Draw these."""
        self.lines = tuple(lines)
        self.setFixedHeight(ROW * len(self.lines))
        self.setVisible(bool(self.lines))
        self.setAccessibleDescription("; ".join(f"{line.label} {line.value}" for line in self.lines))
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            at = int(event.pos().y() // ROW)
            if at < len(self.lines):
                QToolTip.showText(event.globalPos(), plain_tip(self.lines[at].basis), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, painter, live = theme.current(), QPainter(self), self.isEnabled()
        painter.setFont(theme.font("small"))
        metrics = painter.fontMetrics()
        figures = max((metrics.horizontalAdvance(line.value) for line in self.lines), default=0) + 10
        most = max((line.amount for line in self.lines), default=0.0) or 1.0
        room = max(8.0, self.width() - NAME_WIDTH - figures)
        middle = Qt.AlignmentFlag.AlignVCenter
        for at, line in enumerate(self.lines):
            y = at * ROW
            painter.setPen(QPen(QColor(look.text if line.own and live else look.muted)))
            name = metrics.elidedText(line.label, Qt.TextElideMode.ElideRight, NAME_WIDTH - 6)
            painter.drawText(QRectF(0, y, NAME_WIDTH, ROW), middle, name)
            painter.drawText(QRectF(0, y, self.width(), ROW), middle | Qt.AlignmentFlag.AlignRight, line.value)
            bar = QRectF(NAME_WIDTH, y + (ROW - BAR) / 2, max(2.0, room * line.amount / most), BAR)
            painter.fillRect(bar, QColor(look.accent if line.own and live else look.border))
