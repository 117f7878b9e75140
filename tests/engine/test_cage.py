# ruff: noqa: E501
"""What a candidate's process can still do, tried from inside and looked at from outside; and its line to the checker."""

import ctypes
import errno
import os
import platform
import struct
import threading
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sapo_engine.grading.base import Problem
from sapo_engine.grading.programs import SANDBOXES, ProgramGrader, fault, probe
from sapo_engine.sandbox import restrict, syscalls, threads

HOW, WHY = probe()
pytestmark = pytest.mark.skipif(HOW == "none", reason=f"no sandbox here: {WHY}")
ADD = Problem("add", "Add two numbers.", tests=("assert f(2, 3) == 5", "assert f(-1, 1) == 0", "assert f(10, 0) == 10"))
RIGHT = "def f(a, b): return a + b"
OLDER = ("landlock 1", "landlock 2", "landlock 5")
"""Kernels of years ago: with this version of Landlock and no newer one."""


@pytest.fixture(scope="module")
def plain():
    """For what is the same in every cage."""
    grader = ProgramGrader(seconds=5.0, memory_mb=64, processes=1)
    yield grader
    grader.close()


@pytest.fixture(scope="module", params=[*SANDBOXES, *OLDER])
def grader(request):
    how, _, newest = request.param.partition(" ")
    if fault(how):
        pytest.skip(fault(how))
    if newest and int(newest) > restrict.landlock_version():
        pytest.skip(f"this kernel has Landlock {restrict.landlock_version()}")
    grader = ProgramGrader(
        seconds=5.0, memory_mb=256, processes=2, sandbox=how, newest_landlock=int(newest or restrict.NEWEST)
    )
    yield grader
    grader.close()


def run(grader, program, problem=ADD):
    return grader.grade([(problem, program)])[0]


# --- the line ----------------------------------------------------------------------------------------------------------

WRITING = """
import os, threading
DATA = {data!r}
def write(times):
    for number in range(64):
        for _ in range(times):
            try: os.write(number, DATA)
            except OSError: pass
def f(a, b):
    {then}
    return a + b
{first}
"""
ENDS = ("write(1)", "write(200)", "os.closerange(0, 64)", "[os.dup2(0, k) for k in range(64)]", "os._exit(0)", "pass")


DATA = (
    b'{"refused":"x"}\n',
    b'{"pid": 1}\n',
    b'{"status": 0}\n',
    b'{"correct": true, "reason": ""}\n',
    b'{"to":1,"v":[[0]],"n":[["tuple",[[1],[2]]],["dict",2,[]],["list",4,[]]],"c":0}\n',
    b"+",
    b"\n" * 100,
    b"[" * 200,
    b'"' * 50,
)


@pytest.mark.parametrize("examples", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_whatever_a_program_writes_to_whatever_descriptor_costs_it_its_own_verdict_alone(examples):
    own = _shared_grader()

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        data=st.binary(min_size=1, max_size=200) | st.sampled_from(DATA),
        first=st.sampled_from(ENDS),
        then=st.sampled_from(ENDS),
        thread=st.booleans(),
    )
    def hold(data, first, then, thread):
        started = (
            f"threading.Thread(target=lambda: {first if 'closerange' not in first else 'write(1)'}, daemon=True).start()"
            if thread
            else first
        )
        attack = WRITING.format(data=data, then=then, first=started)
        wrong = attack.replace("return a + b", "return 7")
        grades = own.grade([(ADD, wrong), (ADD, f"{RIGHT}  # {data!r} {first} {then}"), (ADD, attack)])
        assert not grades[0].correct
        assert grades[0].reason
        assert grades[1].correct, grades[1].reason

    hold()


_graders = []


def _shared_grader():
    if not _graders:
        _graders.append(ProgramGrader(seconds=3.0, memory_mb=256, processes=2))
    return _graders[0]


@pytest.fixture(scope="module", autouse=True)
def _closed():
    yield
    while _graders:
        _graders.pop().close()


def test_no_word_of_a_program_about_the_cage_is_believed(grader):
    for line in (b'{"refused":"x"}\n', b'{"refused": "x", "broken": true}\n'):
        said = f"import os\nos.write(3, {line!r})\n{RIGHT}"
        grade = run(grader, said)
        assert not grade.correct
        assert (
            run(
                grader,
                f"import os\nfor k in range(64):\n    try: os.write(k, {line!r})\n    except OSError: pass\n{RIGHT}",
            ).correct
            is False
        )
    assert run(grader, RIGHT).correct


