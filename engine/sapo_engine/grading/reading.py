r"""A written answer as what it says: a number, a list, a point, an interval, an equation, a choice, words.

`read` never fails: what is no mathematics as a whole is a `Raw`, which is equal to nothing but the same signs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from sapo_engine.grading.exact import HERE, TooHard, Undefined, value_of
from sapo_engine.grading.expression_reader import expression_of
from sapo_engine.grading.expressions import (
    CONSTANTS,
    Call,
    Expression,
    Number,
    Symbol,
    multiplied,
    negative,
    signs_chosen,
    symbols_of,
)
from sapo_engine.grading.notation import GREEK, Token, Unreadable, in_ascii, tokens_of
from sapo_engine.grading.said import (
    EMPTY,
    Answer,
    Chain,
    Choice,
    Equation,
    Grid,
    Many,
    Named,
    Numeral,
    Ratio,
    Raw,
    Reals,
    Row,
    Scalar,
    Union,
    Words,
)
from sapo_engine.grading.units import (
    CURRENCIES,
    DEGREE,
    NO_UNIT,
    NUMBER_WORDS,
    Unit,
    is_word,
    unit_of,
)

MOST_PIECES = 60
"""Members of a list or set; what has more is no answer."""
LONGEST_UNIT = 40
"""Tokens of a unit and the words around it."""
DEEPEST = 12
"""Lists in lists."""


_PLAIN = {
    "no solution": EMPTY, "no solutions": EMPTY, "no real solution": EMPTY, "no real solutions": EMPTY,
    "empty set": EMPTY, "the empty set": EMPTY, "all real numbers": Reals("reals"), "all reals": Reals("reals"),
    "the real numbers": Reals("reals"), "real numbers": Reals("reals"), "all real x": Reals("reals"),
}  # fmt: skip
_RELATIONS = {"<": "<", ">": ">", "le": "<=", "ge": ">=", "ne": "!="}
_BEHIND = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
_SETS = frozenset(("reals", "integers", "naturals", "rationals", "complexes"))
_OPENERS = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "⟨": "⟩"}
_CLOSERS = frozenset(_OPENERS.values())
_FIGURES = frozenset(
    [
        "angle",
        "triangle",
        "overline",
        "overrightarrow",
        "overleftrightarrow",
        "measuredangle",
        "widehat",
        "bar",
        "square",
    ]
)
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
          "eleven": 11, "twelve": 12, "sixteen": 16}  # fmt: skip
_LETTERS = "ABCDEFGHIJ"
_ENDS = frozenset((".", ",", ";", ":"))
_FILLING = frozenset(
    [
        "therefore",
        "thus",
        "hence",
        "so",
        "the",
        "answer",
        "is",
        "equals",
        "about",
        "approximately",
        "roughly",
        "exactly",
        "only",
    ]
)


def read(answer: str) -> Answer:
    """What a written answer says."""
    text = _bare(in_ascii(answer))
    if (choice := _choice(text)) is not None:
        return choice
    if (plain := _PLAIN.get(" ".join(text.rstrip(".").lower().split()))) is not None:
        return plain
    try:
        tokens = _trimmed(tokens_of(text))
    except Unreadable:
        return Raw("".join(text.split()))
    if len(tokens) == 1 and tokens[0].kind == "text" and any(char.isdigit() for char in tokens[0].text):
        return read(tokens[0].text)  # \text{13}
    return _answer(tokens, 0) if tokens else Raw("")


def key_of(answer: str) -> str:
    """The signs of a written answer, without what makes no difference: equal keys are equal answers."""
    text = _bare(in_ascii(answer))
    try:
        return "".join(token.key for token in _trimmed(tokens_of(text)))
    except Unreadable:
        return "".join(text.split())


def _bare(text: str) -> str:
    """Without the marks of markdown around it."""
    text = text.strip()
    for mark in ("**", "__", "`", "*"):
        while len(text) > 2 * len(mark) and text.startswith(mark) and text.rstrip(".").endswith(mark):
            text = text.rstrip(".")[len(mark) : -len(mark)].strip()
    return text


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Without the stop at the end of a sentence (three of them are more than that)."""
    end = len(tokens)
    while end and tokens[end - 1].kind == "sign" and tokens[end - 1].text in _ENDS:
        if end > 1 and tokens[end - 1].text == "." and tokens[end - 2].text == ".":
            break
        end -= 1
    return tokens[:end]


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
    key = "".join(token.key for token in tokens)
    if depth > DEEPEST or not tokens:
        return Raw(key)
    try:
        words = _words(tokens)
        if words is not None:
            return _PLAIN.get(words.text, words)
        pieces, joined = _pieces(tokens)
        if len(pieces) > MOST_PIECES:
            return Raw(key)
        if len(pieces) > 1:
            compound = _compound(pieces) if joined == "and" else None
            return compound or _flat([_answer(piece, depth + 1) for piece in pieces], joined)
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
    low = exact.lower().strip(" .,;:!")
    if all(token.kind == "text" for token in tokens) and any(char.isdigit() for char in low):
        return None
    if " and " in f" {low} " or " or " in f" {low} " or any(t.text == "," for t in tokens):
        return None if len(tokens) > 1 and low not in ("and", "or") else Words(low, exact.strip())
    return Words(low, exact.strip())


