"""The other trajectories of the open one's question, as strips of scores aligned by step."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.traces.alignment import Strip
from sapo_ui.theme import glyphs
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip

ROW, NAMES, CELL, LEAST_CELL, TEXT = 24, 108, 36, 10, 120
"""Pixels: a row, outcome and name before the cells, a cell at most and at least, and least room for the text."""

FEWEST, MOST = 4, 16
"""Rows before anybody asks for all, by the room that there is."""


class _Strips(QWidget):
    """The rows. Up and Down choose one, Enter or a click opens it."""

    opened = Signal(object)
    """(trajectory id: int)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Strip, ...] = ()
        self._at = 0
        self.setFont(theme.font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Same question")
        self.setAccessibleDescription("Up and Down choose a trajectory, Enter opens it.")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.on_change(self, self.update)

    def show_rows(self, rows: tuple[Strip, ...]) -> None:
        """Show these."""
        if rows != self.rows:
            self.rows = rows
            self._at = min(self._at, max(0, len(rows) - 1))
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, ROW * (len(self.rows) + 1))

    def _cell(self) -> float:
        steps = max((len(row.scores) for row in self.rows), default=1)
        return max(float(LEAST_CELL), min(float(CELL), (self.width() - NAMES - TEXT) / steps))

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, cell = theme.current(), self._cell()
        painter = QPainter(self)
        steps = max((len(row.scores) for row in self.rows), default=0)
        painter.setPen(QColor(look.muted))
        for step in range(1, steps + 1):
            if cell >= 20 or step == 1 or step % 5 == 0:
                where = QRectF(NAMES + (step - 1) * cell, 0, max(cell, 20), ROW)
                painter.drawText(where, Qt.AlignmentFlag.AlignCenter, str(step))
        text = NAMES + steps * cell + 12
        middle = Qt.AlignmentFlag.AlignVCenter
        if self.width() - text > 60:
            painter.drawText(QRectF(text, 0, self.width() - text, ROW), middle, "First step that differs")
        for at, row in enumerate(self.rows):
            self._paint_row(painter, row, ROW * (at + 1.0), cell, text)
            if at == self._at and self.hasFocus():
                painter.setPen(QPen(QColor(look.accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(1, ROW * (at + 1) + 1, self.width() - 2, ROW - 2), 4, 4)

    def _paint_row(self, painter: QPainter, row: Strip, top: float, cell: float, text: float) -> None:
        look = theme.current()
        middle = Qt.AlignmentFlag.AlignVCenter
        name, tone = ("check", look.good) if row.correct else ("close", look.bad)
        glyphs.paint(painter, name, tone, QRectF(2, top + 5.5, 13, 13))
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.text))
        painter.drawText(QRectF(22, top, 40, ROW), middle, f"it {row.iteration}")
        painter.setPen(QColor(look.muted))
        painter.drawText(QRectF(62, top, NAMES - 62, ROW), middle, f"s {row.sample}")
        numbers = cell >= 30
        painter.setFont(theme.font("mono_small"))
        for step, score in enumerate(row.scores, start=1):
            box = QRectF(NAMES + (step - 1) * cell, top + 3, cell - 2, ROW - 6)
            same = not row.this and step <= row.equal
            tint = QColor(look.raised) if same or score is None else theme.score_colour(score)
            painter.fillRect(box, tint)
            if step == row.equal + 1 and not row.this:
                painter.setPen(QPen(QColor(look.text), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(box.adjusted(1, 1, -1, -1))
            if same:
                painter.setPen(QColor(look.muted))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "=")
            elif numbers and score is not None:
                painter.setPen(QColor(theme.text_on(tint)))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{score:.2f}".removeprefix("0"))
        room = self.width() - text
        if room > 40:
            said = "this one" if row.this else row.differs or "ends earlier"
            painter.setPen(QColor(look.muted if row.this or not row.differs else look.text))
            painter.setFont(theme.font("small" if row.this or not row.differs else "mono_small"))
            short = QFontMetricsF(painter.font()).elidedText(said, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(text, top, room, ROW), middle, short)

    def row_at(self, y: float) -> int:
        """The row at a height, -1 on the head or below all."""
        at = int(y // ROW) - 1
        return at if 0 <= at < len(self.rows) else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self.row_at(event.position().y())
        if at >= 0:
            self._at = at
            self._open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        move = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if move is not None and self.rows:
            self._at = max(0, min(len(self.rows) - 1, self._at + move))
            row = self.rows[self._at]
            self.setAccessibleDescription(f"iteration {row.iteration}, sample {row.sample}: {_outcome(row)}")
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.rows:
            self._open()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _open(self) -> None:
        row = self.rows[self._at]
        if not row.this:
            self.opened.emit(row.id)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            at = self.row_at(event.pos().y())
            row = self.rows[at] if at >= 0 else None
            if row is not None:
                more = f"\n{row.differs}" if row.differs else ""
                tip = f"Iteration {row.iteration}, sample {row.sample}: {_outcome(row)}{more}"
                QToolTip.showText(event.globalPos(), plain_tip(tip), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


def _outcome(row: Strip) -> str:
    return "correct" if row.correct else "incorrect"


class SameQuestion(QWidget):
    """Head, strips, and what shows all of them."""

    opened = Signal(object)
    """(trajectory id: int) The user wants to see this trajectory."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[Strip, ...] = ()
        self._whole = False
        self._room = FEWEST
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setSpacing(theme.SPACE_2)
        head.addWidget(label("Same question", "strong"))
        self.count = label("", "small", "muted")
        head.addWidget(self.count, 1)
        self.more = QPushButton()
        self.more.setProperty("look", "link")
        self.more.setFont(theme.font("small"))
        self.more.setAutoDefault(False)
        self.more.clicked.connect(self._toggle)
        head.addWidget(self.more)
        column.addLayout(head)
        self.strips = _Strips()
        self.strips.opened.connect(self.opened)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(self.strips)
        column.addWidget(self.area)

    def show_strips(self, found: Sequence[Strip]) -> None:
        """Show these, this trajectory's first."""
        self._all = tuple(found)
        right = sum(one.correct for one in found)
        noun = "trajectory" if len(found) == 1 else "trajectories"
        self.count.setText(f"{len(found):,} {noun}, {right:,} correct")
        self._fill()

    def set_room(self, rows: int) -> None:
        """There is room for so many rows."""
        wanted = max(FEWEST, min(MOST, rows))
        if wanted != self._room:
            self._room = wanted
            self._fill()

    def _toggle(self) -> None:
        self._whole = not self._whole
        self._fill()

    def _fill(self) -> None:
        few = self._few()
        shown = self._all if self._whole else few
        self.more.setText("Fewer" if self._whole else f"All {len(self._all):,}")
        self.more.setVisible(len(few) < len(self._all))
        self.strips.show_rows(shown)
        self.area.setFixedHeight(ROW * (min(len(shown), self._room + (2 if self._whole else 0)) + 1))

    def _few(self) -> tuple[Strip, ...]:
        """This trajectory and the next ones, and at least one of every other iteration that there is room for."""
        firsts = list({one.iteration: one for one in reversed(self._all)}.values())
        near = [one for one in self._all if one not in firsts]
        room = max(0, self._room - len(firsts))
        chosen = {one.id for one in (*firsts[::-1][: self._room], *near[:room])}
        return tuple(one for one in self._all if one.id in chosen)
