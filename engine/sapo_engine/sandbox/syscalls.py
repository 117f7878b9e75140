"""The system calls that a candidate may make, by name and number, and the seccomp filter that refuses all others.

An allow-list: what CPython with its standard library needs to calculate, to import, to start threads and to read files.
A call that a newer kernel brings is refused because nobody put it here. Paths are Landlock's business; here it is
numbers and plain arguments, which a program cannot change between the look and the act.
"""

from __future__ import annotations

import errno
import functools
import struct
from collections.abc import Sequence

ALLOWED = {
    "x86_64": {
        **{"read": 0, "write": 1, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9},
        **{"mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15},
        **{"pread64": 17, "readv": 19, "writev": 20, "access": 21, "pipe": 22, "select": 23, "sched_yield": 24},
        **{"mremap": 25, "madvise": 28, "dup": 32, "dup2": 33, "pause": 34, "nanosleep": 35, "getitimer": 36},
        **{"alarm": 37, "setitimer": 38, "getpid": 39, "exit": 60, "uname": 63, "getdents": 78, "getcwd": 79},
        **{"readlink": 89, "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100},
        **{"getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110, "getpgrp": 111},
        **{"getgroups": 115, "getresuid": 118, "getresgid": 120, "rt_sigpending": 127, "rt_sigtimedwait": 128},
        **{"rt_sigsuspend": 130, "sigaltstack": 131, "statfs": 137, "fstatfs": 138, "gettid": 186, "time": 201},
        **{"futex": 202, "getdents64": 217, "set_tid_address": 218, "restart_syscall": 219, "clock_gettime": 228},
        **{"clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "epoll_wait": 232, "epoll_ctl": 233},
        **{"newfstatat": 262, "readlinkat": 267, "faccessat": 269, "pselect6": 270, "ppoll": 271},
        **{"set_robust_list": 273, "epoll_pwait": 281, "eventfd2": 290, "epoll_create1": 291, "dup3": 292},
        **{"pipe2": 293, "preadv": 295, "getcpu": 309, "getrandom": 318, "membarrier": 324, "statx": 332},
        **{"rseq": 334, "close_range": 436, "faccessat2": 439},
    },
    "aarch64": {
        **{"getcwd": 17, "eventfd2": 19, "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "dup": 23},
        **{"dup3": 24, "statfs": 43, "fstatfs": 44, "faccessat": 48, "close": 57, "pipe2": 59, "getdents64": 61},
        **{"lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "preadv": 69},
        **{"pselect6": 72, "ppoll": 73, "readlinkat": 78, "newfstatat": 79, "fstat": 80, "exit": 93},
        **{"exit_group": 94, "set_tid_address": 96, "futex": 98, "set_robust_list": 99, "nanosleep": 101},
        **{"getitimer": 102, "setitimer": 103, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115},
        **{"sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132, "rt_sigsuspend": 133},
        **{"rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigpending": 136, "rt_sigtimedwait": 137},
        **{"rt_sigreturn": 139, "getresuid": 148, "getresgid": 150, "times": 153, "getgroups": 158, "uname": 160},
        **{"getrlimit": 163, "getrusage": 165, "getcpu": 168, "gettimeofday": 169, "getpid": 172, "getppid": 173},
        **{"getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "sysinfo": 179},
        **{"brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233},
        **{"getrandom": 278, "membarrier": 283, "statx": 291, "rseq": 293, "close_range": 436, "faccessat2": 439},
    },
}
"""Allowed whatever their arguments."""

WEIGHED = {
    "x86_64": {
        **{"open": 2, "ioctl": 16, "clone": 56, "kill": 62, "fcntl": 72, "prctl": 157, "sched_getaffinity": 204},
        **{"tgkill": 234, "openat": 257, "prlimit64": 302},
    },
    "aarch64": {
        **{"fcntl": 25, "ioctl": 29, "openat": 56, "sched_getaffinity": 123, "kill": 129, "tgkill": 131},
        **{"prctl": 167, "clone": 220, "prlimit64": 261},
    },
}
"""Allowed with some arguments only (`_weigh`)."""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What the kernel's audit calls them."""
CLONE3 = 435
LAST_KNOWN = 469
"""Calls above it were unknown when this list was made. They fail as on a kernel that does not have them (ENOSYS)."""

SECCOMP = {"x86_64": 317, "aarch64": 277}
"""The call that sets a filter."""

_LOAD, _EQUAL, _AT_LEAST, _BITS, _GIVE = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _ASK = 0x80000000, 0x7FFF0000, 0x7FC00000
_DENY, _ACCESS, _MISSING = (0x00050000 | number for number in (errno.EPERM, errno.EACCES, errno.ENOSYS))
_NUMBER, _ARCHITECTURE = 0, 4

Line = tuple[int, int, int, int]

THREAD = 0x10000
STRANGE = 0x80 | 0x2000 | 0x4000 | 0x20000 | 0x800000 | 0x2000000 | 0x7C000000
"""Flags of clone that no thread has: name spaces of any kind, new time or cgroup, being traced, being a vfork."""
WRITING = 0x3 | 0x40 | 0x200 | 0x400000
"""Flags of open: for writing, creating, truncating, nameless files. Landlock below version 3 lets a file that may be
read be truncated."""
DESCRIPTOR_COMMANDS = (0, 1, 2, 3, 4, 1030)
"""fcntl: duplicate, look at and set flags. Not F_SETOWN, F_SETSIG, F_SETOWN_EX (signals to anyone), locks, leases."""
TERMINAL_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""ioctl: is it a terminal and how large, bytes ahead, blocking, close on exec. Not FIOSETOWN, FIOASYNC, TIOCSTI."""
PROCESS_COMMANDS = (3, 15, 16, 0x53564D41)
"""prctl: look at dumpable, a thread's name, memory's. Not PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER."""


def _argument(number: int, *, high: bool = False) -> Line:
    return (_LOAD, 0, 0, 16 + 8 * number + (4 if high else 0))


def _one_of(number: int, values: Sequence[int]) -> list[Line]:
    """The lower half of an argument is one of `values`."""
    lines = [_argument(number)]
    for place, value in enumerate(values):
        lines.append((_EQUAL, len(values) - place, 0, value))
    return [*lines, (_GIVE, 0, 0, _DENY), (_GIVE, 0, 0, _ALLOW)]


def _none_of(number: int, bits: int, otherwise: int) -> list[Line]:
    return [_argument(number), (_BITS, 0, 1, bits), (_GIVE, 0, 0, otherwise), (_GIVE, 0, 0, _ALLOW)]


def _weigh(name: str, pid: int) -> list[Line]:
    """What is asked of a call's arguments; every way through ends in a verdict."""
    match name:
        case "open":
            return _none_of(1, WRITING, _ACCESS)
        case "openat":
            return _none_of(2, WRITING, _ACCESS)
        case "ioctl":
            return _one_of(1, TERMINAL_COMMANDS)
        case "fcntl":
            return _one_of(1, DESCRIPTOR_COMMANDS)
        case "prctl":
            return _one_of(0, PROCESS_COMMANDS)
        case "kill" | "tgkill":  # nobody but the process itself
            return _one_of(0, (pid,))
        case "sched_getaffinity":
            return _one_of(0, (0, pid))
        case "prlimit64":  # its own limits, to look at: the new ones are a null pointer
            return [
                _argument(0),
                (_EQUAL, 1, 0, 0),
                (_EQUAL, 0, 4, pid),
                _argument(2),
                (_EQUAL, 0, 2, 0),
                _argument(2, high=True),
                (_EQUAL, 1, 0, 0),
                (_GIVE, 0, 0, _DENY),
                (_GIVE, 0, 0, _ALLOW),
            ]
        case _:  # clone: a thread, never a process
            return [
                _argument(0),
                (_BITS, 0, 1, THREAD),
                (_BITS, 0, 1, STRANGE),
                (_GIVE, 0, 0, _DENY),
                (_GIVE, 0, 0, _ALLOW),
            ]


def filter_program(machine: str, pid: int) -> bytes:
    """The filter for the process `pid` on `machine`. KeyError for a machine that has no list here."""
    return _template(machine).replace(struct.pack("=I", _NOBODY), struct.pack("=I", pid))


_NOBODY = 0x7FFF1234
"""Stands for the process in a filter that is made once; no process has such a number."""


@functools.cache
def _template(machine: str) -> bytes:
    verdicts: dict[int, list[Line]] = {number: [(_GIVE, 0, 0, _ALLOW)] for number in ALLOWED[machine].values()}
    verdicts |= {number: _weigh(name, _NOBODY) for name, number in WEIGHED[machine].items()}
    # clone3's flags lie in memory and cannot be looked at: the C library then takes clone.
    verdicts[CLONE3] = [(_GIVE, 0, 0, _MISSING)]
    return _packed(
        [
            (_LOAD, 0, 0, _ARCHITECTURE),
            (_EQUAL, 1, 0, ARCHITECTURES[machine]),
            (_GIVE, 0, 0, _KILL),
            (_LOAD, 0, 0, _NUMBER),
            (_AT_LEAST, 0, 1, 0x40000000),  # x32 calls go by other numbers
            (_GIVE, 0, 0, _KILL),
            (_AT_LEAST, 0, 1, LAST_KNOWN + 1),
            (_GIVE, 0, 0, _MISSING),
            *_tree(sorted(verdicts.items())),
        ]
    )


def _tree(verdicts: Sequence[tuple[int, list[Line]]]) -> list[Line]:
    """A search by halves: the kernel goes through it for every call's number when the filter is set."""
    if len(verdicts) == 1:
        number, lines = verdicts[0]
        return [(_EQUAL, 0, len(lines), number), *lines, (_GIVE, 0, 0, _DENY)]
    middle = len(verdicts) // 2
    below = _tree(verdicts[:middle])
    return [(_AT_LEAST, len(below), 0, verdicts[middle][0]), *below, *_tree(verdicts[middle:])]


def thread_filter(machine: str) -> bytes:
    """The filter that asks the cage about every `clone` and lets all else through to the other filter."""
    return _packed(
        [
            (_LOAD, 0, 0, _NUMBER),
            (_EQUAL, 0, 1, WEIGHED[machine]["clone"]),
            (_GIVE, 0, 0, _ASK),
            (_GIVE, 0, 0, _ALLOW),
        ]
    )


def _packed(lines: Sequence[Line]) -> bytes:
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
