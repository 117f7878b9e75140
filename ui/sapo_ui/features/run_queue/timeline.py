"""Who will work on which card when, by forecast: a bar for each run, before anything is changed and as it would be."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_studio.domain.scheduling import CardState, Planned
from sapo_ui import theme
from sapo_ui.features.run_queue.rows import clock
from sapo_ui.services.run_queue import Overview

LANE = 30
HEAD = 24
LEFT = 76
STEPS = (60, 300, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 86_400, 7 * 86_400)
MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Bar:
    """A run on a lane. Seconds from now; `end` None: open."""

    run_id: str
    text: str
    start: float
    end: float | None
    running: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """A card, or a row of runs on the CPU."""

    title: str
    bars: tuple[Bar, ...]
    note: str = ""
    """Why there is none."""


def lanes_of(found: Overview) -> list[Lane]:
    """A lane for each card, and as many for the CPU as runs work there at a time."""
    names = {run.run_id: run.name for run in found.now.running} | {row.run_id: row.name for row in found.rows}
    places = {row.run_id: row.place for row in found.rows if row.waits}
    timed = [one for one in found.planned if one.start is not None]

    def bar(one: Planned) -> Bar:
        name = names.get(one.run_id, one.run_id)
        text = f"{places[one.run_id]}  {name}" if one.run_id in places else name
        return Bar(one.run_id, text, one.start or 0.0, one.end, one.running)

    lanes = [
        Lane(f"card {card.number}", tuple(bar(one) for one in timed if card.uuid in one.cards), _note(found, card))
        for card in found.now.machine.cards
    ]
    on_cpu: list[list[Bar]] = []
    for one in timed:
        if one.cards:
            continue
        made = bar(one)
        free = next((lane for lane in on_cpu if lane[-1].end is not None and lane[-1].end <= made.start), None)
        if free is None:
            on_cpu.append([made])
        else:
            free.append(made)
    return lanes + [Lane("CPU" if number == 0 else "", tuple(bars)) for number, bars in enumerate(on_cpu)]


def _note(found: Overview, card: CardState) -> str:
    """Why no run of the queue is on a card."""
    if found.waiting and all(row.need.on(card) > card.total for row in found.waiting if row.need.cards):
        return f"{card.total / 2**30:.0f} GB is too little for any run that waits"
    return "no run of the queue"


class QueueTimeline(QWidget):
    """The lanes over a common axis of time. `changed_run`: what is being moved, framed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lanes: list[Lane] = []
        self.changed_run = ""
        self._now = time.time()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Timeline")
        theme.on_change(self, self.update)

    def show_overview(self, found: Overview, changed_run: str = "", now: float | None = None) -> None:
        """Show what will happen, or would."""
        self._now = time.time() if now is None else now
        self.changed_run = changed_run
        self.lanes = lanes_of(found)
        self.setAccessibleDescription("; ".join(self._spoken(lane) for lane in self.lanes))
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def _spoken(self, lane: Lane) -> str:
        said = [f"{bar.text} from {clock(self._now + bar.start, self._now)}" for bar in lane.bars]
        return f"{lane.title or 'CPU'}: {', '.join(said) or 'idle'}"

    def sizeHint(self) -> QSize:
        return QSize(400, HEAD + max(1, len(self.lanes)) * LANE + 8)

    @property
    def span(self) -> float:
        """Seconds from the left end to the right."""
        ends = [bar.start if bar.end is None else bar.end for lane in self.lanes for bar in lane.bars]
        return max(60.0, 1.08 * max(ends, default=0.0))

    def bar_rect(self, lane: int, bar: Bar) -> QRectF:
        """Where a bar stands."""
        scale = (self.width() - LEFT - 12) / self.span
        start = LEFT + bar.start * scale
        end = LEFT + (self.span if bar.end is None else bar.end) * scale
        return QRectF(start, HEAD + lane * LANE + 2, max(6.0, end - start - 2), LANE - 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._axis(painter)
        painter.setFont(theme.font("small"))
        for number, lane in enumerate(self.lanes):
            painter.setPen(QColor(look.muted))
            at = QRectF(0, HEAD + number * LANE, LEFT - 8, LANE - 2)
            painter.drawText(at, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, lane.title)
            if not lane.bars:
                room = at.translated(LEFT + 8, 0)
                room.setRight(self.width())
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, lane.note)
            for bar in lane.bars:
                self._bar(painter, bar, self.bar_rect(number, bar))
        painter.setPen(QPen(QColor(look.text), 1.5))
        painter.drawLine(LEFT, HEAD - 4, LEFT, HEAD + len(self.lanes) * LANE)

    def _axis(self, painter: QPainter) -> None:
        look = theme.current()
        painter.setFont(theme.font("small"))
        step = next((one for one in STEPS if self.span / one <= MOST_TICKS), STEPS[-1])
        scale = (self.width() - LEFT - 12) / self.span
        offset = -(self._now - time.timezone) % step
        metrics = QFontMetricsF(painter.font())
        at = offset
        free_from = 0.0
        while at < self.span:
            x = LEFT + at * scale
            text = clock(self._now + at, self._now)
            width = metrics.horizontalAdvance(text)
            painter.setPen(QPen(QColor(look.hairline), 1))
            painter.drawLine(int(x), HEAD - 2, int(x), HEAD + len(self.lanes) * LANE)
            left = x - width / 2
            if left >= free_from and left + width <= self.width():
                painter.setPen(QColor(look.muted))
                painter.drawText(QRectF(left, 0, width + 2, HEAD - 4), Qt.AlignmentFlag.AlignCenter, text)
                free_from = left + width + 12
            at += step

    def _bar(self, painter: QPainter, bar: Bar, at: QRectF) -> None:
        look = theme.current()
        moved = bar.run_id == self.changed_run
        painter.setPen(QPen(QColor(look.accent if moved or bar.running else look.border), 2 if moved else 1,
                            Qt.PenStyle.DashLine if bar.end is None else Qt.PenStyle.SolidLine))  # fmt: skip
        painter.setBrush(QColor(look.accent if bar.running else look.raised))
        painter.drawRoundedRect(at, 4, 4)
        painter.setPen(QColor(look.on_accent if bar.running else look.text))
        room = at.adjusted(8, 0, -6, 0)
        text = QFontMetricsF(painter.font()).elidedText(bar.text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
