"""Making a process benchmark of new solutions: several models, questions that nothing is trained on (as the paper's
GSM_Process and MBPP_Process were built)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sapo_studio.app.benchmarks.making import Choice
from sapo_studio.app.benchmarks.using import run_to_measure
from sapo_studio.domain.process_benchmark import BenchmarkRow, choose
from sapo_studio.errors import InputError
from sapo_studio.paths import user_path
from sapo_studio.requests.client import ask
from sapo_studio.requests.kinds import SampleSolutionsRequest
from sapo_studio.store.benchmarks import BenchmarkInfo, create_benchmark
from sapo_studio.store.db import Store


@dataclass(frozen=True, slots=True)
class Sampled:
    """A new draft. `solutions`: all that were written; `disputed`: those left out because the second verifier names
    another first error."""

    benchmark: BenchmarkInfo
    questions: int
    solutions: int
    disputed: int


def find_model(store: Store, text: str) -> Path:
    """The folder of a model that `text` is the path of, or of the run that it means. Raises InputError where it is
    neither."""
    folder = user_path(text)
    if (folder / "config.json").is_file():
        return folder.absolute()
    return run_to_measure(store, text)


def sample_benchmark(store: Store, name: str, request: SampleSolutionsRequest, choice: Choice) -> Sampled:
    """Have the models write solutions and label them, and keep a choice of them as the next version of `name`. With a
    second verifier only solutions whose first error it finds, too."""
    found = ask(request)
    rows: Sequence[dict[str, Any]] = found["rows"]
    agreed = [row for row in rows if row.get("verifier", row["first_error"]) == row["first_error"]]
    if not agreed:
        raise InputError(
            f"There is nothing to make {name} of",
            why=f"Of {len(rows):,} solutions rollouts and the second verifier agree on none.",
            fix="Take more questions, or leave the second verifier out.",
        )
    by = ["rollouts"] if request.verifier is None else ["rollouts", "verifier"]
    candidates = [
        BenchmarkRow(
            problem=row["problem"],
            answer=row["answer"],
            tests=tuple(row["tests"]),
            steps=tuple(row["steps"]),
            first_error=row["first_error"],
            correct=row["correct"],
            generator=row["model"],
            origin={"model": row["model"], "how": "rollouts" if len(by) == 1 else "consensus", "by": by},
            agreement=1.0 if len(by) == 2 else None,
        )
        for row in agreed
    ]
    chosen = choose(
        candidates, per_question=choice.per_question, size=choice.size, tuning=choice.tuning, seed=choice.seed
    )
    names = [folder.name for folder in request.models]
    source = {
        **asdict(choice),
        "from": [{"kind": "model", "name": one} for one in names],
        "labels": "rollouts" if len(by) == 1 else "consensus",
        "like": request.like.name,
        "trained_on": 0,
        "rollouts": request.rollouts,
    }
    made = create_benchmark(store, name, chosen, source=source)
    return Sampled(made, found["questions"], len(rows), len(rows) - len(agreed))
