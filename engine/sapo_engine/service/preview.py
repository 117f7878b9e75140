"""What a task looks like to a reasoner (`sapo doctor --task` asks). No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.grading.escape import shown
from sapo_engine.service.data_check import benchmark_facts, leak_facts
from sapo_engine.tasks.golds import check_golds
from sapo_engine.tasks.kinds import KINDS, Kind, grader_for, load_problems
from sapo_engine.tasks.written import WrittenTask
from sapo_studio.config.columns import read_columns
from sapo_studio.config.schema import TaskConfig, parse_config
from sapo_studio.formats.registry import read_file
from sapo_studio.paths import process_data_path
from sapo_studio.requests.kinds import PreviewRequest

TRIED = 50
"""Reference solutions whose answers are graded."""


def preview(task: dict[str, Any], count: int) -> dict[str, Any]:
    """Rows, splits, a prompt, how solutions are cut, which reference solutions and which reference answers or programs
    are not graded as right.
    """
    asked = {"task": {"bad_golds": "keep", **task}, "model": {"source": "bundled:lab"}}
    config = parse_config(asked, source="the task").task
    kind = KINDS[config.kind]
    problems = load_problems(kind, config.train_data or kind.hub_train, once=True, columns=config.fields)
    test = load_problems(kind, config.test_data, columns=config.fields) if config.test_data else []
    data = [*problems, *test]
    measured = {"the test questions": [problem.question for problem in test]} if test else {}
    if config.process_data:
        measured["the process benchmark"] = [row.problem for row in read_file(process_data_path(config.process_data))]
    written = WrittenTask(config, 0, problems=problems)
    train = [question for question in written.questions("train") if question.steps]
    sandbox = ""
    if written.is_code:
        from sapo_engine.grading.programs import probe

        sandbox = ": ".join(part for part in probe() if part)
    written.close()
    golds = check_golds(kind, problems, config)
    bad = [{"id": shown(gold.problem.id), "reason": gold.reason} for gold in golds.bad]
    solved = [problem for problem in problems if problem.solution][:TRIED]
    graded, wrong = (golds.checked, bad) if written.is_code else (len(solved), _wrong(kind, config, solved))
    return {
        "task": config.kind,
        "rows": len(problems),
        "splits": {split: len(written.questions(split)) for split in ("train", "development", "test")},
        "with_solution": sum(bool(problem.solution) for problem in problems),
        "prompt": written.prompt(train[0]) if train else written.prompt(written.questions("train")[0]),
        "solutions": [{"question": question.text, "steps": list(question.steps)} for question in train[:count]],
        "graded": graded,
        "wrong": wrong,
        "golds": {"checked": golds.checked, "bad": bad, "by_signs": golds.by_signs},
        "sandbox": sandbox,
        "benchmark": benchmark_facts(kind, config, data) if config.process_data else None,
        "leaks": leak_facts([problem.question for problem in problems], measured),
    }


def _wrong(kind: Kind, config: TaskConfig, solved: Sequence[Problem]) -> list[dict[str, str]]:
    """The solutions that are not graded as right."""
    grader = grader_for(kind, config, code=False)
    try:
        grades = grader.grade([(problem, problem.solution) for problem in solved])
    finally:
        grader.close()
    pairs = zip(solved, grades, strict=True)
    return [{"id": shown(problem.id), "reason": grade.reason} for problem, grade in pairs if not grade.correct]


def answer(request: PreviewRequest) -> dict[str, Any]:
    """See PreviewRequest."""
    task = {
        "kind": request.task,
        "train_data": request.data,
        "test_data": request.test_data,
        "fields": read_columns(request.fields),
        "process_data": request.benchmark,
        "steps": request.steps,
        "step_pattern": request.pattern,
    }
    return preview(task, request.count)
