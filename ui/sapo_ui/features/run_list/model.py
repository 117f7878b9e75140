"""The runs as Qt's list model, newest first, and what is said below a run's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt

from sapo_studio.domain.runs import PHASE_LABELS, RunStatus
from sapo_studio.store.records import RunSummary
from sapo_studio.store.run_filter import SORTS, RunFilter, sorted_runs
from sapo_ui import format as fmt
from sapo_ui.services.picks import RUN_MIME
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.plain_text import plain_tip

RUN_ROLE = Qt.ItemDataRole.UserRole
PICK_ROLE = Qt.ItemDataRole.UserRole + 1
"""Of a run that is picked for comparison the number of its color, -1 where it is one too many; else None."""
Index = QModelIndex | QPersistentModelIndex


def second_line(run: RunSummary) -> str:
    """What the list says below a run's name."""
    if run.imported:
        return f"imported file \u00b7 {fmt.relative(run.created_at)}"
    if run.status in (RunStatus.FAILED, RunStatus.PAUSED) and run.error is not None:
        return run.error.what  # one that is paused waits, for room on the disk
    if run.status.alive:
        phase = PHASE_LABELS.get(run.phase, run.phase)
        where = (
            (f"{phase} \u00b7 it {run.iteration}/{run.iterations}" if run.iteration else phase) if phase else "Starting"
        )
        if run.status is RunStatus.PAUSED:
            return where
        return where + (f" \u00b7 ETA {fmt.duration(run.eta_seconds)}" if run.eta_seconds is not None else "")
    if run.waits_for is not None:
        return run.waits_for.partition(", ")[0] or "waits for its turn"
    when = fmt.relative(run.finished_at or run.started_at or run.created_at)
    accuracy = run.headline.get("sampled_accuracy")
    if accuracy is None:
        return when
    return f"{fmt.percent(accuracy)} sampled \u00b7 {when}"


def alarms_text(run: RunSummary) -> str:
    """`2 unseen alarms`."""
    return f"{len(run.alarms)} unseen alarm{'' if len(run.alarms) == 1 else 's'}"


class RunListModel(QAbstractListModel):
    """The runs that the filter takes, in the chosen order. Changes row by row, so that the selection stays."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[RunSummary, ...] = ()
        self._rows: list[RunSummary] = []
        self._picks: Mapping[str, int | None] = {}
        self.wanted = RunFilter()
        self.order = SORTS[0]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        run = self._rows[index.row()]
        if role == RUN_ROLE:
            return run
        if role == PICK_ROLE:
            slot = self._picks.get(run.id)
            return None if run.id not in self._picks else -1 if slot is None else slot
        if role == Qt.ItemDataRole.DisplayRole:
            return run.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            picked = ", picked for comparison" if run.id in self._picks else ""
            if run.imported:
                return f"{run.name}, {second_line(run)}{picked}"
            progress = f", {fmt.percent(run.progress)}" if run.status.alive else ""
            alarms = f", {alarms_text(run)}" if run.alarms else ""
            return f"{run.name}{alarms}, {run.status.value}{progress}, {second_line(run)}{picked}"
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = [run.name, f"id {run.id}", f"created {fmt.moment(run.created_at)}"]
            if run.id in self._picks:
                lines.append("picked for comparison")
            if run.alarms:
                lines.append(f"{alarms_text(run)}, the last: {run.alarms[-1].message}")
            if run.tags:
                lines.append(f"tags {', '.join(run.tags)}")
            if run.notes:
                lines.append(run.notes[:400])
            if run.preset:
                lines.insert(2, f"preset {run.preset}")
            if run.active_seconds:
                lines.append(f"running time {fmt.duration(run.active_seconds)}")
            return plain_tip("\n".join(lines))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A run can be dragged to where runs are compared."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else flags

    def mimeTypes(self) -> list[str]:
        return [RUN_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        if indexes:
            run = self._rows[indexes[0].row()]
            data.setData(RUN_MIME, run.id.encode())
            data.setText(run.name)
        return data

    def show_picks(self, slots: Mapping[str, int | None]) -> None:
        """Mark the runs that are picked for comparison. `slots`: the color of each."""
        if dict(slots) != dict(self._picks):
            self._picks = dict(slots)
            if self._rows:
                self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def take(self, change: StoreChange) -> None:
        """Show the runs as they are now."""
        self._all = change.runs
        self._sync(self._matching(), change.changed)

    def search(self, text: str) -> None:
        """Show only runs that contain `text`."""
        self.narrow(replace(self.wanted, text=text))

    def narrow(self, wanted: RunFilter, order: str | None = None) -> None:
        """Show only runs that `wanted` takes, in `order` (one of `SORTS`)."""
        self.wanted, self.order = wanted, order or self.order
        self._sync(self._matching(), frozenset())

    def row_of(self, run_id: str | None) -> int:
        """The row of a run, -1 where it is not shown."""
        return next((row for row, run in enumerate(self._rows) if run.id == run_id), -1)

    @property
    def total(self) -> int:
        """How many runs there are, shown or not."""
        return len(self._all)

    @property
    def tags(self) -> list[str]:
        """All tags that runs have, in order."""
        return sorted({tag for run in self._all if run.binned_at is None for tag in run.tags}, key=str.casefold)

    def _matching(self) -> list[RunSummary]:
        return sorted_runs([run for run in self._all if self.wanted.takes(run)], self.order)

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
            if old >= 0:  # moved, and not taken out and in again: who has chosen it goes with it
                self.beginMoveRows(QModelIndex(), old, old, QModelIndex(), row)
                self._rows.insert(row, self._rows.pop(old))
                self.endMoveRows()
                self._rows[row] = run
                self.dataChanged.emit(self.index(row), self.index(row))
                continue
            self.beginInsertRows(QModelIndex(), row, row)
            self._rows.insert(row, run)
            self.endInsertRows()
