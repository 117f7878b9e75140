"""The judge: takes programs with their tests, has each run in the cage, checks it from a process forked for it.

Started as a script: `judge.py HOW NEWEST_LANDLOCK BUBBLEWRAP`, the last one the path of that program, where it is used.
Jobs come in on standard input, one JSON line each, verdicts go out the same way. Ends with its standard input, and
takes the cage along.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # no pathlib in this small process

MOST_DESCRIPTORS = 4096


class RefusedError(Exception):
    """The sandbox cannot hold a program here."""


class Cage:
    """The process that forks candidates."""

    def __init__(self, how: str, newest: str, bubblewrap: str) -> None:
        mine, theirs = socket.socketpair()
        # The Python behind a virtual environment: nothing that is installed is wanted.
        script = os.path.join(HERE, "cage.py")  # noqa: PTH118
        command = [os.path.realpath(sys.executable), "-I", "-S", "-B", script, how, newest]
        if how == "bubblewrap":
            command = [bubblewrap, *_bubblewrap(), "--", *command]
        self.pid = _spawn(command, theirs.fileno())
        theirs.close()
        self.control = mine

    def run(self, seconds: float, memory: int) -> socket.socket:
        """Start a candidate; the channel to it. RefusedError where it cannot be locked in, OSError without a cage."""
        ours, its = socket.socketpair()
        try:
            job = {"do": "run", "seconds": seconds, "memory": memory}
            socket.send_fds(self.control, [json.dumps(job).encode()], [its.fileno()])
            told = self.control.recv(4096)
            if not told:
                raise ConnectionResetError(errno.ECONNRESET, "no answer")
            answer = json.loads(told)
            if "refused" in answer:
                raise RefusedError(answer["refused"])
        except BaseException:
            ours.close()
            raise
        finally:
            its.close()
        return ours

    def end(self) -> int:
        """Kill the candidate; how it had ended."""
        self.control.send(b'{"do": "end"}')
        return int(json.loads(self.control.recv(4096) or b'{"status": 0}')["status"])

    def close(self) -> int:
        """End it; how it ended."""
        self.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _spawn(command: list[str], standard_input: int) -> int:
    """Start a process with that standard input and an environment of its own. Without the module subprocess, which
    brings threads along: they are work after every fork."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.dup2(standard_input, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (1, 2):
            os.dup2(nothing, number)
        os.closerange(3, MOST_DESCRIPTORS)
        os.chdir("/")
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
        os.execve(command[0], command, environment)
    finally:
        os._exit(127)


def _bubblewrap() -> list[str]:
    """Its options: a file system of Python and the system's libraries, that cannot be written to, and no /proc."""
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--dev", "/dev"]
    for path in ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", sys.base_prefix, sys.prefix, HERE):
        options += ["--ro-bind-try", path, path]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/"]


class Judge:
    """Judges one program after the other."""

    def __init__(self, how: str, newest: str, bubblewrap: str) -> None:
        sys.path.insert(0, os.path.dirname(HERE))  # noqa: PTH120
        self.restrict: Any = importlib.import_module("sandbox.restrict")
        rehearsal: Any = importlib.import_module("sandbox.rehearsal")
        self.options = (how, newest, bubblewrap)
        self.cage = Cage(*self.options)
        rehearsal.rehearse()
        self.checker: Any = importlib.import_module("sandbox.checker").Checker()
        del sys.path[0]
        rehearsal.settle()

    def verdict(self, job: dict[str, Any]) -> dict[str, Any]:
        """What the checker says, or why there is no verdict."""
        began = time.monotonic()
        try:
            link = self._candidate(job)
        except (RefusedError, OSError) as error:
            return {"correct": False, "reason": str(error), "refused": str(error)}
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._check(link, writer, job)
        link.close()
        os.close(writer)
        said = _read(reader, began + job["seconds"])
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        try:
            status = self.cage.end()
        except (OSError, ValueError):  # it is gone, for what reason ever: the next program gets another one
            status = 0
        if said is None:
            return {"correct": False, "reason": f"ran out of time ({job['seconds']:g} s)"}
        return _told(said, status, job)

    def _candidate(self, job: dict[str, Any]) -> socket.socket:
        """A new candidate's process, from a new cage where the old one has ended."""
        try:
            return self.cage.run(job["seconds"], job["memory"])
        except OSError:
            self.cage.close()
            self.cage = Cage(*self.options)
        try:
            return self.cage.run(job["seconds"], job["memory"])
        except OSError as error:
            status = self.cage.close()
            raise RefusedError(f"the process that starts programs has ended (status {status})") from error

    def _check(self, link: socket.socket, writer: int, job: dict[str, Any]) -> None:
        """The checker's process. It alone hears the candidate, and it alone can say that a program is right."""
        try:
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            self.restrict.limit_memory(job["memory"])
            os.write(writer, json.dumps(self.checker.judge(link.fileno(), job)).encode())
        except MemoryError:
            os.write(writer, b'{"correct": false, "reason": "MemoryError"}')
        finally:
            os._exit(0)


def _told(said: bytes, status: int, job: dict[str, Any]) -> dict[str, Any]:
    """The checker's verdict, and what is known beside it of why a program ended."""
    try:
        verdict = json.loads(said)
    except ValueError:
        return {"correct": False, "reason": "the tests ended by themselves"}
    if not verdict.get("correct") and status == -signal.SIGXCPU:
        verdict["reason"] = f"ran out of time ({job['seconds']:g} s)"
    if not verdict.get("correct") and "MemoryError" in verdict.get("reason", ""):
        verdict["reason"] = f"used more than {job['memory'] // 2**20} MiB"
    return verdict


def _read(reader: int, deadline: float) -> bytes | None:
    """Everything until the other end closes; None where that takes too long."""
    found = b""
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(reader, 65536)
        if not part:
            return found
        found += part


def main() -> None:
    """Serve until the input ends."""
    judge = Judge(*sys.argv[1:4])
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(json.dumps(judge.verdict(json.loads(line))).encode() + b"\n")
        sys.stdout.buffer.flush()
    judge.cage.close()


if __name__ == "__main__":
    main()