def test_a_program_holds_its_line_and_nothing_else(grader):
    held = Problem("", "", tests=("assert held() == [0, 1, 2, 3]", "assert modes() == [True, True, True]"))
    program = (
        "import os, stat\n"
        "def held():\n    found = []\n    for k in range(64):\n        try: os.fstat(k)\n        except OSError: continue\n        found.append(k)\n    return found\n"
        "def modes(): return [stat.S_ISCHR(os.fstat(k).st_mode) for k in range(3)]\n"
    )
    grade = run(grader, program, held)
    assert grade.correct, grade.reason


def test_a_judge_whose_cage_has_ended_starts_another_one():
    own = ProgramGrader(seconds=3.0, memory_mb=256, processes=1)
    assert run(own, RIGHT).correct
    judge = psutil.Process(own._idle[0].pid)
    (cage,) = judge.children()
    cage.kill()
    assert run(own, f"{RIGHT} # again").correct
    assert judge.is_running()
    own.close()


# --- system calls ------------------------------------------------------------------------------------------------------

CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *given):
    made = [ctypes.c_long(g) if isinstance(g, int) else ctypes.c_char_p(g) if isinstance(g, bytes) else g for g in given]
    if libc.syscall(ctypes.c_long(number), *made) == -1:
        return ctypes.get_errno()
    return 0
"""
REFUSED = {errno.EPERM, errno.ENOSYS, errno.EACCES}
PROBES = {335, 336}
"""uretprobe and uprobe, the kernel's own on x86_64: they pass no filter, and end whoever calls them from elsewhere."""


def test_every_system_call_that_is_not_listed_is_refused(grader):
    machine = platform.machine()
    listed = {*syscalls.ALLOWED[machine].values(), *syscalls.WEIGHED[machine].values()}
    others = [number for number in range(1024) if number not in listed | PROBES]
    assert len(others) > 850
    program = CALL + "def f(numbers): return [(n, call(n, 0, 0, 0, 0, 0, 0)) for n in numbers]"
    odd = Problem("", "", tests=(f"assert {{n for n, e in f({others!r}) if e not in {REFUSED!r}}} == set()",))
    grade = run(grader, program, odd)
    assert grade.correct, grade.reason