def _joint(token: Token) -> str:
    """`and` or `or` where a token says nothing else; empty otherwise."""
    if token.kind in ("text", "word", "command"):
        word = token.text.strip(" ,;.\u00a0").lower()
        return word if word in ("and", "or") else ""
    return "and" if token.kind == "sign" and token.text == "&" else ""


def _parted(tokens: Sequence[Token], separators: tuple[str, ...]) -> tuple[list[list[Token]], str]:
    """Pieces outside all brackets, and what parts them."""
    pieces: list[list[Token]] = [[]]
    depth, joined = 0, ","
    for token in tokens:
        if token.kind == "sign" and token.text in _OPENERS:
            depth += 1
        elif token.kind == "sign" and token.text in _CLOSERS:
            depth -= 1
        if not depth and ((token.kind == "sign" and token.text in separators) or _joint(token)):
            joined = _joint(token) or joined
            if pieces[-1]:
                pieces.append([])
            continue
        pieces[-1].append(token)
    return [piece for piece in pieces if piece], joined


def _pieces(tokens: Sequence[Token]) -> tuple[list[list[Token]], str]:
    """The members of a list, and what stands between them. `p = 5, q = 2 and p = 7, q = 2` are two pairs."""
    if len(pieces := _split_by(tokens, lambda token: token.kind == "sign" and token.text == ";")[0]) > 1:
        return [piece for piece in pieces if piece], ","
    groups, joined = _parted(tokens, ())
    sizes = {len(_parted(group, (",",))[0]) for group in groups}
    if len(groups) > 1 and sizes == {2} and all(any(token.text == "=" for token in group) for group in groups):
        return groups, joined
    return _parted(tokens, (",",))


def _compound(pieces: Sequence[Sequence[Token]]) -> Answer | None:
    """5 feet and 6 inches: one length."""
    parts: list[Scalar] = []
    for piece in pieces:
        try:
            item = _scalar(piece)
        except Unreadable:
            return None
        if not isinstance(item, Scalar) or not item.unit.dimensions:
            return None
        parts.append(item)
    return _together(parts)


def _together(parts: Sequence[Scalar]) -> Answer | None:
    first = parts[0].unit
    factors = [part.unit.factor for part in parts]
    if any(part.unit.dimensions != first.dimensions for part in parts) or sorted(set(factors), reverse=True) != factors:
        return None
    total = tuple(
        Call("mul", (Number(part.unit.factor / first.factor), part.value)) if part.unit != first else part.value
        for part in parts
    )
    return Scalar(Call("add", total), first)


