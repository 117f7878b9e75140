"""Why a worker died: from its exit code, the end of its log and what the kernel says about memory."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sapo_studio.errors import EngineError
from sapo_studio.requests.endings import OUT_OF_MEMORY, signal_name

TAIL_LINES = 20
"""Lines of the log that are kept with the reason."""

_TAIL_BYTES = 16_384

LOST_PEERS = 75
"""Exit code of a worker that ended because another rank did."""

_RANK = re.compile(r"^sapo: rank (\d+) of (\d+) ended with (-?\d+)$", re.MULTILINE)


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started. 0 where it does not say."""
    try:
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        return 0
    return 0


def tail(log: Path, offset: int = 0) -> str:
    """The last lines of a log, of what was written behind byte `offset`. Empty where there is nothing to read."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(offset, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-TAIL_LINES:])


def rank_line(rank: int, size: int, code: int) -> str:
    """What the launcher of several workers writes into their log about the one that ended first."""
    return f"sapo: rank {rank} of {size} ended with {code}"


def explain(code: int | None, log: Path, *, offset: int = 0, oom_kills_before: int = 0) -> EngineError:
    """What ended a worker with exit status `code` (negative: a signal; None: it closed its pipe and hung).

    `offset` is where this worker's part of the log begins, `oom_kills_before` what `oom_kills` said at its start.
    Of several workers it is the first one's end that counts, as their launcher wrote it down.
    """
    written = tail(log, offset)
    who = "The engine worker"
    if code != 0 and (found := _RANK.search(written)):
        who, code = f"Engine worker {int(found[1]) + 1} of {found[2]} (rank {found[1]})", int(found[3])
        written = _RANK.sub("", written).rstrip()
    last = written.rsplit("\n", 1)[-1]
    see = f"The end of its log is in the run's log; all of it is in {log}."
    if OUT_OF_MEMORY.search(written):
        return _out_of_memory(who, f"It says: {_memory_line(written)}")
    if code is not None and code < 0:
        name = signal_name(-code)
        if name == "SIGKILL" and oom_kills() > oom_kills_before:
            return _out_of_memory(who, "The system killed it because the machine ran out of memory.")
        hint = {
            "SIGKILL": "Somebody killed it, or the system did because memory ran out.",
            "SIGTERM": "Somebody asked it to end, or the machine is shutting down.",
            "SIGSEGV": "It crashed inside compiled code.",
            "SIGBUS": "It crashed inside compiled code; a full disk or a failing one can do that.",
        }.get(name, "")
        return EngineError(f"{who} was killed by {name}", why=hint or last, fix=see)
    if code is None:
        return EngineError(f"{who} closed its connection and did not end", why=last, fix=see)
    if code == LOST_PEERS:
        return EngineError(f"{who} lost the others", why="A worker on another machine has ended. " + last, fix=see)
    if code == 0:
        return EngineError(f"{who} ended without saying that its work is done", why=last, fix=see)
    return EngineError(f"{who} ended with exit code {code}", why=last, fix=see)


def _out_of_memory(who: str, why: str) -> EngineError:
    return EngineError(
        f"{who} ran out of memory",
        why=why,
        fix="Lower runtime.rollout_batch or the batch sizes, choose a smaller model, or close other programs. "
        "Then resume the run: it goes on where it was.",
    )


def _memory_line(written: str) -> str:
    return next(line.strip() for line in reversed(written.splitlines()) if OUT_OF_MEMORY.search(line))[:300]
