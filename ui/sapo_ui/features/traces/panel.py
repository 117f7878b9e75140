"""The table of all trajectories of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QStackedWidget, QTableView

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary, TraceFilter
from sapo_studio.store.trace_views import TraceView
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.traces.filters import TraceFilters
from sapo_ui.features.traces.table_model import AT, COLUMNS, SORT_KEYS, TraceTable
from sapo_ui.features.traces.views_button import ViewsButton
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services.annotations import annotation_events
from sapo_ui.services.trace_search import Indexing, search_words
from sapo_ui.trajectory.mark_text import MarkTextDelegate
from sapo_ui.trajectory.score_strip import ScoreStripDelegate
from sapo_ui.widgets.combo import choose_values, chosen_values
from sapo_ui.widgets.labels import EmptyState, label
from sapo_ui.widgets.row_table import dress_rows

ROW = 28
FIRST_HITS = 200
"""Hits of a search that are shown before all are known."""

WIDTHS = {"outcome": 30, "iteration": 36, "first_error": 108, "scores": 92, "mean": 60}
"""Pixels. The question takes the rest."""

NARROW = 440
"""Below this width iteration and mean are left out."""

AHEAD = 2
"""Neighbours on each side that are read before anybody asks for them."""


@dataclass(frozen=True, eq=False)
class _Found:
    asked: TraceFilter
    ids: npt.NDArray[np.int64]
    phase: int | None
    iterations: int
    sets: list[str]
    imported: bool


class _Table(QTableView):
    """j and k move as Down and Up do; Enter is told by `activated`. The focus alone chooses nothing."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        nothing = not self.currentIndex().isValid()
        blocked = self.selectionModel().blockSignals(nothing)
        super().focusInEvent(event)
        if nothing:  # Qt makes the first row the current one
            self.setCurrentIndex(QModelIndex())
        self.selectionModel().blockSignals(blocked)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_J: 1, Qt.Key.Key_K: -1}.get(Qt.Key(event.key()))
        if step is not None and not event.modifiers():
            row = self.currentIndex().row() + step
            if 0 <= row < self.model().rowCount():
                self.setCurrentIndex(self.model().index(row, 0))
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.activated.emit(self.currentIndex())
            return
        super().keyPressEvent(event)


