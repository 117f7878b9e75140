"""How the parent words what went wrong, in the run's log and in parent.log."""

from __future__ import annotations

import contextlib
import os

from sapo_engine.parent.store_wait import SAYS_NO_ROOM
from sapo_studio.errors import EngineError, InputError, SapoError
from sapo_studio.events import Event
from sapo_studio.events.kinds import Failed, Log


def failure(word: Failed, run_id: str) -> SapoError:
    """What a worker said last; commands in it that name no run are for this one."""
    if not SAYS_NO_ROOM.search(f"{word.what} {word.why}"):
        kind = InputError if word.bad_input else EngineError
        return kind(word.what, why=word.why, fix=word.fix.replace("sapo resume RUN", f"sapo resume {run_id}"))
    return EngineError(
        "The engine found no room for a file",
        why=word.why or word.what,
        fix="Free some space where it lies: the data folder, the folder for temporary files or the cache of models."
        " Then resume the run.",
    )


def worded(event: Event) -> Event:
    """What the log says of `event`. That a disk is full is no fault of the program."""
    if not isinstance(event, Failed) or not SAYS_NO_ROOM.search(f"{event.what} {event.why}"):
        return event
    return Log(level="warning", message=f"The worker found no room for a file. {event.why or event.what}")


def say(text: str, descriptor: int = 1) -> None:
    """Write a line to standard output (parent.log) or standard error, if the disk takes it. Nothing waits in a buffer
    to fail later.
    """
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{text.rstrip()}\n".encode(errors="backslashreplace"))
