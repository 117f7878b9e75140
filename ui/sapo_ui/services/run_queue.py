"""The queue of runs, as the window uses it. Call these in a task, never on the GUI thread."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_studio.app.run_queue import putting_in
from sapo_studio.app.run_queue.machine_now import MachineWatch
from sapo_studio.app.run_queue.putting_in import Overview, memory_words, waits_in_words
from sapo_studio.config.schema import RunConfig
from sapo_studio.store import run_queue
from sapo_studio.store.db import Store
from sapo_studio.store.run_queue import QueuedRun
from sapo_ui.services.control import SENDER

__all__ = ["MachineWatch", "Overview", "QueuedRun", "memory_words", "waits_in_words"]


def queue_run(store: Store, config: RunConfig, preset: str = "", cards: Sequence[str] = ()) -> str:
    """Make a run that starts by itself once there is room for it; returns its id. `cards`: UUIDs of those that it may
    use, none for any that its configuration allows."""
    return putting_in.queue_run(store, config, preset, by=SENDER, cards=cards)


def put_in(store: Store, run_id: str) -> None:
    """Let a run that is there already, and that no engine works on, wait in the queue."""
    putting_in.put_in(store, run_id, by=SENDER)


def overview(store: Store, watch: MachineWatch) -> Overview:
    """The queue, the machine and what will happen when."""
    return putting_in.overview(store, watch)


def move(store: Store, run_id: str, place: int) -> int:
    """Give a waiting run another place, from 1 on; returns the one it has now."""
    return run_queue.move(store, run_id, place)


def remove(store: Store, run_id: str) -> QueuedRun:
    """Take a waiting run out. Returns what `put_back` needs."""
    return run_queue.remove(store, run_id)


def put_back(store: Store, row: QueuedRun) -> None:
    """Undo `remove`."""
    putting_in.put_back(store, row)


def choose_cards(store: Store, run_id: str, numbers: Sequence[int], watch: MachineWatch) -> None:
    """Which cards, by number, a waiting run may use, none for any."""
    putting_in.choose_cards(store, run_id, numbers, watch.look(store).cards)


def set_paused(store: Store, paused: bool) -> None:
    """Hold the queue, or let it start runs again."""
    if paused:
        run_queue.pause(store)
    else:
        putting_in.resume(store)
