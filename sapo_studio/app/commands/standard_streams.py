"""Standard output and standard error, whatever they lead to: a console that lacks characters, a full disk, nothing."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from pathlib import Path

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def prepare() -> None:
    """Have every text printed. To a file or a pipe as UTF-8, as all files of this program are, whatever the locale;
    what a terminal cannot show is written out (`\\u05d0`) instead of ending the command."""
    # One that was closed by whoever started this (`>&-`) leads nowhere from now on. Else Python has None in its place,
    # and the next file that is opened, which may be the store, gets its number.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # as long as the program
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def takes_no_more(error: OSError) -> bool:
    """Whether `error` says that what was open for writing takes no more: whoever opens a file names it, so that is
    standard output."""
    return error.filename is None and (error.errno in _NO_ROOM or isinstance(error, BrokenPipeError))


def give_up() -> None:
    """Drop what standard output has not taken, so that Python does not complain of it at the end."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
