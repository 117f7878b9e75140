"""The process that compares what is hard to compare: `[answer, reference]` as a JSON line in, `1` or `0` out."""

from __future__ import annotations

import json
import os
import sys
import time

MEMORY = 2**30
"""Bytes: what wants more is no answer."""
CPU_SECONDS = 60
"""What one comparison may take even where nobody is left to kill this process: a long multiplication hears nothing,
not even that its input has ended."""


def main() -> None:
    """Answer until the input ends."""
    words = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no word of ours
    _limit("RLIMIT_AS", MEMORY)
    from sapo_engine.grading.equality import equal_apart

    words.write(b"ready\n")
    for line in sys.stdin.buffer:
        answer, reference = json.loads(line)
        _limit("RLIMIT_CPU", int(time.process_time()) + CPU_SECONDS)
        try:
            equal = equal_apart(answer, reference)
        except Exception:  # a reader of what anybody may write: whatever it stumbles over is no equal answer
            equal = False
        words.write(b"1\n" if equal else b"0\n")


def _limit(name: str, most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(getattr(resource, name))
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(getattr(resource, name), (most, hard))


if __name__ == "__main__":
    main()
