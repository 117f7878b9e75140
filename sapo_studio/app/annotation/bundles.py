"""A queue goes to another machine as a file, and what was done there comes back."""

from __future__ import annotations

from pathlib import Path

from sapo_studio.app.annotation.bundle_files import check_suffix, read_bundle, write_bundle
from sapo_studio.store import bundles
from sapo_studio.store.bundle_records import Bundle
from sapo_studio.store.bundles import Merged
from sapo_studio.store.db import Store


def export_bundle(store: Store, queue_id: int, file: Path, *, with_scores: bool = False) -> Bundle:
    """Write a queue, its items and everything that people did with them to `file` (.jsonl or .db).

    `with_scores`: verifiers' scores and the task's own truth go along; without them nobody can see there what the
    models think. Raises InputError and StoreError.
    """
    check_suffix(file)
    bundle = bundles.read_queue(store, queue_id, with_scores=with_scores)
    write_bundle(bundle, file)
    return bundle


def import_bundle(store: Store, file: Path) -> Merged:
    """Make the queue of a bundle in a store that has it not, and bring in what was done; where it is here already, only
    the latter. All or nothing. Raises InputError."""
    return bundles.bring_in(store, read_bundle(file), file.name)


def merge_bundle(store: Store, file: Path) -> Merged:
    """Bring what was done elsewhere into a queue of this store. Merging a file twice is merging it once, and the order
    of several does not matter. All or nothing. Raises InputError."""
    return bundles.merge(store, read_bundle(file))
