"""The trace table's model: all ids at once (8 bytes each), the rows themselves page by page as they are seen."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceRow
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services import tasks
from sapo_ui.theme import glyphs
from sapo_ui.trajectory import mark_text, score_strip
from sapo_ui.widgets.plain_text import plain_tip

Index = QModelIndex | QPersistentModelIndex
Ids = npt.NDArray[np.int64]

PAGE = 128
KEPT_PAGES = 48
COLUMNS = (
    ("outcome", "", "Whether the final answer is correct"),
    ("question", "Question", "The question, on one line"),
    ("iteration", "It", "Iteration that the trajectory was sampled in"),
    (
        "first_error",
        "First error",
        "First error: predicted (triangle), verified by rollouts (square), by a person (ring), true (=)",
    ),
    ("scores", "Steps", "The verifier's score after each step, as on the heatmap"),
    ("mean", "Mean", "Mean score over the steps"),
)
AT = {name: column for column, (name, _, _) in enumerate(COLUMNS)}
SORT_KEYS = {"question": "id", "first_error": "first_error", "mean": "mean", "scores": "steps"}
"""Columns that can be sorted by, and what `TraceFilter.sort` calls it."""

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_ROLES = frozenset(
    (
        *(Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.DecorationRole),
        *(Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.TextAlignmentRole, score_strip.ROLE, mark_text.ROLE),
    )
)
"""What the model answers to."""


class TraceTable(QAbstractTableModel):
    """Rows of trajectories by id. `data` never waits: what is not here yet is empty and asked for."""

    page_arrived = Signal(object)
    """(first row: int)"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids: Ids = np.zeros(0, np.int64)
        self._verifier: int | None = None
        self._pages: OrderedDict[int, list[TraceRow]] = OrderedDict()
        self._asked: set[int] = set()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._busy = False
        self._generation = 0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._fetch)

    @property
    def ids(self) -> Ids:
        """All ids, in the order of the rows."""
        return self._ids

    def set_ids(self, ids: Ids, verifier: int | None = None) -> None:
        """Show these trajectories. Where they only go on after the present ones, rows are appended and nothing
        moves."""
        old = len(self._ids)
        grown = verifier == self._verifier and 0 < old <= len(ids) and np.array_equal(ids[:old], self._ids)
        if grown:
            if len(ids) > old:
                self._forget_page(old // PAGE)
                self.beginInsertRows(QModelIndex(), old, len(ids) - 1)
                self._ids = ids
                self.endInsertRows()
            self.refresh()
            return
        self.beginResetModel()
        self._ids, self._verifier = ids, verifier
        self._forget()
        self.endResetModel()

    def refresh(self) -> None:
        """Read again what is on screen, keeping what is shown until then."""
        self._generation += 1
        self._asked.clear()
        self._wanted.clear()
        for page in list(self._pages)[-4:]:
            self._wanted[page] = None
        for page in list(self._pages)[:-4]:
            del self._pages[page]
        if self._wanted:
            self._soon.start()

    def _forget_page(self, page: int) -> None:
        self._pages.pop(page, None)
        self._asked.discard(page)

    def _forget(self) -> None:
        self._generation += 1
        self._pages.clear()
        self._asked.clear()
        self._wanted.clear()

    def row_of(self, trajectory_id: int) -> int:
        """The row that shows a trajectory, -1 where none does."""
        found = np.flatnonzero(self._ids == trajectory_id)
        return int(found[0]) if len(found) else -1

    def row(self, number: int) -> TraceRow | None:
        """What row `number` shows; None (and asked for) where it is not here yet."""
        page, place = divmod(number, PAGE)
        rows = self._pages.get(page)
        if rows is None:
            if page not in self._asked:
                self._asked.add(page)
                self._wanted[page] = None
                if not self._soon.isActive() and not self._busy:
                    self._soon.start()
            return None
        self._pages.move_to_end(page)
        return rows[place] if place < len(rows) else None

    def _fetch(self) -> None:
        """Fetch the page asked for last; those that were scrolled past in the meantime can wait or be forgotten."""
        if self._busy or not self._wanted:
            return
        page, _ = self._wanted.popitem()
        while len(self._wanted) > 6:
            passed, _ = self._wanted.popitem(last=False)
            self._asked.discard(passed)
        ids = self._ids[page * PAGE : (page + 1) * PAGE]
        verifier, generation = self._verifier, self._generation
        self._busy = True

        def work(store: Store) -> list[TraceRow]:
            return queries.trace_rows(store, ids, verifier)

        def done(rows: list[TraceRow]) -> None:
            self._busy = False
            if generation == self._generation:
                self._arrived(page, rows)
            if self._wanted:
                self._soon.start()

        def failed(error: Exception) -> None:
            self._busy = False
            tasks.pool().tell(error)

        tasks.run(self, work, done, failed=failed)

    def _arrived(self, page: int, rows: list[TraceRow]) -> None:
        self._pages[page] = rows
        self._pages.move_to_end(page)
        while len(self._pages) > KEPT_PAGES:
            gone, _ = self._pages.popitem(last=False)
            self._asked.discard(gone)
        first = page * PAGE
        last = min(first + PAGE, len(self._ids)) - 1
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))
        self.page_arrived.emit(first)

    # Qt's side

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        _, title, meaning = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        if role == Qt.ItemDataRole.ToolTipRole:
            return meaning
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        # Asked some fifty times a row at each painting: what most of them are for comes first.
        if role not in _ROLES or not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT
        if role == score_strip.ROLE or role == mark_text.ROLE:
            found = self.row(index.row())
            if found is None:
                return None
            return found.scores if role == score_strip.ROLE else first_errors(found)
        row = self.row(index.row())
        name = COLUMNS[index.column()][0]
        if row is None:
            return "\u2026" if role == Qt.ItemDataRole.DisplayRole and name == "question" else None
        if role == Qt.ItemDataRole.DecorationRole:
            if name != "outcome":
                return None
            look = theme.current()
            return glyphs.pixmap("done", look.good) if row.correct else glyphs.pixmap("failed", look.bad)
        if role == Qt.ItemDataRole.ToolTipRole or (role == Qt.ItemDataRole.AccessibleTextRole and name == "outcome"):
            return hover(row, name)
        return text(row, name)


