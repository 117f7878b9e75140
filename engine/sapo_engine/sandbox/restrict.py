"""What a candidate's process gives up before it runs anything: files, capabilities, system calls, memory, time.

Runs in a fresh process that has imported next to nothing, so the standard library alone is used.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Callable

from . import syscalls

if os.name == "posix":
    import resource

_libc: ctypes.CDLL | None = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 24, 38, 47
CAPABILITIES = 64
"""More than any kernel has."""
CAPSET = {"x86_64": 126, "aarch64": 91}
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same numbers on every architecture
READ_FILE, READ_DIR = 4, 8
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files that an ABI version of Landlock knows."""
NEWEST = 99


def landlock_version() -> int:
    """The kernel's Landlock ABI; 0 where it has none or has it switched off."""
    if _libc is None or sys.platform != "linux":
        return 0
    return max(0, int(_libc.syscall(LANDLOCK_CREATE, None, 0, 1)))


class Lock:
    """What is made ready once, in the cage, and locks each of its children in. Raises OSError where it cannot be done.

    `newest` caps the version of Landlock that is used: with it a new kernel is as weak as an old one. `descriptor` is
    one that a child must keep until it is locked in; -1 for none.
    """

    def __init__(self, *, landlock: bool, newest: int = NEWEST) -> None:
        if _libc is None or platform.machine() not in syscalls.ARCHITECTURES:
            raise OSError(errno.ENOSYS, f"no sandbox for {sys.platform} on {platform.machine()}")
        self._machine = platform.machine()
        syscalls.filter_program(self._machine, 1)
        self.descriptor = _files(min(newest, landlock_version())) if landlock else -1

    def give_up_privileges(self) -> None:
        """No capability, and none to come: for the cage, and so for all of its children."""
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _drop_capabilities()

    def close(self, hand_over: Callable[[int], None]) -> None:
        """Give everything else up, for good. `hand_over` gets the descriptor on which the kernel asks about each new
        thread, and must close it; on a kernel that cannot ask, memory alone limits threads.
        """
        _prctl(PR_SET_PDEATHSIG, 9)
        _prctl(PR_SET_DUMPABLE, 0)
        if self.descriptor >= 0:
            if _libc is None or _libc.syscall(LANDLOCK_RESTRICT, self.descriptor, 0):
                raise OSError(ctypes.get_errno(), "landlock_restrict_self")
            os.close(self.descriptor)
        asked = _filter(syscalls.thread_filter(self._machine), listen=True)
        if asked >= 0:
            hand_over(asked)
        _filter(syscalls.filter_program(self._machine, os.getpid()))


def limit(*, seconds: float, memory: int) -> None:
    """Processor time and memory, no file to write, no core file, few descriptors."""
    cpu = int(seconds) + 1
    for name, value in (("CPU", cpu), ("FSIZE", 0), ("CORE", 0), ("NOFILE", 64), ("MSGQUEUE", 0)):
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is not None:
            resource.setrlimit(number, (value, value))
    limit_memory(memory)


def limit_memory(memory: int) -> None:
    """At most `memory` bytes of address space more than this process has now."""
    most = _address_space() + memory
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _prctl(option: int, value: int, more: int = 0) -> None:
    if _libc is None or _libc.prctl(option, value, more, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _address_space() -> int:
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return 256 * 2**20
    try:
        return int(os.read(file, 200).split()[0]) * os.sysconf("SC_PAGE_SIZE")
    finally:
        os.close(file)


def _drop_capabilities() -> None:
    """None effective, permitted, inheritable, ambient or, where it is allowed to say so, in the bounding set."""
    if _libc is None:
        return
    with contextlib.suppress(OSError):
        _prctl(PR_CAP_AMBIENT, 4)  # a kernel before 4.3 has no ambient ones
    for capability in range(CAPABILITIES):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):  # not privileged, or the last one was the one before
            break
    header = struct.pack("=Ii", 0x20080522, 0)
    if _libc.syscall(CAPSET[platform.machine()], header, bytes(24)):
        raise OSError(ctypes.get_errno(), "capset")


def _files(version: int) -> int:
    """A Landlock ruleset: reading is left in Python's own folders and the system's libraries, all else nowhere."""
    if version < 1 or _libc is None:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    rights = FILE_RIGHTS.get(version, FILE_RIGHTS[5])
    # From version 4 on the network can be locked too; version 6 adds signals and abstract sockets.
    network, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    attributes = struct.pack("QQQ", rights, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = int(_libc.syscall(LANDLOCK_CREATE, attributes, size, 0))
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    for path in readable():
        _allow(ruleset, path, READ_FILE | READ_DIR)
    for path in ("/dev/null", "/dev/urandom", "/dev/zero"):
        _allow(ruleset, path, READ_FILE)
    return ruleset


def readable() -> set[str]:
    """Folders that a candidate may read: the standard library, what it links to, and the time zones."""
    library = os.path.dirname(os.path.realpath(os.__file__))  # noqa: PTH120
    own = {f"{prefix}/{name}" for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", "lib64")}
    return {library, *own, "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo"}


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = struct.pack("=Qi", rights, place)
        if _libc is None or _libc.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0):
            raise OSError(ctypes.get_errno(), f"landlock_add_rule {path}")
    finally:
        os.close(place)


def _filter(program: bytes, *, listen: bool = False) -> int:
    """Set a seccomp filter. `listen`: the descriptor on which the kernel asks, -1 where it cannot ask."""
    if _libc is None:
        return -1
    held = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HxxxxxxQ", len(program) // 8, ctypes.addressof(held))
    found = int(_libc.syscall(syscalls.SECCOMP[platform.machine()], 1, 8 if listen else 0, header))
    if found < 0 and not listen:
        raise OSError(ctypes.get_errno(), "seccomp")
    return found
