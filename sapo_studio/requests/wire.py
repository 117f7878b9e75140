"""How an engine that answers a request tells of an error, and of how far it is: lines of JSON on standard error."""

from __future__ import annotations

import json
import sys

from sapo_studio.errors import EngineError, InputError, SapoError, Stopped, StoreError

KINDS = {kind.__name__: kind for kind in (SapoError, InputError, StoreError, EngineError, Stopped)}


def write_error(error: SapoError) -> int:
    """Put `error` on standard error for `read_error`. Returns the exit code."""
    kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in KINDS)
    told = {"error": kind, "what": error.what, "why": error.why, "fix": error.fix}
    print(json.dumps(told), file=sys.stderr)
    return error.exit_code


def read_error(line: str) -> SapoError | None:
    """The error that `line` tells of, of the class that it had (and so with its exit code); None for another line."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    if not isinstance(told, dict) or told.get("error") not in KINDS:
        return None
    return KINDS[told["error"]](str(told["what"]), why=str(told["why"]), fix=str(told["fix"]))


def write_progress(done: float) -> None:
    """Put on standard error how far an answer is, a fraction of 1, for `read_progress`."""
    print(json.dumps({"progress": round(done, 4)}), file=sys.stderr, flush=True)


def read_progress(line: str) -> float | None:
    """The fraction of 1 that `line` tells of; None for another line."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    done = told.get("progress") if isinstance(told, dict) else None
    return float(done) if isinstance(done, int | float) else None
