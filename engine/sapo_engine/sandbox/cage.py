# pyright: reportMissingImports=false, reportUnknownMemberType=false
"""The cage: a small Python that forks one restricted process for each candidate program.

Started as a script, with nothing of ours but its own folder to import, and without a secret: it never sees a test or an
expected value. Its standard input is a Unix socket; with each job comes one end of a channel to the checker, which
the candidate inherits. Commands are JSON objects, one datagram each: `{"do": "run", ...}` and `{"do": "end"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any

LARGEST = 4 * 2**20


def main() -> None:
    """Serve until the socket closes."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # no pathlib here
    import candidate
    import restrict

    how = sys.argv[1]
    control = socket.socket(fileno=0)
    pid = 0
    while True:
        data, channels, _, _ = socket.recv_fds(control, LARGEST, 1)
        if not data:
            break
        job = json.loads(data)
        if job["do"] == "run":
            pid = os.fork()
            if pid == 0:
                _become(control, channels[0], job, how, candidate.serve, restrict)
            os.close(channels[0])
            control.send(json.dumps({"pid": pid}).encode())
        else:
            status = _end(pid)
            pid = 0
            control.send(json.dumps({"status": status}).encode())
    _end(pid)


def _become(control: socket.socket, channel: int, job: dict[str, Any], how: str, serve: Any, restrict: Any) -> None:
    """The candidate's process, from its first instruction to its last."""
    try:
        os.setsid()
        control.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        os.dup2(channel, 3)
        os.closerange(4, 256)
        limits = {"seconds": float(job["seconds"]), "memory": int(job["memory"])}
        if how == "none":
            restrict.limit_only(**limits)
        else:
            restrict.restrict(**limits, landlock=how == "landlock")
    except BaseException as error:  # nothing may run that is not restricted
        os.write(3, b'{"refused": ' + json.dumps(repr(error)).encode() + b"}\n")
        os._exit(3)
    try:
        serve(3, job["program"])
    finally:
        os._exit(0)


def _end(pid: int) -> int:
    """Kill the candidate, whatever it does, and say how it ended: its signal (negative) or exit status."""
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


if __name__ == "__main__":
    main()
