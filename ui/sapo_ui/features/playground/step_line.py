"""A step of an opened solution: the color of its score, its text, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from sapo_ui import theme
from sapo_ui.features.playground.places import KEEP, SIGN, TEXT, Places
from sapo_ui.theme import icons
from sapo_ui.widgets.marks import DRAW, TEXT_SIZES
from sapo_ui.widgets.plain_text import breakable

LEAST, PAD = 24, 3
"""Pixels of a step of one line, and above and below its text."""

MOST_LINES = 4
"""Lines of a step that is not chosen."""

_WRAP = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What a line shows. `predicted`: the verifier's first error; `truth`: the task's own; `changed`: somebody has
    changed it; `code`: its line breaks and indents count."""

    number: int
    text: str
    score: float | None = None
    predicted: bool = False
    truth: bool = False
    changed: bool = False
    code: bool = False

    @property
    def words(self) -> str:
        """The same as who cannot see it hears it."""
        parts = [f"Step {self.number}: {self.text}"]
        if self.changed:
            parts.append("changed by you")
        if self.score is not None:
            parts.append(f"score {self.score:.2f}")
        if self.predicted:
            parts.append("predicted first error")
        if self.truth:
            parts.append("true first error")
        return ", ".join(parts)


class StepLine(QWidget):
    """`edit` changes the step; it shows while the step is chosen or the pointer is on it. None of a rollout's."""

    pressed = Signal(object)
    """(step number: int)"""
    edit_wanted = Signal(object)
    """(step number: int)"""

    def __init__(self, facts: StepFacts, *, editable: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facts, self.chosen = facts, False
        self._inside = False
        self._metrics = QFontMetrics(theme.font("mono_small"))
        self._measured: dict[int, int] = {}  # pixels of the text's height, by those of its width
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.edit: QToolButton | None = None
        if editable:
            self.edit = QToolButton(self)
            self.edit.setProperty("look", "icon")
            self.edit.setFixedSize(24, 22)
            self.edit.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self.edit.setToolTip("Change this step, and see how often rollouts from there come right (e)")
            self.edit.clicked.connect(self._want_edit)
            self.edit.hide()
        self._name()
        theme.on_change(self, self._restyle)

    def take(self, facts: StepFacts) -> None:
        """Show it as it is now."""
        if facts != self.facts:
            if facts.text != self.facts.text:
                self._measured.clear()
            self.facts = facts
            self._name()
            self.updateGeometry()
            self.update()

    def set_chosen(self, chosen: bool) -> None:
        """Whether the keys act on it."""
        if chosen != self.chosen:
            self.chosen = chosen
            self._offer()
            self.updateGeometry()
            self.update()

    def _name(self) -> None:
        self.setAccessibleName(self.facts.words)
        marks = ["\u25b3 the first error, by the verifier"] if self.facts.predicted else []
        marks += ["= the first error, by the task itself"] if self.facts.truth else []
        self.setToolTip("\n".join(marks))
        if self.edit is not None:
            self.edit.setAccessibleName(f"Change step {self.facts.number}")

    def _restyle(self) -> None:
        if self.edit is not None:
            self.edit.setIcon(icons.icon("annotate", theme.current().muted))
        self.update()

    def _want_edit(self) -> None:
        self.edit_wanted.emit(self.facts.number)

    def _offer(self) -> None:
        if self.edit is not None:
            self.edit.setVisible(self.chosen or self._inside)

    # -- Its size

    @property
    def _text(self) -> str:
        text = self.facts.text.rstrip() or "(empty)"
        return breakable(text if self.facts.code else " ".join(text.split()))

    def _wanted(self, width: int) -> int:
        """Pixels of all lines. Layouts ask again and again; measuring a long text takes long."""
        room = int(Places(width).text_width)
        if room not in self._measured:
            where = QRect(0, 0, room, 1_000_000)
            self._measured[room] = self._metrics.boundingRect(where, int(_WRAP), self._text).height()
        return self._measured[room]

    def _room(self, width: int) -> int:
        """Pixels for the text: all lines of a chosen step, else the first ones."""
        most = self._metrics.lineSpacing() * MOST_LINES
        wanted = self._wanted(width)
        return wanted if self.chosen else min(wanted, most)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, arg__1: int) -> int:
        return max(LEAST, self._room(arg__1) + 2 * PAD)

    def sizeHint(self) -> QSize:
        return QSize(300, self.heightForWidth(self.width() or 400))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, LEAST)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()
        if self.edit is not None:
            self.edit.move(self.width() - KEEP + 6, 1)

    # -- The pointer

    def enterEvent(self, event: object) -> None:
        del event
        self._inside = True
        self._offer()

    def leaveEvent(self, event: object) -> None:
        del event
        self._inside = False
        self._offer()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        del event
        self.pressed.emit(self.facts.number)

    # -- Its picture

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, facts, places = theme.current(), self.facts, Places(self.width())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.chosen:
            painter.setBrush(QColor(look.raised))
            painter.drawRoundedRect(QRectF(8, 0, self.width() - 16, self.height()), 4, 4)
        if facts.score is not None or facts.changed:
            tint = QColor(look.accent) if facts.changed else theme.score_colour(facts.score or 0.0)
            painter.setBrush(tint)
            painter.drawRoundedRect(QRectF(SIGN + 5, 4, 4, self.height() - 8), 2, 2)
        painter.setFont(theme.font("mono_small"))
        painter.setPen(QColor(look.text))
        room = self._room(self.width())
        top = max(float(PAD), (self.height() - room) / 2)
        where = QRectF(TEXT, top, places.text_width, room)
        painter.setClipRect(where.adjusted(0, 0, 4, 0))
        painter.drawText(where, int(_WRAP), self._text)
        painter.setClipping(False)
        self._paint_facts(painter, places, cut=self._wanted(self.width()) > room)

    def _paint_facts(self, painter: QPainter, places: Places, *, cut: bool) -> None:
        look, facts = theme.current(), self.facts
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        left = QRectF(TEXT + places.text_width + 4, 0, 40, LEAST)
        if facts.predicted:
            at = QPointF(places.mean - 22, LEAST / 2)
            DRAW["triangle"](painter, at, TEXT_SIZES["triangle"], QColor(look.text), QColor(0, 0, 0, 0))
        if facts.truth:
            painter.setPen(QColor(look.text))
            painter.drawText(
                QRectF(places.mean - (44 if facts.predicted else 28), 0, 12, LEAST), Qt.AlignmentFlag.AlignCenter, "="
            )
        if cut:
            painter.setPen(QColor(look.muted))
            painter.drawText(left.translated(0, self.height() - LEAST), Qt.AlignmentFlag.AlignVCenter, "\u2026")
        if facts.score is not None:
            painter.setFont(theme.font("mono_small"))
            painter.setPen(QColor(look.muted))
            where = QRectF(places.mean, 0, 40, LEAST)
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{facts.score:.2f}")
