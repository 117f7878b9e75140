"""Notes, tags, archive and bin, as the window uses them. Call these in a task, never on the GUI thread."""

from __future__ import annotations

from collections.abc import Collection

from sapo_studio.store import run_keeping
from sapo_studio.store.db import Store
from sapo_studio.store.run_keeping import BinnedRun

__all__ = ["BinnedRun"]


def write_down(store: Store, run_id: str, notes: str, tags: list[str]) -> None:
    """Give a run these notes and tags, both or neither."""
    with store.atomic():
        run_keeping.set_notes(store, run_id, notes)
        run_keeping.set_tags(store, run_id, tags)


def archive(store: Store, run_id: str) -> None:
    """Put a run out of the list."""
    run_keeping.archive(store, run_id)


def unarchive(store: Store, run_id: str) -> None:
    """Put a run back into the list."""
    run_keeping.archive(store, run_id, archived=False)


def put_in_bin(store: Store, run_id: str) -> None:
    """Put a run into the bin."""
    run_keeping.put_in_bin(store, run_id)


def take_from_bin(store: Store, run_id: str) -> None:
    """Take a run out of the bin."""
    run_keeping.take_from_bin(store, run_id)


def bin_contents(store: Store) -> list[BinnedRun]:
    """What is in the bin, with the space that deleting it frees."""
    return run_keeping.bin_contents(store)


def empty_bin(store: Store, runs: Collection[str]) -> None:
    """Delete those of these runs that are in the bin, for good."""
    run_keeping.empty_bin(store, runs)
