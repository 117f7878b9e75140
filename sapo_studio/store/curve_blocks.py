"""Curves of phases that are done, packed: what a window reads of a large run without making an object of every point.

The points themselves stay in `curves`. A block is a copy of up to 65,536 of them, steps and values as little-endian
64-bit numbers; triggers drop the blocks of a curve from a point on that is written again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading

LEAST = 1_000
"""Points from which on a curve is packed."""

SIZE = 65_536
"""Points of a block."""

_STEPS, _VALUES = np.dtype("<i8"), np.dtype("<f8")


def pack(store: Store, run_id: str, ordinal: int) -> None:
    """Pack the curves of a phase, as far as they are not packed yet. To be called in a transaction."""
    long = store.rows(
        "SELECT name FROM curves WHERE run_id = ? AND ordinal = ? GROUP BY name HAVING count(*) >= ?",
        (run_id, ordinal, LEAST),
    )
    for (name,) in long:
        last = store.value(
            "SELECT max(last) FROM curve_blocks WHERE run_id = ? AND ordinal = ? AND name = ?", (run_id, ordinal, name)
        )
        while True:
            steps, values = rows(store, run_id, ordinal, name, -1 if last is None else last, SIZE)
            if not len(steps):
                break
            last = int(steps[-1])
            store.execute(
                'INSERT OR REPLACE INTO curve_blocks (run_id, ordinal, name, last, steps, "values")'
                " VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, ordinal, name, last, steps.astype(_STEPS).tobytes(), values.astype(_VALUES).tobytes()),
            )


def points(
    store: Store, run_id: str, ordinal: int, name: str, after: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Steps and values of a curve behind step `after`, ascending. A value is NaN where there is none.

    Raises StoreFault where they cannot be read.
    """
    blocks = store.rows(
        'SELECT last, steps, "values" FROM curve_blocks WHERE run_id = ? AND ordinal = ? AND name = ? AND last > ?'
        " ORDER BY last",
        (run_id, ordinal, name, after),
    )
    end = int(blocks[-1][0]) if blocks else after
    more = rows(store, run_id, ordinal, name, end)
    if not blocks:
        return more
    with reading(store.path, f"the curve {name} of run {run_id}"):
        steps = np.concatenate([np.frombuffer(block, _STEPS) for _, block, _ in blocks])
        values = np.concatenate([np.frombuffer(block, _VALUES) for _, _, block in blocks])
        if len(steps) != len(values):
            raise ValueError("steps and values differ in number")
    behind = int(np.searchsorted(steps, after, side="right"))
    return np.concatenate([steps[behind:], more[0]]), np.concatenate([values[behind:], more[1]])


def rows(
    store: Store, run_id: str, ordinal: int, name: str, after: int, most: int = -1
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As `points`, from the points themselves; at most `most` of them."""
    found = store.rows(
        "SELECT step, value FROM curves WHERE run_id = ? AND ordinal = ? AND name = ? AND step > ? ORDER BY step"
        " LIMIT ?",
        (run_id, ordinal, name, after, most),
    )
    with reading(store.path, f"the curve {name} of run {run_id}"):
        steps = np.array([step for step, _ in found], dtype=np.int64)
        values = np.array([value for _, value in found], dtype=np.float64)  # NULL becomes NaN
    return steps, values
