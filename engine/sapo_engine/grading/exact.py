r"""Exact values, by whole numbers alone.

`value_of` gives a rational constant itself. `fingerprint` tells whether two expressions made of +, -, *, / and whole
powers are the same: it puts random numbers for their variables and calculates modulo two large primes (Schwartz and
Zippel), so that `2^{10^{10}}` costs no more than `2^{10}`. Both are bounded before anything is calculated.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sapo_engine.grading.expressions import Call, Expression, Number, Symbol

PRIMES = (
    586290757624510131862279990623673617574043695781,
    572769906716942513969149310727051285583771146581,
)
"""Primes of no special form, one more than a multiple of 4 each (so that -1 has a root), made up for this."""


class Undefined(Exception):  # noqa: N818  # no fault of the program: 1/0 was written
    """The expression has no value."""


class TooHard(Exception):  # noqa: N818  # it is said before anything is calculated
    """The value would take more than is allowed here."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one comparison may take: bits of a whole number, the largest number that a factorial is taken of, and the
    precision (`digits`, in bits) with which irrational numbers are told apart, and how many expressions are compared
    (what takes many digits counts for twenty). `last`: nobody else will try harder.
    """

    bits: int
    factorial: int
    digits: int
    comparisons: int
    last: bool


HERE = Limits(bits=20_000, factorial=3_000, digits=8_000, comparisons=300, last=False)
"""In this process: a few milliseconds."""
APART = Limits(bits=4_000_000, factorial=2_000_000, digits=200_000, comparisons=20_000, last=True)
"""In a process that can be killed."""


def value_of(part: Expression, limits: Limits) -> Fraction | None:
    """The value of a rational constant; None where it is none (or not seen to be one). Undefined, TooHard."""
    if isinstance(part, Number):
        return part.value
    if isinstance(part, Symbol):
        return None
    if part.head == "pow":
        return _power(part, limits)
    if part.head == "fact":
        return _factorial(part, limits)
    values = [value_of(arg, limits) for arg in part.args]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    found = _CALCULATED[part.head](known) if part.head in _CALCULATED else None
    if found is not None and max(found.numerator.bit_length(), found.denominator.bit_length()) > limits.bits:
        raise TooHard
    return found


def _power(part: Call, limits: Limits) -> Fraction | None:
    base, exponent = (value_of(arg, limits) for arg in part.args)
    if exponent is None or base is None:
        return None
    if exponent.denominator != 1:
        root = _root([Fraction(exponent.denominator), base])
        return None if root is None else _raised(root, exponent.numerator, limits)
    return _raised(base, exponent.numerator, limits)


def _raised(base: Fraction, exponent: int, limits: Limits) -> Fraction:
    if base == 0 and exponent <= 0:
        raise Undefined
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) != 1 and base != 0 and size * abs(exponent) > limits.bits:
        raise TooHard
    return base ** (exponent if abs(base) != 1 else exponent % 2)


def _factorial(part: Call, limits: Limits) -> Fraction | None:
    value = value_of(part.args[0], limits)
    if value is None:
        return None
    if value.denominator != 1 or value < 0:
        raise Undefined
    if value > limits.factorial or value.numerator * value.numerator.bit_length() > limits.bits:
        raise TooHard
    return Fraction(math.factorial(value.numerator))


def _root(values: list[Fraction]) -> Fraction | None:
    """The root where it is rational; None where it is not, or not real."""
    degree, of = values
    if degree.denominator != 1 or not 0 < degree <= 64:
        return None
    if of < 0:
        inner = _root([degree, -of]) if degree % 2 else None
        return None if inner is None else -inner
    top, bottom = (_whole_root(number, degree.numerator) for number in (of.numerator, of.denominator))
    return None if top is None or bottom is None else Fraction(top, bottom)


def _whole_root(number: int, degree: int) -> int | None:
    if degree == 2:
        root = math.isqrt(number)
    else:
        root = 1 << -(-number.bit_length() // degree)  # from above, by Newton's method
        while root and (less := ((degree - 1) * root + number // root ** (degree - 1)) // degree) < root:
            root = less
    return root if root**degree == number else None


def _inverse(values: list[Fraction]) -> Fraction:
    if not values[0]:
        raise Undefined
    return 1 / values[0]


def _binomial(values: list[Fraction]) -> Fraction | None:
    top, bottom = values
    if top.denominator != 1 or bottom.denominator != 1 or bottom < 0 or top < 0:
        return None
    if min(bottom, top - bottom) > 5_000:
        raise TooHard
    return Fraction(math.comb(top.numerator, bottom.numerator))


def _whole(values: list[Fraction], found: Callable[..., int]) -> Fraction | None:
    if any(value.denominator != 1 for value in values):
        return None
    return Fraction(found(*(value.numerator for value in values)))


def _product(values: list[Fraction]) -> Fraction:
    found = Fraction(1)
    for value in values:
        found *= value
    return found


_CALCULATED: dict[str, Callable[[list[Fraction]], Fraction | None]] = {
    "add": lambda values: sum(values, Fraction(0)),
    "mul": _product,
    "neg": lambda values: -values[0],
    "inv": _inverse,
    "root": _root,
    "binom": _binomial,
    "abs": lambda values: abs(values[0]),
    "floor": lambda values: Fraction(math.floor(values[0])),
    "ceil": lambda values: Fraction(math.ceil(values[0])),
    "max": max,
    "min": min,
    "gcd": lambda values: _whole(values, math.gcd),
    "lcm": lambda values: _whole(values, math.lcm),
}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The residues of an expression. Equal ones are of equal expressions; `complete`: different ones of different."""

    residues: tuple[int, ...]
    complete: bool


