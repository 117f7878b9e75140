# pyright: reportMissingImports=false
"""The judge: takes programs with their tests, has each run in the cage, checks it from a process forked for it.

Started as a script. Jobs come in on standard input, one JSON line each, verdicts go out the same way. Ends with its
standard input, and takes the cage along.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # no pathlib in this small process


class Cage:
    """The process that forks candidates."""

    def __init__(self, how: str) -> None:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (mine, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 2**20)
        # The Python behind a virtual environment: nothing that is installed is wanted.
        python = [os.path.realpath(sys.executable), "-I", "-S", "-B", os.path.join(HERE, "cage.py"), how]  # noqa: PTH118
        if how == "bubblewrap":
            python = [*_bubblewrap(), "--", *python]
        self.process = subprocess.Popen(
            python,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            close_fds=True,
            cwd="/",
        )
        theirs.close()
        self.control = mine

    def run(self, job: dict[str, Any]) -> socket.socket:
        """Start a candidate; the channel to it."""
        ours, its = socket.socketpair()
        try:
            message = json.dumps(
                {"do": "run", "program": job["program"], "seconds": job["seconds"], "memory": job["memory"]}
            )
            socket.send_fds(self.control, [message.encode()], [its.fileno()])
            if not self.control.recv(4096):
                self.process.wait()
                raise ConnectionResetError(errno.ECONNRESET, "no answer")
        except OSError:
            ours.close()
            raise
        finally:
            its.close()
        return ours

    def end(self) -> int:
        """Kill the candidate; how it had ended."""
        self.control.send(b'{"do": "end"}')
        return int(json.loads(self.control.recv(4096) or b'{"status": 0}')["status"])


def _bubblewrap() -> list[str]:
    """bubblewrap with a file system of Python and the system's libraries, that cannot be written to, and no /proc."""
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--dev", "/dev"]
    for path in ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", sys.base_prefix, sys.prefix, HERE):
        command += ["--ro-bind-try", path, path]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/"]


def main() -> None:
    """Serve until the input ends."""
    sys.path.insert(0, HERE)
    import checker

    cage = Cage(sys.argv[1])
    for line in sys.stdin.buffer:
        job = json.loads(line)
        verdict = _judged(cage, job, checker.judge)
        sys.stdout.buffer.write(json.dumps(verdict).encode() + b"\n")
        sys.stdout.buffer.flush()
    cage.process.kill()


def _judged(cage: Cage, job: dict[str, Any], judge: Any) -> dict[str, Any]:
    began = time.monotonic()
    try:
        link = cage.run(job)
    except OSError as error:
        if cage.process.poll() is not None:
            told = f"the process that starts programs has ended (status {cage.process.returncode})"
            return {"correct": False, "reason": told, "refused": told}
        return {"correct": False, "reason": f"the program is too long to be run ({error.strerror})"}
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _check(link, writer, job, judge)
    link.close()
    os.close(writer)
    said = _read(reader, began + job["seconds"])
    os.close(reader)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    status = cage.end()
    if said is None:
        return {"correct": False, "reason": f"ran out of time ({job['seconds']:g} s)"}
    try:
        verdict = json.loads(said)
    except ValueError:
        return {"correct": False, "reason": "the tests ended by themselves"}
    if not verdict.get("correct") and status == -signal.SIGXCPU:
        verdict["reason"] = f"ran out of time ({job['seconds']:g} s)"
    if not verdict.get("correct") and "MemoryError" in verdict.get("reason", ""):
        verdict["reason"] = f"used more than {job['memory'] // 2**20} MiB"
    return verdict


def _check(link: socket.socket, writer: int, job: dict[str, Any], judge: Any) -> None:
    """The checker's process. It alone hears the candidate, and it alone can say that a program is right."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        verdict = judge(link, job["setup"], job["tests"])
        os.write(writer, json.dumps(verdict).encode()[:60_000])
    finally:
        os._exit(0)


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


if __name__ == "__main__":
    main()
