"""Data folders and backups, as the window uses them. What reads or writes a store belongs in a task."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import platformdirs

from sapo_studio import paths, processes
from sapo_studio.errors import InputError
from sapo_studio.files import write_atomic
from sapo_studio.store import backups, presence
from sapo_studio.store.backups import Backup, Restored
from sapo_studio.store.db import Store
from sapo_studio.store.maintenance import back_up_now

__all__ = ["Backup", "Restored"]

MOST_RECENT = 10


def back_up(store: Store) -> tuple[Backup, str]:
    """Make a backup now. Returns it, and what there is to know of those before it."""
    return back_up_now(store)


def list_backups(store: Store) -> list[Backup]:
    """The copies of the store beside it, the latest first."""
    return backups.list_backups(store.path)


def restore(store: Store, backup: Backup) -> Restored:
    """Go back to a backup; the file of now is kept beside it."""
    return backups.restore(store.path, backup)


def holds_store(folder: Path) -> bool:
    """Whether there is a store in a data folder."""
    return not presence.is_new(folder / paths.store_path().name)


def recent_file() -> Path:
    """Where the data folders that were opened are written down, for all of them."""
    return Path(platformdirs.user_config_dir("sapo-studio", appauthor=False)) / "recent.json"


def recent() -> list[Path]:
    """Data folders that were opened by the menu and still hold a store, the latest first, without the one in use."""
    here = paths.data_dir()
    return [folder for folder in _written() if folder != here and holds_store(folder)]


def _written() -> list[Path]:
    try:
        told = json.loads(recent_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(one) for one in told if isinstance(one, str)] if isinstance(told, list) else []


def remember(folder: Path) -> None:
    """Write down that a data folder was opened, and the one in use beside it, which one may want to go back to."""
    order = dict.fromkeys((folder, paths.data_dir(), *_written()))
    file = recent_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps([str(one) for one in order][:MOST_RECENT]).encode())


def open_window(folder: Path) -> None:
    """Open a data folder in a window of its own, in a process of its own. InputError where that cannot be started."""
    try:
        start_detached([sys.executable, "-P", "-m", "sapo_ui.app", "--home", str(folder)])
    except OSError as error:
        raise InputError("The other window could not be started", why=str(error)) from error
    remember(folder)


def start_detached(command: list[str]) -> None:
    """Start a program that outlives this one. Raises OSError."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path.home(),
        start_new_session=True,
        creationflags=processes.detached_flags(),
    )
    processes.remember(process)