def _split_by(tokens: Sequence[Token], at: Callable[[Token], bool]) -> tuple[list[list[Token]], list[Token]]:
    """Tokens parted outside all brackets where `at` says so, and what parted them."""
    parts: list[list[Token]] = [[]]
    between: list[Token] = []
    depth = 0
    for token in tokens:
        if token.kind == "sign":
            depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
        if not depth and at(token):
            parts.append([])
            between.append(token)
        else:
            parts[-1].append(token)
    return parts, between


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
    sides, between = _split_by(tokens, lambda token: bool(_relation(token)))
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
        name = _name(sides[0])
        if name is None:
            raise Unreadable("not a name")
        return Named(name, _operand(sides[1], depth), member=True)
    if set(relations) == {"="}:
        return _equated(sides, depth)
    if set(relations) <= set(_BEHIND):
        return Chain(tuple(_side(side) for side in sides), tuple(relations))
    raise Unreadable("mixed relations")


def _side(tokens: Sequence[Token]) -> Answer:
    """A side of an inequality: an expression, or a name that is none."""
    try:
        found = _scalar(tokens)
        return found if isinstance(found, Scalar) else Raw("".join(token.key for token in tokens))
    except Unreadable:
        if _name(tokens) is None:
            raise
        return Raw("".join(token.key for token in tokens))


def _approximated(sides: list[list[Token]], relations: list[str], depth: int) -> Answer:
    """`x = 1/3 ~ 0.33` says 1/3; `x ~ 11` says 11."""
    at = relations.index("~")
    exact = sides[: at + 1]
    if at == 0 and _name(sides[0]) is not None:
        return _equated([sides[0], sides[1]], depth)
    if at == 0:
        return _operand(sides[0], depth)
    if set(relations[:at]) != {"="}:
        raise Unreadable("mixed relations")
    return _equated(exact, depth)


def _equated(sides: list[list[Token]], depth: int) -> Answer:
    """Sides with `=` between them: a name and its value, or an equation."""
    name = _name(sides[0])
    last = _name(sides[-1])
    if name is None and last is not None and len(sides) == 2 and _value(sides[0], depth) is not None:
        sides, name = [sides[1], sides[0]], last
    if name is not None:
        if len(sides) == 2 and _single(sides[0]) and _single(sides[1]):
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
        return Named("".join(token.key for token in sides[0]), right)  # a sum or an integral and its value
    raise Unreadable("an equation of something else")


def _with_name(name: str, side: Sequence[Token], value: Answer) -> Answer:
    if isinstance(value, Many) and value.joined == "or" and not value.braces:
        return Many(tuple(_with_name(name, side, one) for one in value.items), joined="or")
    if _single(side):
        return Named(name, value, symbol=expression_of(side))
    applied = _applied(side)
    if applied is None:
        return Named(name, value)
    function, parts = applied
    parameters = ["".join(token.key for token in part) for part in parts if _single(part)]
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


def _single(tokens: Sequence[Token]) -> bool:
    """Whether tokens are one variable, with a subscript perhaps."""
    try:
        found = expression_of(tokens)
    except Unreadable:
        return False
    return isinstance(found, Symbol) and found.name not in CONSTANTS


def _name(tokens: Sequence[Token]) -> str | None:
    r"""The name that tokens are, for what is behind the equals sign: `x`, `f(x)`, `(p, q)`, `AB`, `\text{Area}`."""
    key = "".join(token.key for token in tokens)
    if _single(tokens):
        return key
    first = tokens[0]
    ratio, _ = _split_by(tokens, lambda token: token.kind == "sign" and token.text == ":")
    if len(ratio) > 1:
        return key if all(part and _name(part) for part in ratio) else None
    if first.kind == "sign" and first.text in ("(", "[") and tokens[-1].text in (")", "]"):
        parts, _ = _parted(tokens[1:-1], (",", ";"))
        return key if len(parts) > 1 and all(map(_single, parts)) else None
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
    return key if _applied(tokens) is not None else None


def _corners_or_derivative(tokens: Sequence[Token]) -> bool:
    words = [token.text for token in tokens if token.text not in "{}"]
    return bool(words) and (
        all(word.isupper() and word.isalpha() for word in words)
        or (all(word.startswith("d") and word.isalpha() for word in words) and any(len(word) > 1 for word in words))
    )


def _applied(tokens: Sequence[Token]) -> tuple[str, list[list[Token]]] | None:
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
    if len(head) > 1 and head[1].text not in ("_", "'"):
        return None
    inside = tokens[opening + 1 : -1]
    depth = 0
    for token in inside:
        depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
        if depth < 0:
            return None
    parts, _ = _parted(inside, (",",))
    return "".join(token.key for token in head), parts


