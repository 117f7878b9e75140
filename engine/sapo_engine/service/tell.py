"""How the engine's small programs (grade, preview, evaluate, label_study) tell `sapo` of an error. No torch here."""

from __future__ import annotations

import json
import sys

from sapo_studio.errors import SapoError


def tell_error(error: SapoError) -> int:
    """Put `error` on standard error as one line of JSON, which `sapo` shows as its own. Returns the exit code."""
    print(json.dumps({"what": error.what, "why": error.why, "fix": error.fix}), file=sys.stderr)
    return error.exit_code
