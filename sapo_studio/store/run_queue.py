"""The queue of runs: what waits for its turn, in which order, and what it has started that has not ended yet.

A row of the table `run_queue` is made when a run is put in, marked when an engine takes the run, and taken out when the
run ends. So what was running when the machine went down is still there, and goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.scheduling import Need, Wait
from sapo_studio.errors import InputError
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store

MOST_RESUMES = 3
"""An interrupted run waits again so often. One that takes the machine down each time must not do so for ever."""

_STATUSES = frozenset(status.value for status in RunStatus)

_PAUSED = "run_queue.paused"
_DAEMON = "run_queue.process"


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run in the queue. `place` counts from 1 among those that wait, 0 once it was started (`started_at`). `cards`:
    UUIDs of those it may use, empty for any; `placed`: those it was started on. `stuck`: it
    cannot start on this machine."""

    run_id: str
    name: str
    status: RunStatus
    place: int
    queued_at: float
    queued_by: str
    cards: tuple[str, ...]
    need: Need
    waits_for: str
    stuck: bool
    started_at: float | None
    placed: tuple[str, ...]
    resumes: int

    @property
    def waits(self) -> bool:
        """Whether it has not been started."""
        return self.started_at is None


def _number(column: str, kind: str = "REAL") -> str:
    """A column as a number, 0 where it is damaged: one row must not keep the others from being read and started."""
    return f"CAST({column} AS {kind})"


def list_queue(store: Store) -> list[QueuedRun]:
    """Those that were started first, then those that wait, in their order."""
    rows = store.rows(
        f"SELECT q.run_id, r.name, r.status, {_number('q.queued_at')}, q.queued_by, q.cards, q.needs, q.waits_for,"
        f" q.stuck, {_number('q.started_at')}, q.placed, {_number('q.resumes', 'INTEGER')}"
        " FROM run_queue q JOIN runs r ON r.id = q.run_id"
        f" ORDER BY q.started_at IS NULL, q.started_at, {_number('q.place')}, q.queued_at, q.run_id"
    )
    found: list[QueuedRun] = []
    place = 0
    for run_id, name, status, at, by, cards, needs, waits_for, stuck, started, placed, resumes in rows:
        place += started is None
        state = RunStatus(status) if status in _STATUSES else RunStatus.FAILED  # damaged
        where = place if started is None else 0
        found.append(
            QueuedRun(
                *(run_id, name, state, where, at, by, _names(cards), _need(needs), waits_for, bool(stuck)),
                *(started, _names(placed), resumes),
            )
        )
    return found


def get(store: Store, run_id: str) -> QueuedRun:
    """A run in the queue. InputError where it is not in it."""
    found = next((one for one in list_queue(store) if one.run_id == run_id), None)
    if found is None:
        raise InputError(f"{run_id} is not in the queue", fix="`sapo queue` lists what is.")
    return found


def add(
    store: Store, run_id: str, need: Need, *, by: str = "", cards: Sequence[str] = (), place: int | None = None
) -> None:
    """Put a run in, last or at `place` (from 1 on). InputError where it runs, is done or is in already."""
    with store.atomic():
        run = queries.get_run(store, run_id)
        if store.value("SELECT 1 FROM run_queue WHERE run_id = ?", (run_id,)):
            raise InputError(f"{run_id} is in the queue already", fix="`sapo queue move` changes its place.")
        if run.binned_at is not None:
            raise InputError(f"{run_id} is in the bin", fix=f"Take it out first: sapo bin restore {run_id}")
        if not run.status.resumable or run.imported or run.pid is not None:
            raise InputError(
                f"{run_id} cannot wait in the queue",
                why="It is an imported file." if run.imported else f"It is {_is(run.status, run.pid)}.",
            )
        runs.set_status(store, run_id, RunStatus.QUEUED)
        last = store.value(f"SELECT coalesce(max({_number('place')}), 0) FROM run_queue")
        store.execute(
            "INSERT INTO run_queue (run_id, place, queued_at, queued_by, cards, needs) VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, last + 1, time.time(), by, json.dumps(list(cards)), _text(need)),
        )
        if place is not None:
            move(store, run_id, place)


def _is(status: RunStatus, pid: int | None) -> str:
    return "being started" if status.resumable and pid is not None else str(status)


def move(store: Store, run_id: str, place: int) -> int:
    """Give a waiting run another place, from 1 on; returns the place it has now. InputError where it does not wait."""
    with store.atomic():
        waiting = [one.run_id for one in list_queue(store) if one.waits]
        _check_waits(store, run_id, waiting)
        waiting.remove(run_id)
        at = min(max(place, 1), len(waiting) + 1)
        waiting.insert(at - 1, run_id)
        store.execute_many(
            "UPDATE run_queue SET place = ? WHERE run_id = ?",
            [(float(number), one) for number, one in enumerate(waiting, start=1)],
        )
        return at


def _check_waits(store: Store, run_id: str, waiting: Sequence[str]) -> None:
    if run_id in waiting:
        return
    queries.get_run(store, run_id)
    raise InputError(f"{run_id} does not wait in the queue", fix="`sapo queue` lists what does.")


def remove(store: Store, run_id: str) -> QueuedRun:
    """Take a waiting run out; its run is stopped. Returns what it was, so that `add` can put it back. InputError where
    it does not wait, as when it has just been started."""
    with store.atomic():
        found = get(store, run_id)
        if not found.waits:
            raise InputError(
                f"{run_id} waits no longer", why="It was started.", fix=f"Stop it instead: sapo stop {run_id}"
            )
        store.execute("DELETE FROM run_queue WHERE run_id = ?", (run_id,))
        runs.set_status(store, run_id, RunStatus.STOPPED)
        return found


