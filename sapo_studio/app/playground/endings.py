"""What is said of a playground's engine that is no more, in one sentence."""

from __future__ import annotations

from pathlib import Path

from sapo_studio.requests.endings import BY_WHOM, INSTALL, signal_name
from sapo_studio.requests.play import Ended
from sapo_studio.requests.wire import read_error

AGAIN = "Ask again: another engine is started and loads the checkpoints anew."


def how_it_ended(status: int, said: tuple[str, ...], *, asked: bool) -> Ended:
    """`status` as subprocess has it (negative: a signal); `said`: the last lines that it printed; `asked`: it was to
    end."""
    if asked:
        return Ended(what="The engine has ended", asked=True)
    told = next((error for line in reversed(said) if (error := read_error(line)) is not None), None)
    if told is not None:
        return Ended(what=told.what, why=told.why, fix=told.fix)
    if status < 0:
        name = signal_name(-status)
        killed = name == "SIGKILL"
        return Ended(
            what=f"The engine was killed ({name})",
            why=BY_WHOM if killed else _last(said),
            fix=f"Choose a smaller model or fewer solutions if it happens again. {AGAIN}" if killed else AGAIN,
        )
    fix = INSTALL if "ModuleNotFoundError" in _last(said) else AGAIN
    return Ended(what=f"The engine has ended by itself, with exit code {status}", why=_last(said), fix=fix)


def of_another_release(python: Path) -> Ended:
    """The engine that lives in `python` was ended, since it does not speak as this program does."""
    return Ended(
        what="The engine is of another release than this program",
        why=f"It lives in {python}.",
        fix="Install the same release of sapo-studio there.",
    )


def _last(said: tuple[str, ...]) -> str:
    return said[-1] if said else ""