def _operand(tokens: Sequence[Token], depth: int) -> Answer:
    """A set, a ratio, a bracket or an expression."""
    if not tokens:
        raise Unreadable("nothing")
    words = _words(tokens)
    if words is not None:
        return _PLAIN.get(words.text, words)
    parts, between = _split_by(tokens, lambda t: t.kind == "command" and t.text in ("cup", "cap", "setminus"))
    if between:
        if len({token.text for token in between}) > 1 or not all(parts):
            raise Unreadable("sets put together in several ways")
        return Union(tuple(_operand(part, depth + 1) for part in parts), between[0].text)
    parts, between = _split_by(tokens, lambda t: t.kind == "sign" and t.text == ":")
    if between:
        return _ratio(parts, depth)
    if len(tokens) == 1 and tokens[0].kind == "command":
        if tokens[0].text == "emptyset":
            return EMPTY
        if tokens[0].text in _SETS:
            return Reals(tokens[0].text)
    if (numeral := _numeral(tokens)) is not None:
        return numeral
    if (bracket := _bracket(tokens, depth)) is not None:
        return bracket
    if any(token.kind == "grid" for token in tokens):
        return _matrix(tokens, depth)
    return _scalar(tokens)


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


def _numeral(tokens: Sequence[Token]) -> Numeral | None:
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


