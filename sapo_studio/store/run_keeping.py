"""What people do with runs they keep: notes, tags, the archive, and the bin, which frees space once it is emptied."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.errors import InputError
from sapo_studio.names import checked_name, checked_text
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store

LONGEST_NOTE = 20_000
LONGEST_TAG = 40
MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class BinnedRun:
    """A run in the bin, and the bytes that its files take on the disk: not its rows in the store."""

    run_id: str
    name: str
    binned_at: float
    bytes: int


def set_notes(store: Store, run_id: str, text: str) -> None:
    """Write down what there is to say of a run, in place of what was written before. InputError where it is too long,
    or there is no such run."""
    text = checked_text(text, "A note", LONGEST_NOTE)
    with store.atomic():
        runs.status_of(store, run_id)
        store.execute("UPDATE runs SET notes = ? WHERE id = ?", (text, run_id))


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: without blanks around them, each once, in order. InputError for one that is no name
    (`names`), too long or has a comma in it, and for too many."""
    found = tuple(dict.fromkeys(checked_name(" ".join(tag.split()), "a tag", LONGEST_TAG) for tag in tags))
    for tag in found:
        if "," in tag:
            raise InputError(f"{tag!r} cannot be a tag", why="A comma stands between two tags.")
    if len(found) > MOST_TAGS:
        raise InputError(f"A run has at most {MOST_TAGS} tags", why=f"Given: {len(found)}.")
    return found


def set_tags(store: Store, run_id: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Give a run these tags and no others; returns them as they are kept. See `checked_tags`."""
    found = checked_tags(tags)
    with store.atomic():
        runs.status_of(store, run_id)
        store.execute("UPDATE runs SET tags = ? WHERE id = ?", (json.dumps(found), run_id))
    return found


def archive(store: Store, run_id: str, *, archived: bool = True) -> None:
    """Put a run that has ended out of the list, or back into it. InputError while it runs or waits in the queue."""
    with store.atomic():
        if archived:
            _check_idle(store, run_id, "archived")
        runs.status_of(store, run_id)
        store.execute("UPDATE runs SET archived_at = ? WHERE id = ?", (time.time() if archived else None, run_id))


def put_in_bin(store: Store, run_id: str) -> None:
    """Put a run into the bin. Everything it has stays until the bin is emptied. InputError while it runs or waits."""
    with store.atomic():
        _check_idle(store, run_id, "put into the bin")
        store.execute("UPDATE runs SET binned_at = ? WHERE id = ?", (time.time(), run_id))


def take_from_bin(store: Store, run_id: str) -> None:
    """Take a run out of the bin again. InputError where it is not in it."""
    with store.atomic():
        if queries.get_run(store, run_id).binned_at is None:
            raise InputError(f"{run_id} is not in the bin", fix="`sapo bin list` shows what is.")
        store.execute("UPDATE runs SET binned_at = NULL WHERE id = ?", (run_id,))


def _check_idle(store: Store, run_id: str, what: str) -> None:
    run = queries.get_run(store, run_id)
    if run.status.alive or run.pid is not None:
        raise InputError(f"{run_id} cannot be {what}", why="It is running.", fix=f"Stop it first: sapo stop {run_id}")
    if run.waits_for is not None:
        fix = f"Take it out first: sapo queue remove {run_id}"
        raise InputError(f"{run_id} cannot be {what}", why="It waits in the queue.", fix=fix)


def bin_contents(store: Store) -> list[BinnedRun]:
    """What is in the bin, the latest first, with the space that deleting it frees: its folder's. (Its rows leave room
    in the store's file, which is used again.)"""
    rows = store.rows("SELECT id, name, binned_at FROM runs WHERE binned_at IS NOT NULL ORDER BY binned_at DESC")
    return [BinnedRun(run_id, name, at, folder_bytes(store.run_dir(run_id))) for run_id, name, at in rows]


def folder_bytes(folder: Path) -> int:
    """Bytes on the disk of all files below `folder`, each counted once however many names it has; 0 where there is
    none."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        with contextlib.suppress(OSError):  # it may go while we look
            found = path.lstat()
            if path.is_file() and not path.is_symlink() and (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_size
    return total


def empty_bin(store: Store, only: Collection[str] | None = None) -> list[BinnedRun]:
    """Delete what is in the bin with everything in it, of these runs alone where `only` has their ids; returns what was
    deleted. Cannot be undone."""
    found = [one for one in bin_contents(store) if only is None or one.run_id in only]
    for one in found:
        runs.delete_run(store, one.run_id)
    return found
