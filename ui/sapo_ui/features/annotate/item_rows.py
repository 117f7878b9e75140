"""The two lists beside the item: those that wait, in the queue's order, and those that are saved, with what models said
of them. Rows are painted; letters go on to the page, which knows what they mean."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from sapo_studio.store.codec import row_number
from sapo_studio.store.queue_records import QueueItem, SavedItem
from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.kept_place import kept_place
from sapo_ui.widgets.plain_text import plain_tip

ITEM = Qt.ItemDataRole.UserRole + 1
NOW = Qt.ItemDataRole.UserRole + 2
PAD, CELL, NAME, WORDS = 12, 9, 66, 92
LEAST_STRIP = 24.0
Index = QModelIndex | QPersistentModelIndex


def name_of(question_id: int, sample: int) -> str:
    """`q 1412 · s 3`."""
    return f"q {row_number(question_id)} \u00b7 s {sample}"


def verdict_of(item: SavedItem) -> tuple[str, bool | None]:
    """What the verifier (without one, rollouts) said beside this person, in words, and whether they agree; None where
    neither said anything."""
    who, said = (f"V{item.verifier}", item.called) if item.called >= 0 else ("rollouts", item.verified)
    if said < 0:
        return "no scores", None
    if said == item.judged:
        return ("agree, none" if said == 0 else "agree"), True
    return f"{who} {said or 'none'}, you {item.judged or 'none'}", False


class ItemModel(QAbstractListModel):
    """Items in order; the one on the desk is marked."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.items: list[QueueItem] | list[SavedItem] = []
        self._now = 0

    def take(self, items: list[QueueItem] | list[SavedItem], now: int) -> None:
        """Show these; `now`: the id of the one on the desk. Rows stay where they are where only their contents
        differ."""
        before, self._now = [one.id for one in self.items], now
        if before == [one.id for one in items]:
            self.items = items
            if items:
                self.dataChanged.emit(self.index(0), self.index(len(items) - 1))
            return
        self.beginResetModel()
        self.items = items
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item = self.items[index.row()]
        if role == ITEM:
            return item
        if role == NOW:
            return item.id == self._now
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._said(item)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(item.question if isinstance(item, QueueItem) else self._said(item))
        return None

    def _said(self, item: QueueItem | SavedItem) -> str:
        name = name_of(item.question_id, item.sample)
        if isinstance(item, SavedItem):
            return f"{name}, saved: {verdict_of(item)[0]}"
        return f"{name}: {item.question}" + (f", {item.taken_by} has it" if item.taken_by else "")


class ItemList(QListView):
    """A list of them. Enter or a click opens the row."""

    chosen = Signal(object)
    """(item id: int)"""

    def __init__(self, name: str, delegate: QStyledItemDelegate, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = ItemModel(self)
        self.setModel(self.rows)
        delegate.setParent(self)
        self.setItemDelegate(delegate)
        self.setProperty("look", "plain")
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(name)
        self.clicked.connect(self._open)
        theme.on_change(self, self._restyle)

    def take(self, items: list[QueueItem] | list[SavedItem], now: int) -> None:
        """See `ItemModel.take`; the cursor stays on its item."""
        with kept_place(self, lambda row: self.rows.items[row].id):
            self.rows.take(items, now)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._open(self.currentIndex())
        elif event.text().isprintable() and event.text():
            event.ignore()  # Qt would look for a row that begins with it
        else:
            super().keyPressEvent(event)

    def _open(self, index: QModelIndex) -> None:
        self.chosen.emit(index.data(ITEM).id)

    def _restyle(self) -> None:
        self.viewport().update()


class _Delegate(QStyledItemDelegate):
    """Paints the ground of a row: what is on the desk, and where the cursor is."""

    height = 46

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(160, self.height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        opt: Any = option
        look, rect = theme.current(), QRectF(opt.rect).adjusted(4, 1, -4, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if index.data(NOW):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(rect, 4, 4)
            painter.setBrush(QColor(look.accent))
            painter.drawRect(QRectF(rect.left(), rect.top() + 4, 3, rect.height() - 8))
        focused = opt.state & QStyle.StateFlag.State_HasFocus and opt.state & QStyle.StateFlag.State_Selected
        if focused:
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 4, 4)
        self.fill(painter, rect.adjusted(PAD - 4, 0, 4 - PAD, 0), index.data(ITEM), now=bool(index.data(NOW)))
        painter.restore()

    def fill(self, painter: QPainter, rect: QRectF, item: Any, *, now: bool) -> None:
        """Paint what the row says into `rect`."""
        raise NotImplementedError


def _write(
    painter: QPainter, rect: QRectF, text: str, colour: str, role: theme.FontRole, *, right: bool = False
) -> float:
    """One line of text, shortened where it has to be. Returns its width."""
    font = theme.font(role)
    metrics = QFontMetrics(font)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(rect.width()))
    painter.setFont(font)
    painter.setPen(QColor(colour))
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(rect, side | Qt.AlignmentFlag.AlignVCenter, shown)
    return float(metrics.horizontalAdvance(shown))


class WaitingDelegate(_Delegate):
    """`q 1412 · s 3`, who has it, and how the question begins."""

    def fill(self, painter: QPainter, rect: QRectF, item: Any, *, now: bool) -> None:
        look = theme.current()
        first = QRectF(rect.left(), rect.top() + 3, rect.width(), 20)
        note = "now" if now else f"{item.taken_by} has it" if item.taken_by else ""
        room = QRectF(first)
        room.setLeft(first.left() + 0.42 * first.width())
        wide = _write(painter, room, note, look.accent if now else look.muted, "small", right=True)
        first.setRight(first.right() - wide - 8)
        name = name_of(item.question_id, item.sample)
        _write(painter, first, name, look.muted if item.taken_by else look.text, "strong" if now else "body")
        second = QRectF(rect.left(), rect.top() + 22, rect.width(), 18)
        _write(painter, second, " ".join(item.question.split()), look.muted, "small")


class SavedDelegate(_Delegate):
    """`q 640 · s 2`, the scores as a strip, and whether the verifier says the same."""

    height = 28

    def fill(self, painter: QPainter, rect: QRectF, item: Any, *, now: bool) -> None:
        look = theme.current()
        words, same = verdict_of(item)
        name_room = QRectF(rect.left(), rect.top(), NAME, rect.height())
        _write(painter, name_room, name_of(item.question_id, item.sample), look.text, "strong" if now else "small")
        scores = item.scores.tolist()
        strip = min(64.0, rect.width() - NAME - 26 - WORDS)
        if strip < LEAST_STRIP:  # the words say more than a few pixels of color
            scores, strip = [], 0.0
        x, wide = rect.left() + NAME + 4, min(float(CELL), strip / max(1, len(scores)))
        painter.setPen(QPen(QColor(look.border), 1) if look.dark else Qt.PenStyle.NoPen)
        for score in scores:
            painter.setBrush(theme.score_colour(score))
            painter.drawRect(QRectF(x, rect.center().y() - 7, max(1.0, wide - 1), 14))
            x += wide
        x = rect.left() + NAME + 4 + strip + 6
        if same is not None:
            icon, color = ("check", look.good) if same else ("warning", look.warning)
            glyphs.paint(painter, icon, color, QRectF(x, rect.center().y() - 6, 12, 12))
        _write(painter, QRectF(x + 16, rect.top(), rect.right() - x - 16, rect.height()), words, look.muted, "small")
