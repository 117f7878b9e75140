"""How long questions and solutions are, in tokens: measured where the questions are in a file here, else assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sapo_studio.config.engine_limits import ANSWER_TOKENS, CODE_TOKENS, lab_tokens
from sapo_studio.config.schema import TaskConfig
from sapo_studio.domain.task_kinds import TASK_KINDS, TaskKind
from sapo_studio.errors import InputError
from sapo_studio.files import parse_json_text, read_lines
from sapo_studio.paths import user_path

CHARACTERS = 3.6
"""Characters a token, for English with numbers in it and vocabularies of 30,000 to 250,000 entries."""
ROWS = 200
"""Rows of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of prompts and solutions, their usual (`prompt`, `solution`) and their greatest length, and steps."""

    prompt: int
    longest_prompt: int
    solution: int
    longest_solution: int
    steps: float
    assumption: str

    @property
    def step(self) -> float:
        """Tokens of a step."""
        return self.solution / self.steps

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with the longest solution."""
        return self.longest_prompt + self.longest_solution


_QUESTION = ("question", "problem", "prompt", "text")
_SOLUTION = ("answer", "solution", "code", "canonical_solution")


def lengths(task: TaskConfig, positions: int = 1 << 20) -> Lengths:
    """What to reckon with for `task` and a model that takes `positions` tokens. A file of questions is looked into."""
    if task.kind == "arithmetic":
        steps = (task.min_steps + task.max_steps) / 2
        return Lengths(
            prompt=round(6 + steps),
            longest_prompt=7 + task.max_steps,
            solution=round(4 * steps) + 1,
            longest_solution=lab_tokens(task.max_steps),
            steps=steps,
            assumption=f"generated problems of {task.min_steps} to {task.max_steps} steps, 4 tokens per step",
        )
    usual = _usual(TASK_KINDS[task.kind])
    found = _measured(task, usual) or usual
    longest = task.max_new_tokens or usual.longest_solution
    shots = task.shots if task.prompt == "few-shot" else 0
    told = "" if found.longest_solution == longest else f"; solutions of {longest} at most"
    if shots:
        told += f"; {shots} worked examples before each question"
    extra = shots * (found.prompt + found.solution)
    return replace(
        found,
        prompt=min(found.prompt + extra, positions),
        longest_prompt=min(found.longest_prompt + extra, positions),
        solution=min(found.solution, longest),
        longest_solution=min(longest, positions),
        assumption=found.assumption + told,
    )


def _usual(kind: TaskKind) -> Lengths:
    """What a kind's questions and solutions are like."""
    usual, longest = kind.lengths, CODE_TOKENS if kind.solutions == "programs" else ANSWER_TOKENS
    return Lengths(usual.prompt, usual.longest_prompt, usual.solution, longest, usual.steps, usual.told)


def _measured(task: TaskConfig, usual: Lengths) -> Lengths | None:
    """From the first rows of a JSON Lines file, and from what is `usual` where they do not tell. None where there is no
    such file, or nothing in it that can be read.
    """
    if not task.train_data or task.train_data.startswith("hub:"):
        return None
    questions: list[int] = []
    solutions: list[int] = []
    try:
        for line in islice(read_lines(user_path(task.train_data)), ROWS):
            row: Any = parse_json_text(line)
            questions.append(_characters(row, _QUESTION))
            solutions.append(_characters(row, _SOLUTION))
    except (InputError, ValueError, AttributeError):
        return None
    if not any(questions):
        return None
    # Instruction and layout around a question.
    frame = 35
    prompt = round(sum(questions) / len(questions) / CHARACTERS) + frame
    known = [count for count in solutions if count > CHARACTERS * 12]  # shorter ones are bare answers
    solution = round(sum(known) / len(known) / CHARACTERS) if known else usual.solution
    return Lengths(
        prompt=prompt,
        longest_prompt=round(max(questions) / CHARACTERS) + frame,
        solution=max(solution, 1),
        longest_solution=usual.longest_solution,
        steps=usual.steps,
        assumption=f"lengths of the first {len(questions)} rows of the file: {prompt} tokens per question, "
        f"{solution} per solution{'' if known else ' (assumed)'}, {CHARACTERS} characters per token",
    )


def _characters(row: Any, names: tuple[str, ...]) -> int:
    return next((len(row[name]) for name in names if isinstance(row.get(name), str)), 0)
