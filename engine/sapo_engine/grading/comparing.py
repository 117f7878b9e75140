"""The process that compares expressions: `[answer, reference]` as a JSON line in, `1` or `0` out."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

MEMORY = 3 * 2**30
"""Bytes: what wants more is no answer."""
CPU_SECONDS = 60
"""What one comparison may take even where nobody is left to kill this process: a long multiplication hears nothing,
not even that its input has ended."""


def main() -> None:
    """Answer until the input ends."""
    words = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no word of ours
    _limit("RLIMIT_AS", MEMORY)
    logging.disable(logging.CRITICAL)
    from math_verify import parse, verify  # a second's import, so not before the process is set up

    def read(text: str) -> list[Any]:
        # Its own time limits work by signals, which cannot break into a long multiplication: the parent kills instead.
        off: Any = None
        return list(parse(f"${text}$", parsing_timeout=off)) or list(parse(text, parsing_timeout=off))

    words.write(b"ready\n")
    for line in sys.stdin.buffer:
        answer, reference = json.loads(line)
        _limit("RLIMIT_CPU", int(time.process_time()) + CPU_SECONDS)
        try:
            equal = bool(verify(read(reference), read(answer), timeout_seconds=None))
        except Exception:  # a parser of what anybody may write: whatever it stumbles over is no equal answer
            equal = False
        words.write(b"1\n" if equal else b"0\n")


def _limit(name: str, most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(getattr(resource, name))
    resource.setrlimit(getattr(resource, name), (most, hard))


if __name__ == "__main__":
    main()