BY_NUMBER = {
    "fchmodat2": (452, -100, b"{victim}", 0o777, 0),
    "setxattrat": (463, -100, b"{victim}", 0, b"user.x", 0, 0),
    "removexattrat": (466, -100, b"{victim}", 0, b"user.x"),
    "file_setattr": (469, -100, b"{victim}", 0, 0, 0),
    "removexattr": (197, b"{victim}", b"user.x"),
    "lremovexattr": (198, b"{victim}", b"user.x"),
    "getxattr": (191, b"{victim}", b"user.x", 0, 0),
    "truncate": (76, b"{victim}", 0),
    "ftruncate": (77, 3, 0),
    "creat": (85, b"{victim}", 0o777),
    "open to truncate": (2, b"{victim}", os.O_RDONLY | os.O_TRUNC, 0),
    "openat to truncate": (257, -100, b"{victim}", os.O_RDONLY | os.O_TRUNC, 0),
    "open to write": (257, -100, b"{victim}", os.O_WRONLY, 0),
    "open without a name": (257, -100, b"{folder}", os.O_RDWR | 0o20200000, 0o600),
    "openat2": (437, -100, b"{victim}", 0, 24),
    "F_SETOWN": (72, 3, 8, "{pid}"),
    "F_SETOWN_EX": (72, 3, 15, b"\0\0\0\0"),
    "F_SETSIG": (72, 3, 10, 9),
    "F_SETLEASE": (72, 3, 1024, 0),
    "FIOSETOWN": (16, 3, 0x8901, b"{pid}"),
    "SIOCSPGRP": (16, 3, 0x8902, b"{pid}"),
    "FIOASYNC": (16, 3, 0x5452, b"\1\0\0\0"),
    "TIOCSTI": (16, 0, 0x5412, b"x"),
    "PR_SET_PDEATHSIG": (157, 1, 0, 0, 0, 0),
    "PR_SET_DUMPABLE": (157, 4, 1, 0, 0, 0),
    "PR_SET_PTRACER": (157, 0x59616D61, -1, 0, 0, 0),
    "PR_SET_SECCOMP": (157, 22, 0, 0, 0, 0),
    "PR_CAP_AMBIENT": (157, 47, 2, 1, 0, 0),
    "seccomp": (317, 1, 0, 0),
    "capset": (126, b"\x22\x05\x08\x20\0\0\0\0", b"\xff" * 24),
    "sched_setattr": (314, "{pid}", b"\x30\0\0\0" + bytes(44), 0),
    "sched_setscheduler": (144, "{pid}", 0, b"\0\0\0\0"),
    "sched_setaffinity": (203, "{pid}", 8, b"\1" + bytes(7)),
    "ioprio_set": (251, 1, "{pid}", 0),
    "setpriority": (141, 0, "{pid}", 5),
    "prlimit of others": (302, "{pid}", 7, 0, bytes(16)),
    "prlimit of itself": (302, 0, 0, b"\xff" * 16, 0),
    "msgget": (68, 1234, 0o600),
    "msgsnd": (69, 0, bytes(64), 1, 0o4000),
    "msgrcv": (70, 0, bytes(64), 1, 0, 0o4000),
    "msgctl": (71, 0, 0, 0),
    "semget": (64, 1234, 1, 0o600),
    "semop": (65, 0, bytes(6), 1),
    "semctl": (66, 0, 0, 0, 0),
    "shmget": (29, 1234, 4096, 0o600),
    "shmat": (30, 0, 0, 0),
    "shmctl": (31, 0, 0, 0),
    "mq_open": (240, b"x", 0o102, 0o600, 0),
    "kill": (62, "{pid}", 0),
    "kill the group": (62, 0, 0),
    "kill all": (62, -1, 0),
    "tkill": (200, "{pid}", 0),
    "tgkill": (234, "{pid}", "{pid}", 0),
    "pidfd_open": (434, "{pid}", 0),
    "clone a process": (56, 17, 0, 0, 0, 0),
    "clone a name space": (56, 0x10000000 | 17, 0, 0, 0, 0),
    "clone a thread in a name space": (56, 0x10000 | 0x10000000, 0, 0, 0, 0),
    "clone3": (435, bytes(88), 88),
    "setuid": (105, 0),
    "setgroups": (116, 0, 0),
    "unshare": (272, 0x10000000),
    "userfaultfd": (323, 0),
    "io_uring_setup": (425, 1, bytes(120)),
    "memfd_create": (319, b"x", 0),
    "socketpair": (53, 1, 1, 0, bytes(8)),
    "sendmsg": (46, 3, bytes(56), 0),
    "sendto": (44, 3, b"x", 1, 0, 0, 0),
    "landlock_create_ruleset": (444, 0, 0, 1),
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are the numbers of x86_64")
def test_no_system_call_reaches_out(grader, tmp_path):
    """One program makes them all, each with a victim of its own."""

    def fill(value, folder):
        if isinstance(value, bytes) and value == b"{pid}":
            return struct.pack("=i", os.getpid())
        if isinstance(value, bytes):
            return value.replace(b"{victim}", str(folder / "victim").encode()).replace(
                b"{folder}", str(folder).encode()
            )
        return os.getpid() if value == "{pid}" else value

    calls = {}
    for number, name in enumerate(sorted(BY_NUMBER)):
        folder = tmp_path / str(number)
        folder.mkdir()
        victim = folder / "victim"
        victim.write_text("secret")
        victim.chmod(0o666)
        os.setxattr(victim, "user.x", b"kept")
        calls[name] = tuple(fill(value, folder) for value in BY_NUMBER[name])
    program = (
        f"{CALL}SAID = {{name: call(*given) for name, given in {calls!r}.items()}}\ndef said(name): return SAID[name]"
    )
    tests = tuple(f"assert said({name!r}) in {REFUSED!r}" for name in calls)
    grade = run(grader, program, Problem("", "", tests=tests))
    assert grade.correct, grade.reason
    for number, name in enumerate(calls):
        (victim,) = (tmp_path / str(number)).iterdir()
        found = victim.read_text(), victim.stat().st_mode & 0o777, os.getxattr(victim, "user.x")
        assert found == ("secret", 0o666, b"kept"), name


def test_what_programs_need_of_the_kernel_is_there(grader):
    fine = {
        "time": "import time\n    time.sleep(0.001)\n    return time.time() > 0 and time.process_time() >= 0",
        "threads": "import threading\n    t = threading.Thread(target=int)\n    t.start(); t.join()\n    return True",
        "pool": "from concurrent.futures import ThreadPoolExecutor\n    with ThreadPoolExecutor(4) as p: return sum(p.map(int, '123')) == 6",
        "random": "import os, random, secrets, uuid\n    return len(os.urandom(8)) == 8 and secrets.token_hex() != '' and uuid.uuid4() is not None",
        "hash": "import hashlib, zlib, base64\n    return hashlib.sha256(b'x').hexdigest()[:4] == '2d71'",
        "own signal": "import signal\n    got = []\n    signal.signal(signal.SIGUSR1, lambda *a: got.append(1))\n    signal.raise_signal(signal.SIGUSR1)\n    return got == [1]",
        "signal by number": "import signal, os\n    got = []\n    signal.signal(signal.SIGUSR1, lambda *a: got.append(1))\n    os.kill(os.getpid(), signal.SIGUSR1)\n    return got == [1]",
        "alarm": "import signal, time\n    def go(*a): raise TimeoutError\n    signal.signal(signal.SIGALRM, go)\n    signal.setitimer(signal.ITIMER_REAL, 0.01)\n    try: time.sleep(2)\n    except TimeoutError: return True",
        "asyncio": "import asyncio\n    async def g():\n        await asyncio.sleep(0.001)\n        return await asyncio.to_thread(lambda: 5)\n    return asyncio.run(g()) == 5",
        "queue": "import queue, threading\n    q = queue.Queue()\n    threading.Thread(target=q.put, args=(1,)).start()\n    return q.get(timeout=2) == 1",
        "limits": "import resource\n    return resource.getrlimit(resource.RLIMIT_CPU)[0] > 0 and resource.getrusage(resource.RUSAGE_SELF).ru_utime >= 0",
        "library": "import xml.etree.ElementTree, csv, sqlite3, email.message, html, difflib, pprint, unittest, argparse, logging, tempfile, subprocess, socket, ssl, multiprocessing, zoneinfo, lzma, bz2, ctypes, decimal, locale\n    return sqlite3.connect(':memory:').execute('select 1').fetchone() == (1,)",
        "pipe": "import os\n    r, w = os.pipe()\n    os.write(w, b'x')\n    return os.read(r, 1) == b'x'",
        "machine": "import os, platform, sys\n    return platform.machine() != '' and os.getpid() > 0 and os.cpu_count() > 0 and not sys.stdin.isatty()",
        "memory": "import mmap\n    m = mmap.mmap(-1, 4096)\n    m[:1] = b'x'\n    return m[:1] == b'x'",
        "text": "import io, gettext, textwrap, unicodedata\n    return unicodedata.name('a') == 'LATIN SMALL LETTER A'",
    }
    for name, body in fine.items():
        grade = run(grader, f"def f():\n    {body}", Problem("", "", tests=("assert f()",)))
        assert grade.correct, (name, grade.reason)


def weighed(program, machine, number, given, audit=None):
    """What the filter says, by a small machine of our own."""
    data = struct.pack(
        "=iIQ6Q", number, audit or syscalls.ARCHITECTURES[machine], 0, *(g % 2**64 for g in (*given, *[0] * 6)[:6])
    )
    lines = list(struct.iter_unpack("=HBBI", program))
    at = value = 0
    while True:
        code, yes, no, k = lines[at]
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, k)
        elif code == 0x06:
            return k
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += yes if holds else no


