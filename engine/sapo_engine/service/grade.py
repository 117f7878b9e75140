"""Grades completions from anywhere: `python -m sapo_engine.service.grade TASK FILE [--data FILE]`. No torch here.

One verdict a line on standard output, a summary on standard error. `sapo grade` starts this.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from sapo_engine.grading.base import Grader, Problem
from sapo_engine.service.tell import tell_error
from sapo_engine.tasks.datasets import Row, parse_line, text_field
from sapo_engine.tasks.kinds import KINDS, Kind, grader_for, load_problems
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError, SapoError

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
                raise InputError(f"{where}: there is no problem {named!r} in the data", why="Field 'task_id' names it.")
        else:
            try:
                problem = kind.read(row, where)
            except InputError as error:
                fix = "Give the task's own fields beside 'completion', or 'task_id' and the data by --data."
                raise InputError(error.what, why=error.why, fix=fix) from error
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
                "task_id": chunk[k][0],
                "correct": grade.correct,
                "answer": grade.answer,
                "reason": grade.reason,
            }
    for k in range(len(chunk)):
        yield verdicts[k]


def lines_of(file: str) -> Iterator[Row]:
    """The rows of a JSON Lines file, or of standard input (`-`)."""
    if file == "-":
        for number, line in enumerate(sys.stdin, start=1):
            if line.strip():
                yield parse_line(line, f"standard input:{number}")
        return
    path = Path(file).expanduser()
    if not path.is_file():
        raise InputError(f"There is no file {path}")
    with path.open(encoding="utf-8-sig") as opened:
        for number, line in enumerate(opened, start=1):
            if line.strip():
                yield parse_line(line, f"{path}:{number}")


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 graded (whatever the verdicts), 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m sapo_engine.service.grade", description=__doc__)
    parser.add_argument("task", choices=sorted(KINDS))
    parser.add_argument("file")
    parser.add_argument("--data", default="")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--unsandboxed", action="store_true")
    parser.add_argument("--processes", type=int, default=0)
    chosen = parser.parse_args(arguments)
    kind = KINDS[chosen.task]
    config = TaskConfig(test_seconds=chosen.seconds, unsandboxed=chosen.unsandboxed)
    right = total = 0
    try:
        known = {problem.id: problem for problem in load_problems(kind, chosen.data)} if chosen.data else None
        for verdict in grade_all(kind, items_of(kind, lines_of(chosen.file), known), config, chosen.processes):
            print(json.dumps(verdict, ensure_ascii=False), flush=True)
            right += bool(verdict["correct"])
            total += 1
    except SapoError as error:
        return tell_error(error)
    print(json.dumps({"right": right, "graded": total}), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
