"""What is stored, for programs of one's own: `sapo_studio.open_store()`. docs/own-programs.md is about it.

A promise to others: what stands here without an underscore keeps its name and its meaning. Everything is read only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from sapo_studio import paths
from sapo_studio.app.exports.checkpoints import Checkpoint, checkpoint
from sapo_studio.app.exports.optional import needed
from sapo_studio.app.exports.tables.arrow import arrow_schema, pyarrow, record_batch
from sapo_studio.app.exports.tables.batches import Batch, Selection, Where, moment, rows_of
from sapo_studio.app.exports.tables.columns import TableSpec
from sapo_studio.app.exports.tables.folder import tables_named
from sapo_studio.app.exports.tables.reading import read
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_studio.store.run_filter import RunFilter

if TYPE_CHECKING:
    import pandas

ArrowTable: TypeAlias = Any
"""A `pyarrow.Table`; pyarrow has no types to check by."""
ArrowBatch: TypeAlias = Any
"""A `pyarrow.RecordBatch`."""


def open_store(path: Path | str | None = None) -> StoredRuns:
    """Open a store for reading. `path`: its file, or the data folder that it lies in; None: the usual one.

    Nothing is written, and engines and windows go on beside it. Use it in the thread that opened it, as a context
    manager or with `close`. Raises `StoreError` where there is no store, it is damaged, or another version's.
    """
    place = None if path is None else paths.user_path(str(path))
    if place is not None and place.is_dir():
        place = place / paths.store_path().name
    return StoredRuns(Store.open_read_only(place))


class StoredRuns:
    """An open store: its runs, and its tables over several of them. Made by `open_store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def path(self) -> Path:
        """The file."""
        return self._store.path

    def runs(
        self, *, name: str | None = None, tag: str | None = None, status: str | None = None, archived: bool = False
    ) -> list[StoredRun]:
        """Runs and imported files, the oldest first; not what is in the bin.

        `name`: only those of this name. `tag`: only those that have it. `status`: only those in this state (done,
        running, failed, ...). `archived`: those in the archive instead of the others. Raises `InputError` for a status
        that is none.
        """
        if status is not None and status not in tuple(RunStatus):
            raise InputError(f"There is no status {status!r}", fix=f"Use one of {', '.join(RunStatus)}.")
        wanted = RunFilter(
            archived=archived,
            tags=() if tag is None else (tag,),
            status=None if status is None else RunStatus(status),
        )
        found = [run for run in queries.list_runs(self._store) if wanted.takes(run) and name in (None, run.name)]
        return [StoredRun(self._store, run) for run in sorted(found, key=lambda run: run.number)]

    def run(self, text: str = "last") -> StoredRun:
        """The run that `text` means: an id, the beginning of one, a name, or `last`. Raises `InputError`."""
        return StoredRun(self._store, queries.get_run(self._store, queries.find_entry(self._store, text)))

    def table(
        self,
        name: str,
        *,
        runs: Sequence[StoredRun] | None = None,
        iteration: int | None = None,
        split: str | None = None,
        where: Where | None = None,
    ) -> StoredTable:
        """A table of docs/tables.md over these runs (None: all that `runs()` gives). The rest as `StoredRun.table`."""
        chosen = self.runs() if runs is None else runs
        return _table(self._store, name, [run.id for run in chosen], iteration, split, where)

    def close(self) -> None:
        """Close the file. What was read stays usable."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class StoredRun:
    """A run, or an imported file, as it was when it was asked for. Its tables are read when they are used."""

    def __init__(self, store: Store, summary: RunSummary) -> None:
        self._store = store
        self._summary = summary

    def __repr__(self) -> str:
        return f"<StoredRun {self.id}: {self.status}>"

    @property
    def id(self) -> str:
        """What `sapo` knows it by."""
        return self._summary.id

    @property
    def name(self) -> str:
        """What people call it. Several may have the same name."""
        return self._summary.name

    @property
    def status(self) -> str:
        """queued, running, paused, stopped, interrupted, failed or done."""
        return self._summary.status.value

    @property
    def imported(self) -> bool:
        """Whether it is an imported file: it has trajectories, and no configuration."""
        return self._summary.imported

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return self._summary.tags

    @property
    def iterations(self) -> int:
        """How many iterations are planned behind the warm-up."""
        return self._summary.iterations

    @property
    def created_at(self) -> datetime:
        """When it was made, in UTC."""
        found = moment(self._summary.created_at)
        assert found is not None
        return found

    @property
    def folder(self) -> Path:
        """Its folder: config.toml, engine.log, artefacts."""
        return self._store.run_dir(self.id)

    @property
    def config(self) -> RunConfig:
        """Its configuration. Raises `InputError` for an imported file, and for keys that this version does not know
        (`table("config")` has them all the same)."""
        return queries.get_config(self._store, self.id)

    def table(
        self, name: str, *, iteration: int | None = None, split: str | None = None, where: Where | None = None
    ) -> StoredTable:
        """A table of docs/tables.md. `iteration`: only of this one. `split`: only of such questions (train, test,
        process). `where`: by column the value, or the values, that are wanted; None is an empty cell.

        Raises `InputError` for a table that there is not, and for what its rows have not.
        """
        return _table(self._store, name, [self.id], iteration, split, where)

    def metrics(self, *, iteration: int | None = None, where: Where | None = None) -> StoredTable:
        """Numbers by iteration: accuracies, gap, errors, with intervals."""
        return self.table("metrics", iteration=iteration, where=where)

    def questions(self, *, split: str | None = None, where: Where | None = None) -> StoredTable:
        """Questions with reference answer and solution."""
        return self.table("questions", split=split, where=where)

    def trajectories(
        self, *, iteration: int | None = None, split: str | None = None, where: Where | None = None
    ) -> StoredTable:
        """Solutions: answer, outcome, first incorrect step by each that knows it. Their texts are in `steps`."""
        return self.table("trajectories", iteration=iteration, split=split, where=where)

    def steps(
        self, *, iteration: int | None = None, split: str | None = None, where: Where | None = None
    ) -> StoredTable:
        """Steps of trajectories: text, and truth where the task knows it."""
        return self.table("steps", iteration=iteration, split=split, where=where)

    def scores(
        self,
        *,
        verifier: int | None = None,
        iteration: int | None = None,
        split: str | None = None,
        where: Where | None = None,
    ) -> StoredTable:
        """Scores of steps. `verifier`: only by V_i. `iteration`: of trajectories that were made in it."""
        return self.table("scores", iteration=iteration, split=split, where=_with(where, verifier=verifier))

    def labels(
        self,
        *,
        source: str | None = None,
        iteration: int | None = None,
        split: str | None = None,
        where: Where | None = None,
    ) -> StoredTable:
        """Labels of steps. `source`: only by this one (sapo, omega, shepherd, outcome, expansion)."""
        return self.table("labels", iteration=iteration, split=split, where=_with(where, source=source))

    def rollouts(
        self, *, iteration: int | None = None, split: str | None = None, where: Where | None = None
    ) -> StoredTable:
        """Attempts to finish trajectories from prefixes. `iteration`: that made them."""
        return self.table("rollouts", iteration=iteration, split=split, where=where)

    def pairs(self, *, iteration: int | None = None, where: Where | None = None) -> StoredTable:
        """Candidate preference pairs, and which were trained on."""
        return self.table("pairs", iteration=iteration, where=where)

    def judgements(
        self, *, person: str | None = None, iteration: int | None = None, where: Where | None = None
    ) -> StoredTable:
        """What people say of steps, as far as it stands. `person`: only this one's."""
        return self.table("judgements", iteration=iteration, where=_with(where, person=person))

    def checkpoint(self, iteration: int | None = None) -> Checkpoint:
        """Where the networks of an iteration lie: the reasoner after it (0: after the warm-up; None: the newest) and
        the verifier that it trained. Raises `InputError` where there is no such iteration, `StoreError` where the
        folder is gone."""
        return checkpoint(self._store, self.id, iteration)


class StoredTable:
    """A table of docs/tables.md over some runs, read each time that it is used: as rows, Arrow or pandas."""

    def __init__(self, store: Store, spec: TableSpec, run_ids: Sequence[str], selection: Selection) -> None:
        selection.check(spec)
        self._store = store
        self._run_ids = list(run_ids)
        self._selection = selection
        self.spec = spec
        """What its rows and columns are."""

    def __repr__(self) -> str:
        return f"<StoredTable {self.spec.name} of {', '.join(self._run_ids)}>"

    def _batches(self) -> Iterator[Batch]:
        for run_id in self._run_ids:
            yield from read(self._store, self.spec, run_id, self._selection)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Row by row, by column; times are `datetime` in UTC, empty cells None. Little is held at a time."""
        for batch in self._batches():
            for row in rows_of(self.spec, batch):
                yield dict(zip(self.spec.names, row, strict=True))

    def batches(self) -> Iterator[ArrowBatch]:
        """As Arrow, some thousand rows at a time: for tables that are larger than memory. Raises `InputError` where
        pyarrow is not installed."""
        schema = arrow_schema(self.spec)
        for batch in self._batches():
            yield record_batch(self.spec, batch, schema)

    def arrow(self) -> ArrowTable:
        """All of it as an Arrow table. Raises `InputError` where pyarrow is not installed."""
        made = pyarrow().Table.from_batches(list(self.batches()), schema=arrow_schema(self.spec))
        return made.unify_dictionaries()

    def pandas(self) -> pandas.DataFrame:
        """All of it as a data frame. Columns that may be empty have pandas' nullable types, so that whole numbers stay
        whole. Raises `InputError` where pandas or pyarrow is not installed."""
        pandas = needed("pandas", "pandas", "A data frame")
        pa, table = pyarrow(), self.arrow()
        nullable = {pa.int64(): pandas.Int64Dtype(), pa.bool_(): pandas.BooleanDtype()}
        return pandas.DataFrame(
            {
                column.name: table.column(column.name).to_pandas(types_mapper=nullable.get if column.optional else None)
                for column in self.spec.columns
            }
        )


def _table(
    store: Store, name: str, run_ids: Sequence[str], iteration: int | None, split: str | None, where: Where | None
) -> StoredTable:
    (spec,) = tables_named([name])
    return StoredTable(store, spec, run_ids, Selection(iteration, split, where or {}))


def _with(where: Where | None, **more: object) -> Mapping[str, Any]:
    """`where`, and what else is asked for."""
    return {**(where or {}), **{column: value for column, value in more.items() if value is not None}}
