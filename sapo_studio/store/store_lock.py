"""The lock of a data folder: who has it may checkpoint the store, back it up, or put another file in its place."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import IO, Self

_RETRY_SECONDS = 0.02


class StoreLock:
    """Held by one process at a time, and given up with it at the latest. Get one from `take`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    def take(cls, store: Path, patience: float = 0.0) -> StoreLock | None:
        """The lock of the store at `store`; None where another holder still has it after `patience` seconds.

        An engine has it as long as it works; whoever looks whether a restore was cut off has it for a moment.
        """
        try:
            file = store.with_name("studio.upkeep.lock").open("ab")
        except OSError:
            return None
        until = time.monotonic() + patience
        while not _try_lock(file):
            if time.monotonic() >= until:
                file.close()
                return None
            time.sleep(_RETRY_SECONDS)  # neither system can wait for a lock and give up after a time
        return cls(file)

    def release(self) -> None:
        """Give it up. Twice does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _try_lock(file: IO[bytes]) -> bool:
    """Lock the file for this process, without waiting. The lock ends with the process at the latest."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
