"""How long questions and solutions are, in tokens: measured where the questions are in a file here, else assumed."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sapo_studio.config.schema import TaskConfig
from sapo_studio.config.text_lengths import Lengths, as_asked, assumed_lengths
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.errors import InputError
from sapo_studio.files import parse_json_text, read_lines
from sapo_studio.paths import user_path

CHARACTERS = 3.6
"""Characters a token, for English with numbers in it and vocabularies of 30,000 to 250,000 entries."""
ROWS = 200
"""Rows of a file that are looked at."""


_QUESTION = ("question", "problem", "prompt", "text")
_SOLUTION = ("answer", "solution", "code", "canonical_solution")


def lengths(task: TaskConfig, positions: int = 1 << 20) -> Lengths:
    """What to reckon with for `task` and a model that takes `positions` tokens. A file of questions is looked into."""
    usual = assumed_lengths(task)
    return as_asked(task, _measured(task, usual) or usual, positions)


def _measured(task: TaskConfig, usual: Lengths) -> Lengths | None:
    """From the first rows of a JSON Lines file, and from what is `usual` where they do not tell. None where there is no
    such file, or nothing in it that can be read.
    """
    if task.kind == LAB or not task.train_data or task.train_data.startswith("hub:"):
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
