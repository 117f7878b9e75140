"""The runs: a search field and the list below it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QListView, QMenu, QVBoxLayout, QWidget

from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.features.run_list.delegate import RunDelegate
from sapo_ui.features.run_list.filter_button import FilterButton
from sapo_ui.features.run_list.model import RUN_ROLE, RunListModel
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.plain_text import PlainLabel


class RunListView(QListView):
    """The list itself: j and k move, Enter opens, Space picks for comparison, Delete deletes, the menu key or a right
    click offer the rest."""

    opened = Signal(object)
    """(run id: str) Enter was pressed on a run."""

    delete_pressed = Signal()

    picked = Signal(object)
    """(run id: str) Space was pressed on a run."""

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
        if plain and key == Qt.Key.Key_Space:
            run = self.currentIndex().data(RUN_ROLE)
            if isinstance(run, RunSummary):
                self.picked.emit(run.id)
            return
        if plain and key == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
            return
        super().keyPressEvent(event)


class RunList(QFrame):
    """Stands in the side bar. Knows nothing of what is done to a run: the context menu is given to it."""

    selected = Signal(object)
    """(run id: str | None) Another run is current."""

    clicked = Signal(object)
    """(run id: str | None) A run was clicked, which may have been current before."""

    opened = Signal(object)
    """(run id: str)"""

    picked = Signal(object)
    """(run id: str) Space was pressed on a run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.menu_actions: list[QAction | None] = []
        self.model = RunListModel(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        head = QVBoxLayout()
        head.setContentsMargins(12, 0, 12, 0)
        head.setSpacing(8)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search runs")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search runs by name, id, preset or status")
        self.search.textChanged.connect(self._searched)
        self.filter = FilterButton(self.model)
        self.filter.narrowed.connect(self._say_empty)
        looking = QHBoxLayout()
        looking.setSpacing(4)
        looking.addWidget(self.search, 1)
        looking.addWidget(self.filter)
        head.addLayout(looking)
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
        self.view.picked.connect(self.picked)
        self.view.setDragEnabled(True)
        self.view.setDragDropMode(QListView.DragDropMode.DragOnly)
        self.view.clicked.connect(self._clicked)
        column.addWidget(self.view, 1)
        self.empty = PlainLabel()
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
        self.empty.setText(
            "No run matches search and filter." if self.model.total else "Runs appear here, the newest first."
        )

    def _restyle(self) -> None:
        self.view.viewport().update()

    def _current_changed(self, current: QModelIndex, previous: QModelIndex) -> None:
        del previous
        run = current.data(RUN_ROLE)
        self.selected.emit(run.id if isinstance(run, RunSummary) else None)

    def _clicked(self, index: QModelIndex) -> None:
        """The current run too: another page may be in front of it."""
        run = index.data(RUN_ROLE)
        self.clicked.emit(run.id if isinstance(run, RunSummary) else None)

    def _menu(self, where: QPoint) -> None:
        if not self.view.indexAt(where).isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action in self.menu_actions:
            if action is None:
                menu.addSeparator()
            elif action.isEnabled():
                menu.addAction(action)
        menu.popup(self.view.viewport().mapToGlobal(where))
