"""The machine's cards as a form shows them, read each second: what is free, how busy, and which run is on them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from sapo_studio.hardware import CardUse, CardWatch
from sapo_studio.store import queries
from sapo_studio.store.db import Store


@dataclass(frozen=True, slots=True)
class CardState:
    """A card, and in words what runs on it. `run`: whether that is a run of this store."""

    use: CardUse
    who: str
    run: bool = False


@dataclass(frozen=True, slots=True)
class CardsNow:
    """What was read last. `at`: when (seconds since 1970); `silent`: the driver has not answered since. `why` there is
    no card. Main memory in bytes, for machines without cards."""

    cards: tuple[CardState, ...]
    why: str
    at: float
    silent: bool
    cores: int
    free: int
    total: int


class CardReader:
    """Reads in a task; keeps NVIDIA's library open between readings, and what it said last when it falls silent."""

    def __init__(self) -> None:
        self._watch: CardWatch | None = None
        self._last: tuple[CardState, ...] = ()
        self._at = 0.0

    def read(self, store: Store) -> CardsNow:
        """The cards now. Takes milliseconds; not for the GUI thread."""
        if self._watch is None:
            self._watch = CardWatch()
        found, now = self._watch.look(), time.time()
        if found:
            runs = {run.pid: run.name for run in queries.list_runs(store) if run.pid is not None and run.status.alive}
            self._last, self._at = tuple(_state(use, runs) for use in found), now
        memory = psutil.virtual_memory()
        return CardsNow(
            cards=self._last,
            why=self._watch.why,
            at=self._at or now,
            silent=bool(self._last) and not found,
            cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
            free=int(memory.available),
            total=int(memory.total),
        )

    def close(self) -> None:
        """Give the library back."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _state(use: CardUse, runs: dict[int, str]) -> CardState:
    """Who holds most of the card: a run by name, else a program."""
    others: list[str] = []
    for pid in sorted(use.held, key=lambda pid: -use.held[pid]):
        try:
            process = psutil.Process(pid)
            for one in (process, *process.parents()):
                if one.pid in runs:
                    return CardState(use, runs[one.pid], run=True)
            others.append(process.name())
        except psutil.Error:
            others.append(f"process {pid}")  # another user's, or gone since
    return CardState(use, others[0] if others else "idle")
