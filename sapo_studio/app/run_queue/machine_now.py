"""What the machine has at this moment, and what the runs on it hold: what `domain.scheduling` decides from."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from sapo_studio.app.run_queue.needs import cards_of, need_of
from sapo_studio.domain.scheduling import CardState, MachineState, Need, RunningRun
from sapo_studio.errors import SapoError
from sapo_studio.forecast import Machine
from sapo_studio.hardware import CardUse, CardWatch
from sapo_studio.store import queries, run_queue
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary


@dataclass(frozen=True, slots=True)
class Now:
    """A moment: the machine, the runs that an engine works on, the cards as the driver shows them, and why there are
    none."""

    machine: MachineState
    running: tuple[RunningRun, ...]
    cards: tuple[CardUse, ...]
    why_no_cards: str
    library: bool
    """Whether NVIDIA's library is installed."""


class MachineWatch:
    """Looks at the machine again and again. `close` it.

    The speed of a core and the shapes of models are looked up once; a card that the driver no longer shows is kept out
    until it does.
    """

    def __init__(self, *, open_now: bool = True) -> None:
        """`open_now` False: NVIDIA's library is opened at the first look, by the thread that looks."""
        self._watch = CardWatch() if open_now else None
        self._needs: dict[str, tuple[Need, tuple[str, ...]]] = {}
        self._machine: Machine | None = None

    def close(self) -> None:
        """Give NVIDIA's library back."""
        if self._watch is not None:
            self._watch.close()

    def look(self, store: Store) -> Now:
        """The machine and its runs now."""
        if self._watch is None:
            self._watch = CardWatch()
        cards = self._watch.look()
        memory = psutil.virtual_memory()
        state = MachineState(
            tuple(CardState(card.uuid, card.number, card.name, card.total, card.free) for card in cards),
            int(memory.total),
            int(memory.available),
            psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        )
        queued = {one.run_id: one for one in run_queue.list_queue(store)}
        running: list[RunningRun] = []
        for run in queries.working_runs(store):
            entry = queued.get(run.id)
            if entry is not None and not entry.waits:
                need, on = entry.need, entry.placed
            else:
                need, on = self._need(store, run)
            running.append(_running(run, need, on, cards))
        self._needs = {run.run_id: self._needs[run.run_id] for run in running if run.run_id in self._needs}
        return Now(state, tuple(running), cards, self._watch.why, self._watch.installed)

    def _need(self, store: Store, run: RunSummary) -> tuple[Need, tuple[str, ...]]:
        """Of a run that was started without the queue."""
        if run.id not in self._needs:
            if self._machine is None:
                self._machine = Machine.here()
            try:
                config = queries.get_config(store, run.id)
                self._needs[run.id] = need_of(config, self._machine), cards_of(config, self._machine)
            except SapoError:  # a damaged row, a model that went: it works all the same, on nobody knows how much
                self._needs[run.id] = Need(known=False), ()
        return self._needs[run.id]


def _running(run: RunSummary, need: Need, on: tuple[str, ...], cards: tuple[CardUse, ...]) -> RunningRun:
    family = _family(run.pid)
    held = {card.uuid: sum(card.held.get(pid, 0) for pid in family) for card in cards}
    at_work = {uuid: size for uuid, size in held.items() if size}
    return RunningRun(
        run.id,
        run.name,
        need,
        # Where the driver says that it works, beside where it was meant to.
        tuple(dict.fromkeys((*on, *at_work))),
        at_work,
        sum(family.values()),
        _seconds_left(run, need),
    )


def _seconds_left(run: RunSummary, need: Need) -> float | None:
    """By the engine's own pace, or the forecast until it has one."""
    if run.eta_seconds is not None or need.seconds is None:
        return run.eta_seconds
    return need.seconds * (1.0 - run.progress)


def _family(pid: int | None) -> Mapping[int, int]:
    """Main memory in bytes of an engine and each process that it started."""
    found: dict[int, int] = {}
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(pid)
            for process in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    found[process.pid] = int(process.memory_info().rss)
    return found
