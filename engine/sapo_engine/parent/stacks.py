"""What a worker that hangs is doing: the stacks of all its processes, by faulthandler in its log and by py-spy."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

WRITE_SECONDS = 1.0
"""How long a process gets to write its stacks."""
SPY_SECONDS = 10.0
_LONGEST = 20_000


def dump_stacks(pid: int, log: Path) -> str:
    """The stacks of process `pid` and of all that it started, as far as they can be had: into `log`, by the processes
    themselves where they have registered for it (SIGUSR1), and by py-spy where that is installed. Returns them, after
    the processes that somebody had stopped: these are woken, as they cannot write otherwise."""
    family = _family(pid)
    begin = log.stat().st_size if log.exists() else 0
    stopped = [process for process in family if _is_stopped(process)]
    asked = [process for process in family if _hears(process)]
    for process in asked:
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGUSR1)
            if process in stopped:
                os.kill(process, signal.SIGCONT)
    if asked:
        time.sleep(WRITE_SECONDS)
    found = [f"Process {process} was stopped (SIGSTOP) and did nothing." for process in stopped]
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(begin)
        found.append(file.read(_LONGEST).decode(errors="replace").strip())
    return "\n".join(part for part in (*found, *_spied(family)) if part)


def _family(pid: int) -> list[int]:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    return []


def _is_stopped(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    return False


def _hears(pid: int) -> bool:
    """Whether a process has a handler for SIGUSR1, which ends any other."""
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        return bool(caught >> (signal.SIGUSR1 - 1) & 1)
    return False


def _spied(family: list[int]) -> list[str]:
    spy = shutil.which("py-spy")
    found: list[str] = []
    for pid in family if spy is not None else ():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            told = subprocess.run(
                [str(spy), "dump", "--pid", str(pid)], capture_output=True, timeout=SPY_SECONDS, check=False
            )
            if told.returncode == 0:
                found.append(told.stdout.decode(errors="replace")[:_LONGEST].strip())
    return found
