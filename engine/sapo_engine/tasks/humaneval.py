"""HumanEval: a function's header and docstring, to be gone on with; tests call `check(candidate)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.tasks.datasets import text_field
from sapo_engine.tasks.kinds import Kind

INSTRUCTION = "Complete the Python function. Answer with the whole function and nothing else."
HUB_TRAIN = "hub:openai/openai_humaneval:test"


def read(row: Mapping[str, Any], where: str) -> Problem:
    """A row with `prompt`, `canonical_solution`, `test` and `entry_point`. The solution is the whole function."""
    header = text_field(row, "prompt", where)
    entry_point = text_field(row, "entry_point", where)
    body = text_field(row, "canonical_solution", where, default="")
    return Problem(
        id=text_field(row, "task_id", where, default=""),
        question=header.strip("\n"),
        solution=(header + body).strip("\n") if body else "",
        tests=(f"{text_field(row, 'test', where)}\n\ncheck({entry_point})",),
        entry_point=entry_point,
        header=header,
    )


KIND = Kind("humaneval", read, INSTRUCTION, hub_train=HUB_TRAIN)
