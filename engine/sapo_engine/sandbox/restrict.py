"""What a candidate's process gives up before it runs anything: files, network, other processes, memory, time.

Runs in a fresh process that has imported next to nothing, so the standard library alone is used, and nothing of ours.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_libc: ctypes.CDLL | None = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same numbers on every architecture
READ_FILE, READ_DIR = 4, 8
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files that an ABI version of Landlock knows."""

# System calls that a program for a list of numbers has no use for, by architecture. Landlock guards files; these guard
# the rest: other processes, network, shared memory, and ways into the kernel. Unknown to the filter: clone (below).
FORBIDDEN = {
    "x86_64": {
        **{"fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "kill": 62, "tkill": 200, "ptrace": 101},
        **{"rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_open": 434, "pidfd_send_signal": 424},
        **{"pidfd_getfd": 438, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "setsid": 112},
        **{"setpgid": 109, "socket": 41, "socketpair": 53, "connect": 42, "bind": 49, "listen": 50, "accept": 43},
        **{"accept4": 288, "shmget": 29, "shmat": 30, "msgget": 68, "semget": 64, "mq_open": 240, "memfd_create": 319},
        **{"memfd_secret": 447, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 321},
        **{"perf_event_open": 298, "userfaultfd": 323, "keyctl": 250, "add_key": 248, "request_key": 249},
        **{"mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308},
        **{"personality": 135, "reboot": 169, "kexec_load": 246, "init_module": 175, "finit_module": 313},
        **{"delete_module": 176, "iopl": 172, "ioperm": 173, "swapon": 167, "swapoff": 168, "settimeofday": 164},
        **{"clock_settime": 227, "sethostname": 170, "setrlimit": 160, "prlimit64": 302, "setuid": 105, "setgid": 106},
        **{"open_by_handle_at": 304, "name_to_handle_at": 303, "inotify_init": 253, "inotify_init1": 294},
        **{"fanotify_init": 300, "chmod": 90, "fchmod": 91, "fchmodat": 268, "chown": 92, "fchown": 93, "lchown": 94},
        **{"fchownat": 260, "setpriority": 141, "sched_setaffinity": 203, "sched_setscheduler": 144},
        **{"utime": 132, "utimes": 235, "utimensat": 280, "futimesat": 261, "setxattr": 188, "lsetxattr": 189},
        **{"fsetxattr": 190, "process_madvise": 440, "move_pages": 279, "migrate_pages": 256, "quotactl": 179},
    },
    "aarch64": {
        **{"execve": 221, "execveat": 281, "kill": 129, "tkill": 130, "ptrace": 117, "rt_sigqueueinfo": 138},
        **{"rt_tgsigqueueinfo": 240, "pidfd_open": 434, "pidfd_send_signal": 424, "pidfd_getfd": 438},
        **{"process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "setsid": 157, "setpgid": 154},
        **{"socket": 198, "socketpair": 199, "connect": 203, "bind": 200, "listen": 201, "accept": 202, "accept4": 242},
        **{"shmget": 194, "shmat": 196, "msgget": 186, "semget": 190, "mq_open": 180, "memfd_create": 279},
        **{"memfd_secret": 447, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 280},
        **{"perf_event_open": 241, "userfaultfd": 282, "keyctl": 219, "add_key": 217, "request_key": 218},
        **{"mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268},
        **{"personality": 92, "reboot": 142, "kexec_load": 104, "init_module": 105, "finit_module": 273},
        **{"delete_module": 106, "swapon": 224, "swapoff": 225, "settimeofday": 170, "clock_settime": 112},
        **{"sethostname": 161, "setrlimit": 164, "prlimit64": 261, "setuid": 146, "setgid": 144},
        **{"open_by_handle_at": 265, "name_to_handle_at": 264, "inotify_init1": 26, "fanotify_init": 262},
        **{"fchmod": 52, "fchmodat": 53, "fchown": 55, "fchownat": 54, "setpriority": 140, "sched_setaffinity": 122},
        **{"sched_setscheduler": 119, "utimensat": 88, "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7},
        **{"process_madvise": 440, "move_pages": 239, "migrate_pages": 238, "quotactl": 60},
    },
}
MACHINES = {"x86_64": (0xC000003E, 56), "aarch64": (0xC00000B7, 220)}
"""Audit number and `clone` of each architecture."""
CLONE3 = 435
TGKILL = {"x86_64": 234, "aarch64": 131}


def landlock_version() -> int:
    """The kernel's Landlock ABI; 0 where it has none or has it switched off."""
    if _libc is None or sys.platform != "linux":
        return 0
    return max(0, int(_libc.syscall(LANDLOCK_CREATE, None, 0, 1)))


def restrict(*, seconds: float, memory: int, landlock: bool) -> None:
    """Give everything up, for good. `memory` in bytes, on top of what this process has. Raises OSError."""
    if _libc is None:
        raise OSError(errno.ENOSYS, "no sandbox on this platform")
    _prctl(PR_SET_PDEATHSIG, 9)
    _limit(seconds, memory)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_DUMPABLE, 0)
    if landlock:
        _lock_files()
    _filter_calls()


def limit_only(*, seconds: float, memory: int) -> None:
    """Time and memory alone: for a run that its user wants without a sandbox."""
    _limit(seconds, memory)


def _prctl(option: int, value: int) -> None:
    if _libc is None or _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _limit(seconds: float, memory: int) -> None:
    import resource

    cpu = int(seconds) + 1
    most = _address_space() + memory
    for name, value in (("CPU", cpu), ("AS", most), ("FSIZE", 0), ("CORE", 0), ("NOFILE", 64), ("MSGQUEUE", 0)):
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is not None:
            resource.setrlimit(number, (value, value))


def _address_space() -> int:
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123  # pathlib is an import that this process does without
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 256 * 2**20


def _lock_files() -> None:
    """Reading is left in Python's own folders and the system's libraries, writing and executing nowhere."""
    version = landlock_version()
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
    try:
        for path in {sys.prefix, sys.base_prefix, "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo"}:
            _allow(ruleset, path, READ_FILE | READ_DIR)
        for path in ("/dev/null", "/dev/urandom", "/dev/zero"):
            _allow(ruleset, path, READ_FILE)
        if _libc.syscall(LANDLOCK_RESTRICT, ruleset, 0):
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    finally:
        os.close(ruleset)


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


def _filter_calls() -> None:
    """A seccomp filter: what is forbidden fails with EPERM, another architecture's calls kill."""
    machine = platform.machine()
    if machine not in MACHINES or _libc is None:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    audit, clone = MACHINES[machine]
    load, equal, at_least, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    kill, allow, deny, missing = 0x80000000, 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
    program: list[tuple[int, int, int, int]] = [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, audit),
        (give, 0, 0, kill),
        (load, 0, 0, 0),  # the call's number
        (at_least, 0, 1, 0x40000000),  # x32 calls go by other numbers
        (give, 0, 0, kill),
        (equal, 0, 1, CLONE3),
        (give, 0, 0, missing),  # its flags cannot be looked at: the C library then takes clone
        (equal, 0, 4, clone),
        (load, 0, 0, 16),  # its flags
        (bits, 0, 1, 0x10000),  # a thread is allowed, a process is not
        (give, 0, 0, allow),
        (give, 0, 0, deny),
        (equal, 0, 4, TGKILL[machine]),
        (load, 0, 0, 16),  # whom
        (equal, 0, 1, os.getpid()),
        (give, 0, 0, allow),
        (give, 0, 0, deny),
    ]
    for number in sorted(FORBIDDEN[machine].values()):
        program += [(equal, 0, 1, number), (give, 0, 0, deny)]
    program.append((give, 0, 0, allow))
    code = b"".join(struct.pack("=HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HxxxxxxQ", len(program), ctypes.addressof(held))
    if _libc.prctl(PR_SET_SECCOMP, 2, header, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
