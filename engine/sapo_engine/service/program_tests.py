"""Runs the tests of a question against one written program, each by itself (the trace view asks). No torch here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.grading.programs import ProgramGrader
from sapo_engine.tasks.kinds import KINDS, Kind, load_problems
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import ProgramTestsRequest


def answer(request: ProgramTestsRequest) -> dict[str, Any]:
    """See ProgramTestsRequest."""
    config = TaskConfig.model_validate(request.task)
    problem = _problem(KINDS[config.kind], config, request.question)
    grader = ProgramGrader(seconds=config.test_seconds, memory_mb=config.test_memory, unsandboxed=config.unsandboxed)
    try:
        alone = [replace(problem, tests=(test,)) for test in problem.tests]
        grades = grader.grade([(one, request.program) for one in alone])
    finally:
        grader.close()
    tests = [
        {"test": test, "passed": grade.correct, "reason": grade.reason.removeprefix("test 1 of 1: ")}
        for test, grade in zip(problem.tests, grades, strict=True)
    ]
    return {"tests": tests, "seconds": config.test_seconds, "memory_mb": config.test_memory, "sandbox": grader.how}


def _problem(kind: Kind, config: TaskConfig, question: str) -> Problem:
    addresses = [config.train_data or kind.hub_train]
    addresses.append(config.test_data or (kind.hub_test if not config.train_data else ""))
    for address in filter(None, addresses):
        for problem in load_problems(kind, address, columns=config.fields):
            if problem.question == question and problem.is_code:
                return problem
    raise InputError(
        "The tests of this question are not known any more",
        why="The data of the run do not have the question, or no tests for it.",
    )