def _closing(tokens: Sequence[Token]) -> bool:
    """Whether the bracket that opens first closes last."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "sign":
            depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
            if not depth:
                return index == len(tokens) - 1
    return False


def _turned_brackets(tokens: Sequence[Token], depth: int) -> Row | None:
    """Intervals as they are written in France: `]2, 5[`."""
    ends = tokens[0].text, tokens[-1].text
    if len(tokens) < 5 or ends not in (("]", "["), ("]", "]"), ("[", "[")):
        return None
    inside = tokens[1:-1]
    if any(token.text in ("[", "]") for token in inside):
        return None
    parts, _ = _parted(inside, (",", ";"))
    if len(parts) != 2:
        return None
    items = tuple(_operand(part, depth + 1) for part in parts)
    return Row(items, "(" if ends[0] == "]" else "[", ")" if ends[1] == "[" else "]")


def _bracket(tokens: Sequence[Token], depth: int) -> Answer | None:
    """A list, point, interval or set in brackets; None where they only group."""
    first, last = tokens[0], tokens[-1]
    if len(tokens) == 2 and first.text == "\\{" and last.text == "\\}":
        return EMPTY
    if first.kind != "sign" or first.text not in _OPENERS or last.text not in _CLOSERS or not _closing(tokens):
        return None
    inside = tokens[1:-1]
    if first.text == "\\{":
        if (condition := _condition(inside, depth)) is not None:
            return condition
        parts, _ = _parted(inside, (",", ";"))
        items = _flat([_answer(part, depth + 1) for part in parts], ",")
        return Many(items.items if isinstance(items, Many) else (items,), braces=True)
    parts, joined = _parted(inside, (",", ";"))
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
    parts, between = _split_by(inside, lambda token: token.kind == "sign" and token.text in ("|", ":"))
    if len(between) != 1 or not all(parts):
        return None
    sides, relations = _split_by(parts[0], lambda token: bool(_relation(token)))
    if not _single(sides[0]) or (relations and parts[0][-1].text != "reals"):
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
    rows = tuple(tuple(_answer(_trimmed(tokens_of(cell)), depth + 1) for cell in row) for row in tokens[at].cells)
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


def _scalar(tokens: Sequence[Token]) -> Answer:
    """An expression with its unit, or the several that one with plus-minus stands for."""
    tokens, currency = _without_currency(_without_filling(tokens))
    if len(tokens) > 2 and tokens[-1].text in ("C", "F") and any(token.text == "circ" for token in tokens[-3:-1]):
        tokens = tokens[:-1]
    if not tokens:
        raise Unreadable("nothing")
    value, unit = _measured(tokens)
    if currency:
        if unit.dimensions:
            raise Unreadable("two units")
        money = unit_of([Token("sign", currency)], bare=True) or NO_UNIT
        unit = Unit(money.dimensions, money.factor, unit.scale, unit.percent)
    if unit.scale != 1:
        value = multiplied([value, Number(Fraction(unit.scale))])
        unit = Unit(unit.dimensions, unit.factor)
    value, unit = _degrees(value, unit)
    several = signs_chosen(value)
    if len(several) == 1:
        return Scalar(several[0], unit)
    return Many(tuple(Scalar(one, unit) for one in several), joined="or")


def _without_filling(tokens: Sequence[Token]) -> Sequence[Token]:
    r"""Without words before a number: `\text{about } 5`. One that changes it makes the whole unreadable."""
    begin = 0
    while begin < len(tokens) - 1 and (
        tokens[begin].kind == "text" or (tokens[begin].kind == "word" and tokens[begin].text.lower() in _FILLING)
    ):
        if unit_of(tokens[begin : begin + 1], bare=True) is None:
            raise Unreadable("words before a number")
        begin += 1
    if begin and tokens[begin].text == ":":
        begin += 1
    return tokens[begin:]


def _without_currency(tokens: Sequence[Token]) -> tuple[list[Token], str]:
    found = {token.text for token in tokens if token.kind == "sign" and token.text in CURRENCIES}
    if len(found) > 1:
        raise Unreadable("two currencies")
    kept = [token for token in tokens if not (token.kind == "sign" and token.text in CURRENCIES)]
    return kept, next(iter(found), "")


def _measured(tokens: Sequence[Token]) -> tuple[Expression, Unit]:
    """The expression and the unit behind it. The unit is as long as it can be."""
    failed = Unreadable("an expression")
    for at, token in enumerate(tokens):
        if not at or len(tokens) - at > LONGEST_UNIT or token.kind not in ("text", "word", "command", "sign"):
            continue
        if token.kind == "command" and token.text != "frac":
            continue
        if token.kind == "sign" and token.text != "%":
            continue
        bare = at <= 2 and all(t.kind == "number" or t.text in "-+" for t in tokens[:at])
        unit = unit_of(tokens[at:], bare=bare)
        if unit is None or (unit.percent and any(token.text in ("+", "-") for token in tokens[1:at])):
            continue
        try:
            return expression_of(tokens[:at]), unit
        except Unreadable as error:
            failed = error
    try:
        return expression_of(tokens), NO_UNIT
    except Unreadable:
        compound = _juxtaposed(tokens)
        if compound is None:
            raise failed from None
        return compound


def _juxtaposed(tokens: Sequence[Token]) -> tuple[Expression, Unit] | None:
    """5 feet 6 inches: a number, its unit, a number, its unit."""
    starts = [k for k, token in enumerate(tokens) if token.kind == "number" and (not k or tokens[k - 1].kind != "sign")]
    if len(starts) not in (2, 3) or starts[0] != 0:
        return None
    parts: list[Scalar] = []
    for begin, end in zip(starts, (*starts[1:], len(tokens)), strict=True):
        unit = unit_of(tokens[begin + 1 : end], bare=True)
        if unit is None or not unit.dimensions:
            return None
        parts.append(Scalar(Number(tokens[begin].value, tokens[begin].places), unit))
    found = _together(parts)
    return (found.value, found.unit) if isinstance(found, Scalar) else None


def _degrees(value: Expression, unit: Unit) -> tuple[Expression, Unit]:
    """Degrees at the end of all are a unit; inside an expression they are what they are."""
    minus = isinstance(value, Call) and value.head == "neg"
    inner = value.args[0] if isinstance(value, Call) and minus else value
    if isinstance(inner, Call) and inner.head == "degrees" and unit.dimensions in ((), DEGREE):
        value = negative(inner.args[0]) if minus else inner.args[0]
        return value, Unit(DEGREE)
    return value, unit


def number_in_words(words: Words) -> int | None:
    """The number that a word is; None where it is none."""
    return NUMBER_WORDS.get(words.text)


def bare_name(name: str) -> str:
    """A name without the braces and commands around its letters."""
    return "".join(char for char in name if char not in "\\{} ")
