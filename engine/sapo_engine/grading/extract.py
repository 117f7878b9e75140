"""Finding the final answer in a written solution, and telling equal answers at a glance."""

from __future__ import annotations

import re
from fractions import Fraction

MARK = "####"
LONGEST = 20_000
"""Characters of a solution that are looked at, from its end: an answer stands there."""

_NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:\s*/\s*\d+)?"
_SAID = re.compile(r"(?:answer|result)\s*(?:is|:|=)\s*[:=]?\s*\**\s*(.+)", re.IGNORECASE)
_UNITS = re.compile(r"\\(?:text|mathrm|textbf|mbox)\s*\{[^{}]*\}|\\[,;:! ]|[$€£%]|\\%|\\\$|\\left|\\right")


def boxed(text: str) -> str | None:
    r"""What is in the last `\boxed{...}`, with braces inside it balanced; None where there is none."""
    at = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if at < 0:
        return None
    begin = text.find("{", at)
    if begin < 0 or text[at:begin].strip() not in ("\\boxed", "\\fbox"):
        rest = text[at:].split(maxsplit=1)
        return rest[1].split("$")[0].strip() if len(rest) > 1 else None
    depth = 0
    for index in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[begin + 1 : index].strip()
    return None


def final_number(text: str) -> str:
    """The answer of a school problem: behind `####`, in a box, after "the answer is", else the last number."""
    text = text[-LONGEST:]
    if MARK in text:
        return _tidy(text.rpartition(MARK)[2].strip().split("\n")[0])
    if (found := boxed(text)) is not None:
        return _tidy(found)
    if said := list(_SAID.finditer(text)):
        numbers = re.findall(_NUMBER, said[-1][1])
        if numbers:
            return _tidy(numbers[0])
    numbers = re.findall(_NUMBER, text)
    return _tidy(numbers[-1]) if numbers else ""


def final_expression(text: str) -> str:
    r"""The answer of a MATH problem: in the last box, behind `####`, after "the answer is", else the last formula."""
    text = text[-LONGEST:]
    if (found := boxed(text)) is not None:
        return found
    if MARK in text:
        return text.rpartition(MARK)[2].strip().split("\n")[0]
    if said := list(_SAID.finditer(text)):
        return said[-1][1].strip().rstrip(".").strip("$* ")
    formulas = re.findall(r"\$([^$]+)\$", text)
    if formulas:
        return formulas[-1].strip()
    numbers = re.findall(_NUMBER, text)
    return _tidy(numbers[-1]) if numbers else ""


def _tidy(answer: str) -> str:
    return answer.strip().rstrip(".").strip()


def number_of(answer: str) -> Fraction | None:
    """The number that `answer` is, units and thousands separators left out; None where it is not one number."""
    text = _UNITS.sub("", answer[:200]).replace(" ", " ").strip()
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}", r"\1/\2", text).rstrip(".").strip()
    match = re.fullmatch(rf"({_NUMBER})(?:\s*[A-Za-z][A-Za-z .\-/]*)?", text)
    if match is None:
        return None
    try:
        return Fraction(match[1].replace(",", "").replace(" ", "").rstrip("."))
    except (ValueError, ZeroDivisionError):
        return None


def plainly(answer: str) -> str:
    """`answer` without what does not matter: spaces, dollar signs, sizes of brackets, a final dot."""
    text = re.sub(r"\\left|\\right|\\!|\\,|\\;|\s|\$", "", answer)
    return text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").rstrip(".")


def same_at_a_glance(answer: str, reference: str) -> bool | None:
    """Whether two answers are equal, None where that takes mathematics to tell."""
    if not answer:
        return False
    if plainly(answer) == plainly(reference):
        return True
    left, right = number_of(answer), number_of(reference)
    return left == right if left is not None and right is not None else None
