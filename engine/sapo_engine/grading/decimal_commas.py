r"""Commas that are decimal points: `3,5 kg`, `€3,50`, `3{,}5`, and in prose that gives one number `3,5`.

A comma parts a list or groups thousands unless it can be neither. Between digits without room, with any number of them
but three behind it and no other comma near, it groups nothing; no list has its unit or currency on one member alone
and no room, and none has the braces that LaTeX has around a comma within a number.
"""

from __future__ import annotations

import re

from sapo_engine.grading.unit_table import KNOWN

_IN_PROSE = re.compile(r"(?<![0-9.,(\[{_^])([0-9]+),([0-9]{1,2}|[0-9]{4,})(?![0-9]|[.,][0-9])")
_WITH_THOUSANDS = re.compile(r"(?<![0-9.,(\[{_^])([0-9]{1,3}(?:\.[0-9]{3})+),([0-9]{1,2})(?![0-9]|[.,][0-9])")
"""1.234,56"""
_UNIT = re.compile(r"[ ~]*(?:\\[ ,;:])*[ ~]*(?:\\(?:text|mathrm|mbox)\{ *)?(\\?%|[€£¥₹]|\\\$|\^ ?\{?\\circ|[A-Za-z]+)")
_SHORT = frozenset("mgshL")
_WORDS = frozenset(("percent", "degrees", "degree", "units"))


def with_points(line: str) -> str:
    """A line of prose with decimal points for the commas that can be nothing else where one number is asked for."""
    if "," not in line:
        return line
    line = _WITH_THOUSANDS.sub(lambda found: f"{found[1].replace('.', '')}.{found[2]}", line)
    return _IN_PROSE.sub(r"\1.\2", line)


def decimal_part(text: str, at: int, *, money: bool, alone: bool) -> tuple[str, int]:
    """The digits behind the decimal comma at `at`, and where they end; none where no such comma stands there.

    `money`: a currency stands before the number. `alone`: the text has no other comma, and this one is in no brackets,
    where it parts.
    """
    braced = text.startswith("{,}", at)
    begin = at + (3 if braced else 1)
    end = begin
    while end < len(text) and text[end] in "0123456789":
        end += 1
    if not (braced or text.startswith(",", at)) or end - begin in (0, 3):
        return "", at
    if not braced:
        if not alone or text[end : end + 1] == ".":
            return "", at
        unit = _UNIT.match(text, end)
        word = unit[1] if unit else ""
        counts = word in _WORDS or word in (KNOWN if len(word) > 1 else _SHORT)
        if not (money or counts or (word and not word.isalpha())):
            return "", at
    return text[begin:end], end
