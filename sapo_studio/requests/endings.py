"""What is said of an engine that has ended without its answer: killed, out of memory, not installed, or at fault."""

from __future__ import annotations

import re
import signal

from sapo_studio.errors import EngineError

INSTALL = "Install the engine with `pip install 'sapo-studio[engine]'`."
BY_WHOM = "The system does that where memory runs out; so can anybody."

OUT_OF_MEMORY = re.compile(
    r"OutOfMemoryError|CUDA out of memory|CUDA error: out of memory|\bMemoryError\b|std::bad_alloc"
    r"|can't allocate memory|Cannot allocate memory|DefaultCPUAllocator"
)
"""In what a process wrote last, where that is why it ended."""


def signal_name(number: int) -> str:
    """What signal `number` is called."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def unanswered(status: int, last: str) -> EngineError:
    """`status`: as subprocess has it (negative: a signal); `last`: the last line that the engine wrote."""
    if OUT_OF_MEMORY.search(last):
        return EngineError(
            "The engine ran out of memory", why=last, fix="Ask for less, take a smaller model, or close other programs."
        )
    if status < 0:
        name = signal_name(-status)
        if name == "SIGKILL":
            return EngineError(
                f"The engine was killed ({name})",
                why=BY_WHOM,
                fix="Try again. If it happens again, ask for less, or close other programs.",
            )
        return EngineError(f"The engine was ended ({name})", why=last, fix="Try again.")
    missing = "ModuleNotFoundError" in last or "No module named" in last
    return EngineError(
        "The engine could not do this",
        why=last or f"It ended with status {status}.",
        fix=INSTALL if missing else "Try again, and please report it if that does not help.",
    )
