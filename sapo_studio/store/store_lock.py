"""The lock of a data folder: who has it may checkpoint the store, back it up, or put another file in its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, Self


class StoreLock:
    """Held by one process at a time, and given up with it at the latest. Get one from `take`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    def take(cls, store: Path) -> StoreLock | None:
        """The lock of the store at `store`, without waiting; None where another process has it."""
        try:
            file = store.with_name("studio.upkeep.lock").open("ab")
        except OSError:
            return None
        if _try_lock(file):
            return cls(file)
        file.close()
        return None

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
