r"""Numbers in prose: where one begins, how far it goes, and whether it is one at all.

Everything goes through a text once, from left to right.
"""

from __future__ import annotations

import re

from sapo_engine.grading.decimal_commas import with_points
from sapo_engine.grading.notation import Unreadable, group, in_ascii
from sapo_engine.grading.number_words import number_in_words
from sapo_engine.grading.units import CHANGED, KNOWN, is_word

FARTHEST = 200
"""Characters that one number may have."""
DIGITS = frozenset("0123456789")
_BEGINNING = re.compile(r"[0-9]|\.(?=[0-9])|\\[dtc]?frac")
_OPERATORS = ("\\times", "\\cdot", "\\div")
_SCALES = frozenset(("hundred", "thousand", "million", "billion", "trillion", "dozen"))
_CHANGED = CHANGED | {"squared", "cubed", "x", "y", "z"}
"""Behind a number these make it another one, or none: `2 thirds`, `5 squared`, `5 x`."""
_LIMITS = frozenset(("than", "least", "most", "not"))
"""Before a number these say that it is not the answer: `more than 5`."""
_OR_OTHERS = ("or more", "or less", "or fewer")
_HALVES = ("and a half", "and one half", "and one-half")
_ORDINALS = ("st", "nd", "rd", "th")
_SHORT_UNITS = frozenset("mgshlL")
"""In a school problem no letter stands for a number."""


def first_number(text: str) -> str:
    r"""The first number in a line, as it is written: with its sign, fraction or mixed part, power or sum.

    Empty where there is none, and where what stands there is no definite number (`20-ish`). A number with a letter on
    it (`3x`) is given with the letter: it is not that number.
    """
    text = with_points(in_ascii(text))
    begin = _number_begins(text, 0)
    if begin is None:
        number = number_in_words(text[:FARTHEST].strip(" .*").lower())
        return "" if number is None else str(number)
    if _run(text[max(0, begin - FARTHEST) : begin].rstrip(" $")[::-1])[::-1].lower() in _LIMITS:
        return ""
    end = _calculation_ends(text, begin, _number_ends(text, begin))
    found = text[_with_sign(text, begin) : end]
    rest = text[end:]
    if word := _run(rest):
        return found if _counts(word) else found + word
    if rest[:1] == "-" and rest[1:2].isalnum():
        return ""
    if rest[:1] == "_":
        return found + rest.split()[0].rstrip(".,")
    if rest[:1] == "." and rest[1:2] in DIGITS:
        return ""
    return found + _further(rest)


def last_number(text: str) -> str:
    """The last number in a text. Empty where it is one of several that are offered (`3, 4 or 5`)."""
    end = len(text)
    while end > 0:
        begin = text.rfind("\n", 0, end) + 1
        line = with_points(in_ascii(text[begin:end]))
        if (first := _number_begins(line, 0)) is not None:
            return _last_in(line, first)
        end = begin - 1
    return ""


def _last_in(line: str, begin: int) -> str:
    found, end_of_last, offered = "", 0, False
    next_one: int | None = begin
    while next_one is not None:
        end = _number_ends(line, next_one)
        between = line[end_of_last:next_one].strip().lower() if found else "."
        offered = between in ("or", ", or") or (offered and between == ",")
        found, end_of_last = line[_with_sign(line, next_one) : end], end
        next_one = _number_begins(line, max(end, next_one + 1))
    word = _run(line[end_of_last : end_of_last + FARTHEST])
    if word and not _counts(word):
        found += word
    return "" if offered else found


def _counts(word: str) -> bool:
    """Whether letters on a number are a unit, an ordinal's ending or a word: the number is a number still."""
    unit = word in KNOWN if len(word) > 1 else word in _SHORT_UNITS
    return unit or word.lower() in _ORDINALS or word.lower() in ("pct", "percent") or is_word(word)


def _number_begins(text: str, at: int) -> int | None:
    r"""Where the next number begins: a digit that belongs to no word, or `\frac`."""
    while (match := _BEGINNING.search(text, at)) is not None:
        at = match.start()
        before = text[at - 1] if at else ""
        if text[at] == "\\" or not (before.isalpha() or before in DIGITS or before == "_") or _after_command(text, at):
            return at
        at += 1
        while at < len(text) and (text[at] in DIGITS or text[at].isalpha()):
            at += 1
    return None


def _after_command(text: str, at: int) -> bool:
    """Whether the letters before are a LaTeX command."""
    begin = at
    while begin and text[begin - 1].isalpha():
        begin -= 1
    return begin > 0 and text[begin - 1] == "\\"


