"""Grades completions from anywhere (`sapo grade` asks). No torch here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from sapo_engine.grading.base import Grader, Problem
from sapo_engine.grading.escape import cut, shown
from sapo_engine.tasks.datasets import Row, read_jsonl, rows_in, text_field
from sapo_engine.tasks.kinds import KINDS, Kind, grader_for, load_problems, read_problem
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError
from sapo_studio.paths import user_path
from sapo_studio.readable import json_line
from sapo_studio.requests.kinds import GradeRequest

CHUNK = 200
"""Completions graded together; their verdicts are printed before the next are read."""

Item = tuple[str, Problem, str]
"""What the verdict is called, the problem, the completion."""


def items_of(kind: Kind, rows: Iterable[Row], known: dict[str, Problem] | None) -> Iterator[Item]:
    """What is to be graded, row by row. Raises InputError that names line and field of a fault.

    A row has `completion` and either the task's own fields or, where `known` problems were given, the `task_id` of one.
    """
    for where, row in rows:
        completion = text_field(row, "completion", where)
        named = row.get("task_id", row.get("id"))
        if known is not None and named is not None:
            problem = known.get(str(named))
            if problem is None:
                raise InputError(
                    f"{where}: there is no problem {cut(str(named))!r} in the data", why="Field 'task_id' names it."
                )
        else:
            try:
                problem = read_problem(kind, row, where)
            except InputError as error:
                fix = "Give the task's own fields beside 'completion', or 'task_id' and the data by --data."
                raise InputError(error.what, why=error.why, fix=fix) from error
        if not problem.gradable:
            raise InputError(f"{where}: there is no answer to grade by", why="Only its place, or its mark, is there.")
        yield (str(named) if named is not None else problem.id), problem, completion


def grade_all(kind: Kind, items: Iterable[Item], config: TaskConfig, graders: int = 0) -> Iterator[dict[str, object]]:
    """A verdict for each item, in order: task_id, correct, answer, reason."""
    found: dict[bool, Grader] = {}
    try:
        chunk: list[Item] = []
        for item in items:
            chunk.append(item)
            if len(chunk) == CHUNK:
                yield from _graded(kind, chunk, config, graders, found)
                chunk = []
        yield from _graded(kind, chunk, config, graders, found)
    finally:
        for grader in found.values():
            grader.close()


def _graded(
    kind: Kind, chunk: list[Item], config: TaskConfig, graders: int, found: dict[bool, Grader]
) -> Iterator[dict[str, object]]:
    verdicts: dict[int, dict[str, object]] = {}
    for code in {problem.is_code for _, problem, _ in chunk}:
        if code not in found:
            found[code] = grader_for(kind, config, graders, code=code)
        mine = [k for k, (_, problem, _) in enumerate(chunk) if problem.is_code == code]
        for k, grade in zip(mine, found[code].grade([chunk[k][1:] for k in mine]), strict=True):
            verdicts[k] = {
                "task_id": shown(chunk[k][0]),
                "correct": grade.correct,
                "answer": shown(grade.answer),
                "reason": shown(grade.reason),
            }
    for k in range(len(chunk)):
        yield verdicts[k]


def lines_of(file: str) -> Iterator[Row]:
    """The rows of a JSON Lines file, or of standard input (`-`)."""
    if file == "-":
        yield from rows_in(sys.stdin.buffer, "standard input")
        return
    path = user_path(file)
    if not path.exists():
        raise InputError(f"There is no file {cut(str(path), 200)}")
    yield from read_jsonl(path)


def answer(request: GradeRequest) -> dict[str, Any]:
    """See GradeRequest. Each verdict is written to standard output as soon as it is known."""
    kind = KINDS[request.task]
    config = TaskConfig(test_seconds=request.seconds, unsandboxed=request.unsandboxed)
    known = {problem.id: problem for problem in load_problems(kind, request.data, once=True)} if request.data else None
    right = total = 0
    for verdict in grade_all(kind, items_of(kind, lines_of(request.file), known), config, request.processes):
        print(json_line(verdict), flush=True)
        right += bool(verdict["correct"])
        total += 1
    return {"right": right, "graded": total}
