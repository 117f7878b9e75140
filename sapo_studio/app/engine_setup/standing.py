"""What engine there is: its Python, whether it fits, what was begun and never finished. And taking it away."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sapo_studio import __version__, engines, paths, processes, supervisor
from sapo_studio.errors import InputError, NoEngine, SapoError, StoreError
from sapo_studio.events import PROTOCOL
from sapo_studio.files import write_atomic, writing_advice
from sapo_studio.store import presence, queries
from sapo_studio.store.db import Store

BEGUN = "begun.json"
"""In an environment's folder: the plan by which it is made. It is there from the beginning."""
MADE = "made.json"
"""In the same folder: what came of it. It is there once the environment is whole."""
OWNER = "process"
"""In the same folder, while it is made: the process that does it."""
ENVIRONMENT = "env"
LOCK = "setup.lock"


@dataclass(frozen=True)
class Made:
    """An environment that is whole. `identity`: the plan's; `cuda`: whether torch has a card there that it can use."""

    release: str
    build: str
    python: str
    torch: str
    cuda: bool
    extras: tuple[str, ...] = ()
    identity: str = ""


@dataclass(frozen=True)
class Standing:
    """The Python that engines live in (None: there is none) and what it has; `trouble`, where it will not do.

    `folder`: that of its environment, where this program made it. `unfinished`: folders that were begun.
    """

    python: Path | None
    summary: str
    release: str
    folder: Path | None
    made: Made | None
    unfinished: tuple[Path, ...]
    trouble: SapoError | None = None


def standing() -> Standing:
    """Look: another Python than this program's is asked what it has, which takes a second."""
    unfinished = tuple(folder for folder in folders() if made_in(folder) is None)
    try:
        python = engines.python_of()
    except NoEngine as none:
        return Standing(None, "", "", None, None, unfinished, none)
    folder = folder_of(python)
    made = None if folder is None else made_in(folder)
    try:
        found = engines.look(python)
    except InputError as error:
        return Standing(python, "", "", folder, made, unfinished, error)
    trouble: SapoError | None = None
    try:
        engines.check(found, PROTOCOL)
    except SapoError as error:
        trouble = error
    return Standing(python, found.summary, found.release, folder, made, unfinished, trouble)


def of_another_release() -> InputError | None:
    """What is said where the engine that this program set up is of another release than it is now: the program was
    updated since. Cheap: it goes by what was written down then."""
    made = made_for_all()
    if made is None or made.release == __version__:
        return None
    return InputError(
        "The engine is of another release than this program",
        why=f"It was set up by release {made.release}, and this is {__version__}.",
        fix="Set it up again: Engine in the window's Store menu, or `sapo engine install`. "
        "You are asked before anything is fetched.",
    )


def folders() -> list[Path]:
    """The folders of environments that this program made or began, in the data folder."""
    place = paths.engine_dir()
    return sorted(folder for folder in place.glob("*") if (folder / BEGUN).is_file()) if place.is_dir() else []


def folder_of(python: Path) -> Path | None:
    """The one of those that `python` belongs to."""
    return next((folder for folder in folders() if python.is_relative_to(folder)), None)


def made_in(folder: Path) -> Made | None:
    """What came of the environment in `folder`; None where it is not whole."""
    try:
        told: dict[str, Any] = json.loads((folder / MADE).read_bytes())
        told["extras"] = tuple(told["extras"])
        return Made(**told)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def made_for_all() -> Made | None:
    """The environment that engines live in unless a run names another; None where this program did not make it."""
    chosen = engines.chosen_for_all()
    folder = folder_of(Path(chosen)) if chosen else None
    return None if folder is None else made_in(folder)


def keep(folder: Path, made: Made) -> None:
    """Write down that the environment in `folder` is whole. Raises StoreError."""
    try:
        write_atomic(folder / MADE, json.dumps(asdict(made)).encode())
    except OSError as error:
        raise StoreError(f"Cannot write {folder}", why=str(error), fix=writing_advice(error)) from error


@contextmanager
def alone() -> Generator[None]:
    """Inside, no other process sets an engine up in this data folder, or takes one away. The lock ends with its
    process. Raises InputError where another is at it, StoreError where the data folder cannot be written."""
    place = paths.engine_dir()
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(place / LOCK, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"Cannot write {place}", why=str(error), fix="Make the data folder writable.") from error
    with closing(lock):
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise StoreError(f"Cannot write {place}", why=str(error), fix="Free some space.") from error
            raise InputError(
                "An engine is being set up already",
                why="Another window or terminal is at it, in the same data folder.",
                fix="Wait for it, or stop it there.",
            ) from error
        yield


def remove() -> list[Path]:
    """Take away every environment that this program made, and the choice of one of them. Returns what is gone.

    Raises InputError while an engine works on a run, as it may live in there, and while one is being set up.
    """
    if not folders():
        return []
    with alone():
        return _remove()


def _remove() -> list[Path]:
    busy = working()
    if busy:
        raise InputError(
            "The engine is at work", why=f"It works on {', '.join(busy)}.", fix="Stop what runs first: sapo stop RUN"
        )
    gone = folders()
    chosen = engines.chosen_for_all()
    if chosen and any(Path(chosen).is_relative_to(folder) for folder in gone):
        engines.choose("")
    for folder in gone:
        clear(folder)
    return gone


def clear(folder: Path) -> None:
    """Take an environment away. What says that it is whole goes first. Raises StoreError where that is refused."""
    end_what_is_left(folder)
    try:
        (folder / MADE).unlink(missing_ok=True)
        for place in (folder / ENVIRONMENT, folder):  # what makes it known goes last: this may be cut off, too
            if place.exists():
                shutil.rmtree(place)
    except OSError as error:
        raise StoreError(f"{folder} cannot be removed", why=str(error), fix="Remove it by hand.") from error


def end_what_is_left(folder: Path) -> None:
    """End what a set-up that was killed has left running: it would go on writing into `folder`."""
    try:
        number = (folder / OWNER).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return
    if number.isdigit():
        processes.sweep_orphans(int(number))


def working() -> list[str]:
    """The runs that an engine works on."""
    if presence.is_new(paths.store_path()):
        return []
    with Store.open(create=False) as store:
        return list(_held(store))


def _held(store: Store) -> Iterator[str]:
    for run in queries.list_runs(store):
        if supervisor.is_held(run):
            yield run.id
