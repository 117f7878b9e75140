"""What a run's data come to, before there is a run (`sapo run --dry-run` asks). No torch here."""

from __future__ import annotations

from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.tasks.given_benchmark import GivenProblem, KnownQuestions, given_problem, reasons
from sapo_engine.tasks.golds import check_golds
from sapo_engine.tasks.kinds import KINDS, Kind, load_problems
from sapo_studio.config.schema import TaskConfig, parse_config
from sapo_studio.domain.benchmark_coverage import Coverage
from sapo_studio.formats.registry import read_file
from sapo_studio.paths import user_path
from sapo_studio.requests.kinds import DataCheckRequest


def answer(request: DataCheckRequest) -> dict[str, Any]:
    """See DataCheckRequest."""
    config = parse_config(request.config, source="the run's configuration")
    if not config.supplies_benchmark:
        return {"benchmark": None}
    kind = KINDS[config.task.kind]
    return {"benchmark": benchmark_facts(kind, config.task, _own_data(kind, config.task))}


def benchmark_facts(kind: Kind, task: TaskConfig, data: list[Problem]) -> dict[str, Any]:
    """How many solutions of the benchmark `task.process_data` can be measured by rollouts, where `data` are the task's
    problems."""
    code = any(problem.is_code for problem in data)
    known = KnownQuestions(data)
    given = [given_problem(row, kind, known, code=code) for row in read_file(user_path(task.process_data))]
    if not code:
        given = _without_bad(kind, task, given)
    left_out = reasons(given)
    coverage = Coverage(len(given) - sum(left_out.values()), sum(left_out.values()))
    return {"solutions": len(given), "graded": coverage.graded, "reasons": left_out, "note": coverage.note}


def _without_bad(kind: Kind, task: TaskConfig, given: list[GivenProblem]) -> list[GivenProblem]:
    own = dict.fromkeys(one.source for one in given if one.source is not None)
    bad = {gold.problem for gold in check_golds(kind, list(own), task).bad}
    return [one.without(bad) for one in given]


def _own_data(kind: Kind, task: TaskConfig) -> list[Problem]:
    """The problems of the task's files."""
    files = [address for address in (task.train_data, task.test_data) if address and not address.startswith("hub:")]
    return [problem for file in files for problem in load_problems(kind, file)]
