"""How many threads a candidate may have: the kernel asks before each new one, and waits for the answer.

Seccomp's user notification (Linux 5.5 and newer). A limit on processes by user would not do: it does not hold for root,
and for everybody else it counts what the user runs beside this.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct

MOST = 64
"""Threads at a time, where /proc can be looked at."""
MOST_EVER = 512
"""Threads in a candidate's life, where it cannot."""

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_GO_ON = 1


def answer(listener: int, pid: int, begun: int) -> bool:
    """Answer one question about the candidate `pid`, which was granted `begun` threads before. Whether it was again."""
    asked = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, asked)
    except OSError:  # the one who asked is gone
        return False
    (number,) = struct.unpack_from("=Q", asked)
    granted = begun < MOST_EVER if (alive := _alive(pid)) is None else alive < MOST
    told = struct.pack("=QqiI", number, 0, 0 if granted else -errno.EAGAIN, _GO_ON if granted else 0)
    with contextlib.suppress(OSError):
        fcntl.ioctl(listener, _SEND, bytearray(told))
    return granted


def _alive(pid: int) -> int | None:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208  # no pathlib in this small process
    except OSError:
        return None
