r"""Finding the final answer in a written solution.

A model writes what it likes, so everything here goes over a text a fixed number of times: no regular expression that
could backtrack, no search that begins again at every character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from sapo_engine.grading.equality import PLAIN_NUMBER, equal_here, is_read
from sapo_engine.grading.exact import HERE, TooHard, Undefined, value_of
from sapo_engine.grading.expressions import symbols_of
from sapo_engine.grading.first_answer import answer_part
from sapo_engine.grading.notation import LONGEST as LONGEST_ANSWER
from sapo_engine.grading.notation import Unreadable, group, in_ascii
from sapo_engine.grading.numbers_in_text import DIGITS, FARTHEST, first_number, last_number
from sapo_engine.grading.reading import read
from sapo_engine.grading.said import Numeral, Ratio, Scalar
from sapo_engine.grading.units import is_word

MARK = "####"
LONGEST = 20_000
"""Characters of a solution that are looked at, from its end: an answer stands there."""
MOST_COMPOUND = 60
"""Characters of one quantity in several units."""
MOST_SAID = 10
MOST_BOXES = 20
"""Characters between "the answer" and the word that says what it is."""

_BOX = re.compile(r"\\(?:boxed|fbox)")
_IN_UNITS = re.compile(r"[0-9][0-9.,]* [A-Za-z]+(?:,? (?:and )?[0-9][0-9.,]* [A-Za-z]+)+")
_VERBS = (" is", " are", ":", "=", " equals", " was", " be")
_REASONS = ("because", "since", "as", "which", "so", "where", "for", "i.e", "that", "from", "the")


def boxes(text: str) -> list[str]:
    r"""What is in the last `\boxed{...}`, and in those before it with only "and", "or" or a comma between them."""
    contents: list[str] = []
    begin_of_last = len(text)
    if "boxed" not in text and "\\fbox" not in text:
        return []
    for match in reversed(list(_BOX.finditer(text))[-MOST_BOXES:]):
        content, end = _box_at(text, match.start())
        if content is None:
            break
        if contents and end > begin_of_last:
            continue  # a box in a box
        if contents and not _joins(text[end:begin_of_last]):
            break
        contents.append(content)
        begin_of_last = match.start()
    return list(dict.fromkeys(reversed(contents)))


def boxed_answer(text: str) -> str | None:
    """The answer in the last box, or in several side by side; None where there is none, empty where the last one is
    not closed (the text was cut off in it).
    """
    found = boxes(text)
    if not found:
        return "" if "\\boxed{" in text else None
    return ", ".join(found)


def _joins(between: str) -> bool:
    """Whether what stands between two boxes makes one answer of them."""
    if len(between) > 40 or "\n\n" in between:
        return False
    for layout in ("\\quad", "\\text", "\\;", "\\,", "\\ ", "\\(", "\\)", "$", "{", "}"):
        between = between.replace(layout, " ")
    words = between.replace(",", " , ").lower().split()
    return words in (["and"], ["or"], [","], [",", "and"], [",", "or"])


def _box_at(text: str, at: int) -> tuple[str | None, int]:
    begin = at + (6 if text.startswith("\\boxed", at) else 5)
    while begin < len(text) and text[begin] in " \t\n":
        begin += 1
    if begin < len(text) and text[begin] == "{":
        try:
            content, end = group(text, begin)
        except Unreadable:
            return None, len(text)
        return content.strip(), end
    end = begin
    while end < len(text) and not text[end].isspace() and text[end] != "$":
        end += 1
    return (text[begin:end].rstrip(".,") or None), end


def _marked(text: str) -> Iterator[str]:
    """The lines behind the marks, the last one first. An empty line gives what the next one says."""
    end = len(text)
    while (at := text.rfind(MARK, 0, end)) >= 0:
        tail = text[at + len(MARK) : end].lstrip("#")
        for line in tail.split("\n", 3)[:3]:
            if line.strip():
                yield line.strip()
                break
        end = at


def _said(text: str) -> Iterator[str]:
    """What stands behind "the answer is", the last one first."""
    low = text.lower()
    ends = sorted(at + len(word) for word in ("answer", "result") for at in _places(low, word))
    for end in reversed(ends[-MOST_SAID:]):
        if len(low) == len(text) and (clause := _clause(text, end)):
            yield clause


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _clause(text: str, at: int) -> str:
    """The rest of the sentence behind "the answer": what is said of it. Empty where nothing is."""
    line = text[at : at + FARTHEST].split("\n", 1)[0]
    begin = at + len(line)
    if line.strip(" *_#:"):
        length = _until_said(line)
        if length is None:
            return ""
        begin = at + length
    while begin < len(text) and (text[begin].isspace() or text[begin] in ":=*"):
        begin += 1
    return _sentence(text[begin : begin + LONGEST_ANSWER])


def _until_said(line: str) -> int | None:
    """How far the word is that says what the answer is; None where there is no such word, or a number before it."""
    if line[:1].isalpha() and line[:2] not in ("s ", "s:"):
        return None
    found: list[int] = []
    for mark in _VERBS:
        begin = line.find(mark)
        end = begin + len(mark)
        if begin >= 0 and not (mark[-1].isalpha() and line[end : end + 1].isalpha()):
            found.append(end)
    if not found or any(char in DIGITS for char in line[: min(found)]):
        return None
    return min(found)


def _sentence(text: str) -> str:
    """A text up to the end of its sentence: a line break, or a stop with room behind it. An exclamation mark ends one
    where nothing or a capital follows, outside of a formula: `The answer is 3!` says 3, `$3!$` and `3! = 6` say 6."""
    line = text.split("\n", 1)[0]
    at = 0
    while (at := line.find("!", at)) >= 0:
        behind = line[at + 1 :].lstrip()
        if line.count("$", 0, at) % 2 == 0 and (not behind or (line[at + 1] == " " and behind[0].isupper())):
            line = line[:at]
            break
        at += 1
    at = 0
    while (at := line.find(".", at)) >= 0:
        if line[at + 1 : at + 2] in ("", " ") and not line[: at + 1].lower().endswith(
            (" p.m.", " a.m.", " ft.", " in.", " sq.")
        ):
            return line[:at].strip()
        at += 1
    return line.strip()


def _result(clause: str) -> str:
    """What a sentence comes to: behind its last `=`, and before a remark in brackets or a reason."""
    clause = clause.split(" (")[0] if " (" in clause and clause.find(" (") and not clause.startswith("(") else clause
    for reason in _REASONS:
        clause = clause.split(f" {reason} ")[0] if clause.split(f" {reason} ")[0].strip() else clause
    return clause


def _behind_equals(clause: str) -> str:
    """Behind the last `=` that is no part of another sign."""
    at = len(clause)
    while (at := clause.rfind("=", 0, at)) >= 0:
        if clause[at - 1 : at] not in ("<", ">", "!", "\\") and clause[at + 1 :].strip():
            return clause[at + 1 :].strip()
    return clause


def _formulas(text: str) -> list[str]:
    r"""What stands between dollar signs, `\( \)` or `\[ \]`, in order."""
    found: list[str] = []
    at = 0
    while at < len(text):
        opening = min(
            (k for k in (text.find("$", at), text.find("\\(", at), text.find("\\[", at)) if k >= 0), default=-1
        )
        if opening < 0:
            break
        opener = (
            "$$"
            if text.startswith("$$", opening)
            else text[opening]
            if text[opening] == "$"
            else text[opening : opening + 2]
        )
        closer = {"\\(": "\\)", "\\[": "\\]"}.get(opener, opener)
        end = text.find(closer, opening + len(opener))
        if end < 0:
            break
        inner = text[opening + len(opener) : end].strip()
        if inner:
            found.append(inner)
        at = end + len(closer)
    return found


def final_number(text: str) -> str:
    """The answer of a school problem: behind `####`, in a box, after "the answer is", else the last number."""
    # The usual case, told fast: a number behind the only mark ends the text, and before it there is no box, no "the
    # answer is" and no thought, so that nothing there can be an answer.
    before, mark, behind = text.rpartition(MARK)
    number = behind.strip()
    plain = mark and ((number.isdigit() and number.isascii()) or PLAIN_NUMBER.fullmatch(number))
    if plain and not ("#" in before or "\\" in before or "nswer" in before or "think>" in before):
        return number
    text = answer_part(text)[-LONGEST:]
    marked = False
    for line in _marked(text):
        marked = True
        if number := _compound(line) or first_number(_after_calculation(line)):
            return number
    if (found := boxed_answer(text)) is not None:
        return first_number(found) if _is_prose(found) else _tidy(found)
    for clause in _said(text):
        if clause.lower().startswith("not "):
            text = text.replace(clause, "", 1)  # what is said not to be the answer
        elif number := _compound(clause) or first_number(_behind_equals(_result(clause))):
            return number
    return "" if marked else last_number(text)


def _compound(line: str) -> str:
    """A line that is one quantity in several units, `7 hours 30 minutes`, which is not its first number; else empty."""
    quantity = line.strip().rstrip(".")
    if len(quantity) > MOST_COMPOUND or not _IN_UNITS.fullmatch(quantity):
        return ""
    said = read(quantity)
    return quantity if isinstance(said, Scalar) and said.unit.dimensions else ""


def _after_calculation(line: str) -> str:
    """Behind the `=` where all before it is one calculation; 60 minutes = 1 hour is 60."""
    before, equals, after = line.rpartition("=")
    if not equals or not after.strip():
        return line
    sides = [read(side) for side in before[:LONGEST_ANSWER].split("=")]
    calculated = all(
        isinstance(side, Scalar) and not side.unit.dimensions and not symbols_of(side.value) for side in sides
    )
    return after if calculated else line


def final_expression(text: str) -> str:
    r"""The answer of a MATH problem: in the last box, behind `####`, after "the answer is", else the last formula."""
    text = answer_part(text)[-LONGEST:]
    if (found := boxed_answer(text)) is not None:
        return found
    lines = list(_marked(text))
    if lines:
        chosen = next(
            (line for line in lines if any(char in DIGITS for char in in_ascii(line[:LONGEST_ANSWER]))), lines[0]
        )
        return _without_remark(_tidy(chosen))
    clauses = list(_said(text))
    for clause in clauses:
        if found := _of_clause(clause):
            return found
    if clauses:
        return _tidy(clauses[0])
    formulas = _formulas(text)
    if len(formulas) > 1 and text.rpartition(formulas[-1])[0].rstrip(" $").endswith(" or"):
        return f"{formulas[-2]}, {formulas[-1]}"
    return formulas[-1] if formulas else last_number(text)


def _of_clause(clause: str) -> str:
    """The expression that a sentence gives as the answer; empty where it gives none."""
    formulas = _formulas(clause)
    short = _tidy(_result(clause))
    if is_read(short) and not _is_prose(short):
        return short
    if formulas:
        outside = clause
        for formula in formulas:
            outside = outside.replace(formula, "")
        words = "".join(c if c.isalpha() else " " for c in outside).lower().split()
        if len(formulas) > 1 and all(word in ("and", "or") for word in words):
            return ", ".join(formulas)
        return formulas[-1] if not words or words[-1] in ("is", "are") or len(formulas) == 1 else formulas[0]
    behind = _tidy(_behind_equals(short))
    if behind != short and is_read(behind) and not _is_prose(behind):
        return behind
    for verb in (" is ", " are ", " equals "):
        tail = _tidy(short.rpartition(verb)[2]) if verb in short else ""
        if tail and is_read(tail) and any(char in DIGITS for char in tail):
            return tail
    return first_number(short) if any(char in DIGITS for char in in_ascii(short)) else ""


def _without_remark(line: str) -> str:
    """Without what is said of a number behind it: `10 (8 + 2)`, `7 apples and some pears`, `60 minutes = 1 hour`."""
    at = line.find(" (")
    if at > 0 and line.rstrip().endswith(")"):
        before, inside = line[:at].strip(), line[at + 2 :].rstrip()[:-1]
        found = read(before)
        number = isinstance(found, Scalar | Numeral | Ratio) and not (
            isinstance(found, Scalar) and symbols_of(found.value)
        )
        if number and (any(map(is_word, inside.split())) or "=" in inside or equal_here(inside, before)):
            return before
    if _is_prose(line) and not is_read(line):
        begins = in_ascii(line).lstrip(" $-+.€£")[:1]
        if begins in DIGITS and (number := first_number(line)) and _value(number) is not None:
            return number
    return line


def _value(number: str) -> Fraction | None:
    found = read(number)
    try:
        return value_of(found.value, HERE) if isinstance(found, Scalar) else None
    except (TooHard, Undefined):
        return None


def _is_prose(text: str) -> bool:
    """Whether there are words in a text that are no commands."""
    word = ""
    for at, char in enumerate(f"{text} "):
        if char.isalpha():
            word += char
            continue
        command = at > len(word) and text[at - len(word) - 1] in "\\{"
        if word and not command and (is_word(word) or word.lower() in ("is", "the", "of", "and", "or")):
            return True
        word = ""
    return False


def _tidy(answer: str) -> str:
    answer = answer.strip()
    for mark in ("**", "*", "`"):
        answer = answer.strip().removeprefix(mark).removesuffix(mark)
    answer = answer.strip()
    if answer.endswith(".") and not answer.endswith(".."):
        answer = answer[:-1].rstrip()
    if answer.startswith("$") and answer.endswith("$") and answer.count("$") == 2 and len(answer) > 2:
        answer = answer[1:-1].strip()
    return answer


def number_of(answer: str) -> Fraction | None:
    """The number that `answer` is, units and thousands separators left out; None where it is not one number."""
    return _value(answer)
