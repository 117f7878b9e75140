"""Processes of the operating system: who is alive, starting one that outlives us, leaving none behind.

A process is known by its number and the moment it started: a number alone may by now be somebody else's.
"""

from __future__ import annotations

import contextlib
import ctypes
import getpass
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from sapo_studio.names import fitted_name

PARENT_VARIABLE = "SAPO_PARENT_PID"
"""Set by the engine parent for its workers: the process whose end must be theirs too."""

_SAME_START_SECONDS = 2.0
"""Start times are read off the system clock, and setting the clock a little shifts them."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that can be found again. `started` in seconds since 1970."""

    pid: int
    started: float


def login_name() -> str:
    """The name that this process's user is logged in with; `me` where they have none, as in a container."""
    try:
        return fitted_name(getpass.getuser(), "me")
    except (KeyError, OSError):
        return "me"


def identify(pid: int | None = None) -> ProcessIdentity:
    """The identity of a process, this one by default. Raises ProcessLookupError where there is none."""
    try:
        process = psutil.Process(os.getpid() if pid is None else pid)
        return ProcessIdentity(process.pid, process.create_time())
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(f"no process {pid}") from error


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether that very process still runs. One that has ended and only waits to be collected does not."""
    return _find(identity) is not None


def is_running(pid: int) -> bool:
    """Whether some process with this number runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stems_from(pid: int) -> bool:
    """Whether this process has that number or a living ancestor has. (The python.exe of a virtual environment on
    Windows starts the real one: who started us then knows our parent's number.)"""
    with contextlib.suppress(psutil.Error):
        return pid == os.getpid() or any(process.pid == pid for process in psutil.Process().parents())
    return False


def _find(identity: ProcessIdentity) -> psutil.Process | None:
    try:
        process = psutil.Process(identity.pid)
        if abs(process.create_time() - identity.started) > _SAME_START_SECONDS:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def family(identity: ProcessIdentity) -> list[ProcessIdentity]:
    """A living process and all that it started, itself first. None where it has ended."""
    root = _find(identity)
    found: list[ProcessIdentity] = []
    for process in () if root is None else (root, *_descendants(root)):
        with contextlib.suppress(psutil.Error):
            found.append(ProcessIdentity(process.pid, process.create_time()))
    return found


def kill_tree(identity: ProcessIdentity, *, timeout: float = 2.0) -> bool:
    """End a process and all its descendants without asking them.

    Returns whether all of them are gone within `timeout` seconds.
    """
    root = _find(identity)
    if root is None:
        return True
    # Stopped first, so that it can neither start nor collect children while they are ended; itself last.
    with contextlib.suppress(psutil.Error, NotImplementedError):
        root.suspend()
    deadline = time.monotonic() + timeout
    while (living := _descendants(root)) and time.monotonic() < deadline:
        _kill(living, 0.05)
    return _kill([root], max(0.1, deadline - time.monotonic())) and not living


def sweep_descendants(*, timeout: float = 2.0) -> bool:
    """End every descendant of this process, orphans included where `become_subreaper` worked.

    Returns whether none is left.
    """
    me = psutil.Process()
    deadline = time.monotonic() + timeout
    while (living := _descendants(me)) and time.monotonic() < deadline:  # a dying one's children come to us
        _kill(living, 0.05)
    return not living


def sweep_orphans(parent_pid: int) -> bool:
    """End what an engine parent that is gone has left behind. Returns whether none is left.

    Workers end with their parent by themselves; this finds what they had started, by the environment it inherited.
    """
    if is_running(parent_pid):
        return False
    left: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # other users' processes cannot be read, and are not ours
            if process.environ().get(PARENT_VARIABLE) == str(parent_pid):
                left.append(process)
    return _kill(left, 2.0)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    """The living ones; one that has ended and waits to be collected holds nothing any more."""
    try:
        return [child for child in process.children(recursive=True) if _lives(child)]
    except psutil.NoSuchProcess:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(processes: Iterable[psutil.Process], timeout: float) -> bool:
    """Returns whether all have ended within `timeout` seconds."""
    left = list(processes)
    for victim in left:
        with contextlib.suppress(psutil.Error):
            victim.kill()
    deadline = time.monotonic() + timeout
    while left := [victim for victim in left if _lives(victim)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def become_subreaper() -> None:
    """Have orphaned descendants handed to this process, so that a sweep finds them. Linux only."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """End this process when the engine parent ends, however it ends. A worker calls this first thing.

    Linux: the kernel sends SIGKILL. Elsewhere the end of standard input does it, and on Windows the
    parent's job object.
    """
    _prctl(_PR_SET_PDEATHSIG, int(getattr(signal, "SIGKILL", 9)))
    expected = os.environ.get(PARENT_VARIABLE, "")
    # The parent may have died between starting us and the line above; then no signal will ever come.
    if expected and not is_running(int(expected)):
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another libc: the other safeguards still hold
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def detached_flags() -> int:
    """`creationflags` for a process that outlives this one and its console. Pass `start_new_session=True` beside it."""
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS | subprocess.CREATE_BREAKAWAY_FROM_JOB
    return 0


def own_group_flags() -> int:
    """`creationflags` that keep a console's Ctrl+C from a child. Pass `start_new_session=True` beside it."""
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0


class KillOnCloseJob:
    """On Windows a job object: its processes end with this one, however it ends. Elsewhere nothing."""

    def __init__(self) -> None:
        self._handle = _create_job() if sys.platform == "win32" else 0

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Put a child into the job. Where that is refused, end of input still ends the child."""
        if sys.platform == "win32" and self._handle:
            handle = int(process._handle)  # type: ignore[attr-defined]
            ctypes.windll.kernel32.AssignProcessToJobObject(ctypes.c_void_p(self._handle), ctypes.c_void_p(handle))


def _create_job() -> int:
    if sys.platform != "win32":
        return 0
    kernel = ctypes.windll.kernel32
    kernel.CreateJobObjectW.restype = ctypes.c_void_p
    handle = kernel.CreateJobObjectW(None, None) or 0
    # JOBOBJECT_EXTENDED_LIMIT_INFORMATION is 144 bytes (112 on 32 bits); LimitFlags lies at byte 16 in both.
    limits = bytearray(144 if ctypes.sizeof(ctypes.c_void_p) == 8 else 112)
    limits[16:20] = (0x2000).to_bytes(4, "little")  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    block = (ctypes.c_char * len(limits)).from_buffer(limits)
    kernel.SetInformationJobObject(ctypes.c_void_p(handle), 9, ctypes.byref(block), len(limits))
    return int(handle)


_launched: list[subprocess.Popen[bytes]] = []
_exit_codes: dict[int, int] = {}
_launched_lock = threading.Lock()


def remember(process: subprocess.Popen[bytes]) -> None:
    """Keep a detached child for `collect`: one whose exit status nobody takes stays in the process table."""
    with _launched_lock:
        _exit_codes.pop(process.pid, None)
        _launched.append(process)


def collect() -> None:
    """Take the exit status of remembered children that have ended. Never waits."""
    with _launched_lock:
        for process in _launched:
            code = process.poll()
            if code is not None:
                _exit_codes[process.pid] = code
        _launched[:] = [process for process in _launched if process.returncode is None]


def exit_code(pid: int) -> int | None:
    """How a remembered child ended (minus the signal that ended it), once `collect` has found it ended. None for one
    that lives, and for those that other processes started."""
    with _launched_lock:
        return _exit_codes.get(pid)
