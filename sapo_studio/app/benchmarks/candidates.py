"""Solutions in the store whose first error is known: what a process benchmark is made from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sapo_studio.app.imports.stored import stored_solutions
from sapo_studio.domain.human_verdicts import HumanVerdict
from sapo_studio.domain.judgements import UNKNOWN
from sapo_studio.domain.metrics import predicted_first_error
from sapo_studio.domain.process_benchmark import BenchmarkRow, LabelSource
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.errors import InputError
from sapo_studio.store import imports, queries
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.human_verdicts import human_verdicts
from sapo_studio.store.traces import parse_scores, parse_steps

_TESTS = ("assert", "check(", "def ")
"""How lines of tests begin, where a task's questions may have either."""


@dataclass(frozen=True, slots=True)
class Source:
    """A run or a queue to take solutions from: the runs that its trajectories are of and, of a queue, which they are
    (None: all of the run's)."""

    name: str
    kind: Literal["run", "queue"]
    runs: tuple[str, ...]
    trajectories: tuple[int, ...] | None = None


def find_source(store: Store, text: str) -> Source:
    """The queue of this name, or else the run that `text` means. Raises InputError where there is neither."""
    # Compared here: what is typed may hold what SQLite takes for no text.
    queue = next((number for number, name in store.rows("SELECT id, name FROM queues") if name == text), None)
    if queue is None:
        run = queries.find_entry(store, text)
        return Source(run, "run", (run,))
    items = store.rows(
        "SELECT i.trajectory_id, t.run_id FROM queue_items i JOIN trajectories t ON t.id = i.trajectory_id"
        " WHERE i.queue_id = ? ORDER BY i.place",
        (queue,),
    )
    runs = tuple(dict.fromkeys(run for _, run in items))
    return Source(text, "queue", runs, tuple(trajectory for trajectory, _ in items))


def candidates(store: Store, source: Source, labels: LabelSource) -> Iterator[BenchmarkRow]:
    """The solutions of `source` whose first error `labels` say, in order of their ids.

    The task's own solutions are among them only where people have judged them: no model wrote them.
    """
    wanted = None if source.trajectories is None else set(source.trajectories)
    for run in source.runs:
        yield from _of_run(store, run, labels, wanted)


def _of_run(store: Store, run: str, labels: LabelSource, wanted: set[int] | None) -> Iterator[BenchmarkRow]:
    low, high = id_range(queries.get_number(store, run))
    people = human_verdicts(store, low, high) if labels in ("human", "consensus") else {}
    believed = _believed(store, low, high) if labels == "consensus" else {}
    programs = _has_programs(store, run)
    in_file = _as_in_its_file(store, run) if queries.get_run(store, run).imported else {}
    for identity, made_in, kind, split, problem, answer, steps, correct, verified, truth in store.rows(
        "SELECT t.id, t.iteration, t.source, q.split, q.text, q.answer, t.steps, t.correct, t.verified, t.truth"
        " FROM trajectories t JOIN questions q ON q.id = t.question_id WHERE t.id BETWEEN ? AND ? ORDER BY t.id",
        (low, high),
    ):
        spoken = people.get(identity)
        if (wanted is not None and identity not in wanted) or (kind == "solution" and spoken is None):
            continue
        match labels:
            case "human":
                found = _by_people(spoken)
            case "rollouts":
                found = None if verified is None else (verified, None, {"how": "rollouts"})
            case "oracle":
                found = None if truth is None else (truth, None, {"how": "oracle"})
            case "consensus":
                found = _by_most(spoken, verified, believed.get(identity))
        if found is None:
            continue
        error, agreement, told = found
        is_program = programs if programs is not None else answer.lstrip().startswith(_TESTS)
        file = in_file.get(identity, _InFile())
        yield BenchmarkRow(
            problem=problem,
            answer="" if is_program else answer,
            tests=file.tests or ((answer,) if is_program and answer else ()),
            steps=tuple(parse_steps(store, steps, identity)),
            first_error=error,
            correct=bool(correct),
            generator="task" if kind == "solution" else f"{run}/M{made_in}" if kind != "import" else file.model or run,
            origin={
                "run": run,
                "trajectory": row_number(identity),
                "iteration": made_in,
                "source": kind,
                "asked_in": split,
                **told,
            },
            agreement=agreement,
        )


