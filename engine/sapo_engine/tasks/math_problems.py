r"""MATH: competition problems with an expression as the answer, in `\boxed{}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.grading.extract import boxed
from sapo_engine.tasks.datasets import text_field
from sapo_engine.tasks.kinds import Kind
from sapo_studio.errors import InputError

INSTRUCTION = r"Solve the problem step by step, one step a line. Put the final answer in \boxed{}."
HUB_TRAIN = "hub:nlile/hendrycks-MATH-benchmark:train"
HUB_TEST = "hub:HuggingFaceH4/MATH-500:test"

_PICTURE = re.compile(r"\[asy\].*?\[/asy\]", re.DOTALL)
_MATHS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\\\[.*?\\\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)\s+(?=[A-Z\\$\x00])")


def read(row: Mapping[str, Any], where: str) -> Problem:
    """A row with `problem`, `solution` and, if the solution has no box, `answer`."""
    solution = text_field(row, "solution", where, default="")
    answer = text_field(row, "answer", where, default="") or boxed(solution) or ""
    if not answer:
        raise InputError(f"{where}: there is no answer", why=r"Neither a field 'answer' nor a \boxed{} in 'solution'.")
    return Problem(
        id=str(row.get("unique_id", row.get("id", row.get("task_id", "")))) or where.rpartition(":")[2],
        question=text_field(row, "problem", where).strip(),
        solution=one_sentence_a_line(solution),
        answer=answer,
    )


def one_sentence_a_line(solution: str) -> str:
    """A solution as lines: formulas and environments stay whole, pictures go, each sentence is a line."""
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        kept.append(re.sub(r"\s*\n\s*", " ", match[0]))
        return f"\x00{len(kept) - 1}\x01"

    text = _MATHS.sub(hide, _PICTURE.sub("", solution))
    lines = [" ".join(sentence.split()) for part in text.split("\n\n") for sentence in _SENTENCE.split(part)]
    joined = "\n".join(line for line in lines if line)
    return re.sub(r"\x00(\d+)\x01", lambda match: kept[int(match[1])], joined)


KIND = Kind("math", read, INSTRUCTION, hub_train=HUB_TRAIN, hub_test=HUB_TEST)
