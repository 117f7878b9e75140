"""Putting runs into the queue, and reading it as people see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sapo_studio import supervisor
from sapo_studio.app.run_queue.machine_now import MachineWatch, Now
from sapo_studio.app.run_queue.needs import need_of
from sapo_studio.app.run_queue.waiting import as_waiting
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.scheduling import Need, Planned, timeline
from sapo_studio.errors import InputError
from sapo_studio.forecast import Machine
from sapo_studio.hardware import CardUse
from sapo_studio.store import queries, run_queue, runs
from sapo_studio.store.db import Store
from sapo_studio.store.run_queue import QueuedRun


@dataclass(frozen=True, slots=True)
class Overview:
    """The queue at a moment: those that the queue has started and those that wait (`rows`), the machine with all that
    runs on it, and what will happen when. `keeper`: whether a process looks after the queue."""

    rows: tuple[QueuedRun, ...]
    paused: bool
    now: Now
    planned: tuple[Planned, ...]
    keeper: bool

    @property
    def waiting(self) -> tuple[QueuedRun, ...]:
        """Those that wait, in their order."""
        return tuple(row for row in self.rows if row.waits)

    def moved(self, run_id: str, place: int) -> Overview:
        """What it would be if a waiting run had another place (from 1 on)."""
        waiting = list(self.waiting)
        one = next(row for row in waiting if row.run_id == run_id)
        waiting.remove(one)
        waiting.insert(place - 1, one)
        numbered = [replace(row, place=number) for number, row in enumerate(waiting, start=1)]
        return self._with((*(row for row in self.rows if not row.waits), *numbered))

    def on_cards(self, run_id: str, cards: Sequence[str]) -> Overview:
        """What it would be if a run might use these cards (UUIDs; none: any)."""
        return self._with(tuple(replace(row, cards=tuple(cards)) if row.run_id == run_id else row for row in self.rows))

    def _with(self, rows: tuple[QueuedRun, ...]) -> Overview:
        return replace(self, rows=rows, planned=_planned(self.now, rows))


def queue_run(store: Store, config: RunConfig, preset: str = "", *, by: str = "", cards: Sequence[str] = ()) -> str:
    """Make a run and put it at the end of the queue. Returns its id. `cards`: UUIDs of those it may use, none for any
    that its configuration allows."""
    need = need_of(config, Machine.here())
    with store.atomic():
        run_id = runs.create_run(store, config, preset)
        run_queue.add(store, run_id, need, by=by, cards=cards)
    supervisor.wake_queue(store)
    return run_id


def put_in(store: Store, run_id: str, *, by: str = "", cards: Sequence[str] = (), place: int | None = None) -> None:
    """Put a run that is there already into the queue: one that has not begun, or that is to go on. InputError where it
    runs, is done, or is in already."""
    supervisor.reconcile(store)
    supervisor.refuse_import(queries.get_run(store, run_id))
    need = need_of(queries.get_config(store, run_id), Machine.here())
    run_queue.add(store, run_id, need, by=by, cards=cards, place=place)
    supervisor.wake_queue(store)


def put_back(store: Store, row: QueuedRun) -> None:
    """Undo `run_queue.remove`. InputError where the run was started or deleted since."""
    run_queue.add(store, row.run_id, row.need, by=row.queued_by, cards=row.cards, place=row.place)
    supervisor.wake_queue(store)


def resume(store: Store) -> None:
    """Let the queue start runs again."""
    run_queue.resume(store)
    supervisor.wake_queue(store)


def choose_cards(store: Store, run_id: str, numbers: Sequence[int], cards: Sequence[CardUse]) -> None:
    """Which cards, by number, a waiting run may use, none for any. InputError where there is no such card, there are
    too few, or the run works on the CPU or names its card itself."""
    row = run_queue.get(store, run_id)
    uuids = {card.number: card.uuid for card in cards}
    missing = [number for number in numbers if number not in uuids]
    if missing:
        there = ", ".join(map(str, uuids)) or "none"
        raise InputError(f"There is no card {missing[0]}", why=f"Cards in this machine: {there}.")
    if not row.need.cards and numbers:
        raise InputError(f"{run_id} works on the CPU", fix='Set runtime.device = "auto" or "cuda" for it.')
    if queries.get_config(store, run_id).runtime.device.startswith("cuda:"):
        raise InputError(f"{run_id} names its card itself", why="runtime.device names one.")
    if numbers and len(numbers) < row.need.cards:
        raise InputError(f"{run_id} needs {row.need.cards} cards", why=f"Chosen: {len(numbers)}.")
    run_queue.set_cards(store, run_id, [uuids[number] for number in numbers])


def overview(store: Store, watch: MachineWatch) -> Overview:
    """The queue, the machine and what will happen, now."""
    supervisor.reconcile(store)
    rows = tuple(run_queue.list_queue(store))
    now = watch.look(store)
    keeper = supervisor.queue_process(store) is not None
    return Overview(rows, run_queue.is_paused(store), now, _planned(now, rows), keeper)


def _planned(now: Now, rows: Sequence[QueuedRun]) -> tuple[Planned, ...]:
    return tuple(timeline(now.machine, now.running, as_waiting(rows)))


def waits_in_words(waits_for: str, *, paused: bool) -> str:
    """What `waits_for` of a row says, or what holds until something is written there."""
    return "the queue is paused" if paused else waits_for or "waits for its turn"


def memory_words(need: Need) -> str:
    """What a run takes at its peak, for a table."""
    if not need.known:
        return "unknown"
    size = need.memory_on_card if need.cards else need.main_memory
    return f"{size / 2**30:.1f} GB"
