"""The steps of one trajectory as a column of cards, one of them chosen and in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from sapo_ui import theme

BAR = 6
"""Pixels that a score is wide."""


class Card(QWidget):
    """One step, from 1 on."""

    pressed = Signal(object)
    """(step number: int)"""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = number
        self.chosen = False

    def take(self, facts: Any) -> bool:
        """Show these facts of the same step instead, or of that step of another trajectory. False where a new card has
        to be made for them."""
        del facts
        return False

    def set_chosen(self, chosen: bool) -> None:
        """Draw the ring of the chosen step."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.update()

    def paint_frame(self, painter: QPainter, *, fill: str = "", line: str = "") -> None:
        """The card itself, with the ring of the chosen step. `fill`, `line`: colors instead of the usual ones."""
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(fill or (look.accent_soft if self.chosen else look.surface)))
        ring = line or (look.accent if self.chosen else look.hairline)
        painter.setPen(QPen(QColor(ring), 2 if self.chosen else 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

    def paint_score(self, painter: QPainter, score: float, height: float) -> None:
        """A score as a bar in its color, at the left edge of the card's upper `height` pixels."""
        look = theme.current()
        painter.setPen(QPen(QColor(look.border), 1) if look.dark else Qt.PenStyle.NoPen)
        painter.setBrush(theme.score_colour(score))
        painter.drawRoundedRect(QRectF(5, 6, BAR, height - 12), 2, 2)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        del event
        self.pressed.emit(self.number)


class _Inside(QWidget):
    """As high as its cards are at its width. By itself it would want room for their texts at their narrowest."""

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class StepColumn(QScrollArea):
    """The cards of one trajectory, made by `make_card` out of what is to be shown of a step and a parent.

    The chosen card stays in view, whatever the column's size, until the user scrolls. `opens`: a chosen card grows, and
    the one before shrinks. The card's top then stays where it is on the screen, as far as there is something to scroll,
    and the column asks for no more height than its cards have.
    """

    chosen_changed = Signal(object)
    """(step number: int)"""

    def __init__(
        self, make_card: Callable[[Any, QWidget], Card], parent: QWidget | None = None, *, opens: bool = False
    ) -> None:
        super().__init__(parent)
        self._opens = opens
        self._anchor: int | None = None  # where the chosen card's top is to stay, in the viewport
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.cards: list[Any] = []
        self._make_card = make_card
        self._chosen = 1
        self._follows = True
        self._shown: tuple[object, ...] = ()
        self._inside = _Inside()
        self._column = QVBoxLayout(self._inside)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._column.setSpacing(2 if opens else 6)
        self._column.addStretch(1)
        self.setWidget(self._inside)
        self._inside.installEventFilter(self)
        self.verticalScrollBar().actionTriggered.connect(self._scrolled)

    @property
    def chosen(self) -> int:
        """The chosen step, from 1 on."""
        return self._chosen

    def show_steps(self, facts: Sequence[object], chosen: int, *, same: bool = False) -> None:
        """Show these steps, in order. What has not changed stays as it is. `same`: they are those of the same
        trajectory, so who is reading a long one reads on."""
        before, self._shown = self._shown, tuple(facts)
        if not same:
            self._anchor = None
        for card in self.cards[len(self._shown) :]:
            self._drop(card)
        del self.cards[len(self._shown) :]
        for at, fact in enumerate(self._shown):
            if at < len(self.cards):
                if before[at] == fact or self.cards[at].take(fact):
                    continue
                self._drop(self.cards[at])
            card = self._make_card(fact, self._inside)
            card.pressed.connect(self._pressed)
            self._column.insertWidget(at, card)
            self.cards[at : at + 1] = [card]
            card.show()
        if self._opens:  # out of sight no layout asks for it, and the height of before would stay
            self.updateGeometry()
        self.choose(chosen, stay=same and self._read_on)

    def _drop(self, card: Card) -> None:
        self._column.removeWidget(card)
        card.hide()
        card.deleteLater()

    def choose(self, step: int, *, stay: bool = False) -> None:
        """Choose a step, and bring its card into view unless all is to `stay` where it is."""
        if not self.cards:
            return
        wanted = max(1, min(len(self.cards), step))
        if self._opens and wanted != self._chosen and self._chosen <= len(self.cards):
            top = self.cards[wanted - 1].mapTo(self.viewport(), self.cards[wanted - 1].rect().topLeft()).y()
            self._anchor = max(0, min(top, self.viewport().height() - self.cards[wanted - 1].height()))
        self._chosen = wanted
        for card in self.cards:
            card.set_chosen(card.number == self._chosen)
        if not stay:
            self.reveal()
        self.chosen_changed.emit(self._chosen)

    def reveal(self) -> None:
        """Scroll to the chosen card."""
        self._follows = True
        if self.cards:
            self._column.activate()
            card = self.cards[self._chosen - 1]
            if self._anchor is not None:
                self.verticalScrollBar().setValue(card.y() - self._anchor)
            if card.height() > self.viewport().height():  # from its beginning: Qt would show the middle
                self.verticalScrollBar().setValue(card.y())
            else:
                self.ensureWidgetVisible(card, 0, 8)

    @property
    def _read_on(self) -> bool:
        """Whether somebody has scrolled within a chosen card that is higher than there is room for."""
        higher = bool(self.cards) and self.cards[self._chosen - 1].height() > self.viewport().height()
        return higher and not self._follows and self.in_view

    @property
    def in_view(self) -> bool:
        """Whether the chosen card is on the screen: at least half of it, or of what the column has room for."""
        if not self.cards or not self.isVisible():
            return False
        card = self.cards[self._chosen - 1]
        where = QRect(card.mapTo(self.viewport(), card.rect().topLeft()), card.size())
        seen = where.intersected(self.viewport().rect()).height()
        return 2 * seen >= min(where.height(), self.viewport().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Cards come to their heights after they are shown: text wraps where there is room, and rows of chips break.
        if watched is self._inside and event.type() == QEvent.Type.LayoutRequest and self._opens:
            self.updateGeometry()
        if watched is self._inside and event.type() == QEvent.Type.Resize and self._follows:
            self.reveal()
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        if not self._opens or not self.cards:
            return hint
        wide = self.viewport().width()
        wraps = wide > 0 and self._column.hasHeightForWidth()  # else a layout says -1
        return QSize(hint.width(), self._column.heightForWidth(wide) if wraps else self._column.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._opens and event.oldSize().width() != event.size().width():
            self.updateGeometry()
        if self._follows:  # the column itself is lower or higher now
            self.reveal()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._follows = False
        super().wheelEvent(event)

    def _scrolled(self) -> None:
        self._follows = False

    def _pressed(self, step: object) -> None:
        if isinstance(step, int):
            self.choose(step)
