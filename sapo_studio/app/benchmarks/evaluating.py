"""What an engine is asked where verifiers are evaluated: the command and the window say what they want here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.benchmarks.using import measured_on, run_to_measure
from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import EvaluateRequest
from sapo_studio.requests.limits import BEST_OF, QUESTIONS, TRAJECTORIES
from sapo_studio.store import queries
from sapo_studio.store.db import Store


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured, as somebody says it.

    `runs`: by id or name; several are seeds of one configuration. None: a classification model alone. `verifier`: the
    iteration of one of theirs (None: the last of each), or the folder of a classification model. `benchmark`: a file,
    or NAME@VERSION in the store; empty: each run's own. The rest is as in EvaluateRequest.
    """

    runs: tuple[str, ...] = ()
    verifier: int | Path | None = None
    benchmark: str = ""
    best_of: int = BEST_OF.default
    questions: int = QUESTIONS.default
    aggregation: Aggregation = "mean"
    matrix: bool = False
    trajectories: int = TRAJECTORIES.default
    device: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for each run, or one without. `note` says which version of a benchmark was taken, where none was
    named."""

    requests: tuple[EvaluateRequest, ...]
    note: str = ""


def requests_for(wanted: Wanted, store: Store | None) -> Asked:
    """What is asked for it. `store`: where the runs are; None where none is named. Raises InputError of what is not
    there, or cannot be measured."""
    if not wanted.runs and wanted.verifier is None:
        EvaluateRequest().without_run()  # says what is missing
    if isinstance(wanted.verifier, Path) and (wanted.best_of or wanted.matrix):
        raise InputError(
            "A classification model is measured on a process benchmark alone",
            why="Best-of-N and the matrix are of a run's own verifiers.",
            fix="Ask for neither, or name one of the run's verifiers by its number.",
        )
    folders: list[Path | None] = [None]
    if store is not None and wanted.runs:
        folders = [_folder(store, run, own=not wanted.benchmark) for run in wanted.runs]
    on = measured_on(wanted.benchmark, store) if wanted.benchmark else None
    requests = tuple(
        EvaluateRequest(
            run=folder,
            verifier=wanted.verifier,
            benchmark=on.file if on else None,
            tuning=on.tuning if on else 0,
            best_of=wanted.best_of,
            questions=wanted.questions,
            matrix=wanted.matrix,
            trajectories=wanted.trajectories,
            aggregation=wanted.aggregation,
            device=wanted.device,
        )
        for folder in folders
    )
    return Asked(requests, on.note if on else "")


def _folder(store: Store, run: str, *, own: bool) -> Path:
    """The run's folder; `own`: measured on its own benchmark, whose files are to be there."""
    return run_to_measure(store, run) if own else store.run_dir(queries.find_own_run(store, run))