@dataclass(frozen=True, slots=True)
class _InFile:
    """What the row of an imported file says that the store's tables do not: who wrote a solution, and the tests of its
    question."""

    model: str = ""
    tests: tuple[str, ...] = ()


def _as_in_its_file(store: Store, run: str) -> dict[int, _InFile]:
    return {identity: _InFile(one.generator, one.tests) for identity, one in stored_solutions(store, run)}


def unknown_in(store: Store, source: Source) -> set[int]:
    """The trajectories that were put before people because nobody knows their first error: all of a queue, of an
    imported file those whose first error the file does not say. Of a run, whose trajectories nobody need judge, none.
    """
    if source.trajectories is not None:
        return set(source.trajectories)
    (run,) = source.runs
    if not queries.get_run(store, run).imported:
        return set()
    rows = store.rows("SELECT id FROM trajectories WHERE run_id = ? AND coalesce(verified, truth) IS NULL", (run,))
    return {identity for (identity,) in rows}


_Found = tuple[int, float | None, dict[str, Any]]
"""A first error, the agreement on it, and what the row's origin says of how it was found."""


def _by_people(spoken: HumanVerdict | None) -> _Found | None:
    if spoken is None or spoken.first_error == UNKNOWN:
        return None
    return spoken.first_error, spoken.agreement, {"how": spoken.how, "by": list(spoken.by)}


def _by_most(spoken: HumanVerdict | None, verified: int | None, predicted: int | None) -> _Found | None:
    """What at least two sources say, and more than say anything else."""
    say: dict[str, int | None] = {"people": None, "rollouts": verified, "verifier": predicted}
    if spoken is not None and spoken.first_error != UNKNOWN:
        say["people"] = spoken.first_error
    known = {name: error for name, error in say.items() if error is not None}
    ((error, times), *_) = Counter(known.values()).most_common(1) or [(0, 0)]
    if times < 2:
        return None
    return error, times / len(known), {"how": "consensus", "by": [name for name, one in known.items() if one == error]}


def _believed(store: Store, low: int, high: int) -> Mapping[int, int]:
    """The first error by the newest verifier that has scored a trajectory: its first step below one half."""
    return {
        identity: predicted_first_error([float(score) for score in parse_scores(store, blob, identity)])
        for identity, blob, _ in store.rows(
            "SELECT trajectory_id, scores, max(verifier) FROM scores WHERE trajectory_id BETWEEN ? AND ?"
            " GROUP BY trajectory_id",
            (low, high),
        )
    }


def _has_programs(store: Store, run: str) -> bool | None:
    """Whether a run's solutions are programs; None where each question's own text decides."""
    text = store.value("SELECT config FROM runs WHERE id = ?", (run,))
    with reading(store.path, f"the configuration of run {run}"):
        kind = TASK_KINDS.get(json.loads(text).get("task", {}).get("kind", ""))
    if kind is None or kind.solutions == "either":
        return None
    return kind.solutions == "programs"


def _models_of(store: Store, runs: tuple[str, ...]) -> list[str]:
    """The runs, as far as they are still there, whose models wrote the solutions of imported files among `runs`."""
    found: dict[str, None] = {}
    for run in runs:
        if queries.get_run(store, run).imported:
            found |= dict.fromkeys(imports.info(store, run).settings.get(imports.SAMPLED, {}).get("runs", ()))
    there = {run.id for run in queries.list_runs(store)}
    return [run for run in found if run in there]


def questions_trained_on(store: Store, runs: tuple[str, ...]) -> list[str]:
    """The texts of the training questions that runs have stored, and that the runs have whose models wrote imported
    files among them. Raises InputError where there is no such run."""
    found: dict[str, None] = {}
    for run in (*runs, *_models_of(store, runs)):
        for (text,) in store.rows(
            "SELECT text FROM questions WHERE id BETWEEN ? AND ? AND split = 'train'",
            id_range(queries.get_number(store, run)),
        ):
            found[text] = None
    if not runs:
        raise InputError("There is no run whose training questions could be looked at")
    return list(found)
