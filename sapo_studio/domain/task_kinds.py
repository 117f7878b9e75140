"""The kinds of tasks: one entry each, in the order in which they are listed.

What the configuration, the commands and the forecast know of a kind stands here. How its questions are read stands in
the engine, in the file of its name (`engine/sapo_engine/tasks/`, `KIND`). A new kind is such a file and an entry in
`ALL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal


@dataclass(frozen=True, slots=True)
class UsualLengths:
    """What the forecast takes for a kind's lengths where it finds no file to measure: tokens of a prompt and of the
    longest, tokens of a solution and its steps. `told` says so.
    """

    prompt: int = 120
    longest_prompt: int = 400
    solution: int = 150
    steps: float = 6
    told: str = "questions of 120 tokens, solutions of 150 in 6 steps"


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A kind of task. Only `key` and `help` must be given.

    `key` is its name in the configuration; `help` says what it is (for the configuration's help, without a full stop).
    `written`: its questions are read from files or the Hub; else they are made by the program. `solutions` are graded
    by their final answer or, `programs`, by tests in a sandbox; `either`: the data decide. `own_data`: it has a data
    set on the Hub, which is fetched where `task.train_data` names none. `module` names its file in the engine where
    that is not `key`.
    """

    key: str
    help: str
    written: bool = True
    solutions: Literal["answers", "programs", "either"] = "answers"
    own_data: bool = False
    lengths: UsualLengths = field(default_factory=UsualLengths)
    module: str = ""

    @property
    def file(self) -> str:
        """Its module in `sapo_engine.tasks`."""
        return self.module or self.key


_ANSWERS = "questions with an answer, graded by mathematical equality"
_PROGRAMS = "programs, graded by their tests in a sandbox"

ALL: tuple[TaskKind, ...] = (
    TaskKind(
        "arithmetic",
        "the embedded lab, generated word problems whose every step has an exact truth",
        written=False,
    ),
    TaskKind(
        "gsm8k",
        _ANSWERS,
        own_data=True,
        lengths=UsualLengths(95, 230, 130, 4.5, "questions like GSM8K's: 95 tokens, solutions of 130 in 4.5 steps"),
    ),
    TaskKind(
        "math",
        _ANSWERS,
        own_data=True,
        lengths=UsualLengths(110, 350, 230, 8, "questions like MATH's: 110 tokens, solutions of 230 in 8 steps"),
        module="math_problems",
    ),
    TaskKind(
        "mbpp",
        _PROGRAMS,
        solutions="programs",
        own_data=True,
        lengths=UsualLengths(150, 300, 80, 5, "programs like MBPP's: 150 tokens of task and tests, 80 in 5 steps"),
    ),
    TaskKind(
        "humaneval",
        _PROGRAMS,
        solutions="programs",
        own_data=True,
        lengths=UsualLengths(170, 400, 90, 5, "programs like HumanEval's: 170 tokens of head, 90 in 5 steps"),
    ),
    TaskKind(
        "jsonl",
        "your own questions, with answers or tests (docs/tasks.md)",
        solutions="either",
    ),
)

TASK_KINDS: dict[str, TaskKind] = {kind.key: kind for kind in ALL}
"""By key."""

CHOICES: tuple[str, ...] = tuple(TASK_KINDS)
"""What `task.kind` may be."""

LAB = "arithmetic"
"""The kind whose steps have a truth that the program knows."""

OWN = "jsonl"
"""The kind of questions of one's own, whose columns may be called anything."""

WRITTEN: tuple[str, ...] = tuple(kind.key for kind in ALL if kind.written)
"""The kinds with written questions, by key."""

PROGRAMS: tuple[str, ...] = tuple(kind.key for kind in ALL if kind.solutions != "answers")
"""The kinds whose solutions are, or may be, programs, by key."""


def listed(keys: Sequence[str], last: str = "and") -> str:
    """Keys as a sentence lists them: `a, b and c`."""
    return f" {last} ".join([*filter(None, [", ".join(keys[:-1])]), *keys[-1:]])


CHOICES_HELP = " ".join(
    f"{listed([f'`{kind.key}`' for kind in kinds])}: {what}."
    for what, kinds in groupby(ALL, key=lambda kind: kind.help)
)
"""What the kinds are, in a sentence for each or for those that follow each other and are alike."""
