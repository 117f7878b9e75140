"""The launchers of a run's other machines, started from the first one by ssh."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sapo_studio.events import decode
from sapo_studio.events.kinds import Failed

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")
"""Asks for no password, and notices within a minute that a machine is gone."""
RANK_ENDED = 1
"""Exit code of a launcher that has said which rank ended, and how."""
_SSH_FAILED = 255


@dataclass
class Peer:
    """A machine's launcher behind ssh; `said` is why it ended badly."""

    host: str
    process: subprocess.Popen[bytes]
    said: Failed | None = None


@dataclass
class Peers:
    """Those of all other machines. Each ends with this process: its standard input closes then. One that ends badly
    ends this process's own launch, by SIGTERM to itself."""

    peers: list[Peer] = field(default_factory=list[Peer])
    _closing: bool = False
    _first: Failed | None = None
    _bad: threading.Event = field(default_factory=threading.Event)

    def start(self, commands: Mapping[str, Sequence[str]]) -> None:
        """Start the command of each host."""
        for host, command in commands.items():
            process = subprocess.Popen([*SSH, host, shlex.join(command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.peers.append(peer := Peer(host, process))
            threading.Thread(target=self._watch, args=(peer,), name=f"ssh {host}", daemon=True).start()

    def _watch(self, peer: Peer) -> None:
        for line in peer.process.stdout or ():
            if line.startswith(b"{"):
                event = decode(line)
                if isinstance(event, Failed):
                    peer.said = event
        code = peer.process.wait()
        if code == 0 or self._closing or self._bad.is_set():
            return
        if peer.said is None and code != RANK_ENDED:
            peer.said = Failed(what=f"The workers on {peer.host} have ended", why=_why(code), retry=True)
        self._first = peer.said
        self._bad.set()
        os.kill(os.getpid(), signal.SIGTERM)

    def ended_badly(self, patience: float = 0.0) -> bool:
        """Whether one has; waits `patience` seconds for it."""
        return bool(self.peers) and self._bad.wait(patience)

    @property
    def first_failure(self) -> Failed | None:
        """Why the first of them ended badly; None where its launcher wrote that into the log, which all share."""
        return self._first

    def close(self) -> None:
        """Have all of them end, where they have not."""
        self._closing = True
        for peer in self.peers:
            with contextlib.suppress(OSError):
                if peer.process.stdin is not None:
                    peer.process.stdin.close()
        for peer in self.peers:
            try:
                peer.process.wait(10)
            except subprocess.TimeoutExpired:
                peer.process.kill()


def _why(code: int) -> str:
    if code == _SSH_FAILED:
        return "ssh could not reach it, or lost it. `ssh HOST true` has to work without a password."
    return f"Their launcher ended with exit code {code}; what it said is in the run's engine.log."
