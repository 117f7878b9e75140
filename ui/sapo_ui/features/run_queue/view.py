"""The rows of the queue: painted in two lines, moved by dragging or Alt and arrows, cards toggled by digits."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QApplication, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from sapo_ui import theme
from sapo_ui.features.run_queue.rows import CardBox, Row
from sapo_ui.theme import glyphs
from sapo_ui.widgets.plain_text import plain_tip

ROW_HEIGHT = 52
HEAD_HEIGHT = 32
BOX = 24
ROW_ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class Columns:
    """Where the columns stand in a row that is `width` wide: the name takes what the others leave."""

    def __init__(self, width: float, boxes: int) -> None:
        self.place = 12.0
        self.name = 56.0
        self.memory = width - 104
        self.takes = self.memory - 92
        cards = max(64, min(boxes, 8) * (BOX + 4) + 16)
        room = self.takes - self.name - cards
        self.starts = self.takes - max(160.0, min(360.0, 0.45 * room))
        self.cards = self.starts - cards


class QueueModel(QAbstractListModel):
    """The rows, as they are now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{row.name}\n{row.starts}" + (f"\n{row.when}" if row.when else ""))
        return None

    def show(self, rows: list[Row]) -> None:
        """Show these rows. Those that stay keep their index, so that the current one stays, too."""
        if [row.run_id for row in rows] == [row.run_id for row in self.rows]:
            changed = [at for at, row in enumerate(rows) if row != self.rows[at]]
            self.rows = rows
            for at in changed:
                self.dataChanged.emit(self.index(at), self.index(at))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def at(self, run_id: str) -> int:
        """The row of a run, -1 where there is none."""
        return next((at for at, row in enumerate(self.rows) if row.run_id == run_id), -1)


class QueueDelegate(QStyledItemDelegate):
    """Paints a row."""

    def __init__(self, view: QueueView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(400, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        if not isinstance(row, Row):
            return
        look = theme.current()
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = rect.adjusted(4, 2, -4, -2)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(frame, theme.RADIUS, theme.RADIUS)
            painter.fillRect(QRectF(frame.x(), frame.y() + 6, 3, frame.height() - 12), QColor(look.accent))
        if chosen and self._view.hasFocus():
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame.adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        columns = Columns(rect.width(), len(row.boxes))
        self._lead(painter, row, rect, columns)
        _two_lines(painter, row.name, row.about, QRectF(columns.name, rect.y(), columns.cards - columns.name - 8, 0))
        if row.on_cpu:
            _line(painter, "CPU", QRectF(columns.cards, rect.y() + 16, 60, 20), look.muted)
        for at, box in enumerate(row.boxes):
            _paint_box(painter, box, box_rect(rect, columns, at))
        mark = 20 if row.trouble else 0
        starts = QRectF(columns.starts + mark, rect.y(), columns.takes - columns.starts - 8 - mark, 0)
        _two_lines(painter, row.starts, row.when, starts, look.warning if row.trouble else look.text, strong=False)
        _line(painter, row.takes, QRectF(columns.takes, rect.y() + 16, 84, 20), look.text)
        _line(painter, row.memory, QRectF(columns.memory, rect.y() + 16, 92, 20), look.text)
        if self._view.drop_row == index.row():
            painter.fillRect(QRectF(rect.x() + 8, rect.y() - 1, rect.width() - 16, 3), QColor(look.accent))
        elif self._view.drop_row == index.row() + 1 == self._view.queue.rowCount():
            painter.fillRect(QRectF(rect.x() + 8, rect.bottom() - 2, rect.width() - 16, 3), QColor(look.accent))
        painter.restore()

    def _lead(self, painter: QPainter, row: Row, rect: QRectF, columns: Columns) -> None:
        look = theme.current()
        if not row.waits:
            glyphs.paint(painter, row.starts, look.status(row.starts), QRectF(28, rect.y() + 18, 16, 16))
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.muted))
        for x in (0, 5):  # six dots: it can be dragged
            for y in (0, 5, 10):
                painter.drawEllipse(QRectF(columns.place + x, rect.y() + 20 + y, 2.5, 2.5))
        place = QRectF(columns.place + 12, rect.y() + 16, columns.name - columns.place - 20, 20)
        _line(painter, str(row.place), place, look.muted, right=True)
        if row.trouble:
            glyphs.paint(painter, "warning", look.warning, QRectF(columns.starts, rect.y() + 11, 14, 14))


def box_rect(rect: QRectF, columns: Columns, at: int) -> QRectF:
    """Where the box of the card `at` stands in a row."""
    return QRectF(columns.cards + at * (BOX + 4), rect.y() + (rect.height() - BOX) / 2, BOX, BOX)


def _paint_box(painter: QPainter, box: CardBox, at: QRectF) -> None:
    look = theme.current()
    if box.room:
        painter.setPen(QPen(QColor(look.accent if box.chosen else look.border), 1.5 if box.chosen else 1))
        painter.setBrush(QColor(look.accent_soft if box.chosen else look.surface))
        painter.drawRoundedRect(at, 4, 4)
    painter.setFont(theme.font("strong" if box.chosen else "body"))
    painter.setPen(QColor(look.text if box.chosen else look.muted))
    painter.drawText(at, Qt.AlignmentFlag.AlignCenter, str(box.number))


