"""The kinds of written tasks by name, and their problems from any address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sapo_engine.grading.answers import AnswerGrader
from sapo_engine.grading.base import Grader, Problem
from sapo_engine.grading.escape import fault_of
from sapo_engine.tasks import gsm8k, humaneval, jsonl, math_problems, mbpp
from sapo_engine.tasks.datasets import Row, rows_of
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError

SHOWN = 20
"""Faults of a file that are told at once."""


@dataclass(frozen=True)
class Kind:
    """A kind of task. `extract` finds the final answer, None where programs are asked for."""

    name: str
    instruction: str
    read: Callable[[Mapping[str, Any], str], Problem]
    hub_train: str
    hub_test: str
    extract: Callable[[str], str] | None


KINDS = {
    kind.name: kind
    for kind in (
        Kind("gsm8k", gsm8k.INSTRUCTION, gsm8k.read, gsm8k.HUB_TRAIN, gsm8k.HUB_TEST, gsm8k.extract),
        Kind(
            "math",
            math_problems.INSTRUCTION,
            math_problems.read,
            math_problems.HUB_TRAIN,
            math_problems.HUB_TEST,
            math_problems.extract,
        ),
        Kind("mbpp", mbpp.INSTRUCTION, mbpp.read, mbpp.HUB_TRAIN, mbpp.HUB_TEST, None),
        Kind("humaneval", humaneval.INSTRUCTION, humaneval.read, humaneval.HUB_TRAIN, humaneval.HUB_TEST, None),
        Kind("jsonl", jsonl.INSTRUCTION, jsonl.read, jsonl.HUB_TRAIN, jsonl.HUB_TEST, jsonl.extract),
    )
}


def read_problem(kind: Kind, row: Mapping[str, Any], where: str) -> Problem:
    """The problem in a row. Raises InputError that names the field at fault, also for signs that no text has."""
    problem = kind.read(row, where)
    for name in ("id", "question", "solution", "answer", "setup", "header", "entry_point"):
        if found := fault_of(getattr(problem, name)):
            raise InputError(f"{where}: the {name} has {found}", why="No text has that.")
    for number, test in enumerate(problem.tests, start=1):
        if found := fault_of(test):
            raise InputError(f"{where}: test {number} has {found}", why="No program has that.")
    return problem


def problems_of(kind: Kind, rows: Sequence[Row], source: str) -> list[Problem]:
    """The problems in `rows`. One InputError names every faulty line and field (the first twenty)."""
    found: list[Problem] = []
    faults: list[str] = []
    for where, row in rows:
        try:
            found.append(read_problem(kind, row, where))
        except InputError as error:
            faults.append(f"{error.what}. {error.why}".strip())
    if faults:
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise InputError(
            f"{source} is not valid data for the task {kind.name}",
            why="\n".join(faults[:SHOWN]) + more,
            fix="Correct the lines named above; docs/tasks.md shows what a line looks like.",
        )
    if not found:
        raise InputError(f"{source} is empty", fix="Give a file with at least one question.")
    return found


def load_problems(kind: Kind, address: str) -> list[Problem]:
    """All problems at `address` (see data.rows_of)."""
    return problems_of(kind, rows_of(address), address)


def grader_for(kind: Kind, config: TaskConfig, graders: int = 0, *, code: bool) -> Grader:
    """Who grades the kind's solutions: by their tests (`code`), else by their final answers."""
    if code:
        from sapo_engine.grading.programs import ProgramGrader

        return ProgramGrader(
            seconds=config.test_seconds,
            memory_mb=config.test_memory,
            processes=graders,
            unsandboxed=config.unsandboxed,
        )
    return AnswerGrader(kind.extract or jsonl.extract, processes=graders)
