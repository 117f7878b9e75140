"""Mathematical expressions as trees.

Sums and products are lists, not chains of pairs, and nesting is limited: whatever walks through a tree may recurse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from typing import TypeAlias

from sapo_engine.grading.notation import Unreadable

MOST_SIGNS = 5
"""Plus-minus signs in one expression: each doubles its values."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number. `places`: how many digits it was written with behind the point; None: it is no decimal."""

    value: Fraction
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, or one of the constants `pi`, `e`, `i` and `inf`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation or function on other expressions.

    add, mul (any number), neg, inv, pow, root (degree, radicand), fact, binom, log (base, of), abs, floor, ceil,
    degrees, pm, mp, the functions of FUNCTIONS, and `apply:f` for a function that nobody knows.
    """

    head: str
    args: tuple[Expression, ...]


Expression: TypeAlias = Number | Symbol | Call

CONSTANTS = frozenset(("pi", "e", "i", "inf"))


def added(parts: Sequence[Expression]) -> Expression:
    """The sum of `parts`."""
    return parts[0] if len(parts) == 1 else Call("add", tuple(parts))


def multiplied(parts: Sequence[Expression]) -> Expression:
    """The product of `parts`."""
    return parts[0] if len(parts) == 1 else Call("mul", tuple(parts))


def negative(part: Expression) -> Expression:
    """Minus `part`; of a number, the number."""
    if isinstance(part, Number):
        return Number(-part.value, part.places)
    return part.args[0] if isinstance(part, Call) and part.head == "neg" else Call("neg", (part,))


def divided(top: Expression, bottom: Expression) -> Expression:
    """`top` over `bottom`."""
    return Call("mul", (top, Call("inv", (bottom,))))


def difference(left: Expression, right: Expression) -> Expression:
    """`left` minus `right`."""
    return Call("add", (left, negative(right)))


def symbols_of(part: Expression) -> frozenset[str]:
    """The names of the variables in an expression; constants are none."""
    if isinstance(part, Symbol):
        return frozenset() if part.name in CONSTANTS else frozenset((part.name,))
    return frozenset().union(*map(symbols_of, part.args)) if isinstance(part, Call) else frozenset()


def heads_of(part: Expression) -> frozenset[str]:
    """The operations and functions in an expression."""
    if not isinstance(part, Call):
        return frozenset()
    return frozenset((part.head,)).union(*map(heads_of, part.args))


def renamed(part: Expression, old: str, new: str) -> Expression:
    """The expression with variable `old` called `new`."""
    if isinstance(part, Symbol):
        return Symbol(new) if part.name == old else part
    return Call(part.head, tuple(renamed(arg, old, new) for arg in part.args)) if isinstance(part, Call) else part


def signs_chosen(part: Expression) -> list[Expression]:
    r"""The expressions that one with `\pm` stands for: all signs at will, or, where there is a `\mp`, bound together.

    Raises Unreadable where there are too many.
    """
    heads = heads_of(part)
    if not heads & {"pm", "mp"}:
        return [part]
    if "mp" in heads:
        return [_signed(part, repeat(plus)) for plus in (True, False)]
    count = _count_of(part)
    if count > MOST_SIGNS:
        raise Unreadable("too many signs")
    return [_signed(part, iter([not choice >> k & 1 for k in range(count)])) for choice in range(2**count)]


def _count_of(part: Expression) -> int:
    return sum(map(_count_of, part.args)) + (part.head == "pm") if isinstance(part, Call) else 0


def _signed(part: Expression, signs: Iterator[bool]) -> Expression:
    if not isinstance(part, Call):
        return part
    plus = next(signs) if part.head in ("pm", "mp") else True
    args = tuple(_signed(arg, signs) for arg in part.args)
    if part.head in ("pm", "mp"):
        return args[0] if plus == (part.head == "pm") else negative(args[0])
    return Call(part.head, args)
