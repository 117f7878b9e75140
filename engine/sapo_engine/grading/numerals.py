r"""Digits in a base: `204_5`, `2F_{16}`, `110 base 2`."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_engine.grading.notation import Token
from sapo_engine.grading.said import Numeral

_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
          "eleven": 11, "twelve": 12, "sixteen": 16}  # fmt: skip


def numeral_of(tokens: Sequence[Token]) -> Numeral | None:
    """`204_5`, `1011_{\text{two}}`, `2F_{16}`, `(110)_2`, `110 base 2`."""
    digits = ""
    index = 0
    bracketed = tokens[0].text == "("
    if bracketed:
        index = 1
    while index < len(tokens) and tokens[index].kind in ("number", "word", "text"):
        token = tokens[index]
        if token.kind != "number" and (not token.text.isalnum() or not token.text.isupper()):
            break
        if token.kind == "number" and token.places is not None:
            return None
        digits += token.text
        index += 1
    if bracketed:
        if index >= len(tokens) or tokens[index].text != ")":
            return None
        index += 1
    rest = tokens[index:]
    if not digits or len(rest) < 1:
        return None
    if not digits[0].isdigit() and not any(char.isdigit() for char in digits) and len(digits) < 2:
        return None
    base = _base(rest)
    if base is None or (base <= 10 and not digits.isdigit()):
        return None
    return Numeral(digits.lstrip("0") or "0", base)


def _base(rest: Sequence[Token]) -> int | None:
    inner = [token for token in rest if not (token.kind == "sign" and token.text in "{}()")]
    if rest[0].kind == "sign" and rest[0].text == "_":
        inner = inner[1:]
        words = [token.text.lower().replace("base", "").strip() for token in inner]
    else:
        words = [word for token in inner for word in token.text.lower().split()]
        if not words or words[0] != "base":
            return None
        words = words[1:]
    words = [word for word in words if word]
    if len(words) != 1:
        return None
    base = _BASES.get(words[0], int(words[0]) if words[0].isdigit() and len(words[0]) < 3 else 0)
    return base if 2 <= base <= 36 else None
