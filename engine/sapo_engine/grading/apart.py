"""Work in a process of its own that can be killed: it may take long, or never end, and nothing else would stop it.

A request and its answer are a line of JSON each. `Apart` asks; a module that calls `serve` answers.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

STARTING_SECONDS = 60.0
"""How long a process may take to start, on a busy machine."""
MEMORY = 2**30
"""Bytes: what wants more gets no answer."""
CPU_SECONDS = 60
"""What one request may take even where nobody is left to kill this process: a long multiplication hears nothing,
not even that its input has ended."""


class Apart:
    """The process that answers by `module` (`python -m module`). It ends when its input does: with this one."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._ready = False

    def ask(self, request: object, *, seconds: float) -> Any:
        """The answer; None where there was none in time (the process is then gone)."""
        # Starting is not the request's fault.
        if not self._ready and self._line(STARTING_SECONDS) != b'"ready"\n':
            return None
        self._ready = True
        stdin = self._process.stdin
        if stdin is None:
            return None
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
        except OSError:
            return None
        line = self._line(seconds)
        return json.loads(line) if line.endswith(b"\n") else None

    def _line(self, seconds: float) -> bytes:
        """The next line of output; empty once the process was killed because it took longer, or ended."""
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            return self._process.stdout.readline() if self._process.stdout else b""
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def serve(answer: Callable[[Any], object]) -> None:
    """Answer requests until the input ends. `answer` gives None where a request cannot be answered."""
    words = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no word of ours
    _limit("RLIMIT_AS", MEMORY)
    logging.disable(logging.CRITICAL)
    words.write(b'"ready"\n')
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _limit("RLIMIT_CPU", int(time.process_time()) + CPU_SECONDS)
        try:
            found = answer(request)
        except Exception:  # it reads what anybody may write: whatever it stumbles over has no answer
            found = None
        words.write(json.dumps(found).encode() + b"\n")


def _limit(name: str, most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(getattr(resource, name))
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(getattr(resource, name), (most, hard))
