"""Where the engine lives that answers a request: as for a run, in the Python that the run names, else the profile."""

from __future__ import annotations

import tomllib
from pathlib import Path

from sapo_studio import engines
from sapo_studio.requests.kinds import (
    EvaluateRequest,
    LabelStudyRequest,
    PeopleStudyRequest,
    ProgramTestsRequest,
    PublishRequest,
    Request,
    SampleSolutionsRequest,
    ScoreRequest,
    ShadowStudyRequest,
)


def python_for(request: Request) -> Path:
    """The Python of the run that `request` is about, by what lies in the run's folder; of any other request that of
    `engines.python_of`."""
    folder = _run_of(request)
    return engines.python_of(_named_in(folder) if folder is not None else "")


def _run_of(request: Request) -> Path | None:
    match request:
        case EvaluateRequest() | ScoreRequest() | LabelStudyRequest() | PeopleStudyRequest() | ShadowStudyRequest():
            return request.run
        case ProgramTestsRequest() | PublishRequest():
            return request.run
        case SampleSolutionsRequest():
            return request.like
        case _:
            return None


def _named_in(folder: Path) -> str:
    """What the run's configuration names; nothing where it cannot be read, of which the engine will say more."""
    try:
        kept = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    runtime = kept.get("runtime")
    named = runtime.get("engine_python") if isinstance(runtime, dict) else None
    return named if isinstance(named, str) else ""
