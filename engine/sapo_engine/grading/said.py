"""What an answer can say: a number, a list, a point, an equation, a choice, words. `reading` makes these of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sapo_engine.grading.expressions import Expression
from sapo_engine.grading.units import NO_UNIT, Unit


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number or an expression, with what it counts."""

    value: Expression
    unit: Unit = NO_UNIT


@dataclass(frozen=True, slots=True)
class Words:
    """Words, in small letters."""

    text: str
    exact: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter to choose, with the text that stands there (`B: 12`); `rest` is None where none does."""

    letter: str
    rest: Answer | None = None


@dataclass(frozen=True, slots=True)
class Numeral:
    """Digits in a base: `204_5`."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in brackets: a point, a vector, an interval."""

    items: tuple[Answer, ...]
    opener: str
    closer: str


@dataclass(frozen=True, slots=True)
class Many:
    r"""Several answers in any order; `braces`: written as a set. `joined` is what stands between them."""

    items: tuple[Answer, ...]
    braces: bool = False
    joined: Literal["or", "and", ","] = ","


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix or a determinant."""

    kind: str
    rows: tuple[tuple[Answer, ...], ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A value with the name that stands before the equals sign.

    `symbol` is the name as a variable, `function` and `parameters` are the parts of one like `f(x)`.
    """

    name: str
    value: Answer
    symbol: Expression | None = None
    function: str = ""
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Equation:
    """Two expressions that are equal."""

    left: Scalar
    right: Scalar


@dataclass(frozen=True, slots=True)
class Chain:
    """Sides with `<`, `<=`, `>`, `>=` or `!=` between them."""

    sides: tuple[Answer, ...]
    relations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """Sets put together (`cup`), what they have in common (`cap`), or the first without the second (`setminus`)."""

    parts: tuple[Answer, ...]
    how: str


@dataclass(frozen=True, slots=True)
class Reals:
    """All real numbers, or another set with a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """`a:b`, or a time of the day."""

    parts: tuple[Answer, ...]
    time: bool


@dataclass(frozen=True, slots=True)
class Raw:
    """What could not be read: its signs alone."""

    key: str


Answer: TypeAlias = (
    Scalar | Words | Choice | Numeral | Row | Many | Grid | Named | Equation | Chain | Union | Reals | Ratio | Raw
)

EMPTY = Many((), braces=True)
"""The empty set."""
