r"""What stands before an equals sign: a name for the value behind it, or a part of an equation."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_engine.grading.expression_reader import expression_of
from sapo_engine.grading.expressions import CONSTANTS, Symbol
from sapo_engine.grading.notation import GREEK, Token, Unreadable
from sapo_engine.grading.pieces import CLOSERS, OPENERS, key_of_tokens, parted, split_by
from sapo_engine.grading.units import is_word

_FIGURES = frozenset((
    "angle", "triangle", "overline", "overrightarrow", "overleftrightarrow", "measuredangle", "widehat", "bar",
    "square",
))  # fmt: skip


def is_variable(tokens: Sequence[Token]) -> bool:
    """Whether tokens are one variable, with a subscript perhaps."""
    try:
        found = expression_of(tokens)
    except Unreadable:
        return False
    return isinstance(found, Symbol) and found.name not in CONSTANTS


def name_of(tokens: Sequence[Token]) -> str | None:
    r"""The name that tokens are, for what is behind the equals sign: `x`, `f(x)`, `(p, q)`, `AB`, `\text{Area}`."""
    key = key_of_tokens(tokens)
    if is_variable(tokens):
        return key
    first = tokens[0]
    ratio, _ = split_by(tokens, lambda token: token.kind == "sign" and token.text == ":")
    if len(ratio) > 1:
        return key if all(part and name_of(part) for part in ratio) else None
    if first.kind == "sign" and first.text in ("(", "[") and tokens[-1].text in (")", "]"):
        parts, _ = parted(tokens[1:-1], (",", ";"))
        return key if len(parts) > 1 and all(map(is_variable, parts)) else None
    if all(token.kind in ("text", "word") for token in tokens):
        corners = all(t.kind == "text" or (t.text.isupper() and len(t.text) <= 6) or is_word(t.text) for t in tokens)
        return key if corners else None
    if first.kind == "command" and first.text in _FIGURES:
        return key
    if (
        first.text == "|"
        and tokens[-1].text == "|"
        and all(t.kind == "word" and t.text.isupper() for t in tokens[1:-1])
    ):
        return key
    if first.kind == "command" and first.text == "frac" and _corners_or_derivative(tokens[1:]):
        return key
    if (
        first.kind == "command"
        and first.text in ("sin", "cos", "tan", "cot", "sec", "csc", "max", "min")
        and len(tokens) <= 6
    ):
        return key if not any(token.kind == "number" for token in tokens) else None
    return key if applied(tokens) is not None else None


def _corners_or_derivative(tokens: Sequence[Token]) -> bool:
    words = [token.text for token in tokens if token.text not in "{}"]
    return bool(words) and (
        all(word.isupper() and word.isalpha() for word in words)
        or (all(word.startswith("d") and word.isalpha() for word in words) and any(len(word) > 1 for word in words))
    )


def applied(tokens: Sequence[Token]) -> tuple[str, list[list[Token]]] | None:
    """The function and its arguments in `f(x)` or `P_2(x, y)`; None where tokens are no such thing."""
    if len(tokens) < 4 or tokens[-1].text != ")":
        return None
    opening = next((k for k, token in enumerate(tokens) if token.text == "("), 0)
    head = tokens[:opening]
    plain = bool(head) and ((head[0].kind == "word" and len(head[0].text) == 1) or head[0].text in GREEK)
    if not plain or any(
        t.text not in ("_", "{", "}", "'", "^") and t.kind not in ("word", "number", "sign") for t in head[1:]
    ):
        return None
    if head[0].kind == "command" and head[0].text == "pi":
        return None
    inverse = "".join(token.text for token in head[1:]) in ("^{-1}", "^-1")
    if len(head) > 1 and head[1].text not in ("_", "'") and not inverse:
        return None
    inside = tokens[opening + 1 : -1]
    depth = 0
    for token in inside:
        depth += (token.text in OPENERS) - (token.text in CLOSERS)
        if depth < 0:
            return None
    parts, _ = parted(inside, (",",))
    return key_of_tokens(head), parts


def bare_name(name: str) -> str:
    """A name without the braces and commands around its letters."""
    return "".join(char for char in name if char not in "\\{} ")
