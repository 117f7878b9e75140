"""Numbered changes of the store's shape. A released migration is never edited; a change is a new one, in a
file of its own.

Ids of questions, trajectories, rollouts and pairs are `run number * 2**32 + number in the run`: both sides
know them without asking, and a phase that is done again after a crash meets its own rows.

Scores of a trajectory are one BLOB of big-endian unsigned 16-bit integers, a 65,535th each (2 bytes a score);
the views decode them, so that a plain sqlite3 shell shows numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sapo_studio.store.migrations import (
    m0001_first,
    m0002_compute,
    m0003_config_changes,
    m0004_sets,
    m0005_hand_work,
    m0006_supervision,
    m0007_micro_tokens,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

MIGRATIONS: list[tuple[str, Callable[[Database], None]]] = [
    ("0001_first", m0001_first.migrate),
    ("0002_compute", m0002_compute.migrate),
    ("0003_config_changes_and_self_verification", m0003_config_changes.migrate),
    ("0004_sets", m0004_sets.migrate),
    ("0005_hand_work", m0005_hand_work.migrate),
    ("0006_supervision", m0006_supervision.migrate),
    ("0007_micro_tokens", m0007_micro_tokens.migrate),
]
"""Name and step, in order. `PRAGMA user_version` says how many a store has been through."""
