"""Questions that two runs answered: what each says, and the scores of its steps."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from sapo_studio.app.comparison.records import QuestionOutcome, Side
from sapo_ui import theme
from sapo_ui.features.compare.dots import paint_dot
from sapo_ui.theme import glyphs
from sapo_ui.trajectory.score_strip import LEAST, paint_scores
from sapo_ui.widgets.plain_text import plain_tip

Index = QModelIndex | QPersistentModelIndex
ROW = 44
MOST_STRIP = 98.0
"""Pixels for the scores of a solution, at the most."""
ROW_ROLE = Qt.ItemDataRole.UserRole


def said(side: Side, *, most: int = 24) -> str:
    """What a side answers."""
    answer = " ".join(side.answer.split())
    if not answer:
        return "no answer"
    return f"says {answer if len(answer) <= most else answer[: most - 1] + chr(0x2026)}"


class QuestionModel(QAbstractListModel):
    """Those that have been read, of `total`."""

    more_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[QuestionOutcome] = []
        self.total = 0
        self.names = ("", "")
        self.slots: tuple[int | None, int | None] = (None, None)

    def show(
        self,
        rows: tuple[QuestionOutcome, ...],
        total: int,
        names: tuple[str, str],
        slots: tuple[int | None, int | None],
    ) -> None:
        """Show the first page, of two runs with these names and colours."""
        if (list(rows), total, names, slots) != (self.rows, self.total, self.names, self.slots):
            self.beginResetModel()
            self.rows, self.total, self.names, self.slots = list(rows), total, names, slots
            self.endResetModel()

    def append(self, rows: tuple[QuestionOutcome, ...]) -> None:
        """Show a further page."""
        if rows:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(rows) - 1)
            self.rows += rows
            self.endInsertRows()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and len(self.rows) < self.total

    def fetchMore(self, parent: Index) -> None:
        del parent
        self.more_wanted.emit()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return " ".join(row.text.split())
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            sides = [
                f"{name}: {'correct' if side.correct else 'incorrect'}, {said(side, most=200)}"
                for name, side in zip(self.names, (row.left, row.right), strict=True)
            ]
            text = f"Question {row.place}. {row.text}\nThe answer is {row.reference}.\n" + "\n".join(sides)
            return plain_tip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None


class _Rows(QStyledItemDelegate):
    """Two lines: number and both sides, then the question."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(240, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row, model = index.data(ROW_ROLE), index.model()
        if not isinstance(row, QuestionOutcome) or not isinstance(model, QuestionModel):
            return
        look = theme.current()
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state: Any = option.state  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(rect.adjusted(3, 1, -3, -1), 4, 4)
            painter.setBrush(QColor(look.accent))
            painter.drawRoundedRect(QRectF(rect.left(), rect.top() + 5, 3, rect.height() - 10), 1.5, 1.5)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(4, 2, -4, -2), 4, 4)
        inside = rect.adjusted(12, 3, -10, -3)
        top = QRectF(inside.left(), inside.top(), inside.width(), 19)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("strong"))
        painter.setPen(QColor(look.text))
        painter.drawText(top, middle, f"q {row.place}")
        half = (inside.width() - 58) / 2
        self._side(painter, row.left, model.slots[0], QRectF(inside.left() + 58, top.top(), half - 6, 19))
        self._side(painter, row.right, model.slots[1], QRectF(inside.left() + 58 + half, top.top(), half, 19))
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        below = QRectF(inside.left(), inside.top() + 19, inside.width(), 18)
        metrics = QFontMetricsF(painter.font())
        painter.drawText(
            below, middle, metrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, below.width())
        )
        painter.restore()

    @staticmethod
    def _side(painter: QPainter, side: Side, slot: int | None, where: QRectF) -> None:
        look, x, middle = theme.current(), where.left(), where.center().y()
        paint_dot(painter, slot, x + 5, middle)
        name, tone = ("check", look.good) if side.correct else ("close", look.bad)
        glyphs.paint(painter, name, tone, QRectF(x + 15, middle - 6.5, 13, 13))
        x += 33
        painter.setFont(theme.font("small"))
        metrics = QFontMetricsF(painter.font())
        text = said(side)
        least = min(metrics.horizontalAdvance(text), 54.0)
        room = min(MOST_STRIP, where.right() - x - least - 6)
        shown = side.scores[: max(0, int(room / LEAST))]
        if shown:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            x += paint_scores(painter, round(x), round(middle), shown, room) + 5
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(look.muted))
        short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, where.right() - x)
        painter.drawText(
            QRectF(x, where.top(), where.right() - x + 2, where.height()), Qt.AlignmentFlag.AlignVCenter, short
        )


class QuestionList(QListView):
    """Enter or a double click opens both traces."""

    opened = Signal(object)
    """(QuestionOutcome)"""

    moved = Signal(object)
    """(QuestionOutcome | None) Another question is current."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = QuestionModel()
        self.setModel(self.questions)
        self.setItemDelegate(_Rows(self))
        self.setProperty("look", "plain")  # the row shows the focus
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Questions")
        self.doubleClicked.connect(self.open_current)
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.on_change(self, self.viewport().update)

    def _current_changed(self) -> None:
        self.moved.emit(self.current)

    @property
    def current(self) -> QuestionOutcome | None:
        """The current question."""
        row = self.currentIndex().data(ROW_ROLE)
        return row if isinstance(row, QuestionOutcome) else None

    def go_on(self, step: int) -> None:
        """Go on to another."""
        row = self.currentIndex().row() + step
        if 0 <= row < self.model().rowCount():
            self.setCurrentIndex(self.model().index(row, 0))

    def choose(self, place: int) -> None:
        """Make the question with this place current, else the first."""
        at = next((at for at, row in enumerate(self.questions.rows) if row.place == place), 0)
        self.setCurrentIndex(self.questions.index(at))

    def open_current(self) -> None:
        """Open both traces of the current question."""
        if self.current is not None:
            self.opened.emit(self.current)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_current()
        elif event.key() in (Qt.Key.Key_J, Qt.Key.Key_K):
            self.go_on(1 if event.key() == Qt.Key.Key_J else -1)
        elif event.text().isalpha():
            event.ignore()  # a key of the page, not the beginning of a question
        else:
            super().keyPressEvent(event)
