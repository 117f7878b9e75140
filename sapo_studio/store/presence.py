"""Is there a store, was there one, or is this a new data folder? Looked at before SQLite looks: it takes an empty file
for a new database and deletes the log of changes beside it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from sapo_studio import paths
from sapo_studio.errors import NoStore
from sapo_studio.readable import counted
from sapo_studio.store import backup_losses, backups, copies
from sapo_studio.store.backups import Backup
from sapo_studio.store.faults import StoreFault

HIGHEST_NUMBER = 2**30
"""Numbers in names of folders above that are not ours: runs would have no room for the numbers of their rows."""

_NUMBERED = re.compile(r".*-([0-9]{1,10})")


@dataclass(frozen=True)
class Signs:
    """What beside the place of a store tells that there was one. `log`: SQLite's log of changes holds something."""

    folders: tuple[str, ...]
    backups: tuple[Backup, ...]
    log: bool

    def __bool__(self) -> bool:
        return bool(self.folders or self.log or any(backup.runs != 0 for backup in self.backups))

    def told(self, store: Path) -> str:
        """Them, in words."""
        parts: list[str] = []
        if self.folders:
            few = ", ".join(self.folders[:3]) + (" ..." if len(self.folders) > 3 else "")
            parts.append(f"{counted(len(self.folders), 'folder')} of runs ({few})")
        if (found := backups.best(store)) is not None:
            parts.append(f"the backup {found.summary}")
        elif self.backups:
            parts.append(f"{counted(len(self.backups), 'backup')} ({self.backups[0].path.name})")
        if self.log:
            parts.append(f"its log of changes ({copies.log_of(store).name})")
        return " and ".join(parts)


def look(store: Path) -> Signs:
    """Look for signs of an earlier store."""
    return Signs(
        tuple(run_folders(store)), tuple(backups.list_backups(store)), copies.size_of(copies.log_of(store)) > 0
    )


def is_new(store: Path) -> bool:
    """Whether there is no store and never was one here. False where there is one. Raises StoreFault where one has gone
    or been emptied, with the way back; finishes a restore that was broken off.
    """
    try:
        size = os.stat(store).st_size  # noqa: PTH116  # one call; a folder in its place is SQLite's to refuse
    except FileNotFoundError:
        if backups.finish_restore(store):
            return False
        size = None
    except OSError:
        return False  # not ours to look at: SQLite will say so
    if size:
        return False
    if signs := look(store):
        state = "is missing" if size is None else "is empty (0 bytes)"
        raise lost(store, state, signs)
    return size is None


def check_empty(store: Path, state: str, *, deleted: bool = False) -> None:
    """For a store that has been opened and holds nothing, in the words of `state`. Raises StoreFault where it held
    something once. `deleted`: it knows that there were runs; then only their folders tell that nobody deleted them.
    """
    signs = replace(look(store), log=False)  # it belongs to what has been opened
    if signs.folders or (signs and not deleted):
        raise lost(store, state, signs)


def lost(store: Path, state: str, signs: Signs) -> StoreFault:
    """What is said of a store that is not what it was."""
    found = backups.best(store)
    again = "To begin anew instead, move what is in the folder away."
    return StoreFault(
        "gone",
        f"The store {store} {state}",
        why=f"This is no new data folder: beside it {_verb(signs)} {signs.told(store)}.",
        fix=(
            f"`sapo restore` goes back to a backup: {found.summary}. " if found is not None else "Put the store back. "
        )
        + again,
    )


def _verb(signs: Signs) -> str:
    return "are" if len(signs.folders) > 1 or (not signs.folders and len(signs.backups) > 1) else "is"


def missing(store: Path) -> NoStore:
    """What is said where a store was asked for and none was ever made."""
    return NoStore(
        f"There is no store at {store}",
        why="No run has been made with this data folder yet.",
        fix=f"Start one with `sapo run lab-demo`, or set {paths.HOME_VARIABLE} to your folder with runs.",
    )


def run_folders(store: Path) -> list[str]:
    """Names of the folders of runs beside the store, whether the store knows the runs or not; without those of runs
    that were deleted on purpose.
    """
    try:
        with os.scandir(store.parent / "runs") as entries:
            found = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    deleted = backup_losses.deleted_runs(store) if found else set[str]()
    return [name for name in found if name not in deleted]


def highest_number(store: Path) -> int:
    """The highest number of a run that a folder beside the store has in its name; 0 where there is none."""
    try:
        names = os.listdir(store.parent / "runs")  # noqa: PTH208  # names are all that is wanted
    except OSError:
        return 0
    numbers = [int(match[1]) for name in names if (match := _NUMBERED.fullmatch(name))]
    return max((number for number in numbers if number < HIGHEST_NUMBER), default=0)
