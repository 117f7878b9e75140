"""The picked runs as chips, in the order in which they were picked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.features.compare.dots import paint_dot
from sapo_ui.theme import glyphs
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.plain_text import plain_tip

HIGH, WIDEST, CLOSE = 28, 250, 26
"""Pixels: a chip's height, its width at most, and the part of it that removes the run."""


@dataclass(frozen=True)
class ChipFacts:
    """A picked run. `slot`: its colour, None where it is one too many. `note`: what is special about it."""

    run_id: str
    name: str
    slot: int | None
    note: str = ""


class RunChip(QWidget):
    """Its cross, or Delete, removes the run."""

    removed = Signal(object)
    """(run id: str)"""

    entered = Signal(object)
    """(run id: str | None) The pointer or the focus is on it."""

    def __init__(self, facts: ChipFacts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facts = facts
        self._over_close = False
        self.setFont(theme.font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme.on_change(self, self.update)
        self.take(facts)

    def take(self, facts: ChipFacts) -> None:
        """Show another run, or the same as it is now."""
        self.facts = facts
        said = f"{facts.name}, {facts.note}" if facts.note else facts.name
        self.setAccessibleName(said)
        self.setAccessibleDescription("Delete removes it from the comparison, b makes it the baseline.")
        self.setToolTip(plain_tip(said))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        note = metrics.horizontalAdvance(self.facts.note) + 8 if self.facts.note else 0
        return QSize(min(WIDEST, 28 + metrics.horizontalAdvance(self.facts.name) + note + CLOSE + 4), HIGH)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, facts = theme.current(), self.facts
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(QColor(look.accent), 2) if self.hasFocus() else QPen(QColor(look.border), 1))
        painter.setBrush(QColor(look.surface if facts.slot is not None else look.window))
        painter.drawRoundedRect(body, HIGH / 2 - 1, HIGH / 2 - 1)
        paint_dot(painter, facts.slot, 15, HIGH / 2)
        metrics = QFontMetricsF(self.font())
        room = self.width() - 28 - CLOSE
        note = metrics.horizontalAdvance(facts.note) + 8 if facts.note else 0.0
        name = metrics.elidedText(facts.name, Qt.TextElideMode.ElideMiddle, room - note)
        painter.setFont(self.font())
        painter.setPen(QColor(look.text if facts.slot is not None else look.muted))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(27, 0, room, HIGH), middle, name)
        if note:
            painter.setPen(QColor(look.muted))
            painter.drawText(QRectF(35 + metrics.horizontalAdvance(name), 0, room, HIGH), middle, facts.note)
        tone = look.text if self._over_close else look.muted
        glyphs.paint(painter, "close", tone, QRectF(self.width() - CLOSE + 5, HIGH / 2 - 6, 12, 12))

    def _close_at(self, x: float) -> bool:
        return x >= self.width() - CLOSE

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self._close_at(event.position().x())
        if over != self._over_close:
            self._over_close = over
            self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._close_at(event.position().x()):
            self.removed.emit(self.facts.run_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self.facts.run_id)
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.entered.emit(self.facts.run_id)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._over_close = False
        self.entered.emit(None)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.entered.emit(self.facts.run_id)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.entered.emit(None)
        self.update()


class RunChips(FlowRow):
    """Chips are kept where only their facts change, so that the focus stays. Tab comes to them from `after`."""

    removed = Signal(object)
    """(run id: str)"""

    entered = Signal(object)
    """(run id: str | None) The pointer or the focus is on its chip."""

    def __init__(self, after: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent, gap=theme.SPACE_2)
        self.chips: list[RunChip] = []
        self._after = after

    def show_runs(self, facts: Sequence[ChipFacts]) -> None:
        """Show these."""
        focused = next((at for at, chip in enumerate(self.chips) if chip.hasFocus()), None)
        gone = self.chips[len(facts) :]
        del self.chips[len(facts) :]
        if gone:
            self.drop(*gone)
        for at, one in enumerate(facts):
            if at < len(self.chips):
                self.chips[at].take(one)
            else:
                chip = RunChip(one)
                chip.removed.connect(self.removed)
                chip.entered.connect(self.entered)
                self.add(chip)
                QWidget.setTabOrder(self.chips[-1] if self.chips else self._after, chip)
                self.chips.append(chip)
        if focused is not None and focused >= len(self.chips) and self.chips:
            self.chips[-1].setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def focused(self) -> str:
        """The run whose chip has the focus; empty where none has."""
        return next((chip.facts.run_id for chip in self.chips if chip.hasFocus()), "")