ALLOW, DENY, ACCESS, MISSING, KILL = 0x7FFF0000, 0x50001, 0x5000D, 0x50026, 0x80000000


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_the_filter_of_each_architecture(machine):
    program = syscalls.filter_program(machine, 77)
    numbers = syscalls.WEIGHED[machine]
    assert len(syscalls.ALLOWED[machine]) == len(set(syscalls.ALLOWED[machine].values()))
    assert not {*syscalls.ALLOWED[machine].values()} & {*numbers.values()}
    assert all(weighed(program, machine, number, ()) == ALLOW for number in syscalls.ALLOWED[machine].values())
    listed = {*syscalls.ALLOWED[machine].values(), *numbers.values()}
    others = {n: weighed(program, machine, n, ()) for n in range(1024) if n not in listed}
    assert {others[n] for n in others if n > syscalls.LAST_KNOWN} == {MISSING}
    assert {n for n, said in others.items() if said not in (DENY, MISSING)} == set()
    for name, arguments, said in (
        ("clone", (0x3D0F00,), ALLOW), ("clone", (17,), DENY), ("clone", (0x10000 | 0x10000000,), DENY), ("clone", (0,), DENY),
        ("fcntl", (3, 8, 1), DENY), ("fcntl", (3, 10, 9), DENY), ("fcntl", (3, 2**32 + 8, 1), DENY), ("fcntl", (3, 3), ALLOW), ("fcntl", (3, 1030), ALLOW),
        ("ioctl", (0, 0x5401), ALLOW), ("ioctl", (0, 0x8901), DENY), ("ioctl", (0, 0x5412), DENY), ("ioctl", (0, 2**32 + 0x8902), DENY),
        ("prctl", (1, 9), DENY), ("prctl", (15, 0), ALLOW), ("prctl", (4, 1), DENY),
        ("kill", (77, 9), ALLOW), ("kill", (78, 9), DENY), ("kill", (0, 9), DENY), ("kill", (-1, 9), DENY),
        ("tgkill", (77, 77, 9), ALLOW), ("tgkill", (78, 78, 9), DENY),
        ("prlimit64", (0, 1, 0), ALLOW), ("prlimit64", (77, 1, 0), ALLOW), ("prlimit64", (78, 1, 0), DENY), ("prlimit64", (0, 1, 4096), DENY), ("prlimit64", (0, 1, 2**40), DENY),
        ("openat", (-100, 1, 0), ALLOW), ("openat", (-100, 1, os.O_CLOEXEC), ALLOW), ("openat", (-100, 1, os.O_WRONLY), ACCESS), ("openat", (-100, 1, os.O_TRUNC), ACCESS),
        ("openat", (-100, 1, os.O_CREAT), ACCESS), ("openat", (-100, 1, 0x400000), ACCESS),
        ("sched_getaffinity", (0,), ALLOW), ("sched_getaffinity", (78,), DENY),
    ):  # fmt: skip
        assert weighed(program, machine, numbers[name], arguments) == said, (name, arguments)
    assert weighed(program, machine, 0, (), audit=0x40000003) == KILL  # calls of 32-bit programs
    assert weighed(program, machine, 0x40000000, ()) == KILL
    asked = syscalls.thread_filter(machine)
    assert (weighed(asked, machine, numbers["clone"], ()), weighed(asked, machine, 63, ())) == (0x7FC00000, ALLOW)


