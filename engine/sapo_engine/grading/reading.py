r"""A written answer as what it says: a number, a list, a point, an interval, an equation, a choice, words.

`read` never fails: what is no mathematics as a whole is a `Raw`, which is equal to nothing but the same signs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from sapo_engine.grading.exact import HERE, TooHard, Undefined, value_of
from sapo_engine.grading.expression_reader import expression_of
from sapo_engine.grading.expressions import Expression, Number, Symbol, multiplied, negative, symbols_of
from sapo_engine.grading.names import applied, is_variable, name_of
from sapo_engine.grading.notation import Token, Unreadable, in_ascii, tokens_of
from sapo_engine.grading.numerals import numeral_of
from sapo_engine.grading.pieces import (
    CLOSERS,
    OPENERS,
    closes_last,
    key_of_tokens,
    parted,
    pieces_of,
    split_by,
    trimmed,
)
from sapo_engine.grading.quantities import compound, quantity
from sapo_engine.grading.said import (
    EMPTY,
    Answer,
    Chain,
    Choice,
    Equation,
    Grid,
    Many,
    Named,
    Ratio,
    Raw,
    Reals,
    Row,
    Scalar,
    Union,
    Words,
)
from sapo_engine.grading.units import (
    is_word,
)

MOST_PIECES = 60
"""Members of a list or set; what has more is no answer."""
DEEPEST = 12
"""Lists in lists."""


_PLAIN = {
    "no solution": EMPTY, "no solutions": EMPTY, "no real solution": EMPTY, "no real solutions": EMPTY,
    "empty set": EMPTY, "the empty set": EMPTY, "all real numbers": Reals("reals"), "all reals": Reals("reals"),
    "infinity": Scalar(Symbol("inf")), "positive infinity": Scalar(Symbol("inf")),
    "negative infinity": Scalar(negative(Symbol("inf"))), "minus infinity": Scalar(negative(Symbol("inf"))),
    "the real numbers": Reals("reals"), "real numbers": Reals("reals"), "all real x": Reals("reals"),
}  # fmt: skip
_INFINITE = frozenset(("infinity", "infty", "inf"))
_RELATIONS = {"<": "<", ">": ">", "le": "<=", "ge": ">=", "ne": "!="}
_BEHIND = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
_SETS = frozenset(("reals", "integers", "naturals", "rationals", "complexes"))
_LETTERS = "ABCDEFGHIJ"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}")
"""No difference and no quotient: 2020-05-05 is not 2010."""
_DOLLARS = re.compile(r"\bUS(?=\\?\$ ?[0-9])")
_HALF_OF_DAY = re.compile(r"\b([ap])\. ?m\b\.?", re.IGNORECASE)


def read(answer: str) -> Answer:
    """What a written answer says."""
    text = _HALF_OF_DAY.sub(r"\1m", _bare(in_ascii(answer)))
    if _DATE.fullmatch(text):
        return Raw(text)
    if (choice := _choice(text)) is not None:
        return choice
    if (plain := _PLAIN.get(" ".join(text.rstrip(".").lower().split()))) is not None:
        return plain
    try:
        tokens = trimmed(tokens_of(text))
    except Unreadable:
        return Raw("".join(text.split()))
    if len(tokens) == 1 and tokens[0].kind == "text" and _says_more(tokens[0].text):
        return read(tokens[0].text)  # \text{13}, \text{A and C}
    return _answer(tokens, 0) if tokens else Raw("")


def _says_more(text: str) -> bool:
    """Whether there is more than words in a text: a number, or several answers."""
    return any(char.isdigit() or char in ",;" for char in text) or any(word in ("and", "or") for word in text.split())


def key_of(answer: str) -> str:
    """The signs of a written answer, without what makes no difference: equal keys are equal answers."""
    text = _bare(in_ascii(answer))
    try:
        return key_of_tokens(trimmed(tokens_of(text)))
    except Unreadable:
        return "".join(text.split())


def _bare(text: str) -> str:
    """Without the marks of markdown around it, and without the country of its dollars."""
    text = _DOLLARS.sub("", text.strip())
    for mark in ("**", "__", "`", "*"):
        while len(text) > 2 * len(mark) and text.startswith(mark) and text.rstrip(".").endswith(mark):
            text = text.rstrip(".")[len(mark) : -len(mark)].strip()
    return text


def _choice(text: str) -> Choice | None:
    r"""`(C)`, `\text{(C)}`, `E: the last one`, `\textbf{(B) } 5`, `Option C`; None where it is no choice."""
    plain, command = text, False
    for name in ("\\textbf", "\\text", "\\mathrm", "\\textrm", "\\mathbf", "\\mbox"):
        if plain.startswith(f"{name}{{") and "}" in plain:
            inner, _, behind = plain[len(name) + 1 :].partition("}")
            if len(inner.strip()) <= 5 and "{" not in inner:
                plain, command = inner.strip() + (f" {behind.strip()}" if behind.strip(" .$") else ""), True
            break
    for word in ("option ", "choice ", "answer "):
        if plain.lower().startswith(word):
            plain, command = plain[len(word) :].strip(), True
    bracketed = plain.startswith("(") and plain[2:3] == ")"
    letter, rest = (plain[1:2], plain[3:]) if bracketed else (plain[:1], plain[1:])
    if letter.upper() not in _LETTERS or not letter:
        return None
    if not bracketed and rest[:1] in (":", ".", ")") and (rest[1:2].isspace() or not rest[1:]):
        marked, rest = True, rest[1:]
    else:
        marked = bracketed
    if not rest.strip(" .$"):
        return Choice(letter) if marked or command else None
    spaced = rest[:1].isspace()
    if not marked or not spaced or (letter.islower() and not rest.strip()[:4].isalpha()):
        return None
    if not bracketed and rest.lstrip()[:1] in ("=", "+", "-", "/", "*"):
        return None
    return Choice(letter.upper(), read(rest))


def _answer(tokens: Sequence[Token], depth: int) -> Answer:
    """The answer that tokens are: a list of pieces, or one."""
    key = key_of_tokens(tokens)
    if depth > DEEPEST or not tokens:
        return Raw(key)
    try:
        words = _words(tokens)
        if words is not None:
            return _PLAIN.get(words.text, words)
        pieces, joined = pieces_of(tokens)
        if len(pieces) > MOST_PIECES:
            return Raw(key)
        if len(pieces) > 1:
            together = compound(pieces) if joined == "and" else None
            return together or _flat([_answer(piece, depth + 1) for piece in pieces], joined)
        return _piece(pieces[0] if pieces else tokens, depth)
    except Unreadable:
        return Raw(key)


def _flat(items: Sequence[Answer], joined: str) -> Answer:
    r"""A list; what `\pm` makes several of is part of it."""
    found: list[Answer] = []
    for item in items:
        found += item.items if isinstance(item, Many) and not item.braces and item.joined == "or" else [item]
    return Many(tuple(found), joined="or" if joined == "or" else "and" if joined == "and" else ",")


def _words(tokens: Sequence[Token]) -> Words | None:
    """Tokens that are words alone; None where there is more to them."""
    if not all(t.kind in ("word", "text") or (t.kind == "sign" and t.text in "-'.,&\"?!") for t in tokens):
        return None
    if not any(t.kind == "text" or (t.kind == "word" and is_word(t.text)) for t in tokens):
        return None
    exact = " ".join(" ".join(token.text.split()) for token in tokens if token.kind in ("word", "text"))
    if tokens[0].text == "-" and not (len(tokens) > 1 and tokens[1].spaced and exact.lower() not in _INFINITE):
        return None  # -infinity is not infinity; with room behind it it begins a line of a list
    exact = exact.strip(" .,;:!").removesuffix(" only")  # II only
    low = exact.lower()
    if all(token.kind == "text" for token in tokens) and any(char.isdigit() for char in low):
        return None
    if " and " in f" {low} " or " or " in f" {low} " or any(t.text == "," for t in tokens):
        return None if len(tokens) > 1 and low not in ("and", "or") else Words(low, exact.strip())
    return Words(low, exact.strip())


def _relation(token: Token) -> str:
    if token.kind == "sign" and token.text in ("=", "<", ">"):
        return token.text
    if token.kind == "command":
        return {"approx": "~", "in": "in"}.get(token.text, _RELATIONS.get(token.text, ""))
    return ""


def _piece(tokens: Sequence[Token], depth: int) -> Answer:
    """One answer that is no list."""
    if (odd := _turned_brackets(tokens, depth)) is not None:
        return odd
    sides, between = split_by(tokens, lambda token: bool(_relation(token)))
    relations = [_relation(token) for token in between]
    if not relations:
        return _operand(tokens, depth)
    if not all(sides[1:]) or (not sides[0] and relations[0] not in ("=", "~")):
        raise Unreadable("a side is missing")
    if not sides[0]:  # "= 5"
        sides, relations = sides[1:], relations[1:]
        if not relations:
            return _piece(sides[0], depth)
    if "~" in relations:
        return _approximated(sides, relations, depth)
    if relations == ["in"]:
        name = name_of(sides[0])
        if name is None:
            raise Unreadable("not a name")
        return Named(name, _operand(sides[1], depth))
    if set(relations) == {"="}:
        return _equated(sides, depth)
    if set(relations) <= set(_BEHIND):
        return Chain(tuple(_side(side) for side in sides), tuple(relations))
    raise Unreadable("mixed relations")


def _side(tokens: Sequence[Token]) -> Answer:
    """A side of an inequality: an expression, or a name that is none."""
    try:
        found = quantity(tokens)
        return found if isinstance(found, Scalar) else Raw(key_of_tokens(tokens))
    except Unreadable:
        if name_of(tokens) is None:
            raise
        return Raw(key_of_tokens(tokens))


def _approximated(sides: list[list[Token]], relations: list[str], depth: int) -> Answer:
    """`x = 1/3 ~ 0.33` says 1/3; `x ~ 11` says 11."""
    at = relations.index("~")
    exact = sides[: at + 1]
    if at == 0 and name_of(sides[0]) is not None:
        return _equated([sides[0], sides[1]], depth)
    if at == 0:
        return _operand(sides[0], depth)
    if set(relations[:at]) != {"="}:
        raise Unreadable("mixed relations")
    return _equated(exact, depth)


def _equated(sides: list[list[Token]], depth: int) -> Answer:
    """Sides with `=` between them: a name and its value, or an equation."""
    name = name_of(sides[0])
    last = name_of(sides[-1])
    if name is None and last is not None and len(sides) == 2 and _value(sides[0], depth) is not None:
        sides, name = [sides[1], sides[0]], last
    if name is not None:
        if len(sides) == 2 and is_variable(sides[0]) and is_variable(sides[1]):
            return Equation(Scalar(expression_of(sides[0])), Scalar(expression_of(sides[1])))
        return _with_name(name, sides[0], _operand(sides[-1], depth))
    values = [_value(side, depth) for side in sides]
    constant = [v for v in values if isinstance(v, Scalar) and not symbols_of(v.value)]
    if len(constant) == len(values):
        # 60 minutes = 1 hour says the first, 100 + 50 = 150 the last, and 2 + 2 = 5 nothing.
        return constant[0] if constant[0].unit.dimensions else _last_of(constant)
    if len(values) > 2 and values[-1] is not None and constant and constant[-1] is values[-1]:
        return values[-1]  # m + n = 256 + 37 = 293
    left, right = values[0], values[-1]
    if len(values) == 2 and isinstance(left, Scalar) and isinstance(right, Scalar):
        return Equation(left, right)
    if len(values) == 2 and left is None and right is not None:
        return Named(key_of_tokens(sides[0]), right)  # a sum or an integral and its value
    raise Unreadable("an equation of something else")


def _with_name(name: str, side: Sequence[Token], value: Answer) -> Answer:
    if isinstance(value, Many) and value.joined == "or" and not value.braces:
        return Many(tuple(_with_name(name, side, one) for one in value.items), joined="or")
    if is_variable(side):
        return Named(name, value, symbol=expression_of(side))
    if isinstance(value, Row) and side[0].text == "(" and side[-1].text == ")":
        names, _ = parted(side[1:-1], (",", ";"))
        if len(names) == len(value.items):  # (x, y) = (1, 2)
            pairs = zip(names, value.items, strict=True)
            return Many(tuple(_with_name(key_of_tokens(one), one, item) for one, item in pairs))
    call = applied(side)
    if call is None:
        return Named(name, value)
    function, parts = call
    parameters = [key_of_tokens(part) for part in parts if is_variable(part)]
    return Named(name, value, function=function, parameters=tuple(parameters) if len(parameters) == len(parts) else ())


def _last_of(values: Sequence[Scalar]) -> Scalar:
    try:
        found = [value_of(value.value, HERE) for value in values]
    except (TooHard, Undefined):
        found = []
    if not found or None in found or len(set(found)) > 1:
        raise Unreadable("sides that are not seen to be equal")
    return values[-1]


def _value(tokens: Sequence[Token], depth: int) -> Answer | None:
    try:
        found = _operand(tokens, depth)
    except Unreadable:
        return None
    return None if isinstance(found, Words | Raw) else found


def _operand(tokens: Sequence[Token], depth: int) -> Answer:
    """A set, a ratio, a bracket or an expression."""
    if not tokens:
        raise Unreadable("nothing")
    words = _words(tokens)
    if words is not None:
        return _PLAIN.get(words.text, words)
    parts, between = split_by(tokens, lambda t: t.kind == "command" and t.text in ("cup", "cap", "setminus"))
    if between:
        if len({token.text for token in between}) > 1 or not all(parts):
            raise Unreadable("sets put together in several ways")
        return Union(tuple(_operand(part, depth + 1) for part in parts), between[0].text)
    parts, between = split_by(tokens, lambda t: t.kind == "sign" and t.text == ":")
    if between:
        return _ratio(parts, depth)
    if len(tokens) == 1 and tokens[0].kind == "command":
        if tokens[0].text == "emptyset":
            return EMPTY
        if tokens[0].text in _SETS:
            return Reals(tokens[0].text)
    if (numeral := numeral_of(tokens)) is not None:
        return numeral
    if (bracket := _bracket(tokens, depth)) is not None:
        return bracket
    if any(token.kind == "grid" for token in tokens):
        return _matrix(tokens, depth)
    return quantity(tokens)


def _ratio(parts: list[list[Token]], depth: int) -> Answer:
    if not all(parts):
        raise Unreadable("a ratio without a part")
    tail: list[Token] = []
    if parts[-1][-1].kind in ("text", "word") and len(parts[-1]) > 1:
        tail = [parts[-1].pop()]
    time = len(parts) <= 3 and all(
        len(part) == 1 and part[0].kind == "number" and part[0].text.isdigit() and len(part[0].text) <= 2
        for part in parts
    )
    time = time and all(len(part[0].text) == 2 and int(part[0].text) < 60 for part in parts[1:])
    items = [_operand(part, depth + 1) for part in parts]
    if any(not isinstance(item, Scalar | Words | Raw) for item in items):
        raise Unreadable("a ratio of something else")
    if tail:
        half = tail[0].text.lower().replace(".", "").strip()
        if not time or half not in ("am", "pm"):
            raise Unreadable("words behind a ratio")
        items.append(Words(half, half))
    return Ratio(tuple(items), time)


def _turned_brackets(tokens: Sequence[Token], depth: int) -> Row | None:
    """Intervals as they are written in France: `]2, 5[`."""
    ends = tokens[0].text, tokens[-1].text
    if len(tokens) < 5 or ends not in (("]", "["), ("]", "]"), ("[", "[")):
        return None
    inside = tokens[1:-1]
    if any(token.text in ("[", "]") for token in inside):
        return None
    parts, _ = parted(inside, (",", ";"))
    if len(parts) != 2:
        return None
    items = tuple(_operand(part, depth + 1) for part in parts)
    return Row(items, "(" if ends[0] == "]" else "[", ")" if ends[1] == "[" else "]")


def _bracket(tokens: Sequence[Token], depth: int) -> Answer | None:
    """A list, point, interval or set in brackets; None where they only group."""
    first, last = tokens[0], tokens[-1]
    if len(tokens) == 2 and first.text == "\\{" and last.text == "\\}":
        return EMPTY
    if first.kind != "sign" or first.text not in OPENERS or last.text not in CLOSERS or not closes_last(tokens):
        return None
    inside = tokens[1:-1]
    if first.text == "\\{":
        if (condition := _condition(inside, depth)) is not None:
            return condition
        parts, _ = parted(inside, (",", ";"))
        items = _flat([_answer(part, depth + 1) for part in parts], ",")
        return Many(items.items if isinstance(items, Many) else (items,), braces=True)
    parts, joined = parted(inside, (",", ";"))
    if first.text == "{":
        return _answer(inside, depth + 1) if len(parts) > 1 else None
    if len(parts) < 2 or len(parts) > MOST_PIECES:
        return None
    if joined != ",":
        raise Unreadable("a word in brackets")
    items = tuple(_answer(part, depth + 1) for part in parts)
    return _rows(items, first.text, last.text)


def _rows(items: tuple[Answer, ...], opener: str, closer: str) -> Answer:
    r"""A row; several where a member has two signs."""
    several = [item for item in items if isinstance(item, Many) and not item.braces]
    if not several:
        return Row(items, opener, closer)
    found: list[tuple[Answer, ...]] = [()]
    for item in items:
        options = item.items if isinstance(item, Many) and not item.braces else (item,)
        found = [(*begun, option) for begun in found for option in options]
        if len(found) > MOST_PIECES:
            raise Unreadable("too many signs")
    return Many(tuple(Row(row, opener, closer) for row in found), joined="or")


def _condition(inside: Sequence[Token], depth: int) -> Answer | None:
    r"""What is behind the bar in `\{x \mid x > 3\}`."""
    parts, between = split_by(inside, lambda token: token.kind == "sign" and token.text in ("|", ":"))
    if len(between) != 1 or not all(parts):
        return None
    sides, relations = split_by(parts[0], lambda token: bool(_relation(token)))
    if not is_variable(sides[0]) or (relations and parts[0][-1].text != "reals"):
        return None
    return _answer(parts[1], depth + 1)


def _matrix(tokens: Sequence[Token], depth: int) -> Answer:
    grids = [token for token in tokens if token.kind == "grid"]
    at = next(k for k, token in enumerate(tokens) if token.kind == "grid")
    if len(grids) > 1 or at != len(tokens) - 1:
        brackets = at == 1 and len(tokens) == 3 and (tokens[0].text, tokens[2].text) in (("(", ")"), ("[", "]"))
        if not brackets:
            raise Unreadable("several matrices")
        tokens, at = tokens[1:2], 0
    rows = tuple(tuple(_answer(trimmed(tokens_of(cell)), depth + 1) for cell in row) for row in tokens[at].cells)
    if len({len(row) for row in rows}) != 1:
        raise Unreadable("rows of several lengths")
    if at:
        before = list(tokens[:at])
        factor = negative(Number(Fraction(1))) if len(before) == 1 and before[0].text == "-" else expression_of(before)
        rows = tuple(tuple(_times(factor, cell) for cell in row) for row in rows)
    return Grid(tokens[at].text, rows)


def _times(factor: Expression, cell: Answer) -> Answer:
    if not isinstance(cell, Scalar):
        raise Unreadable("a matrix of something else")
    return Scalar(multiplied([factor, cell.value]), cell.unit)
