"""What a run's data come to, before there is a run (`sapo run --dry-run` asks). No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.tasks.eval_set import EvalSetTask, data_of
from sapo_engine.tasks.given_benchmark import GivenProblem, KnownQuestions, given_problem, reasons
from sapo_engine.tasks.golds import check_golds
from sapo_engine.tasks.kinds import KINDS, Kind, load_problems
from sapo_studio.config.schema import TaskConfig, parse_config
from sapo_studio.domain.benchmark_coverage import Coverage
from sapo_studio.domain.leaks import SHOWN, find_leaks
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.formats.registry import read_file
from sapo_studio.paths import process_data_path
from sapo_studio.requests.kinds import DataCheckRequest


def answer(request: DataCheckRequest) -> dict[str, Any]:
    """See DataCheckRequest."""
    config = parse_config(request.config, source="the run's configuration")
    if config.task.kind == LAB:
        return {"benchmark": None, "sets": [], "leaks": [], "not_read": []}
    kind = KINDS[config.task.kind]
    train, test = (_of_files(kind, config.task, of) for of in (config.task.train_data, config.task.test_data))
    benchmark = benchmark_facts(kind, config.task, [*train, *test]) if config.supplies_benchmark else None
    not_read = [one for one in (config.task.train_data or kind.hub_train, config.task.test_data) if _is_hub(one)]
    measured = {"the test questions": [problem.question for problem in test]} if test else {}
    if config.supplies_benchmark:
        measured["the process benchmark"] = [
            row.problem for row in read_file(process_data_path(config.task.process_data))
        ]
    sets: list[dict[str, Any]] = []
    for one in config.evaluation.sets:
        address = data_of(KINDS[one.kind], one.data)
        if _is_hub(address):
            not_read.append(address)
            continue
        task = EvalSetTask(one, config.task, config.seed)
        task.close()
        bad = len(task.golds.bad)
        sets.append({"name": one.name, "rows": len(task.rows), "asked": len(task.questions("test")), "bad": bad})
        measured[f"evaluation set {one.name}"] = task.rows
    return {
        "benchmark": benchmark,
        "sets": sets,
        "leaks": leak_facts([problem.question for problem in train], measured),
        "not_read": not_read,
    }


def leak_facts(trained: Sequence[str], measured: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Which measured questions stand in the training data, for each collection that has such: counts, the first rows
    and the sentence that says it."""
    return [
        {
            "in": leaks.name,
            "questions": leaks.questions,
            "exact": sum(leak.exact for leak in leaks.found),
            "near": sum(not leak.exact for leak in leaks.found),
            "rows": [[leak.measured, leak.trained] for leak in leaks.found[:SHOWN]],
            "note": leaks.note,
        }
        for leaks in find_leaks(trained, measured)
        if leaks.found
    ]


def benchmark_facts(kind: Kind, task: TaskConfig, data: list[Problem]) -> dict[str, Any]:
    """How many solutions of the benchmark `task.process_data` can be measured by rollouts, where `data` are the task's
    problems."""
    code = any(problem.is_code for problem in data)
    known = KnownQuestions(data)
    given = [given_problem(row, kind, known, code=code) for row in read_file(process_data_path(task.process_data))]
    if not code:
        given = _without_bad(kind, task, given)
    left_out = reasons(given)
    coverage = Coverage(len(given) - sum(left_out.values()), sum(left_out.values()))
    return {"solutions": len(given), "graded": coverage.graded, "reasons": left_out, "note": coverage.note}


def _without_bad(kind: Kind, task: TaskConfig, given: list[GivenProblem]) -> list[GivenProblem]:
    own = dict.fromkeys(one.source for one in given if one.source is not None)
    bad = {gold.problem for gold in check_golds(kind, list(own), task).bad}
    return [one.without(bad) for one in given]


def _is_hub(address: str) -> bool:
    return address.startswith("hub:")


def _of_files(kind: Kind, task: TaskConfig, address: str) -> list[Problem]:
    """The problems in a file; none where there is no address, or one of the Hub."""
    return load_problems(kind, address, columns=task.fields) if address and not _is_hub(address) else []
