"""On a node of a Ray cluster: an actor that starts one rank's worker there and passes on what it says.

It is sent to the nodes by its text (`attach`), so that one without the program can say so: nothing but the standard
library and Ray is imported before a worker is started, and answers are plain dictionaries.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any, TypedDict

_INTERFACE = "GLOO_SOCKET_IFNAME"
_PROBE_SECONDS = 60
_DRAIN_SECONDS = 1.0
_MOST_LINES = 1000


class Facts(TypedDict):
    """A node as a process on it sees it. `cards`: those that this process may use. `told`: what the probe printed, and
    `why` it printed nothing."""

    address: str
    host: str
    cores: int
    cards: list[str]
    python: str
    told: dict[str, Any] | None
    why: str


class Chunk(TypedDict):
    """What a worker has said since: whole lines. Once it has ended, `code` is its exit status and `last_words` what it
    then left for its launcher (JSON)."""

    out: bytes
    errors: bytes
    code: int | None
    last_words: str


def facts(probe: str) -> Facts:
    """What this node is. `probe`: a program for its Python that prints a JSON object."""
    ray: Any = import_module("ray")
    told, why = None, ""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", probe],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROBE_SECONDS,
        )
        told = json.loads(done.stdout.strip().rpartition("\n")[2] or "null")
        why = "" if told else done.stderr.strip().rpartition("\n")[2]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = str(error)
    return Facts(
        address=ray.util.get_node_ip_address(),
        host=socket.gethostname(),
        cores=os.cpu_count() or 1,
        cards=[str(card) for card in ray.get_runtime_context().get_accelerator_ids().get("GPU", [])],
        python=sys.executable,
        told=told,
        why=why,
    )


class RankHost:
    """Holds one rank's worker. `more` waits, and the other methods run in threads beside it."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._code: int | None = None
        self._last_words = ""

    def facts(self, probe: str) -> Facts:
        """See `facts`."""
        return facts(probe)

    def free_port(self) -> int:
        """A port of this node that nobody listens on."""
        with socket.socket() as free:
            free.bind(("", 0))
            return int(free.getsockname()[1])

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], address: str) -> None:
        """Start the node's own Python with `arguments`, `environment` over the node's. The ranks meet at `address`, as
        this node is called."""
        started = threading.Event()
        threading.Thread(target=self._hold, args=(arguments, environment, address, started), daemon=True).start()
        started.wait()

    def _hold(
        self, arguments: Sequence[str], environment: Mapping[str, str], address: str, started: threading.Event
    ) -> None:
        """The kernel ends the worker with the thread that started it: this one stays until it has ended."""
        with tempfile.TemporaryDirectory(prefix="sapo-rank-") as scratch:
            words = Path(scratch) / "last-words"
            own = {"TORCHELASTIC_ERROR_FILE": str(words), "SAPO_PARENT_PID": str(os.getpid())}
            interface = interface_of(address)
            if interface and _INTERFACE not in os.environ and _INTERFACE not in environment:
                own[_INTERFACE] = interface
            try:
                process = subprocess.Popen(
                    [sys.executable, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={**os.environ, **environment, **own},
                    start_new_session=True,
                )
            except OSError as error:
                self._said.put(("errors", f"{sys.executable}: {error}\n".encode()))
                self._end(127)
                return
            finally:
                started.set()
            self._process = process
            readers = [
                threading.Thread(target=self._read, args=(name, stream), daemon=True)
                for name, stream in (("out", process.stdout), ("errors", process.stderr))
            ]
            for reader in readers:
                reader.start()
            code = process.wait()
            for reader in readers:  # what the worker started may hold its pipe open
                reader.join(_DRAIN_SECONDS)
            with contextlib.suppress(OSError):
                self._last_words = words.read_text(encoding="utf-8")
            self._end(code)

    def _read(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            self._said.put((name, line))

    def _end(self, code: int) -> None:
        self._code = code
        self._said.put(("", b""))

    def feed(self, line: bytes) -> None:
        """Give the worker a line of standard input. Does nothing where it has ended."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def signal(self, number: int) -> None:
        """Send the worker a signal. Does nothing where it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def more(self, patience: float) -> Chunk:
        """What the worker has said since the last call; waits `patience` seconds for it to say something."""
        parts: dict[str, list[bytes]] = {"out": [], "errors": []}
        ended = False
        with contextlib.suppress(queue.Empty):
            for number in range(_MOST_LINES):
                name, line = self._said.get(timeout=patience) if number == 0 else self._said.get_nowait()
                if not name:
                    ended = True
                    break
                parts[name].append(line)
        return Chunk(
            out=b"".join(parts["out"]),
            errors=b"".join(parts["errors"]),
            code=self._code if ended else None,
            last_words=self._last_words if ended else "",
        )


def interface_of(address: str) -> str:
    """The network interface that has this address: gloo would otherwise take the one that the host's name leads to,
    which on many systems is the loopback. Empty where none has it."""
    import psutil

    owners = psutil.net_if_addrs().items()
    return next((name for name, owned in owners if any(one.address == address for one in owned)), "")
