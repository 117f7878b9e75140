"""The list of runs on the left: model, delegate, and the column with the New run button and the search field."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QColor, QFontMetricsF, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.domain.runs import PHASE_LABELS, RunStatus
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.poller import StoreChange
from sapo_ui.theme import glyphs, icons

ROW_HEIGHT = 60
RUN_ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


def second_line(run: RunSummary) -> str:
    """What the list says below a run's name."""
    if run.status is RunStatus.FAILED and run.error is not None:
        return run.error.what
    if run.status.alive:
        phase = PHASE_LABELS.get(run.phase, run.phase)
        where = (
            (f"{phase} \u00b7 it {run.iteration}/{run.iterations}" if run.iteration else phase) if phase else "Starting"
        )
        if run.status is RunStatus.PAUSED:
            return where
        return where + (f" \u00b7 ETA {fmt.duration(run.eta_seconds)}" if run.eta_seconds is not None else "")
    when = fmt.relative(run.finished_at or run.started_at or run.created_at)
    accuracy = run.headline.get("sampled_accuracy")
    if accuracy is None:
        return when
    return f"{fmt.percent(accuracy)} sampled \u00b7 {when}"


class RunListModel(QAbstractListModel):
    """All runs whose name, id, preset or status contains the search text. Changes row by row, so that the selection
    stays."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[RunSummary, ...] = ()
        self._rows: list[RunSummary] = []
        self._text = ""

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        run = self._rows[index.row()]
        if role == RUN_ROLE:
            return run
        if role == Qt.ItemDataRole.DisplayRole:
            return run.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            progress = f", {fmt.percent(run.progress)}" if run.status.alive else ""
            return f"{run.name}, {run.status.value}{progress}, {second_line(run)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = [run.name, f"id {run.id}", f"created {fmt.moment(run.created_at)}"]
            if run.preset:
                lines.insert(2, f"preset {run.preset}")
            if run.active_seconds:
                lines.append(f"running time {fmt.duration(run.active_seconds)}")
            return "\n".join(lines)
        return None

    def take(self, change: StoreChange) -> None:
        """Show the runs as they are now."""
        self._all = change.runs
        self._sync(self._matching(), change.changed)

    def search(self, text: str) -> None:
        """Show only runs that contain `text`."""
        self._text = text.strip().casefold()
        self._sync(self._matching(), frozenset())

    def row_of(self, run_id: str | None) -> int:
        """The row of a run, -1 where it is not shown."""
        return next((row for row, run in enumerate(self._rows) if run.id == run_id), -1)

    @property
    def total(self) -> int:
        """How many runs there are, shown or not."""
        return len(self._all)

    def _matching(self) -> list[RunSummary]:
        if not self._text:
            return list(self._all)
        return [
            run
            for run in self._all
            if self._text in f"{run.name}\n{run.id}\n{run.preset}\n{run.status.value}".casefold()
        ]

    def _sync(self, wanted: list[RunSummary], changed: frozenset[str]) -> None:
        keep = {run.id for run in wanted}
        for row in range(len(self._rows) - 1, -1, -1):
            if self._rows[row].id not in keep:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._rows[row]
                self.endRemoveRows()
        for row, run in enumerate(wanted):
            if row < len(self._rows) and self._rows[row].id == run.id:
                if run.id in changed or self._rows[row] is not run:
                    self._rows[row] = run
                    self.dataChanged.emit(self.index(row), self.index(row))
                continue
            old = self.row_of(run.id)
            if old >= 0:
                self.beginRemoveRows(QModelIndex(), old, old)
                del self._rows[old]
                self.endRemoveRows()
            self.beginInsertRows(QModelIndex(), row, row)
            self._rows.insert(row, run)
            self.endInsertRows()


class RunDelegate(QStyledItemDelegate):
    """Paints a run in two lines: name and status, then where it is; a thin bar while it is alive."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        run = index.data(RUN_ROLE)
        if not isinstance(run, RunSummary):
            return
        look = theme.current()
        where: Any = option.rect  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        state: Any = option.state  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(where).adjusted(8, 2, -8, -2)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(look.raised))
            painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        inside = card.adjusted(10, 7, -10, -7)
        self._texts(painter, run, inside)
        if run.status.alive:
            bar = QRectF(inside.x(), card.bottom() - 8, inside.width(), 3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.sunken))
            painter.drawRoundedRect(bar, 1.5, 1.5)
            painter.setBrush(QColor(look.status(run.status.value)))
            painter.drawRoundedRect(QRectF(bar.x(), bar.y(), max(3.0, bar.width() * run.progress), 3), 1.5, 1.5)
        painter.restore()

    def _texts(self, painter: QPainter, run: RunSummary, inside: QRectF) -> None:
        look = theme.current()
        small, strong = theme.font("small"), theme.font("strong")
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        word = fmt.percent(run.progress) if run.status is RunStatus.RUNNING else run.status.value
        word_width = QFontMetricsF(small).horizontalAdvance(word) + 2
        colour = look.status(run.status.value)
        line = QRectF(inside.x(), inside.y(), inside.width(), 18)
        painter.setFont(small)
        painter.setPen(QColor(colour))
        painter.drawText(QRectF(line.right() - word_width, line.y(), word_width, 18), left, word)
        glyphs.paint(painter, run.status.value, colour, QRectF(line.right() - word_width - 17, line.y() + 2.5, 13, 13))
        room = line.width() - word_width - 17 - 8
        painter.setFont(strong)
        painter.setPen(QColor(look.text))
        name = QFontMetricsF(strong).elidedText(run.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(line.x(), line.y(), room, 18), left, name)
        painter.setFont(small)
        painter.setPen(QColor(look.muted))
        below = QFontMetricsF(small).elidedText(second_line(run), Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(QRectF(inside.x(), inside.y() + 20, inside.width(), 16), left, below)


class RunListView(QListView):
    """The list itself: j and k move, Enter opens, Delete deletes, the menu key or a right click offer the rest."""

    opened = Signal(object)
    """(run id: str) Enter was pressed on a run."""

    delete_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if plain and key in (Qt.Key.Key_J, Qt.Key.Key_K):
            row = self.currentIndex().row() + (1 if key == Qt.Key.Key_J else -1)
            if 0 <= row < self.model().rowCount():
                self.setCurrentIndex(self.model().index(row, 0))
            return
        if plain and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            run = self.currentIndex().data(RUN_ROLE)
            if isinstance(run, RunSummary):
                self.opened.emit(run.id)
            return
        if plain and key == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
            return
        super().keyPressEvent(event)


class RunList(QFrame):
    """The left column. Knows nothing of what is done to a run: the context menu is given to it."""

    selected = Signal(object)
    """(run id: str | None) Another run is current."""

    opened = Signal(object)
    """(run id: str)"""

    def __init__(self, new_run: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "side")
        self.setMinimumWidth(200)
        self.menu_actions: list[QAction | None] = []
        self.model = RunListModel(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 8)
        column.setSpacing(8)
        head = QVBoxLayout()
        head.setContentsMargins(12, 0, 12, 0)
        head.setSpacing(8)
        self.new_button = QPushButton("New run")
        self.new_button.setProperty("look", "primary")
        self.new_button.setToolTip(f"{new_run.toolTip()} ({new_run.shortcut().toString()})")
        self.new_button.clicked.connect(new_run.trigger)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search runs")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search runs by name, id, preset or status")
        self.search.textChanged.connect(self._searched)
        head.addWidget(self.new_button)
        head.addWidget(self.search)
        column.addLayout(head)
        self.view = RunListView()
        self.view.setProperty("look", "plain")  # the row shows the focus
        self.view.setModel(self.model)
        self.view.setItemDelegate(RunDelegate(self.view))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName("Runs")
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.selectionModel().currentChanged.connect(self._current_changed)
        self.view.opened.connect(self.opened)
        column.addWidget(self.view, 1)
        self.empty = QLabel()
        self.empty.setProperty("look", "muted")
        self.empty.setWordWrap(True)
        self.empty.setContentsMargins(14, 0, 14, 0)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.empty, 1)
        theme.on_change(self, self._restyle)
        self._say_empty()

    def take(self, change: StoreChange) -> None:
        """Show the runs as they are now; keep the current one."""
        self.model.take(change)
        self._say_empty()

    def current(self) -> RunSummary | None:
        """The current run."""
        run = self.view.currentIndex().data(RUN_ROLE)
        return run if isinstance(run, RunSummary) else None

    def select(self, run_id: str) -> bool:
        """Make a run current. False where it is not in the list."""
        row = self.model.row_of(run_id)
        if row < 0:
            return False
        self.view.setCurrentIndex(self.model.index(row))
        self.view.scrollTo(self.model.index(row))
        return True

    def clear_selection(self) -> None:
        """Have no run current."""
        self.view.setCurrentIndex(QModelIndex())

    def _searched(self, text: str) -> None:
        self.model.search(text)
        self._say_empty()

    def _say_empty(self) -> None:
        shown = self.model.rowCount()
        self.view.setVisible(shown > 0)
        self.empty.setVisible(shown == 0)
        self.empty.setText("No run matches the search." if self.model.total else "Runs appear here, the newest first.")

    def _restyle(self) -> None:
        self.new_button.setIcon(icons.icon("plus", theme.current().on_accent))
        self.view.viewport().update()

    def _current_changed(self, current: QModelIndex, previous: QModelIndex) -> None:
        del previous
        run = current.data(RUN_ROLE)
        self.selected.emit(run.id if isinstance(run, RunSummary) else None)

    def _menu(self, where: QPoint) -> None:
        if not self.view.indexAt(where).isValid():
            return
        from PySide6.QtWidgets import QMenu

        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action in self.menu_actions:
            if action is None:
                menu.addSeparator()
            elif action.isEnabled():
                menu.addAction(action)
        menu.popup(self.view.viewport().mapToGlobal(where))
