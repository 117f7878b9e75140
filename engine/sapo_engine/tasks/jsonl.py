"""Your own questions: JSON Lines with `question` and `answer` or `tests` (docs/tasks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sapo_engine.grading.base import Problem
from sapo_engine.tasks.datasets import text_field, there_are
from sapo_engine.tasks.kinds import Kind
from sapo_studio.errors import InputError

INSTRUCTION = 'Solve the problem step by step, one step a line. End with a line "#### " and the answer.'
CODE_INSTRUCTION = "Write a Python program that does what is asked. Answer with the program alone."


def read(row: Mapping[str, Any], where: str) -> Problem:
    """A row of the user's own. InputError that names the field at fault."""
    tests = row.get("tests")
    if (tests is None) == ("answer" not in row):
        raise InputError(f"{where}: there must be either 'answer' or 'tests'", why=there_are(row))
    if isinstance(tests, str):
        tests = [tests]
    listed = cast("list[object]", tests) if isinstance(tests, list) else []
    if tests is not None and (not listed or not all(isinstance(test, str) and test.strip() for test in listed)):
        raise InputError(f"{where}: field 'tests' must be a text or a list of texts, none empty")
    question = text_field(row, "question", where).strip()
    if not question:
        raise InputError(f"{where}: field 'question' is empty")
    answer = text_field(row, "answer", where, default="").strip()
    if tests is None and not answer:
        raise InputError(f"{where}: field 'answer' is empty")
    return Problem(
        id=str(row.get("id", row.get("task_id", ""))) or where.rpartition(":")[2],
        question=question,
        solution=text_field(row, "solution", where, default="").strip("\n"),
        answer=answer,
        tests=tuple(str(test) for test in listed),
        setup=text_field(row, "setup", where, default=""),
        entry_point=text_field(row, "entry_point", where, default=""),
    )


KIND = Kind("jsonl", read, INSTRUCTION, code_instruction=CODE_INSTRUCTION)