def _two_lines(
    painter: QPainter, first: str, second: str, at: QRectF, colour: str = "", *, strong: bool = True
) -> None:
    look = theme.current()
    top = at.y() + (8 if second else 16)
    painter.setFont(theme.font("strong" if strong else "body"))
    _line(painter, first, QRectF(at.x(), top, at.width(), 20), colour or look.text, keep_font=True)
    if second:
        painter.setFont(theme.font("small"))
        _line(painter, second, QRectF(at.x(), top + 19, at.width(), 16), look.muted, keep_font=True)


def _line(
    painter: QPainter, text: str, at: QRectF, colour: str, *, right: bool = False, keep_font: bool = False
) -> None:
    if not keep_font:
        painter.setFont(theme.font("body"))
    painter.setPen(QColor(colour))
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    elided = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, at.width())
    painter.drawText(at, side | Qt.AlignmentFlag.AlignVCenter, elided)


class QueueView(QListView):
    """The list. It says what is wanted and does nothing itself."""

    moved = Signal(str, int)
    """(run id, place from 1 on)"""
    previewed = Signal(str, int)
    """(run id, place) A row is being dragged there; place 0: no longer."""
    card_toggled = Signal(str, int)
    """(run id, number of the card)"""
    remove_wanted = Signal(str)
    opened = Signal(str)
    undo_wanted = Signal()

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.queue = model
        self.drop_row = -1
        """Above which row what is dragged would come to stand."""
        self._pressed: QPoint | None = None
        self._dragged = ""
        self.setModel(model)
        self.setItemDelegate(QueueDelegate(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Runs in the queue")
        self.setAccessibleDescription("Alt and arrows move a run, digits toggle its cards, Delete takes it out")
        self.setProperty("look", "plain")

    @property
    def dragging(self) -> bool:
        """Whether a row is being dragged: the rows stay as they are."""
        return bool(self._dragged)

    def current(self) -> Row | None:
        """The current row."""
        row = self.currentIndex().data(ROW_ROLE)
        return row if isinstance(row, Row) else None

    def choose(self, run_id: str) -> None:
        """Make a run current, where it is there."""
        at = self.queue.at(run_id)
        if at >= 0:
            self.setCurrentIndex(self.queue.index(at))
            self.scrollTo(self.queue.index(at))

    def move_current(self, by: int) -> None:
        """Move the current run up or down."""
        row = self.current()
        last = sum(1 for one in self.queue.rows if one.waits)
        if row is not None and row.waits and 1 <= row.place + by <= last:
            self.moved.emit(row.run_id, row.place + by)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.current()
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        if modifiers == Qt.KeyboardModifier.AltModifier and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_current(-1 if key == Qt.Key.Key_Up else 1)
        elif key == Qt.Key.Key_Escape and self._dragged:
            self._end_drag()
        elif plain and key in (Qt.Key.Key_J, Qt.Key.Key_K):
            at = self.currentIndex().row() + (1 if key == Qt.Key.Key_J else -1)
            if 0 <= at < self.queue.rowCount():
                self.setCurrentIndex(self.queue.index(at))
        elif plain and key == Qt.Key.Key_U:
            self.undo_wanted.emit()
        elif plain and row is not None and key == Qt.Key.Key_Delete:
            self.remove_wanted.emit(row.run_id)
        elif plain and row is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(row.run_id)
        elif plain and row is not None and event.text().isascii() and event.text().isdigit():
            self.card_toggled.emit(row.run_id, int(event.text()))
        else:
            super().keyPressEvent(event)

    # -- the pointer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        if event.button() != Qt.MouseButton.LeftButton:
            return
        where = event.position().toPoint()
        row = self.indexAt(where).data(ROW_ROLE)
        if not isinstance(row, Row) or not row.waits:
            return
        rect = QRectF(self.visualRect(self.indexAt(where)))
        columns = Columns(rect.width(), len(row.boxes))
        for at, box in enumerate(row.boxes):
            if box.room and box_rect(rect, columns, at).contains(event.position()):
                self.card_toggled.emit(row.run_id, box.number)
                return
        self._pressed = where

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        where = event.position().toPoint()
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        far = (where - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        row = self.current()
        if not self._dragged and far and row is not None:
            self._dragged = row.run_id
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._dragged:
            self._drag_to(where)

    def _drag_to(self, where: QPoint) -> None:
        first = next(at for at, row in enumerate(self.queue.rows) if row.waits)
        above = round((where.y() + self.verticalOffset()) / ROW_HEIGHT)
        drop = min(max(above, first), self.queue.rowCount())
        if drop != self.drop_row:
            self.drop_row = drop
            self.previewed.emit(self._dragged, self._place(drop))
            self.viewport().update()

    def _place(self, drop: int) -> int:
        """The place that the dragged run would have."""
        rows = self.queue.rows
        before = [row for row in rows[:drop] if row.waits and row.run_id != self._dragged]
        return len(before) + 1

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self._pressed = None
        if self._dragged:
            run_id, place = self._dragged, self._place(self.drop_row)
            self._end_drag()
            if place != self.queue.rows[self.queue.at(run_id)].place:
                self.moved.emit(run_id, place)

    def _end_drag(self) -> None:
        run_id, self._dragged = self._dragged, ""
        self._pressed = None
        self.drop_row = -1
        self.unsetCursor()
        self.previewed.emit(run_id, 0)
        self.viewport().update()
