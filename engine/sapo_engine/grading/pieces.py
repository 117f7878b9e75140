"""Tokens in pieces: the members of a list, the sides of a relation, what is in brackets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sapo_engine.grading.notation import Token

OPENERS = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "⟨": "⟩"}
CLOSERS = frozenset(OPENERS.values())
_ENDS = frozenset((".", ",", ";", ":"))


def key_of_tokens(tokens: Sequence[Token]) -> str:
    """The signs of tokens; braces around a single one are left out."""
    keys = [token.key for token in tokens]
    signs = [token.text if token.kind == "sign" else "" for token in tokens]
    for index in range(1, len(tokens) - 1):
        if signs[index - 1] == "{" and signs[index + 1] == "}" and signs[index] not in ("{", "}"):
            keys[index - 1] = keys[index + 1] = ""
    return "".join(keys)


def trimmed(tokens: list[Token]) -> list[Token]:
    """Without the stop at the end of a sentence (three of them are more than that)."""
    end = len(tokens)
    while end and tokens[end - 1].kind == "sign" and tokens[end - 1].text in _ENDS:
        if end > 1 and tokens[end - 1].text == "." and tokens[end - 2].text == ".":
            break
        end -= 1
    return tokens[:end]


def _joint(token: Token) -> str:
    """`and` or `or` where a token says nothing else; empty otherwise."""
    if token.kind in ("text", "word", "command"):
        word = token.text.strip(" ,;.\u00a0").lower()
        return word if word in ("and", "or") else ""
    return "and" if token.kind == "sign" and token.text == "&" else ""


def parted(tokens: Sequence[Token], separators: tuple[str, ...]) -> tuple[list[list[Token]], str]:
    """Pieces outside all brackets, and what parts them."""
    pieces: list[list[Token]] = [[]]
    depth, joined = 0, ","
    for token in tokens:
        if token.kind == "sign" and token.text in OPENERS:
            depth += 1
        elif token.kind == "sign" and token.text in CLOSERS:
            depth -= 1
        if not depth and ((token.kind == "sign" and token.text in separators) or _joint(token)):
            joined = _joint(token) or joined
            if pieces[-1]:
                pieces.append([])
            continue
        pieces[-1].append(token)
    return [piece for piece in pieces if piece], joined


def pieces_of(tokens: Sequence[Token]) -> tuple[list[list[Token]], str]:
    """The members of a list, and what stands between them. `p = 5, q = 2 and p = 7, q = 2` are two pairs."""
    if len(pieces := split_by(tokens, lambda token: token.kind == "sign" and token.text == ";")[0]) > 1:
        return [piece for piece in pieces if piece], ","
    groups, joined = parted(tokens, ())
    sizes = {len(parted(group, (",",))[0]) for group in groups}
    if len(groups) > 1 and sizes == {2} and all(any(token.text == "=" for token in group) for group in groups):
        return groups, joined
    return parted(tokens, (",",))


def split_by(tokens: Sequence[Token], at: Callable[[Token], bool]) -> tuple[list[list[Token]], list[Token]]:
    """Tokens parted outside all brackets where `at` says so, and what parted them."""
    parts: list[list[Token]] = [[]]
    between: list[Token] = []
    depth = 0
    for token in tokens:
        if token.kind == "sign":
            depth += (token.text in OPENERS) - (token.text in CLOSERS)
        if not depth and at(token):
            parts.append([])
            between.append(token)
        else:
            parts[-1].append(token)
    return parts, between


def closes_last(tokens: Sequence[Token]) -> bool:
    """Whether the bracket that opens first closes last."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "sign":
            depth += (token.text in OPENERS) - (token.text in CLOSERS)
            if not depth:
                return index == len(tokens) - 1
    return False
