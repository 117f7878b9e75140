"""The process that looks after the queue of runs: starts each run once there is room for it, in order.

One for a store. Whoever puts a run in starts it where there is none (`supervisor.wake_queue`), and so does whoever
looks at runs, so that the queue goes on after a reboot. It ends when nothing waits and nothing that it started runs.
All it knows is in the store: it may be killed at any moment, and the next one goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sapo_studio import processes, supervisor
from sapo_studio.app.run_queue.machine_now import MachineWatch
from sapo_studio.app.run_queue.waiting import waiting_runs
from sapo_studio.domain.scheduling import Wait, place
from sapo_studio.errors import EngineError, InputError
from sapo_studio.store import run_queue
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault

LOOK_SECONDS = 1.0
"""How often it looks for what has changed in the store."""

READ_SECONDS = 5.0
"""How often at least it looks at the machine: memory that others give back is no change in the store."""


def claim(store: Store) -> bool:
    """Make this process the one that looks after the queue. False where another lives, or there is nothing to do."""
    with store.atomic():
        other = supervisor.queue_process(store)
        if other is not None and not processes.stems_from(other.pid):
            return False
        if not run_queue.has_work(store):
            if other is not None:
                run_queue.set_process(store, None)
            return False
        me = processes.identify()
        run_queue.set_process(store, me.pid, me.started)
        return True


def step(store: Store, watch: MachineWatch) -> list[str]:
    """Look once: settle what has ended, start what there is room for, write down why the others wait. Returns the ids
    of what was started."""
    supervisor.reconcile(store)
    run_queue.settle(store)
    waiting = waiting_runs(store)
    if not waiting or run_queue.is_paused(store):
        return []
    now = watch.look(store)
    found = place(now.machine, now.running, waiting)
    waits = dict(found.waits)
    started: list[str] = []
    for start in found.starts:
        try:
            supervisor.launch(store, start.run_id, cards=start.cards, from_queue=True)
            started.append(start.run_id)
        except InputError:
            continue  # somebody was quicker: took it out, started or deleted it
        except EngineError as error:
            waits[start.run_id] = Wait(f"could not be started: {error.why or error.what}")
    run_queue.note_waits(store, waits)
    return started


def keep(
    store: Store, *, sleep: Callable[[float], None] = time.sleep, tell: Callable[[str], object] = lambda _: None
) -> bool:
    """Look after the queue until nothing is left to do; `tell` hears of each run that is started, and of what goes
    wrong. Returns at once, with False, where another process does. What a store refuses for the moment (a full disk) is
    tried again; raises StoreError where it is gone."""
    if not claim(store):
        return False
    watch = MachineWatch()
    try:
        version, due = -1, 0.0
        while True:
            now = time.monotonic()
            current = store.data_version()
            if current != version or now >= due:
                version, due = current, now + READ_SECONDS
                try:
                    for run_id in step(store, watch):
                        tell(f"started {run_id}")
                    if _finished(store):
                        return True
                except StoreFault as fault:
                    if fault.lost:
                        raise
                    tell(str(fault))
            sleep(LOOK_SECONDS)
    finally:
        watch.close()


def _finished(store: Store) -> bool:
    """Whether nothing is left; then nobody looks after the queue any more, so that who adds to it starts another."""
    with store.atomic():
        if run_queue.has_work(store):
            return False
        run_queue.set_process(store, None)
        return True