def first_errors(row: TraceRow) -> tuple[tuple[str, int], ...]:
    """(shape, step) of the first errors that are known: triangle predicted, square verified, ring by a person, =
    true."""
    known = [("square", row.verified), ("ring", row.human), ("=", row.truth)]
    found = [(shape, step) for shape, step in known if step > 0]
    if row.predicted > 0 and not row.correct:
        found.insert(0, ("triangle", row.predicted))
    return tuple(found)


def text(row: TraceRow, name: str) -> str:
    """What a cell says."""
    match name:
        case "question":
            return " ".join(row.question.split())
        case "iteration":
            return str(row.iteration)
        case "mean":
            return fmt.NONE if row.mean is None else f"{row.mean:.2f}"
        case _:
            return ""


def hover(row: TraceRow, name: str) -> str | None:
    """What hovering a cell adds."""
    if name == "question":
        return plain_tip(row.question)
    if name == "first_error":
        words = {"triangle": "predicted", "square": "verified by rollouts", "ring": "by a person", "=": "true"}
        lines = [f"{words[shape]}: step {step}" for shape, step in first_errors(row)]
        return "\n".join(lines) or "No first error known"
    if name == "outcome":
        case = "" if row.case in ("", "right") else f", {row.case}"
        return f"{'correct' if row.correct else 'incorrect'}{case}, sample {row.sample}"
    if name == "scores" and len(row.scores):
        return "  ".join(f"{step}: {score:.3f}" for step, score in enumerate(row.scores.tolist(), start=1))
    return None
