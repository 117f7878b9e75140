r"""Expressions with what they count: units, currencies, percent, degrees, several units together."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sapo_engine.grading.expression_reader import expression_of
from sapo_engine.grading.expressions import Call, Expression, Number, multiplied, negative, signs_chosen
from sapo_engine.grading.notation import Token, Unreadable
from sapo_engine.grading.said import Answer, Many, Scalar
from sapo_engine.grading.units import CURRENCIES, DEGREE, NO_UNIT, TEMPERATURES, Unit, unit_of

LONGEST_UNIT = 40
"""Tokens of a unit and the words around it."""
_FILLING = frozenset((
    "therefore", "thus", "hence", "so", "the", "answer", "is", "equals", "about", "approximately", "roughly",
    "exactly", "only",
))  # fmt: skip


def compound(pieces: Sequence[Sequence[Token]]) -> Answer | None:
    """5 feet and 6 inches: one length."""
    parts: list[Scalar] = []
    for piece in pieces:
        try:
            item = quantity(piece)
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


def quantity(tokens: Sequence[Token]) -> Answer:
    """An expression with its unit, or the several that one with plus-minus stands for."""
    tokens, currency = _without_currency(_without_filling(tokens))
    scale = tokens[-1].text.strip() if len(tokens) > 2 and tokens[-1].kind in ("word", "text") else ""
    warm = scale in TEMPERATURES and any(token.text == "circ" for token in tokens[-3:-1])
    tokens = tokens[:-1] if warm else tokens
    if not tokens:
        raise Unreadable("nothing")
    value, unit = _measured(tokens)
    if currency:
        if any(power > 0 for _, power in unit.dimensions):
            raise Unreadable("two units")
        money = unit_of([Token("sign", currency)], bare=True) or NO_UNIT
        both = tuple(sorted(money.dimensions + unit.dimensions))
        unit = Unit(both, money.factor * unit.factor, unit.scale, unit.percent)
    if unit.scale != 1:
        value = multiplied([value, Number(Fraction(unit.scale))])
        unit = Unit(unit.dimensions, unit.factor)
    value, unit = _degrees(value, unit)
    unit = Unit(TEMPERATURES[scale]) if warm and unit.degrees else unit
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
