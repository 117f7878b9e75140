r"""MATH: competition problems with an expression as the answer, in `\boxed{}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sapo_engine.grading.base import Problem
from sapo_engine.grading.extract import boxed_answer
from sapo_engine.tasks.datasets import text_field
from sapo_engine.tasks.kinds import Kind
from sapo_studio.errors import InputError

INSTRUCTION = r"Solve the problem step by step, one step a line. Put the final answer in \boxed{}."
HUB_TRAIN = "hub:nlile/hendrycks-MATH-benchmark:train"
HUB_TEST = "hub:HuggingFaceH4/MATH-500:test"

_SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)\s+(?=[A-Z\\$\x00])")
_PICTURE = ("[asy]", "[/asy]")
LONGEST_NAME = 40
"""Characters of an environment's name and the command before it."""
_FORMULAS = (("$$", "$$"), ("$", "$"), ("\\[", "\\]"))


def read(row: Mapping[str, Any], where: str) -> Problem:
    """A row with `problem`, `solution` and, if the solution has no box, `answer`."""
    solution = text_field(row, "solution", where, default="")
    answer = text_field(row, "answer", where, default="") or boxed_answer(solution) or ""
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
    parts: list[str] = []
    for text, formula in _formulas_in(_without_pictures(solution.replace("\x00", "").replace("\x01", ""))):
        if formula:
            parts.append(f"\x00{len(kept)}\x01")
            kept.append(" ".join(line.strip() for line in text.split("\n") if line.strip()))
        else:
            parts.append(text)
    text = "".join(parts)
    lines = [" ".join(sentence.split()) for part in text.split("\n\n") for sentence in _SENTENCE.split(part)]
    joined = "\n".join(line for line in lines if line)
    return re.sub(r"\x00([0-9]+)\x01", lambda match: kept[int(match[1])], joined)


def _without_pictures(text: str) -> str:
    out: list[str] = []
    at = 0
    while (begin := text.find(_PICTURE[0], at)) >= 0 and (end := text.find(_PICTURE[1], begin)) >= 0:
        out.append(text[at:begin])
        at = end + len(_PICTURE[1])
    return "".join((*out, text[at:]))


def _formulas_in(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text in order, and whether each is a formula. One whose end is missing is none."""
    missing: set[str] = set()
    at = begin = 0
    while begin < len(text):
        closer = _closer(text, begin, missing)
        if closer is None:
            begin += 1
            continue
        opener_length = 1 if closer == "$" else 2
        end = text.find(closer, begin + opener_length)
        if end < 0:
            missing.add(closer)
            continue
        end += len(closer)
        yield text[at:begin], False
        yield text[begin:end], True
        at = begin = end
    yield text[at:], False


def _closer(text: str, begin: int, missing: set[str]) -> str | None:
    """What ends the formula that begins at `begin`; None where none does."""
    if text[begin] == "\\" and text.startswith("\\begin{", begin):
        end = text.find("}", begin, begin + LONGEST_NAME)
        name = text[begin + 7 : end] if end > 0 else ""
        closer = f"\\end{{{name}}}"
        return closer if name.rstrip("*").isalnum() and closer not in missing else None
    for opener, closer in _FORMULAS:
        if text.startswith(opener, begin) and closer not in missing:
            return closer
    return None


KIND = Kind("math", read, INSTRUCTION, hub_train=HUB_TRAIN, hub_test=HUB_TEST)
