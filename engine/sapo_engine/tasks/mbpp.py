"""MBPP: short Python programs, each with a few assertions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sapo_engine.grading.base import Problem
from sapo_engine.tasks.datasets import text_field
from sapo_engine.tasks.kinds import Kind
from sapo_studio.errors import InputError

INSTRUCTION = "Write a Python program that does what is asked and passes the test. Answer with the program alone."
HUB_TRAIN = "hub:google-research-datasets/mbpp/full:train"
HUB_TEST = "hub:google-research-datasets/mbpp/full:test"


def read(row: Mapping[str, Any], where: str) -> Problem:
    """A row with `text` (or `prompt`), `code`, `test_list` and what the tests need before them.

    The first test is shown with the question, as is usual: it tells the name of the function.
    """
    tests = row.get("test_list")
    if not isinstance(tests, list) or not tests or not all(str(test).strip() for test in cast("list[object]", tests)):
        raise InputError(f"{where}: field 'test_list' must be a list of assertions, none empty")
    listed = [str(test).replace("\r\n", "\n") for test in cast("list[object]", tests)]
    imports = row.get("test_imports")
    setup = [str(line) for line in cast("list[object]", imports)] if isinstance(imports, list) else []
    setup.append(text_field(row, "test_setup_code", where, default=""))
    asked = text_field(row, "prompt" if "prompt" in row else "text", where).strip()
    return Problem(
        id=str(row.get("task_id", "")) or where.rpartition(":")[2],
        question=f"{asked}\n{listed[0]}",
        solution=text_field(row, "code", where, default="").replace("\r\n", "\n").replace("\t", "    ").strip("\n"),
        tests=tuple(listed),
        setup="\n".join(line.replace("\r\n", "\n") for line in setup if line.strip()),
    )


KIND = Kind("mbpp", read, INSTRUCTION, hub_train=HUB_TRAIN, hub_test=HUB_TEST)
