"""Running a matrix: ordinary runs, a few at a time, those that are there already left alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sapo_studio import supervisor
from sapo_studio.app.experiments.matrix_file import Cell, Matrix
from sapo_studio.app.run_queue.putting_in import put_in
from sapo_studio.config.card_check import check_cards
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries, runs
from sapo_studio.store.benchmarks import pinned
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary

LOOK_SECONDS = 1.0

ENDED = (RunStatus.DONE, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.INTERRUPTED)


@dataclass(frozen=True)
class Placed:
    """A cell and its run, if there is one."""

    cell: Cell
    run_id: str = ""
    status: RunStatus | None = None
    bad_input: bool = False
    """Whether it failed because of what the user gave."""

    @property
    def done(self) -> bool:
        """Whether the run is finished."""
        return self.status is RunStatus.DONE


def match_runs(store: Store, matrix: Matrix) -> list[Placed]:
    """Find the run of every cell: that of its name with its very configuration, a finished one before others."""
    supervisor.reconcile(store)
    by_name: dict[str, list[RunSummary]] = {}
    for run in queries.list_runs(store):  # the newest first
        if run.binned_at is None:
            by_name.setdefault(run.name, []).append(run)
    return [_placed(store, cell, by_name.get(cell.config.name, [])) for cell in matrix.cells]


def _placed(store: Store, cell: Cell, named: Sequence[RunSummary]) -> Placed:
    wanted = _but_how(pinned(store, cell.config))
    same = [run for run in named if _but_how(queries.get_config(store, run.id)) == wanted]
    same.sort(key=lambda run: run.status is not RunStatus.DONE)
    return Placed(cell, same[0].id, same[0].status) if same else Placed(cell)


def _but_how(config: RunConfig) -> RunConfig:
    """`config` whatever it says of sequences at a time, and with `hf` where the program was to choose the back end:
    neither changes a result, and earlier versions wrote down what is left open today."""
    runtime = config.runtime
    backend = "hf" if runtime.backend == "auto" else runtime.backend
    return config.model_copy(update={"runtime": runtime.model_copy(update={"rollout_batch": 0, "backend": backend})})


def run_matrix(
    store: Store, matrix: Matrix, *, jobs: int, tell: Callable[[Placed, int, int], None], queued: bool = False
) -> list[Placed]:
    """Run what is not done yet, `jobs` runs side by side; `tell(run, finished, all)` hears of every start and end.
    `queued`: all of them are put into the queue of runs, which says how many run side by side, and waited for.

    A run that fails is left as it is, and the others go on. On KeyboardInterrupt the runs under way are asked to stop
    before it is passed on, and the next call goes on with them; those in the queue stay there and go on. Raises
    InputError before anything is begun where a run asks for cards that are not there.
    """
    found = match_runs(store, matrix)
    finished = sum(one.done for one in found)
    waiting = [k for k, one in enumerate(found) if not one.done]
    for k in () if queued else waiting:
        check_cards(found[k].cell.config)
    jobs = len(waiting) if queued else jobs
    going: list[int] = []
    try:
        while waiting or going:
            while waiting and len(going) < jobs:
                k = waiting.pop(0)
                found[k] = _queue(store, found[k].cell) if queued else _begin(store, found[k].cell)
                going.append(k)
                tell(found[k], finished, len(found))
            for k in _ended(store, found, going):
                going.remove(k)
                run = queries.get_run(store, found[k].run_id)
                found[k] = Placed(found[k].cell, run.id, run.status, run.error is not None and run.error.bad_input)
                finished += found[k].done
                tell(found[k], finished, len(found))
    except KeyboardInterrupt:
        for k in () if queued else going:
            if supervisor.engine_alive(store, found[k].run_id):
                supervisor.stop(store, found[k].run_id, "sapo matrix")
        raise
    return found


def take(store: Store, cell: Cell) -> Placed:
    """Find the run of `cell`, or make it, in one transaction: of two that begin a cell at the same moment the second
    finds the run of the first."""
    with store.atomic():
        named = [run for run in queries.list_runs(store) if run.name == cell.config.name and run.binned_at is None]
        placed = _placed(store, cell, named)
        return placed if placed.run_id else Placed(cell, runs.create_run(store, cell.config), RunStatus.QUEUED)


def _begin(store: Store, cell: Cell) -> Placed:
    """Start the run of `cell`. It is looked for once more: another `sapo matrix` may have begun it."""
    placed = take(store, cell)
    # One that is going already, or has come to its end since, is refused, and only waited for.
    with contextlib.suppress(InputError):
        supervisor.launch(store, placed.run_id)
    return Placed(cell, placed.run_id, RunStatus.RUNNING)


def _queue(store: Store, cell: Cell) -> Placed:
    """Put the run of `cell` into the queue. One that is in it already, or runs, is only waited for."""
    placed = take(store, cell)
    with contextlib.suppress(InputError):
        put_in(store, placed.run_id, by="sapo matrix")
    return Placed(cell, placed.run_id, queries.get_run(store, placed.run_id).status)


def _ended(store: Store, found: Sequence[Placed], going: Sequence[int]) -> list[int]:
    def over(run: RunSummary) -> bool:
        return run.status in ENDED and not supervisor.engine_alive(store, run.id)

    return [
        k
        for k in going
        if supervisor.wait_until(store, found[k].run_id, over, timeout=LOOK_SECONDS / len(going)) is not None
    ]
