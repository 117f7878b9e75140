"""Process benchmarks of new solutions: several models, questions that nothing is trained on (as the paper's GSM_Process
and MBPP_Process were built); labeled by rollouts, or left to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sapo_studio.app.annotation import queues
from sapo_studio.app.benchmarks.making import Choice
from sapo_studio.app.benchmarks.using import run_to_measure
from sapo_studio.app.imports.take_in import take_in_written
from sapo_studio.domain.process_benchmark import BenchmarkRow, choose, stratified
from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.step_labels import UNKNOWN
from sapo_studio.names import checked_name
from sapo_studio.paths import user_path
from sapo_studio.requests.client import ask
from sapo_studio.requests.kinds import SampleSolutionsRequest
from sapo_studio.store import imports
from sapo_studio.store.benchmarks import BenchmarkInfo, check_benchmark_name, create_benchmark
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueInfo, QueueSpec
from sapo_studio.store.records import TraceFilter


@dataclass(frozen=True, slots=True)
class Sampled:
    """A new draft. `solutions`: all that were written; `disputed`: those left out because the second verifier names
    another first error."""

    benchmark: BenchmarkInfo
    questions: int
    solutions: int
    disputed: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Solutions that wait for people: the imported file `run_id` has them all, `queue` puts them in order. `solutions`:
    all that were written; `right`: those of the kept ones whose final answer is."""

    run_id: str
    queue: QueueInfo
    questions: int
    solutions: int
    kept: int
    right: int


def find_model(store: Store, text: str) -> Path:
    """The model that `text` is the path of (a folder or a GGUF file), or the folder of the run that it means. Raises
    InputError where it is neither."""
    place = user_path(text)
    if (place / "config.json").is_file() or (place.is_file() and place.suffix.lower() == ".gguf"):
        return place.absolute()
    return run_to_measure(store, text)


def sample_benchmark(store: Store, name: str, request: SampleSolutionsRequest, choice: Choice) -> Sampled:
    """Have the models write solutions and label them, and keep a choice of them as the next version of `name`. With a
    second verifier only solutions whose first error it finds, too."""
    check_benchmark_name(name)
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
            **_as_written(row),
            first_error=row["first_error"],
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


def _as_written(row: dict[str, Any]) -> dict[str, Any]:
    """What an engine tells of a solution, whoever finds its first error, as fields of a row."""
    return {
        "problem": row["problem"],
        "answer": row["answer"],
        "tests": tuple(row["tests"]),
        "steps": tuple(row["steps"]),
        "correct": row["correct"],
        "generator": row["model"],
    }


@dataclass(frozen=True, slots=True)
class _Written:
    """A solution that is chosen before anybody knows its first error."""

    problem: str
    answer: str
    tests: tuple[str, ...]
    steps: tuple[str, ...]
    correct: bool
    generator: str
    origin: dict[str, Any]


def sample_for_people(
    store: Store, name: str, request: SampleSolutionsRequest, choice: Choice, *, created_by: str, overlap: float = 1.0
) -> Waiting:
    """Have the models write solutions, keep a choice of them as an imported file whose first errors nobody knows, and
    make a queue of it, in random order: `overlap` is the share that everybody gets. `make_benchmark` makes a benchmark
    of those that people have judged.

    Raises InputError, before anything is written by a model where the names are none.
    """
    check_benchmark_name(name)
    checked_name(created_by, "a person")
    found = ask(request)
    written = [_Written(**_as_written(row), origin={"model": row["model"]}) for row in found["rows"]]
    chosen = stratified(written, per_question=choice.per_question, size=choice.size, seed=choice.seed)
    kept = [one for rows in chosen.values() for one in rows]
    if not kept:
        raise InputError(
            f"There is nothing to judge for {name}", why="The models wrote no solution.", fix="Take more questions."
        )
    models = list(dict.fromkeys(one.generator for one in written))
    runs = [folder.name for folder in request.models if (folder / "config.toml").is_file()]
    settings = {
        imports.SAMPLED: {"models": models, "runs": runs, "like": request.like.name, "solutions": len(written)},
        **{key: getattr(choice, key) for key in ("per_question", "size", "seed")},
    }
    with store.atomic():
        file = f"sampled from {', '.join(models)}"
        run_id = take_in_written(store, _to_judge(kept), name, file=file, settings=settings)
        spec = QueueSpec(
            queues.free_name(store, name),
            TraceFilter(run_id, source=imports.SOURCE),
            rule="random",
            size=len(kept),
            seed=choice.seed,
            overlap=overlap,
        )
        queue = queues.make(store, spec, created_by)
    right = sum(one.correct for one in kept)
    return Waiting(run_id, queue, found["questions"], len(written), len(kept), right)


def _to_judge(kept: Sequence[_Written]) -> list[LabeledSolution]:
    return [
        LabeledSolution(
            id=str(number),
            generator=one.generator,
            problem=one.problem,
            steps=one.steps,
            final_answer_correct=one.correct,
            labels=UNKNOWN * len(one.steps),
            answer=one.answer,
            tests=one.tests,
        )
        for number, one in enumerate(kept, start=1)
    ]
