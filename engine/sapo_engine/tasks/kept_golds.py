"""What was found out about a run's reference programs, kept in its folder.

Running them takes minutes, and a run that is resumed has to leave out the same ones again, however busy the machine is.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, cast

import sapo_engine.grading
import sapo_engine.sandbox
from sapo_engine.grading.base import Problem
from sapo_engine.tasks.golds import BadGold, Golds
from sapo_studio.config.schema import TaskConfig
from sapo_studio.files import write_atomic

NAME = "references.json"


def key_of(problems: Sequence[Problem], config: TaskConfig, sandbox: str) -> str:
    """A digest of what decides the verdicts: the problems in order, what a program may take, what holds it, the Python
    that runs it, and the checker's own code."""
    settings = (config.kind, config.test_seconds, config.test_memory, config.unsandboxed, sandbox, sys.version)
    digest = hashlib.sha256(json.dumps([settings, *map(astuple, problems)]).encode())
    for package in (sapo_engine.grading, sapo_engine.sandbox):
        for file in sorted(Path(cast("str", package.__file__)).parent.glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def kept_golds(folder: Path, key: str, problems: Sequence[Problem]) -> Golds | None:
    """What `folder` has of these problems; None where there is nothing, or nothing that belongs to `key`."""
    try:
        found: Any = json.loads((folder / NAME).read_bytes())
        if found["key"] != key:
            return None
        bad = tuple(BadGold(problems[place], str(reason)) for place, reason in found["bad"])
        return Golds(int(found["checked"]), bad, int(found["by_signs"]))
    except (OSError, ValueError, LookupError, TypeError):  # none yet, or somebody has been at it: they are run again
        return None


def keep_golds(folder: Path, key: str, problems: Sequence[Problem], golds: Golds) -> None:
    """Write them there, in one go: whoever is killed before has kept nothing."""
    places = {id(problem): place for place, problem in enumerate(problems)}
    bad = [(places[id(gold.problem)], gold.reason) for gold in golds.bad]
    content = {"key": key, "checked": golds.checked, "bad": bad, "by_signs": golds.by_signs}
    write_atomic(folder / NAME, json.dumps(content).encode())
