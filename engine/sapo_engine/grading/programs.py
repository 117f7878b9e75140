"""Grading programs by their tests, each in the sandbox, several side by side."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sapo_engine.grading.base import Grade, Problem, check_gradable
from sapo_engine.grading.program_names import wanted_by
from sapo_engine.grading.written_program import LONGEST, written_program
from sapo_engine.sandbox import restrict
from sapo_studio.errors import EngineError, InputError

JUDGE = Path(restrict.__file__).with_name("judge.py")
PATIENCE = 30.0
"""Seconds that a judge may take beyond a program's own time, on a busy machine, before it is thought to be broken."""

SANDBOXES = ("landlock", "bubblewrap")
"""What can hold a program, the better one first."""

_SHUT = """
import colorsys, csv, wave  # not there before: the library must be readable, extension modules too
def f():
    try:
        open('/etc/passwd')
    except OSError:
        return 'shut'
    return 'open'
"""


_TRIAL = Problem("", "", tests=("assert f() == 'shut'",))


@functools.cache
def fault(how: str) -> str:
    """Why the sandbox `how` cannot be used on this machine; empty where it can. It is really tried."""
    if sys.platform != "linux":
        return f"there is no {how} for {sys.platform}"
    if how == "landlock" and restrict.landlock_version() < 1:
        return "the kernel has no Landlock (Linux 5.13 and newer have it)"
    if how == "bubblewrap" and not shutil.which("bwrap"):
        return "bubblewrap is not installed"
    judge = Judge(how)
    try:
        verdict = judge.verdict(_SHUT, _TRIAL, seconds=10.0, memory=512 * 2**20)
    finally:
        judge.close()
    return "" if verdict.get("correct") else f"{how} does not work here ({verdict['reason']})"


def probe() -> tuple[str, str]:
    """The sandbox that this machine has, and why not a better one: "landlock", "bubblewrap" or "none"."""
    faults: list[str] = []
    for how in SANDBOXES:
        if not fault(how):
            return how, "; ".join(faults)
        faults.append(fault(how))
    return "none", "; ".join(faults)


class ProgramGrader:
    """Runs tests against written programs. Implements Grader.

    `seconds` and `memory_mb` are what one program may take for all its tests, `processes` how many run side by side (0:
    one a core), `sandbox` one of SANDBOXES (empty: the best that is there). `newest_landlock` caps the version of
    Landlock that is used, as on an older kernel. Raises InputError where the machine has no sandbox and `unsandboxed`
    does not allow to do without.
    """

    def __init__(
        self,
        *,
        seconds: float = 5.0,
        memory_mb: int = 1024,
        processes: int = 0,
        unsandboxed: bool = False,
        sandbox: str = "",
        newest_landlock: int = restrict.NEWEST,
    ) -> None:
        how, why = (sandbox, "") if sandbox else probe()
        if how == "none" and not (unsandboxed and hasattr(os, "fork")):
            raise InputError(
                "Programs cannot be graded on this machine",
                why=f"Running what a model wrote needs a sandbox, and there is none: {why}.",
                fix="Use a Linux kernel with Landlock, install bubblewrap, or set task.unsandboxed = true to run the "
                "programs without protection.",
            )
        self.how = how
        self.newest_landlock = newest_landlock
        self.seconds = seconds
        self.memory = memory_mb * 2**20
        self.processes = processes or os.cpu_count() or 1
        self._idle: list[Judge] = []
        self._lock = threading.Lock()
        self._known: dict[tuple[str, Problem], Grade] = {}

    def grade(self, items: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """See Grader. Equal programs for the same tests are run once."""
        check_gradable({problem for problem, _ in items}, code=True)
        asked = [(written_program(problem, text), problem) for problem, text in items]
        new = [job for job in dict.fromkeys(asked) if job not in self._known]
        if new:
            with ThreadPoolExecutor(min(self.processes, len(new))) as pool:
                self._known.update(zip(new, pool.map(self._run, new), strict=True))
        return [self._known[job] for job in asked]

    def _run(self, job: tuple[str, Problem]) -> Grade:
        program, problem = job
        if not program.strip():
            return Grade(False, reason="no program was written")
        if len(program) > LONGEST:
            return Grade(False, reason="the program is too long to be one")
        with self._lock:
            judge = self._idle.pop() if self._idle else None
        judge = judge or Judge(self.how, self.newest_landlock)
        verdict = judge.verdict(program, problem, seconds=self.seconds, memory=self.memory)
        if "refused" in verdict:
            judge.close()
            raise EngineError(
                "The sandbox failed",
                why=str(verdict["refused"]),
                fix="`sapo doctor --task mbpp` says what this machine has.",
            )
        if verdict.get("broken"):
            judge.close()
        else:
            with self._lock:
                self._idle.append(judge)
        return Grade(bool(verdict["correct"]), reason=str(verdict["reason"]))

    def close(self) -> None:
        """See Grader."""
        with self._lock:
            idle, self._idle = self._idle, []
        for judge in idle:
            judge.close()


class Judge:
    """A process that judges one program after the other (sandbox/judge.py). It ends with its input."""

    def __init__(self, how: str, newest_landlock: int = restrict.NEWEST) -> None:
        bubblewrap = str(shutil.which("bwrap")) if how == "bubblewrap" else ""
        self._process = subprocess.Popen(
            # Not with -B: what is compiled here is kept, for the cage too, which may not keep anything.
            [sys.executable, "-I", "-S", str(JUDGE), how, str(newest_landlock), bubblewrap],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "TZ": "UTC"},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def verdict(self, program: str, problem: Problem, *, seconds: float, memory: int) -> dict[str, object]:
        """`correct` and `reason`; `refused` where the sandbox could not be set up, `broken` where this judge is."""
        wanted = wanted_by(problem)
        job = {"program": program, "setup": problem.setup, "tests": problem.tests, "seconds": seconds, "memory": memory}
        job |= {"header": wanted.header, "asked": wanted.asked, "classes": wanted.classes}
        timer = threading.Timer(seconds + PATIENCE, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            if self._process.stdin is None or self._process.stdout is None:
                raise OSError("no pipes")
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
        if not line:
            return {"correct": False, "reason": "the judge of the program was ended", "broken": True}
        return dict(json.loads(line))

    def close(self) -> None:
        """End the process and all that it has started."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
