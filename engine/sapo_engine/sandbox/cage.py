"""The cage: a small Python that forks one restricted process for each candidate program.

Started as a script, with nothing of ours but its own folder to import, and without a secret: it never sees a program, a
test or an expected value. Its standard input is a Unix socket to the judge; with each job comes one end of a channel to
the checker, which the candidate inherits. Commands are JSON objects: `{"do": "run", ...}` and `{"do": "end"}`.

Whether a candidate could be locked in is said by its process on a socket of its own, which is closed before a line of
the program runs: nothing that a program writes anywhere can be taken for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

CHANNEL, STATUS, LOCK = 3, 4, 5
"""Descriptors of a candidate's process. All but the first one are closed before its program runs."""
MOST_DESCRIPTORS = 4096
READY = b"+"


class Cage:
    """Answers the judge, and the kernel where it asks about a candidate's threads. One candidate at a time."""

    def __init__(self, control: socket.socket, how: str, newest: int) -> None:
        self.control = control
        self.restrict: Any = importlib.import_module("sandbox.restrict")
        self.lock: Any = None
        self.fault = ""
        if how != "none":
            try:
                self.lock = self.restrict.Lock(landlock=how == "landlock", newest=newest)
                self.lock.give_up_privileges()
            except OSError as error:
                self.fault = str(error)
        self.threads: Any = importlib.import_module("sandbox.threads")
        self.candidate: Any = importlib.import_module("sandbox.candidate").Server(CHANNEL)
        self.pid = 0
        self.listener = -1
        self.begun = 0

    def serve(self) -> None:
        """Until the judge is gone."""
        control = self.control.fileno()
        while True:
            watched = select.poll()
            watched.register(control, select.POLLIN)
            if self.listener >= 0:
                watched.register(self.listener, select.POLLIN)
            for descriptor, event in watched.poll():
                if descriptor == control:
                    data, channels, _, _ = socket.recv_fds(self.control, 4096, 1)
                    if not data:
                        self.end()
                        return
                    job = json.loads(data)
                    told = self.run(job, channels[0]) if job["do"] == "run" else {"status": self.end()}
                    self.control.send(json.dumps(told).encode())
                elif descriptor != self.listener:  # it was closed while the judge was answered
                    continue
                elif event & select.POLLIN:
                    self.begun += self.threads.answer(self.listener, self.pid, self.begun)
                else:  # nobody can ask any more
                    os.close(self.listener)
                    self.listener = -1

    def run(self, job: dict[str, Any], channel: int) -> dict[str, Any]:
        """Fork a candidate. Its `pid`, or why it is `refused`."""
        if self.fault:
            os.close(channel)
            return {"refused": self.fault}
        mine, its = socket.socketpair()
        me = os.getpid()
        self.begun = 0
        self.pid = os.fork()
        if self.pid == 0:
            self._become(me, channel, its.fileno(), job)
        its.close()
        os.close(channel)
        said = b""
        while True:
            data, found, _, _ = socket.recv_fds(mine, 4096, 1)
            if found:
                self.listener = found[0]
            if not data:
                break
            said += data
        mine.close()
        if said.endswith(READY):
            return {"pid": self.pid}
        self.end()
        return {"refused": said.decode("utf-8", "replace")[:1000] or "the candidate's process ended at once"}

    def _become(self, parent: int, channel: int, status: int, job: dict[str, Any]) -> None:
        """The candidate's process, from its first instruction to its last."""
        try:
            os.setsid()
            # Out of the way first: one of them may have another one's number.
            lock = self.lock.descriptor if self.lock is not None else -1
            kept = {CHANNEL: channel, STATUS: status} | ({LOCK: lock} if lock >= 0 else {})
            high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 100) for descriptor in kept.values()]
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            for descriptor, number in zip(high, kept, strict=True):
                os.dup2(descriptor, number)
            os.closerange(max(kept) + 1, MOST_DESCRIPTORS)
            self.restrict.limit(seconds=float(job["seconds"]), memory=int(job["memory"]))
            if self.lock is not None:
                if lock >= 0:
                    self.lock.descriptor = LOCK
                self.lock.close(_hand_over)
            if os.getppid() != parent:  # it died before this one could ask to go with it
                os._exit(3)
            os.write(STATUS, READY)
        except BaseException as error:  # nothing may run that is not restricted
            os.write(STATUS, repr(error).encode("utf-8", "replace"))
            os._exit(3)
        try:
            os.close(STATUS)
            self.candidate.serve()
        finally:
            os._exit(0)

    def end(self) -> int:
        """Kill the candidate, whatever it does, and say how it ended: its signal (negative) or exit status."""
        pid, self.pid = self.pid, 0
        if self.listener >= 0:
            os.close(self.listener)
            self.listener = -1
        if not pid:
            return 0
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
        except ChildProcessError:
            return 0
        # Where processes could be started (unsandboxed), what is left of them goes too.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(status)


def _hand_over(listener: int) -> None:
    """Give the kernel's questions to the cage, before the filter that refuses to send anything."""
    status = socket.socket(fileno=os.dup(STATUS))
    socket.send_fds(status, [b"t"], [listener])
    status.close()
    os.close(listener)


def main() -> None:
    """`cage.py HOW NEWEST_LANDLOCK`."""
    # No pathlib in this small process.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    # Candidates live in UTC, wherever the machine is; what is read here is what all of them know.
    os.environ["TZ"] = "UTC"
    time.tzset()
    del os.environ["TZ"]
    rehearsal: Any = importlib.import_module("sandbox.rehearsal")
    rehearsal.rehearse()
    cage = Cage(socket.socket(fileno=0), sys.argv[1], int(sys.argv[2]))
    del sys.path[0]
    rehearsal.settle()
    cage.serve()


if __name__ == "__main__":
    main()
