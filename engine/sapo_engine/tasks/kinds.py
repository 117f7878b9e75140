"""What a kind of written task is, the kinds by name, and their problems from any address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sapo_engine.grading.answers import AnswerGrader
from sapo_engine.grading.base import Grader, Problem
from sapo_engine.grading.escape import fault_of
from sapo_engine.grading.extract import final_expression
from sapo_engine.tasks.columns import TASK_FIELDS, renamed
from sapo_engine.tasks.datasets import Row, rows_of
from sapo_studio.config.columns import Columns
from sapo_studio.config.schema import TaskConfig
from sapo_studio.domain.task_kinds import OWN, TASK_KINDS, WRITTEN
from sapo_studio.errors import InputError
from sapo_studio.readable import sentences

SHOWN = 20
"""Faults of a file that are told at once."""


@dataclass(frozen=True)
class Kind:
    """How a kind's questions are read and put.

    `name` is its key in `task_kinds`. `read` makes a problem of a row of its data; the second argument says where
    the row stands, and an InputError names it and the field at fault. `instruction` is what the reasoner is told to do,
    `code_instruction` instead where the rows of a kind that has both ask for programs. `hub_train` and `hub_test` are
    its own data on the Hub. `extract` finds the final answer in a solution.
    """

    name: str
    read: Callable[[Mapping[str, Any], str], Problem]
    instruction: str
    code_instruction: str = ""
    hub_train: str = ""
    hub_test: str = ""
    extract: Callable[[str], str] = final_expression


class _Kinds(Mapping[str, Kind]):
    """Each is loaded when it is asked for."""

    def __getitem__(self, key: str) -> Kind:
        if key not in WRITTEN:
            raise KeyError(key)
        return import_module(f"sapo_engine.tasks.{TASK_KINDS[key].file}").KIND

    def __iter__(self) -> Iterator[str]:
        return iter(WRITTEN)

    def __len__(self) -> int:
        return len(WRITTEN)


KINDS: Mapping[str, Kind] = _Kinds()
"""The kinds of written tasks by name."""


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


def problems_of(
    kind: Kind, rows: Sequence[Row], source: str, columns: Columns | None = None, key: str = TASK_FIELDS
) -> list[Problem]:
    """The problems in `rows`; `columns` as the configuration's `key` names them, for questions of one's own.

    One InputError names every faulty line and field (the first twenty).
    """
    found: list[Problem] = []
    faults: list[str] = []
    for where, row in rows:
        try:
            own = renamed(row, columns or {}, where, key) if kind.name == OWN else row
            found.append(read_problem(kind, own, where))
        except InputError as error:
            faults.append(sentences(error.what, error.why))
    if faults:
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise InputError(
            f"{source} is not valid data for the task {kind.name}",
            why="\n".join(faults[:SHOWN]) + more,
            fix="Correct the lines named above; docs/tasks.md shows what a line looks like."
            + (f" Columns that are called something else are named in {key}." if kind.name == OWN else ""),
        )
    if not found:
        raise InputError(f"{source} is empty", fix="Give a file with at least one question.")
    return found


def load_problems(
    kind: Kind, address: str, *, once: bool = False, columns: Columns | None = None, key: str = TASK_FIELDS
) -> list[Problem]:
    """All problems at `address` (see datasets.rows_of); `columns` and `key` as for `problems_of`."""
    return problems_of(kind, rows_of(address, once=once), address, columns, key)


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
    return AnswerGrader(kind.extract, processes=graders)