def forget(store: Store, run_id: str) -> None:
    """The run is no longer the queue's. Does nothing where it is not in it."""
    store.execute("DELETE FROM run_queue WHERE run_id = ?", (run_id,))


def set_cards(store: Store, run_id: str, cards: Sequence[str]) -> None:
    """Which cards (UUIDs) a waiting run may use, none for any. InputError where it does not wait."""
    with store.atomic():
        _check_waits(store, run_id, [one.run_id for one in list_queue(store) if one.waits])
        store.execute("UPDATE run_queue SET cards = ? WHERE run_id = ?", (json.dumps(list(cards)), run_id))


def check_turn(store: Store, run_id: str) -> None:
    """InputError unless the run still waits and the queue is not paused: between the choice and the start somebody may
    have taken it out."""
    if is_paused(store):
        raise InputError("The queue is paused")
    _check_waits(store, run_id, [one.run_id for one in list_queue(store) if one.waits])


def mark_started(store: Store, run_id: str, cards: Sequence[str]) -> None:
    """An engine has the run, on these cards. Does nothing for a run that is not in the queue."""
    store.execute(
        "UPDATE run_queue SET started_at = coalesce(started_at, ?), placed = ?, waits_for = '' WHERE run_id = ?",
        (time.time(), json.dumps(list(cards)), run_id),
    )


def note_waits(store: Store, waits: Mapping[str, Wait]) -> None:
    """Write down why runs wait, where that has changed."""
    known = {
        run_id: Wait(why, bool(stuck))
        for run_id, why, stuck in store.rows("SELECT run_id, waits_for, stuck FROM run_queue WHERE started_at IS NULL")
    }
    changed = [(wait.why, wait.hopeless, run_id) for run_id, wait in waits.items() if known.get(run_id, wait) != wait]
    if changed:
        with store.atomic():
            store.execute_many("UPDATE run_queue SET waits_for = ?, stuck = ? WHERE run_id = ?", changed)


def settle(store: Store) -> None:
    """Take out what has ended. What was interrupted waits again, before all others, unless that has happened
    `MOST_RESUMES` times. Call `supervisor.reconcile` first."""
    with store.atomic():
        first = store.value(f"SELECT coalesce(min({_number('place')}), 1) FROM run_queue WHERE started_at IS NULL")
        for run_id, status, pid, resumes in store.rows(
            f"SELECT q.run_id, r.status, r.pid, {_number('q.resumes', 'INTEGER')}"
            " FROM run_queue q JOIN runs r ON r.id = q.run_id"
            " WHERE q.started_at IS NOT NULL ORDER BY q.started_at DESC"
        ):
            if status == RunStatus.INTERRUPTED and resumes < MOST_RESUMES:
                first -= 1
                runs.set_status(store, run_id, RunStatus.QUEUED)
                store.execute(
                    "UPDATE run_queue SET started_at = NULL, placed = '[]', resumes = resumes + 1, place = ?"
                    " WHERE run_id = ?",
                    (first, run_id),
                )
            elif status not in ("running", "paused") and pid is None:
                forget(store, run_id)
                if status == RunStatus.INTERRUPTED:
                    message = f"Interrupted {resumes + 1} times: the queue does not start it again."
                    runs.add_log(store, run_id, "warning", message)
        # One that somebody stopped, failed or started by hand while it waited.
        store.execute(
            "DELETE FROM run_queue WHERE started_at IS NULL"
            " AND run_id NOT IN (SELECT id FROM runs WHERE status = 'queued')"
        )


def pause(store: Store) -> None:
    """Start nothing more. What runs goes on."""
    _set(store, _PAUSED, True)


def resume(store: Store) -> None:
    """Start runs again."""
    _set(store, _PAUSED, False)


def is_paused(store: Store) -> bool:
    """Whether the queue starts nothing for now."""
    return _setting(store, _PAUSED) is True


def has_work(store: Store) -> bool:
    """Whether a process has to look after the queue: something waits and may start, or was started and has not
    ended."""
    waiting, started = store.row(
        "SELECT coalesce(sum(started_at IS NULL), 0), coalesce(sum(started_at IS NOT NULL), 0) FROM run_queue"
    ) or (0, 0)
    return bool(started) or (bool(waiting) and not is_paused(store))


def process(store: Store) -> tuple[int, float] | None:
    """Number and start of the process that looks after the queue, as it was last written down."""
    told = _setting(store, _DAEMON)
    match told:
        case [int(pid), int() | float() as started]:
            return pid, float(started)
        case _:
            return None


def set_process(store: Store, pid: int | None, started: float = 0.0) -> None:
    """Write down who looks after the queue; None for nobody."""
    _set(store, _DAEMON, None if pid is None else [pid, started])


def _setting(store: Store, key: str) -> Any:
    found = store.value("SELECT value FROM store_settings WHERE key = ?", (key,))
    return None if found is None else _loaded(found)


def _set(store: Store, key: str, value: Any) -> None:
    store.execute(
        "INSERT INTO store_settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, json.dumps(value)),
    )


def _loaded(text: object) -> Any:
    try:
        return json.loads(str(text))
    except ValueError:
        return None


def _names(text: object) -> tuple[str, ...]:
    found = _loaded(text)
    return tuple(map(str, cast("list[object]", found))) if isinstance(found, list) else ()


_NEED = TypeAdapter(Need)


def _text(need: Need) -> str:
    return _NEED.dump_json(need).decode()


def _need(text: object) -> Need:
    """What a run needs. What is damaged, or was never worked out, is unknown."""
    if text in ("", "{}"):
        return Need(known=False)
    try:
        return _NEED.validate_json(str(text))
    except ValidationError:
        return Need(known=False)
