"""Which windows hold claims, and giving back those of windows that are gone.

A window is known by its machine and process, so that one that was killed holds nothing up: whoever opens the next one
on that machine goes on at once. Those of other machines are given back when they have rested for long enough.
"""

from __future__ import annotations

import json
import socket
from typing import Any
from uuid import uuid4

from sapo_studio.processes import ProcessIdentity, identify, is_alive
from sapo_studio.store.db import Store


def new_holder() -> str:
    """A name for one window of this process."""
    me = identify()
    return json.dumps([socket.gethostname(), me.pid, me.started, uuid4().hex[:8]])


def release_dead(store: Store) -> None:
    """Give back what windows hold on this machine whose process has ended."""
    holders = store.rows("SELECT DISTINCT holder FROM item_states WHERE status = 'claimed' AND holder != ''")
    gone = [holder for (holder,) in holders if _is_gone(holder)]
    if gone:
        with store.atomic():
            store.execute(
                "UPDATE item_states SET at = 0, holder = '' WHERE status = 'claimed'"
                " AND holder IN (SELECT value FROM json_each(?))",
                (json.dumps(gone),),
            )


def _is_gone(holder: str) -> bool:
    try:
        read: Any = json.loads(holder)
        machine, pid, started = str(read[0]), int(read[1]), float(read[2])
    except (ValueError, TypeError, IndexError, KeyError):
        return False  # another version's way to name windows
    return machine == socket.gethostname() and not is_alive(ProcessIdentity(pid, started))
