"""To be worded."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

from sapo_studio.errors import EngineError, InputError


def engine(command: list[str], *, show: bool) -> str:
    """Run `python -m sapo_engine.COMMAND`; what it said. `show`: standard output goes straight through, and what is
    returned is the last line of standard error. Raises the error that the engine told.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-m", f"sapo_engine.service.{command[0]}", *command[1:]],
        stdout=None if show else subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    if done.returncode == 0:
        return last if show else done.stdout
    told: object = None
    with contextlib.suppress(ValueError):
        told = json.loads(last)
    if isinstance(told, dict) and "what" in told:
        kind = InputError if done.returncode == 2 else EngineError
        raise kind(str(told["what"]), why=str(told.get("why", "")), fix=str(told.get("fix", "")))
    raise EngineError(
        "The engine could not do this",
        why=last or f"It ended with status {done.returncode}.",
        fix="Install the engine with `pip install 'sapo-studio[engine]'`.",
    )
