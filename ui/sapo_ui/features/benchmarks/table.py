"""The table of process benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTableView

from sapo_studio.store.records import BenchmarkInfo
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.panel_export import Table
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.row_table import dress_rows
from sapo_ui.widgets.table_export import TableExport

Index = QModelIndex | QPersistentModelIndex
ROW = 30


def origins(one: BenchmarkInfo) -> str:
    """The runs and queues that it was made from."""
    return ", ".join(str(source["name"]) for source in one.source.get("from", ()))


def _trained(one: BenchmarkInfo) -> str:
    count = one.source.get("trained_on")
    return fmt.NONE if count is None else "none" if not count else f"{count} of {one.rows}"


COLUMNS: tuple[tuple[str, int, Callable[[BenchmarkInfo], str], str], ...] = (
    ("Benchmark", 150, lambda one: one.title, "Its name and version"),
    ("State", 66, lambda one: "draft" if one.frozen_at is None else "frozen", "Only a frozen one is measured on"),
    ("Solutions", 82, lambda one: fmt.count(one.rows), "Solutions whose first error, or its absence, is known"),
    ("With error", 88, lambda one: fmt.count(one.erroneous), "Solutions with an incorrect step"),
    (
        "Tuning",
        66,
        lambda one: fmt.count(one.tuning),
        "Solutions for thresholds; the others are measured on",
    ),
    (
        "Agreement",
        92,
        lambda one: fmt.percent(one.agreement),
        "Mean share of the people (or sources) who say the same first error",
    ),
    ("Trained on", 92, _trained, "Solutions of questions that the runs it was made from are trained on"),
    ("Made", 92, lambda one: fmt.relative(one.created_at), "When it was made"),
    ("From", 140, origins, "The runs and queues it was made from"),
)


class BenchmarkModel(QAbstractTableModel):
    """A row for each version."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[BenchmarkInfo] = []

    def show(self, rows: Sequence[BenchmarkInfo]) -> None:
        """Show these."""
        if list(rows) != self.rows:
            self.beginResetModel()
            self.rows = list(rows)
            self.endResetModel()

    def numbers(self) -> Table:
        """A row a version, in full."""
        heads = ("benchmark", "version", "state", "solutions", "with error (solutions)", "tuning (solutions)")
        heads += ("agreement (fraction)", "trained on (solutions)", "made (UTC)", "from")
        rows: list[tuple[object, ...]] = [heads]
        for one in self.rows:
            state = "draft" if one.frozen_at is None else "frozen"
            counts = (one.rows, one.erroneous, one.tuning, one.agreement, one.source.get("trained_on"))
            rows.append((one.name, one.version, state, *counts, fmt.moment_utc(one.created_at), origins(one)))
        return rows

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        text = COLUMNS[index.column()][2](self.rows[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        return plain_tip(text) if role == Qt.ItemDataRole.ToolTipRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[section][3]
        return None


class BenchmarkTable(QTableView):
    """Shows the model; one row is chosen."""

    def __init__(self, model: BenchmarkModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName("Process benchmarks")
        dress_rows(self, ROW)
        self.export = TableExport(self, model.numbers)
        header = self.horizontalHeader()
        header.setFont(theme.font("small"))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for at, (_, width, _, _) in enumerate(COLUMNS):
            self.setColumnWidth(at, width)
        header.setStretchLastSection(True)