def fingerprint(part: Expression, limits: Limits) -> Fingerprint:
    """The residues of `part` modulo PRIMES. Raises Undefined, TooHard."""
    found: list[int] = []
    complete = True
    for prime in PRIMES:
        walk = _Residues(prime, limits)
        found.append(walk.of(part))
        complete &= walk.complete
    return Fingerprint(tuple(found), complete)


class _Residues:
    """One walk through an expression modulo a prime. What it cannot calculate is a random number of what it is of."""

    def __init__(self, prime: int, limits: Limits) -> None:
        self.prime = prime
        self.limits = limits
        self.complete = True
        self.known: dict[Expression, int] = {}

    def of(self, part: Expression) -> int:
        if isinstance(part, Number):
            return part.value.numerator * self.inverse(part.value.denominator) % self.prime
        if isinstance(part, Symbol):
            return _root_of_minus_one(self.prime) if part.name == "i" else self.random(part.name)
        if part not in self.known:
            self.known[part] = self._call(part)
        return self.known[part]

    def _call(self, part: Call) -> int:
        match part.head:
            case "add":
                return sum(map(self.of, part.args)) % self.prime
            case "mul":
                found = 1
                for arg in part.args:
                    found = found * self.of(arg) % self.prime
                return found
            case "neg":
                return -self.of(part.args[0]) % self.prime
            case "inv":
                return self.inverse(self.of(part.args[0]))
            case "pow":
                exponent = value_of(part.args[1], self.limits)
                if exponent is not None and exponent.denominator == 1:
                    return self.power(self.of(part.args[0]), exponent.numerator)
            case "fact":
                whole = value_of(part.args[0], self.limits)
                if whole is not None and whole.denominator == 1 and whole >= 0:
                    return self.factorial(whole.numerator)
            case _ if part.head.startswith("apply:"):
                return self.random(part.head, *map(self.of, part.args))
            case _:
                pass
        value = self.value(part)
        if value is not None:
            return value.numerator * self.inverse(value.denominator) % self.prime
        self.complete = False
        return self.random(part.head, *map(self.of, part.args))

    def value(self, part: Expression) -> Fraction | None:
        try:
            return value_of(part, self.limits)
        except TooHard:
            return None

    def inverse(self, number: int) -> int:
        if not number % self.prime:
            raise Undefined
        return pow(number, -1, self.prime)

    def power(self, base: int, exponent: int) -> int:
        if not base and exponent <= 0:
            raise Undefined
        return pow(base, exponent, self.prime)

    def factorial(self, whole: int) -> int:
        if whole > self.limits.factorial:
            raise TooHard
        found = 1
        for number in range(2, whole + 1):
            found = found * number % self.prime
        return found

    def random(self, name: str, *args: int) -> int:
        digest = hashlib.sha512(f"{self.prime} {name} {args}".encode()).digest()
        return int.from_bytes(digest, "big") % self.prime


def _root_of_minus_one(prime: int) -> int:
    return next(
        root for base in range(2, 100) if (root := pow(base, (prime - 1) // 4, prime)) ** 2 % prime == prime - 1
    )
