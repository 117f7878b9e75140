"""A question of the arithmetic lab that somebody has typed: what it comes to, change by change."""

from __future__ import annotations

import re

from sapo_engine.tasks.arithmetic import GAINS, LOSSES, calculate

_QUESTION = re.compile(
    r"[A-Za-z]+ has (\d{1,6}) [A-Za-z]+((?:, [a-z]+(?: \d{1,6})?)*)\."
    r" (?:How many\?|Packed in (\d{1,6})s, how many are left\?)"
)
_WORDS = {"doubles": ("*", 2), "triples": ("*", 3), "halves": ("/", 2)}


def amounts_of(text: str) -> tuple[int, ...] | None:
    """The amount at first and after each change, as the lab words its problems; None where this is not one of them, or
    an amount is no whole number or below zero."""
    found = _QUESTION.fullmatch(" ".join(text.split()))
    if found is None:
        return None
    amounts = [int(found[1])]
    changes = [_change(words.strip()) for words in found[2].split(",")[1:]]
    if found[3]:
        changes.append(("%", int(found[3])))
    for change in changes:
        after = None if change is None else calculate(amounts[-1], *change)
        if after is None or after < 0:
            return None
        amounts.append(after)
    return tuple(amounts)


def _change(words: str) -> tuple[str, int] | None:
    verb, _, number = words.partition(" ")
    if verb in _WORDS:
        return None if number else _WORDS[verb]
    sign = "+" if verb in GAINS else "-" if verb in LOSSES else ""
    return (sign, int(number)) if sign and number else None