class TracesPanel(DataPanel):
    """Filter bar, table, count. The rows stay where they are while the run adds more; more announces itself."""

    chosen = Signal(object)
    """(trajectory id: int) The user moved to this row."""

    listed = Signal()
    """Other trajectories are listed, or others are wanted."""

    panel_id = "traces"
    title = "Traces"
    help = """### Traces

Every trajectory of the run. Type to search questions and steps (words, parts of words, numbers, signs), *Filters*
narrows the list, a click on a header sorts. *Views* keeps filters, search and order under a name, for every run.
**j / k** or the arrows move and show the trajectory beside, **Enter** goes into it, **Ctrl+F** to the search field.

* **First error**: triangle predicted, square verified by rollouts, ring by a person, = true (where the task knows).
* **Steps**: the verifier's score after each step, in the heatmap's colours.
"""
    keys = "j k trajectory \u00b7 Enter into it \u00b7 Ctrl+F search"
    empty_headline = "No trajectory yet"
    empty_text = (
        "They appear as soon as the reasoner has written its first solutions, in the sampling after the warm-up."
    )

    def __init__(self) -> None:
        super().__init__()
        self._sort, self._descending = "id", False
        self._one_iteration = False
        self._quiet = False  # the table is filled, or follows what is open: nobody moved
        self._pending: _Found | None = None
        self._known: _Found | None = None  # the last answer, which a run that goes on only adds to
        self._shown: TraceFilter | None = None
        self._listed: TraceFilter | None = None
        self.filters = TraceFilters()
        self.model = TraceTable(self)
        self.table = _Table()
        self.table.setModel(self.model)
        self._dress()
        self.nothing = EmptyState("No trajectory matches", "Change the filters above, or clear them with Esc.")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.table)
        self.pages.addWidget(self.nothing)
        self.count = label("", "small", "muted")
        self.news = QPushButton()
        self.news.setFont(theme.font("small"))
        self.news.setVisible(False)
        self.news.clicked.connect(self._show_pending)
        foot = QHBoxLayout()
        self.indexing = label("", "small", "muted")
        self._indexer = Indexing(self)
        self._indexer.progressed.connect(self._say_indexing)
        self.views = ViewsButton(self._current_filter)
        self.views.chosen.connect(self._show_view)
        foot.addWidget(self.count)
        foot.addWidget(self.indexing)
        foot.addWidget(self.news)
        foot.addStretch(1)
        self.queue = QPushButton("Queue these\u2026")
        self.queue.setFont(theme.font("small"))
        self.queue.setToolTip("Make a queue of the trajectories listed here, to judge them on the Annotate page")
        self.queue.clicked.connect(self._queue)
        foot.addWidget(self.queue)
        self.column.addWidget(self.filters)
        self.column.addWidget(self.pages, 1)
        self.column.addLayout(foot)
        self.filters.changed.connect(self._asked_again)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self, self._find)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self._escape)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        annotation_events().judged.connect(self._judged)

    def _dress(self) -> None:
        table, header = self.table, self.table.horizontalHeader()
        table.setAccessibleName("Trajectories")
        dress_rows(table, ROW)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header.setSectionsClickable(True)
        header.setFont(theme.font("small"))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(24)
        for name, width in WIDTHS.items():
            header.setSectionResizeMode(AT[name], QHeaderView.ResizeMode.Fixed)
            table.setColumnWidth(AT[name], width)
        header.setSectionResizeMode(AT["question"], QHeaderView.ResizeMode.Stretch)
        header.sectionClicked.connect(self._sort_by)
        table.setItemDelegateForColumn(AT["scores"], ScoreStripDelegate(table))
        table.setItemDelegateForColumn(AT["first_error"], MarkTextDelegate(table))
        table.activated.connect(self._open)
        table.selectionModel().currentRowChanged.connect(self._row_changed)

    def clear(self) -> None:
        self._pending = self._shown = self._known = None
        self._indexer.stop()
        self.news.setVisible(False)
        self._set_ids(np.zeros(0, np.int64))

    def _set_ids(self, ids: npt.NDArray[np.int64]) -> None:
        self._quiet = True
        self.model.set_ids(ids)
        self._quiet = False

    def choices(self) -> dict[str, str]:
        order = "descending" if self._descending else "ascending"
        return {**chosen_values(self.filters.boxes), "sort": self._sort, "order": order}

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        choose_values(self.filters.boxes, choices)
        sort = choices.get("sort", "")
        at = next((at for at, (name, *_) in enumerate(COLUMNS) if SORT_KEYS.get(name) == sort), None)
        if at is not None:
            self._sort_as(at, sort, descending=choices.get("order") == "descending")

    def load(self, run_id: str) -> None:
        asked = self.filters.filter(run_id, self._sort, descending=self._descending)
        known = self._known if self._known is not None and self._known.asked == asked else None

        def work(store: Store) -> _Found:
            run = queries.get_run(store, run_id)
            given = replace(asked, source="import", iteration=None) if run.imported else asked
            sets = queries.sets_of(store, run_id)
            if known is not None and goes_on(known.ids, known.phase, run, asked):
                ids = np.concatenate([known.ids, queries.trace_ids(store, given, after=int(known.ids[-1]))])
            else:
                ids = queries.trace_ids(store, given)
            return _Found(asked, ids, run.phase_ordinal, run.iteration, sets, imported=run.imported)

        search_words().set_text(asked.text)
        if asked.text:
            self._indexer.begin(run_id)
        if asked.text and asked != self._shown:
            self.read(lambda store: (asked, queries.first_hits(store, asked, FIRST_HITS)), self._take_first, "first")
        self.read(work, self._take)

    def _asked_again(self) -> None:
        self.filters.say_set()
        if self._run_id is not None:
            self._pending = None
            self.load(self._run_id)

    def _take_first(self, found: tuple[TraceFilter, npt.NDArray[np.int64] | None]) -> None:
        """Show the first hits while the others are being looked for."""
        asked, ids = found
        if ids is None or not len(ids) or self._current_filter() != asked or self._shown == asked:
            return
        self.set_filled(True)
        self._set_ids(ids)
        self.table.scrollToTop()
        self.pages.setCurrentWidget(self.table)
        self.count.setText("searching\u2026")

    def _take(self, found: _Found) -> None:
        wanted = self.filters.filter(found.asked.run_id, self._sort, descending=self._descending)
        if found.asked != wanted:
            return
        self._known = found
        self.filters.show_known(found.iterations)
        self.filters.show_sets(found.sets)
        self.filters.show_import(imported=found.imported)
        if not len(found.ids) and not found.sets and not self.filters.active and not len(self.model.ids):
            self.set_filled(False)
            return
        self.set_filled(True)
        old, new = self.model.ids, found.ids
        grows = len(new) >= len(old) and np.array_equal(new[: len(old)], old)
        if found.asked == self._shown and not grows and self._reading():
            self._pending = found
            more = len(new) - len(old)
            self.news.setText(f"{fmt.count(more)} new, show" if more > 0 else "Order changed, show")
            self.news.setVisible(True)
            return
        self._show(found)

    def _reading(self) -> bool:
        top = self.table.verticalScrollBar().value() > 0
        return self.table.underMouse() or self.table.hasFocus() or top

    def _show_pending(self) -> None:
        found, self._pending = self._pending, None
        if found is not None:
            self._show(found)

    def _show(self, found: _Found) -> None:
        self._pending = None
        self._shown = found.asked
        self.news.setVisible(False)
        kept = self.selected_id
        other = self._listed != found.asked
        self._listed = found.asked
        self._set_ids(found.ids)
        self._one_iteration = found.imported or found.asked.iteration is not None
        self._hide_columns()
        self.pages.setCurrentWidget(self.table if len(found.ids) else self.nothing)
        noun = "trajectory" if len(found.ids) == 1 else "trajectories"
        self.count.setText(f"{len(found.ids):,} {noun}")
        if kept is not None and self.selected_id is None:
            self.select(kept)  # another order or filter: the table follows the chosen row,
        if other and self.selected_id is None:
            self.table.scrollToTop()  # or begins anew
        self.listed.emit()

    @property
    def selected_id(self) -> int | None:
        """The trajectory of the current row."""
        row = self.table.currentIndex().row()
        return int(self.model.ids[row]) if 0 <= row < len(self.model.ids) else None

    def select(self, trajectory_id: int) -> None:
        """Make a trajectory's row the current one, where it is in the table; none, where it is not."""
        row = self.model.row_of(trajectory_id)
        self._quiet = True
        self.table.setCurrentIndex(self.model.index(row, 0) if row >= 0 else QModelIndex())
        if row < 0:
            self.table.clearSelection()
        self._quiet = False

    def go(self, step: int) -> None:
        """Go to the next row (1) or the one before (-1); to the first where none is current."""
        row = self.table.currentIndex().row()
        wanted = 0 if row < 0 else row + step
        if 0 <= wanted < len(self.model.ids):
            self.table.setCurrentIndex(self.model.index(wanted, 0))

    def place_of(self, trajectory_id: int) -> int:
        """The row of a trajectory, from 1 on; 0 where it is not listed."""
        return self.model.row_of(trajectory_id) + 1

    def around(self, trajectory_id: int) -> list[int]:
        """The neighbours of a trajectory in the list, those after it first."""
        row = self.model.row_of(trajectory_id)
        if row < 0:
            return []
        after = self.model.ids[row + 1 : row + 1 + AHEAD].tolist()
        return [*after, *self.model.ids[max(0, row - AHEAD) : row][::-1].tolist()]

    def _hide_columns(self) -> None:
        """An iteration that is the same for all says nothing; where there is no room the question needs it most."""
        narrow = self.width() < NARROW
        self.table.setColumnHidden(AT["iteration"], self._one_iteration or narrow)
        self.table.setColumnHidden(AT["mean"], narrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hide_columns()

    def _row_changed(self, current: QModelIndex, before: QModelIndex) -> None:
        del before
        if not self._quiet and 0 <= current.row() < len(self.model.ids):
            self.chosen.emit(int(self.model.ids[current.row()]))

    def position(self) -> dict[str, str]:
        return self.filters.position()

    def restore_position(self, position: Mapping[str, str]) -> None:
        self.filters.restore_position(position)

    def _current_filter(self) -> TraceFilter | None:
        if self._run_id is None:
            return None
        return self.filters.filter(self._run_id, self._sort, descending=self._descending)

    def _show_view(self, view: object) -> None:
        if isinstance(view, TraceView):
            wanted = view.filter
            section = next((at for at, (name, *_) in enumerate(COLUMNS) if SORT_KEYS.get(name) == wanted.sort), None)
            if section is not None:
                self._order_by(section, wanted.sort, descending=wanted.descending)
            self.filters.show_filter(wanted)

    def _say_indexing(self, share: object) -> None:
        self.indexing.setText(f"indexing for the search, {share:.0%}" if isinstance(share, float) else "")

    def _sort_by(self, section: int) -> None:
        key = SORT_KEYS.get(COLUMNS[section][0])
        if key is not None:
            self._sort_as(section, key, descending=not self._descending if key == self._sort else False)

    def _sort_as(self, section: int, key: str, *, descending: bool) -> None:
        self._order_by(section, key, descending=descending)
        self._asked_again()

    def _order_by(self, section: int, key: str, *, descending: bool) -> None:
        self._sort, self._descending = key, descending
        header = self.table.horizontalHeader()
        header.setSortIndicatorShown(True)
        order = Qt.SortOrder.DescendingOrder if self._descending else Qt.SortOrder.AscendingOrder
        header.setSortIndicator(section, order)

    def _open(self, index: QModelIndex) -> None:
        if 0 <= index.row() < len(self.model.ids):
            self.trace_requested.emit(int(self.model.ids[index.row()]), 0)

    def _queue(self) -> None:
        if (shown := self._current_filter()) is not None:
            self.queue_requested.emit(shown)

    def _judged(self, trajectory: object, human: object) -> None:
        del human
        if isinstance(trajectory, int) and self.model.row_of(trajectory) >= 0:
            self.model.refresh()

    def _find(self) -> None:
        self.filters.search.setFocus()
        self.filters.search.selectAll()

    def _escape(self) -> None:
        if self.filters.opened:
            self.filters.popup.close()
        elif self.filters.active:
            self.filters.reset()
        else:
            self.table.setFocus()


def goes_on(known: npt.NDArray[np.int64], phase: int | None, run: RunSummary, asked: TraceFilter) -> bool:
    """Whether what `asked` lets through can only have got longer since `known` was read, in phase `phase`: then the
    rest need not be read again. Cases and judgements change for old trajectories, scores change their order.
    """
    plain = asked.sort == "id" and not asked.descending and not asked.case and asked.annotated is None
    return plain and len(known) > 0 and run.status.alive and run.phase_ordinal == phase
