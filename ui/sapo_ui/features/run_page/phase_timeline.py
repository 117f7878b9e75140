"""The run's phases as one bar: a segment each, as long as its share of the forecast time, grouped by iteration."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sapo_ui import format as fmt
from sapo_ui import theme

BAR = 8
LINE = 18
GAP = 2
GROUP_GAP = 10
MIN_SEGMENT = 6.0
UNPLANNED = "The phases appear here once the engine has planned the run."


@dataclass(frozen=True)
class Segment:
    """One phase. `status` is pending, running, halted (its run is not alive) or done; `share` its part of the forecast
    time in any unit; `fraction` how far it is."""

    label: str
    iteration: int
    status: str
    share: float
    fraction: float
    detail: str


class PhaseTimeline(QWidget):
    """Reads left to right; the arrow keys walk through the phases, hover and focus say more about one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._segments: tuple[Segment, ...] = ()
        self._at = -1
        self._folded = False
        self.setFont(theme.font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Phases of the run")
        self.setAccessibleDescription("Left and right arrow keys move from phase to phase.")
        theme.on_change(self, self.update)

    def set_segments(self, segments: tuple[Segment, ...]) -> None:
        """Show these phases."""
        if segments == self._segments:
            return
        self._segments = segments
        self._at = min(self._at, len(segments) - 1)
        running = self._running()
        self.setAccessibleDescription(
            (f"Now: {segments[running].detail}. " if running >= 0 else "")
            + "Left and right arrow keys move from phase to phase."
        )
        self.update()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What is shown."""
        return self._segments

    def set_folded(self, folded: bool) -> None:
        """Show the bar alone."""
        self._folded = folded
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(360, 20 if self._folded else 2 * LINE + BAR + 8)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    @property
    def _top(self) -> float:
        return (self.height() - BAR) / 2

    def _running(self) -> int:
        return next((at for at, segment in enumerate(self._segments) if segment.status in ("running", "halted")), -1)

    def rects(self) -> list[QRectF]:
        """Where each segment lies."""
        segments = self._segments
        if not segments:
            return []
        breaks = sum(1 for a, b in pairwise(segments) if a.iteration != b.iteration)
        room = self.width() - 4.0
        gap, group_gap = min(float(GAP), 0.2 * room / len(segments)), min(float(GROUP_GAP), 0.2 * room / (breaks + 1))
        free = room - gap * (len(segments) - 1 - breaks) - group_gap * breaks
        least = min(MIN_SEGMENT, free / len(segments))
        spare = free - least * len(segments)
        total = sum(max(0.0, segment.share) for segment in segments)
        found: list[QRectF] = []
        x = 2.0
        for at, segment in enumerate(segments):
            part = max(0.0, segment.share) / total if total > 0 else 1 / len(segments)
            width = least + spare * part
            found.append(QRectF(x, self._top, width, BAR))
            ends_group = at + 1 < len(segments) and segments[at + 1].iteration != segment.iteration
            x += width + (group_gap if ends_group else gap)
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rects = self.rects()
        if not rects:
            painter.setPen(QColor(look.muted))
            painter.drawText(
                QRectF(self.rect()),
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                self.fontMetrics().elidedText(UNPLANNED, Qt.TextElideMode.ElideRight, self.width()),
            )
        for at, (segment, rect) in enumerate(zip(self._segments, rects, strict=True)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.sunken))
            painter.drawRoundedRect(rect, 3, 3)
            fraction = {"done": 1.0, "running": segment.fraction, "halted": segment.fraction}.get(segment.status, 0.0)
            if fraction > 0:
                painter.setBrush(QColor(look.muted if segment.status == "halted" else look.accent))
                painter.save()
                painter.setClipRect(QRectF(rect.x(), rect.y(), rect.width() * fraction, rect.height()))
                painter.drawRoundedRect(rect, 3, 3)
                painter.restore()
            if segment.status == "running" or (at == self._at and self.hasFocus()):
                colour = look.text if at == self._at and self.hasFocus() else look.accent
                painter.setPen(QPen(QColor(colour), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(rect.adjusted(-1.5, -1.5, 1.5, 1.5), 4, 4)
        if rects and not self._folded:
            self._paint_now(painter)
            self._paint_labels(painter, rects)

    def _paint_now(self, painter: QPainter) -> None:
        """Above the bar: the phase that runs, or that the keys are on, and how far it is."""
        shown = self._at if self.hasFocus() and self._at >= 0 else self._running()
        look = theme.current()
        middle = Qt.AlignmentFlag.AlignVCenter
        segment = self._segments[shown] if shown >= 0 else None
        name = segment.label if segment is not None else "Phases"
        painter.setFont(theme.font("strong") if segment is not None else self.font())
        painter.setPen(QColor(look.muted if segment is None or segment.status == "halted" else look.accent))
        wide = QFontMetricsF(painter.font()).horizontalAdvance(name)
        top = self._top - 4 - LINE
        painter.drawText(QRectF(2, top, wide + 2, LINE), middle, name)
        if segment is None:
            done = sum(one.status == "done" for one in self._segments)
            said = f"{done} of {len(self._segments)} done"
        else:
            said = segment.detail.rpartition(": ")[2].removeprefix("running").strip()
        painter.setFont(self.font())
        painter.setPen(QColor(look.muted))
        room = self.width() - wide - 12
        short = QFontMetricsF(self.font()).elidedText(said, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(wide + 12, top, room, LINE), middle, short)

    def _paint_labels(self, painter: QPainter, rects: list[QRectF]) -> None:
        look = theme.current()
        shown = self._at if self.hasFocus() and self._at >= 0 else self._running()
        groups: dict[int, QRectF] = {}
        for segment, rect in zip(self._segments, rects, strict=True):
            groups[segment.iteration] = groups[segment.iteration].united(rect) if segment.iteration in groups else rect
        top = self._top + BAR + 4
        height = LINE
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        metrics = QFontMetricsF(self.font())
        used = -1e9
        for iteration, rect in groups.items():
            name = "Start" if iteration == 0 else f"Iteration {iteration}"
            here = shown >= 0 and self._segments[shown].iteration == iteration
            if rect.width() < metrics.horizontalAdvance(name):
                name = "" if iteration == 0 else str(iteration)
            x = rect.x()
            painter.setFont(theme.font("small"))
            if x > used and name:
                painter.setPen(QColor(look.text if here else look.muted))
                painter.drawText(QRectF(x, top, metrics.horizontalAdvance(name) + 2, height), align, name)
                used = x + metrics.horizontalAdvance(name) + 8

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._segments:
            super().keyPressEvent(event)
            return
        self._move(max(0, min(len(self._segments) - 1, self._at + step)))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._at < 0 and self._segments:
            self._at = max(0, self._running())
        self.update()

    def _move(self, at: int) -> None:
        self._at = at
        rect = self.rects()[at]
        detail = self._segments[at].detail
        self.setAccessibleDescription(detail)
        QToolTip.showText(self.mapToGlobal(rect.bottomLeft().toPoint()), detail, self)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for segment, rect in zip(self._segments, self.rects(), strict=True):
                if rect.adjusted(-GAP, -3, GAP, 3).contains(event.pos()):
                    QToolTip.showText(event.globalPos(), segment.detail, self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)


def phase_detail(
    label: str, iteration: int, status: str, done: int, total: int, unit: str, seconds: float | None
) -> str:
    """What a segment says on hover: `Iteration 2, Label: done in 34 s`."""
    where = "Start" if iteration == 0 else f"Iteration {iteration}"
    if status == "done":
        state = "done" if seconds is None else f"done in {fmt.duration(seconds)}"
    elif status in ("running", "halted"):
        amount = fmt.how_far(done, total, unit)
        halted = f"stopped at {amount}" if amount else "stopped before its end"
        state = f"running {amount}".rstrip() if status == "running" else halted
    else:
        state = "not started"
    return f"{where}, {label}: {state}"