# --- from outside ------------------------------------------------------------------------------------------------------


def candidate_of(own, program):
    """The process of a candidate while it waits for its end, and a function that lets it go."""
    done = threading.Event()
    thread = threading.Thread(target=lambda: (own.grade([(ADD, program)]), done.set()))
    thread.start()
    while not done.is_set():
        for process in psutil.Process().children(recursive=True):
            if process.status() == "sleeping" and "cage.py" in " ".join(process.cmdline()) and _is_locked(process.pid):
                return process, thread
    raise AssertionError("it ended too early")


def _is_locked(pid):
    try:
        return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_candidate_has_no_capability_and_gets_none():
    own = ProgramGrader(seconds=3.0, memory_mb=256, processes=1, sandbox=HOW)
    process, thread = candidate_of(own, "import time\ntime.sleep(60)")
    said = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert {said[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    if os.geteuid() == 0:
        assert said["CapBnd"] == "0" * 16
    assert said["NoNewPrivs"] == "1"
    assert said["Seccomp"] == "2"
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    for name, limit in (("Max file size", "0"), ("Max core file size", "0"), ("Max open files", "64")):
        assert next(line for line in limits.splitlines() if line.startswith(name)).split()[-3:-1] == [limit] * 2
    thread.join()
    own.close()


def test_threads_are_limited(grader):
    bomb = (
        "import threading\nthreading.stack_size(32768)\nstop = threading.Event()\n"
        "def f(most):\n    made = []\n    try:\n        for _ in range(most):\n            made.append(threading.Thread(target=stop.wait, daemon=True))\n            made[-1].start()\n"
        "    except RuntimeError: pass\n    alive = threading.active_count()\n    stop.set()\n    return alive\n"
    )
    most = threads.MOST_EVER if grader.how == "bubblewrap" else threads.MOST
    few = Problem("", "", tests=(f"assert 30 < f(5000) <= {most + 1}",))
    grade = run(grader, bomb, few)
    assert grade.correct, grade.reason
    # One after the other there may be more of them.
    many = "import threading\ndef f():\n    for _ in range(200):\n        t = threading.Thread(target=int)\n        t.start(); t.join()\n    return 1"
    assert run(grader, many, Problem("", "", tests=("assert f() == 1",))).correct


def test_the_checker_has_a_limit_of_memory_too(plain):
    large = Problem("", "", tests=("assert list(f()) == []",))
    grade = run(plain, "def f(): return range(3 * 10**8)", large)
    assert (grade.correct, grade.reason) == (False, "used more than 64 MiB")
    assert run(plain, "def f(): return range(0)", large).correct
    growing = Problem("", "", tests=("found = []\nfor part in f():\n    found.append(part)",))
    assert not run(plain, "def f():\n    while True: yield 'x' * 10**6", growing).correct


def test_a_program_may_read_the_library_and_nothing_else(grader, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    reads = Problem(
        "",
        "",
        tests=("import json\nassert library()", f"assert closed({str(secret)!r})", "assert all(map(closed, PLACES))"),
    )
    places = [
        "/etc/passwd",
        "/etc/hostname",
        "/proc/self/environ",
        "/proc/1/cmdline",
        "/root/.bashrc",
        "/sys/kernel/mm",
    ]
    if grader.how != "bubblewrap":  # there they hold nothing but the way to the library
        places += ["/home", "/tmp", "/"]
    program = (
        f"import os\nPLACES = {places!r}\n"
        "def library(): return 'def' in open(os.__file__).read()\n"
        "def closed(path):\n    try:\n        os.listdir(path) if os.path.isdir(path) else open(path)\n"
        "    except OSError: return True\n    return False\n"
    )
    grade = run(grader, program, reads)
    assert grade.correct, grade.reason


def test_dates_are_in_utc_on_both_sides(grader):
    there = "import time, datetime\ndef f(): return (time.tzname[0], datetime.datetime.fromtimestamp(0))"
    here = Problem(
        "",
        "",
        tests=(
            "import datetime, time\nassert f() == ('UTC', datetime.datetime(1970, 1, 1))\nassert time.tzname[0] == 'UTC'",
        ),
    )
    assert run(grader, there, here).correct


def test_what_is_told_of_a_program_can_be_shown_anywhere(plain):
    for text in ("\ud800", "\x1b[31mred", "\x00", "\u202e", "\n" * 50, "\x85", "<b>x</b>", "é", "x" * 10**6):
        for program in (
            f"def f(a, b): return {text!r}",
            f"def f(a, b): raise ValueError({text!r})",
            f"raise ValueError({text!r})",
            f"class E(Exception): pass\nE.__name__ = {text[:200]!r}\ndef f(a, b): raise E",
        ):
            reason = run(plain, program).reason
            assert reason.isprintable()
            assert reason.encode() != b""
            assert len(reason) < 3000
    assert not run(plain, "def f(a, b): return '\ud800'").correct  # the text itself
    assert not run(plain, "def f(a, b):\x00 return 5").correct


def test_the_library_is_there(monkeypatch):
    assert ctypes.CDLL(None) is not None
    for path in restrict.readable():
        assert path.startswith("/")
        assert path.rstrip("/") not in ("", "/usr", "/root", str(Path.home()), "/etc", "/home")


def test_root_becomes_the_one_whose_python_it_runs(monkeypatch):
    became = []

    class Library:
        st_uid, st_gid = 1234, 5678

    monkeypatch.setattr(restrict.os, "stat", lambda path: Library)
    for name in ("setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(restrict.os, name, lambda *given, name=name: became.append((name, *given)))
    monkeypatch.setattr(restrict.os, "geteuid", lambda: 1000)
    restrict._become_owner()
    assert became == []
    monkeypatch.setattr(restrict.os, "geteuid", lambda: 0)
    restrict._become_owner()
    assert became == [("setgroups", []), ("setresgid", 5678, 5678, 5678), ("setresuid", 1234, 1234, 1234)]
    Library.st_uid = 0
    restrict._become_owner()
    assert len(became) == 3