def _number_ends(text: str, at: int) -> int:
    """Where a number ends: thousands, a decimal part, a fraction or mixed part, an exponent."""
    if text[at] == "\\":
        return _fraction_ends(text, at)
    end = _digits(text, at)
    if 1 <= end - at <= 3:
        end = _groups(text, end)
    if text[end : end + 1] == "." and text[end + 1 : end + 2] in DIGITS:
        end = _digits(text, end + 1)
    if text[end : end + 1] in ("e", "E"):
        stop = end + 1 + (text[end + 1 : end + 2] in ("+", "-") and len(text) > end + 1)
        if (after := _digits(text, stop)) > stop and not text[after : after + 1].isalpha():
            return after
    mixed = end
    while text[mixed : mixed + 1] in (" ", "~"):
        mixed += 1
    if text[mixed : mixed + 1] == "\\" and text[mixed + 1 : mixed + 6].lstrip("dtc").startswith("frac"):
        return _fraction_ends(text, mixed)
    top = _digits(text, mixed)
    bottom = _digits(text, top + 1) if mixed > end and text[top : top + 1] == "/" else 0
    return bottom if top > mixed and bottom > top + 1 else end


def _fraction_ends(text: str, at: int) -> int:
    near = text[at : at + FARTHEST]
    end = near.find("frac") + 4
    try:
        for _ in range(2):
            _, end = group(near, end)
    except Unreadable:
        return at + 1
    return at + end


def _groups(text: str, end: int) -> int:
    """Where groups of thousands end: `1,234`, `1 234`, `1,\\!234`, `1{,}234`."""
    kind = ""
    while True:
        for separator in (",\\!", "{,}", ",", "\\,", " ", "~", "'"):
            at = end + len(separator)
            if text.startswith(separator, end) and _digits(text, at) == at + 3 and kind in ("", separator):
                break
        else:
            return end
        after = text[at + 3 : at + 4]
        if separator == " " and after == "/":
            return end
        kind, end = separator, at + 3


def _digits(text: str, at: int) -> int:
    while at < len(text) and text[at] in DIGITS:
        at += 1
    return at


def _run(text: str) -> str:
    end = 0
    while end < len(text) and text[end].isalpha():
        end += 1
    return text[:end]


def _with_sign(text: str, begin: int) -> int:
    """Where a number begins with its sign: one that does not stand between two numbers."""
    at = begin
    while at and text[at - 1] in "$€£¥ ":
        at -= 1
    if at and text[at - 1] in "+-":
        before = text[: at - 1].rstrip()[-1:] if at < 40 else text[max(0, at - 40) : at - 1].rstrip()[-1:]
        spaced = text[at : at + 1] == " " and before.isalnum()
        if not (before in DIGITS or before == ")" or (before.isalpha() and (spaced or text[at - 2 : at - 1] != " "))):
            return at - 1
    return begin


def _calculation_ends(text: str, begin: int, end: int) -> int:
    """Where a calculation ends that a number begins: `5 + 3`, `2^10`, `3 * 4 = 12` (its result is what counts)."""
    while True:
        at = end
        while text[at : at + 1] == " ":
            at += 1
        command = next((name for name in _OPERATORS if text.startswith(name, at)), "")
        times = text[at : at + 1] == "x" and text[at + 1 : at + FARTHEST].lstrip(" ")[:1] in DIGITS
        operator = "*" if command or times else text[at : at + 1]
        if operator == "!" and text[at + 1 : at + 2] != "=":
            end = at + 1
            continue
        if not operator or operator not in "+-*/^":
            return end
        at += len(command) or 1 + text.startswith("**", at)
        while text[at : at + 1] == " ":
            at += 1
        if text[at : at + 1] in ("(", "{"):
            closer = ")" if text[at] == "(" else "}"
            close = text.find(closer, at, at + FARTHEST)
            if close < 0 or any(char.isalpha() for char in text[at:close]):
                return end
            end = close + 1
            continue
        at += text[at : at + 1] == "-"
        if text[at : at + 1] not in DIGITS:
            return end
        after = _number_ends(text, at)
        if text[after : after + 1].isalpha() or (operator == "-" and text[after : after + 1] == "-"):
            return end
        end = after


def _further(rest: str) -> str:
    """What follows a number and makes it another answer: `:30`, ` or 4`, `, 5`, ` million`; a percent sign."""
    if rest[:1] == ":" and rest[1:2] in DIGITS:
        return rest[: _digits(rest, 1)]
    if rest[:2] == "\\%" or rest[:1] == "%":
        return "%"
    bare = rest.lstrip(" ")
    if bare.startswith(_HALVES):
        return " 1/2"
    if (word := _run(bare).lower()) in _SCALES or word in _CHANGED:
        return f" {word}"
    if bare.startswith(_OR_OTHERS):
        return f" or {bare.split()[1]}"
    for joint in ("or ", "and ", ","):
        if bare.startswith(joint):
            after = bare[len(joint) :].lstrip(" $-")
            if after[:1] in DIGITS:
                end = _number_ends(after, 0)
                following = after[end : end + 2].strip()
                return f", {after[:end]}" if not following[:1].isalpha() or joint == "or " else ""
    return ""
