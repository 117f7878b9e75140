"""The list of conflicts: which item, what the people say is the first error, and whether it is resolved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from sapo_studio.store.agreement import Conflict
from sapo_ui import theme
from sapo_ui.features.annotate.item_rows import name_of
from sapo_ui.theme import glyphs

CONFLICT = Qt.ItemDataRole.UserRole + 1
ROW, CHECK = 46, 14
Index = QModelIndex | QPersistentModelIndex


def matter_of(conflict: Conflict) -> str:
    """`first error: 3 or none`, by person; `step labels differ` where they name the same one."""
    errors = conflict.item.judged.first_errors()
    said = list(dict.fromkeys(errors[who] for who in sorted(errors, key=str.casefold)))
    if len(said) < 2:
        return "step labels differ"
    return "first error: " + " or ".join(str(error or "none") for error in said)


class ConflictModel(QAbstractListModel):
    """Conflicts in the order in which they are given."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.conflicts: tuple[Conflict, ...] = ()

    def take(self, conflicts: Sequence[Conflict]) -> None:
        """Show these."""
        self.beginResetModel()
        self.conflicts = tuple(conflicts)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.conflicts)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        conflict = self.conflicts[index.row()]
        if role == CONFLICT:
            return conflict
        if role == Qt.ItemDataRole.AccessibleTextRole:
            state = "open" if conflict.resolution is None else f"resolved by {conflict.resolution.resolver}"
            return f"{name_of(conflict.item.question_id, conflict.item.sample)}, {matter_of(conflict)}, {state}"
        return None


class ConflictList(QListView):
    """A click or the arrow keys choose one; letters go on to the page."""

    chosen = Signal(object)
    """(row: int) The user chose it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = ConflictModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(self))
        self.setProperty("look", "plain")
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Conflicts")
        self.selectionModel().currentChanged.connect(self._current)
        theme.on_change(self, self._restyle)

    def take(self, conflicts: Sequence[Conflict], row: int) -> None:
        """Show these, with that row chosen."""
        model = self.selectionModel()
        blocked = model.blockSignals(True)
        if tuple(conflicts) != self.rows.conflicts:
            self.rows.take(conflicts)
        if 0 <= row < len(conflicts):
            self.setCurrentIndex(self.rows.index(row))
        model.blockSignals(blocked)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        arrows = event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End)
        if arrows or event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            super().keyPressEvent(event)
        else:
            event.ignore()  # Qt would look for a row that begins with a letter

    def _current(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(index.row())

    def _restyle(self) -> None:
        self.viewport().update()


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(160, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        opt: Any = option
        conflict: Conflict = index.data(CONFLICT)
        look, rect = theme.current(), QRectF(opt.rect).adjusted(4, 1, -4, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if opt.state & QStyle.StateFlag.State_Selected:
            focused = bool(opt.state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(QPen(QColor(look.accent), 2) if focused else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 4, 4)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent))
            painter.drawRect(QRectF(rect.left() + 1, rect.top() + 5, 3, rect.height() - 10))
        done = conflict.resolution is not None
        inside = rect.adjusted(12, 3, -12, -3)
        if done:
            inside.setRight(inside.right() - CHECK - 6)
            where = QRectF(inside.right() + 6, rect.center().y() - CHECK / 2, CHECK, CHECK)
            glyphs.paint(painter, "check", look.good, where)
        name = name_of(conflict.item.question_id, conflict.item.sample)
        half = inside.height() / 2
        for at, (text, role, colour) in enumerate(
            ((name, "body", look.muted if done else look.text), (matter_of(conflict), "small", look.muted))
        ):
            font = theme.font("small" if role == "small" else "body")
            line = QRectF(inside.left(), inside.top() + at * half, inside.width(), half)
            painter.setFont(font)
            painter.setPen(QColor(colour))
            shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(line.width()))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        painter.restore()
