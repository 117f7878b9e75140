"""GSM8K: grade-school word problems with a whole number as the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.grading.extract import MARK, final_number
from sapo_engine.tasks.datasets import text_field
from sapo_engine.tasks.kinds import Kind
from sapo_studio.errors import InputError

INSTRUCTION = 'Solve the problem step by step, one step a line. End with a line "#### " and the answer as a number.'
HUB_TRAIN = "hub:openai/gsm8k/main:train"
HUB_TEST = "hub:openai/gsm8k/main:test"

_CALCULATION = re.compile(r"<<[^<>]*>>")


def read(row: Mapping[str, Any], where: str) -> Problem:
    """A row with `question` and `answer` (the solution, its last line `#### 42`). Calculator marks are left out."""
    solution = _CALCULATION.sub("", text_field(row, "answer", where)).strip()
    if MARK not in solution:
        raise InputError(f"{where}: field 'answer' has no line with {MARK}", why="It is to end with the final answer.")
    return Problem(
        id=str(row.get("id", row.get("task_id", ""))) or where.rpartition(":")[2],
        question=text_field(row, "question", where).strip(),
        solution=solution,
        # What is no number stays as it is written: nothing is equal to it, and it can be named.
        answer=final_number(solution) or solution.rpartition(MARK)[2].strip(),
    )


KIND = Kind("gsm8k", read, INSTRUCTION, hub_train=HUB_TRAIN, hub_test=HUB_TEST, extract=final_number)
