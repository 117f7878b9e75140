r"""Irrational numbers and functions, told apart by calculating with as many digits as that takes.

For a constant made of roots the number of digits is a proof: two different such numbers cannot be nearer to each other
than the separation bound of Burnikel, Funke, Mehlhorn, Schirra and Schmitt (BFMSS, 2001) says. Where there are also
logarithms, angles or powers of e, they are far more than any answer of this length can hide behind. Expressions
with variables are compared at several points.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sapo_engine.grading.exact import HERE, Limits, TooHard, Undefined, value_of
from sapo_engine.grading.expressions import (
    Call,
    Expression,
    Number,
    Symbol,
    difference,
    heads_of,
    symbols_of,
)

FIRST = 256
"""Bits of the first look, which tells most pairs apart."""
ENOUGH = 5_000
"""Bits (1,500 digits) where nothing proves how many it takes."""
POINTS = 10
FEWEST_POINTS = 3
MOST_SYMBOLS = 12
LARGEST_EXPONENT = 1 << 20
"""Bits of a number before the point: e^(e^20) is not calculated."""
LARGEST_COUNT = 1 << 16
"""What a factorial is taken of, at a point."""
MOST_COUNTED = 2_048
"""Bits of precision of such a factorial: the gamma function is slow beyond."""
ROOM = 1_024
"""Bits of precision at a point, beyond what the numbers in an expression need: powers cancel."""
RANGES = tuple(
    (Fraction(low, 10), Fraction(high, 10)) for low, high in ((2, 9), (11, 19), (21, 49), (51, 200), (200, 400))
)
"""Where the values of variables come from."""


def equal_constants(left: Expression, right: Expression, limits: Limits) -> bool:
    """Whether two expressions without variables are the same number. Raises Undefined, TooHard."""
    both = difference(left, right)
    height = _height(both, limits)
    if not _zero(both, FIRST, FIRST + 2 * height, limits):
        return False
    bound = _separation(both)
    bits = ENOUGH + 2 * height if bound is None else max(bound + 64, FIRST)
    if bits > limits.digits and not limits.last:
        raise TooHard
    bits = int(min(bits, limits.digits))
    return bits <= FIRST or _zero(both, bits, bits + 2 * height, limits)


def near(decimal: Fraction, places: int, exact: Expression, limits: Limits) -> bool:
    """Whether `decimal` is `exact` to its last place, rounded or cut off. Raises Undefined, TooHard."""
    height = _height(exact, limits)
    walk = _Evaluation(FIRST + 4 * places + 2 * height, {})
    value = walk.of(exact)
    if walk.imaginary(value):
        return False
    more = (walk.real(value) - walk.rational(decimal)) * 10**places * (1 if decimal > 0 else -1)
    return bool(-0.5 <= more < 1)


def less(left: Expression, right: Expression, limits: Limits) -> bool:
    """Whether one real constant is less than another (equal ones: either). Raises Undefined, TooHard."""
    both = difference(left, right)
    walk = _Evaluation(FIRST + 2 * _height(both, limits), {})
    found = walk.of(both)
    if walk.imaginary(found):
        raise Undefined
    return bool(walk.real(found) < 0)


def equal_functions(left: Expression, right: Expression, limits: Limits) -> bool:
    """Whether two expressions with variables are equal wherever both are real. Raises TooHard.

    At least three points with positive variables must say so. Where a root or logarithm of a negative number is taken,
    a difference does not count, unless one of the two says `|x|` and the other does not.
    """
    names = sorted(symbols_of(left) | symbols_of(right))
    if len(names) > MOST_SYMBOLS:
        raise TooHard
    height = _height(left, limits) + _height(right, limits)
    strict = ("abs" in heads_of(left)) != ("abs" in heads_of(right))
    told = 0
    for point in range(POINTS):
        at = {name: _coordinate(name, point) for name in names}
        walks = [_Evaluation(ROOM + 2 * height, at) for _ in range(2)]
        try:
            values = [walk.of(part) for walk, part in zip(walks, (left, right), strict=True)]
        except Undefined:
            continue
        walk = walks[0]
        same = walk.size(values[0] - values[1]) <= walk.rational(Fraction(1, 1 << 128)) * (1 + walk.size(values[0]))
        branched = walks[0].branched or walks[1].branched
        if not same and (not branched or (strict and walks[0].branched != walks[1].branched)):
            return False
        told += same
    return told >= FEWEST_POINTS


def ratio(left: Expression, right: Expression, limits: Limits) -> int:
    """The sign of the constant c in left = c * right for all variables; 0 where there is none. Raises TooHard."""
    names = sorted(symbols_of(left) | symbols_of(right))
    if not names or len(names) > MOST_SYMBOLS:
        return 0
    bits = ROOM + 2 * (_height(left, limits) + _height(right, limits))
    found: Any = None
    told = 0
    for point in range(POINTS):
        walk = _Evaluation(bits, {name: _coordinate(name, point) for name in names})
        try:
            top, bottom = walk.of(left), walk.of(right)
            if walk.branched or not walk.size(bottom):
                continue
        except Undefined:
            continue
        here = top / bottom
        if found is None:
            found = here
        if walk.size(here - found) > walk.rational(Fraction(1, 1 << 128)) * (1 + walk.size(here)):
            return 0
        told += 1
    if told < FEWEST_POINTS or not found or abs(found.imag) > abs(found) * 1e-30:
        return 0
    return 1 if found.real > 0 else -1


def _coordinate(name: str, point: int) -> Fraction:
    """A number for a variable: positive at the first points, then of either sign."""
    digest = hashlib.sha256(f"{name} {point}".encode()).digest()
    low, high = RANGES[(digest[0] + point) % len(RANGES)] if point >= 2 else RANGES[point + 1]
    value = low + (high - low) * Fraction(int.from_bytes(digest[1:9], "big"), 1 << 64)
    return -value if point >= POINTS // 2 and digest[9] % 2 else value


def _height(part: Expression, limits: Limits) -> int:
    """About how many bits the largest whole number in an expression has. TooHard where that is too many."""
    found = _size(part, limits)
    if found > limits.bits:
        raise TooHard
    return found


def _size(part: Expression, limits: Limits) -> int:
    if isinstance(part, Number):
        return max(part.value.numerator.bit_length(), part.value.denominator.bit_length())
    if isinstance(part, Symbol):
        return 2
    sizes = [_size(arg, limits) for arg in part.args]
    if part.head == "pow":
        exponent = value_of(part.args[1], limits)
        if exponent is None:
            if symbols_of(part.args[1]):
                return sum(sizes)
            return sum(sizes) + sizes[0] * int(abs(_Evaluation(FIRST, {}).of(part.args[1])))
        return sizes[0] * max(1, math.ceil(abs(exponent))) + 8
    if part.head == "fact":
        value = value_of(part.args[0], limits)
        return sizes[0] if value is None else value.numerator * value.numerator.bit_length()
    return sum(sizes)


@dataclass(frozen=True, slots=True)
class _Bound:
    """log2 of BFMSS's u and l."""

    upper: float
    lower: float


def _separation(part: Expression) -> float | None:
    """How many bits a constant's distance from zero can need, if it is not zero; None where no proof is known."""
    degrees: dict[Expression, int] = {}
    try:
        bound = _bounded(part, degrees)
    except (Undefined, OverflowError):
        return None
    if bound is None:
        return None
    degree = math.prod(degrees.values())
    if degree > 1 << 40:
        return math.inf
    return bound.lower + (degree - 1) * max(bound.upper, 0.0) + 2


def _bounded(part: Expression, degrees: dict[Expression, int]) -> _Bound | None:
    if isinstance(part, Number):
        return _Bound(_log2(abs(part.value.numerator)), _log2(part.value.denominator))
    if isinstance(part, Symbol):
        if part.name != "i":
            return None
        degrees[part] = 2
        return _Bound(0, 0)
    if part.head == "pow":
        return _bounded_power(part, degrees)
    bounds = [_bounded(arg, degrees) for arg in part.args]
    known = [bound for bound in bounds if bound is not None]
    if len(known) < len(bounds):
        return None
    first = known[0]
    match part.head:
        case "add":
            lower = sum(bound.lower for bound in known)
            return _Bound(max(b.upper + lower - b.lower for b in known) + _log2(len(known)), lower)
        case "mul":
            return _Bound(sum(b.upper for b in known), sum(b.lower for b in known))
        case "neg":
            return first
        case "inv":
            return _Bound(first.lower, first.upper)
        case "root":
            degree = part.args[0]
            if not isinstance(degree, Number) or degree.value.denominator != 1 or not 1 < degree.value <= 64:
                return None
            return _bounded_root(part, known[1], degree.value.numerator, degrees)
        case _:
            return None


def _bounded_power(part: Call, degrees: dict[Expression, int]) -> _Bound | None:
    base, exponent = _bounded(part.args[0], degrees), part.args[1]
    if base is None or not isinstance(exponent, Number) or exponent.value.denominator > 64:
        return None
    power, degree = exponent.value.numerator, exponent.value.denominator
    if power < 0:
        base, power = _Bound(base.lower, base.upper), -power
    raised = _Bound(base.upper * power, base.lower * power)
    return raised if degree == 1 else _bounded_root(part, raised, degree, degrees)


def _bounded_root(part: Expression, inner: _Bound, degree: int, degrees: dict[Expression, int]) -> _Bound:
    degrees[part] = degree
    if inner.upper >= inner.lower:
        return _Bound((inner.upper + (degree - 1) * inner.lower) / degree, inner.lower)
    return _Bound(inner.upper, (inner.lower + (degree - 1) * inner.upper) / degree)


def _log2(number: int) -> float:
    return float(number.bit_length())


def _zero(part: Expression, bits: int, precision: int, limits: Limits) -> bool:
    """Whether a constant is less than 2^-bits (of the first look: of what it is calculated from)."""
    if precision > limits.digits * 2:
        raise TooHard
    walk = _Evaluation(precision + 64, {})
    return bool(walk.size(walk.of(part)) <= walk.rational(Fraction(1, 1 << bits)))


_own = threading.local()


def _context() -> Any:
    """mpmath's numbers, with a precision of this thread's own."""
    if not hasattr(_own, "context"):
        import mpmath  # a tenth of a second's import, which most answers do not need

        _own.context = mpmath.mp.clone()
    return _own.context


class _Evaluation:
    """The value of an expression at a point, with `bits` of precision, in the complex numbers."""

    def __init__(self, bits: int, at: Mapping[str, Fraction]) -> None:
        self.context = _context()
        self.context.prec = bits
        self.bits = bits
        self.at = at
        self.branched = False
        """Whether a root or logarithm of what is no positive number was taken of a variable."""
        self.known: dict[Expression, Any] = {}

    def rational(self, value: Fraction) -> Any:
        return self.context.mpf(value.numerator) / value.denominator

    def size(self, value: Any) -> Any:
        return self.context.fabs(value)

    def real(self, value: Any) -> Any:
        return self.context.re(value)

    def imaginary(self, value: Any) -> bool:
        return bool(self.context.fabs(self.context.im(value)) > self.tiny() * (1 + self.size(value)))

    def tiny(self) -> Any:
        return self.context.ldexp(1, -self.bits // 2)

    def of(self, part: Expression) -> Any:
        """The value. Raises Undefined where there is none, TooHard where it is too large."""
        if isinstance(part, Number):
            return self.rational(part.value)
        if part not in self.known:
            try:
                found = self._symbol(part) if isinstance(part, Symbol) else self._call(part)
            except (ArithmeticError, ValueError) as error:  # a pole
                raise Undefined from error
            if not self.context.isfinite(found):
                raise Undefined
            if found and abs(self.context.mag(found)) > LARGEST_EXPONENT:
                raise TooHard
            self.known[part] = found
        return self.known[part]

    def _symbol(self, part: Symbol) -> Any:
        match part.name:
            case "pi":
                return +self.context.pi
            case "e":
                return +self.context.e
            case "i":
                return self.context.mpc(0, 1)
            case "inf":
                raise Undefined
            case name:
                return self.rational(self.at[name])

    def _call(self, part: Call) -> Any:
        context = self.context
        match part.head:
            case "add":
                return context.fsum([self.of(arg) for arg in part.args])
            case "mul":
                return context.fprod([self.of(arg) for arg in part.args])
            case "neg":
                return -self.of(part.args[0])
            case "inv":
                return 1 / self._nonzero(self.of(part.args[0]))
            case "pow":
                return self._power(part)
            case "root":
                return self._root(part.args[1], self.of(part.args[0]), part)
            case "log":
                base = self._logarithm(part.args[0])
                return self._logarithm(part.args[1]) / self._nonzero(base)
            case "ln":
                return self._logarithm(part.args[0])
            case "degrees":
                return self.of(part.args[0]) * context.pi / 180
            case "abs":
                return context.fabs(self.of(part.args[0]))
            case "floor" | "ceil":
                return self._whole(self.of(part.args[0]), part.head)
            case "max" | "min":
                return (max if part.head == "max" else min)(self._real(arg) for arg in part.args)
            case "fact":
                return context.gamma(self._counted(part.args[0]) + 1)
            case "binom":
                return context.binomial(*(self._counted(arg) for arg in part.args))
            case head if head in _DIRECT:
                return self._function(head, self.of(part.args[0]))
            case head if head.startswith("apply:"):
                return self._unknown(part)
            case _:
                raise Undefined

    def _nonzero(self, value: Any) -> Any:
        if self.size(value) <= self.tiny():
            raise Undefined
        return value

    def _real(self, part: Expression) -> Any:
        value = self.of(part)
        if self.imaginary(value):
            raise Undefined
        return self.real(value)

    def _counted(self, part: Expression) -> Any:
        """What a factorial is taken of: whole, or a variable's value; never large."""
        value = self._real(part)
        if abs(value) > LARGEST_COUNT or self.bits > MOST_COUNTED:
            raise TooHard
        if not self.at and abs(value - self.context.nint(value)) > self.tiny():
            raise Undefined
        return value

    def _root(self, of: Expression, degree: Any, part: Call) -> Any:
        value = self.of(of)
        whole = self.context.nint(self.real(degree))
        if abs(degree - whole) > self.tiny() or not whole:
            return self._general(value, 1 / self._nonzero(degree), of)
        if not self.imaginary(value):
            value = self.real(value)
            if value < 0 and whole % 2:
                return -self.context.root(-value, int(whole))
            if value < 0:
                self._branch(part)
        if abs(whole) > 64:
            return self._general(value, 1 / degree, of)
        return self.context.root(value, int(whole))

    def _general(self, base: Any, exponent: Any, part: Expression) -> Any:
        if self.size(base) <= self.tiny():
            if self.real(exponent) > self.tiny():
                return self.context.zero
            raise Undefined
        if self.imaginary(base) or self.real(base) < 0:
            self._branch(part)
        return self._exponential(exponent * self.context.log(base))

    def _power(self, part: Call) -> Any:
        base = self.of(part.args[0])
        exponent = value_of(part.args[1], HERE)
        if exponent is None:
            return self._general(base, self.of(part.args[1]), part)
        if exponent <= 0:
            self._nonzero(base)
        if abs(exponent) > 1 << 40:
            raise TooHard
        if exponent.denominator == 1:
            return base**exponent.numerator
        root = Call("root", (Number(Fraction(exponent.denominator)), part.args[0]))
        return self.of(root) ** exponent.numerator

    def _exponential(self, exponent: Any) -> Any:
        if self.size(exponent) > LARGEST_EXPONENT:
            raise TooHard
        return self.context.exp(exponent)

    def _logarithm(self, part: Expression) -> Any:
        value = self._nonzero(self.of(part))
        if self.imaginary(value) or self.real(value) < 0:
            self._branch(part)
        elif not self.imaginary(value):
            value = self.real(value)
        return self.context.log(value)

    def _branch(self, part: Expression) -> None:
        if self.at and symbols_of(part):
            self.branched = True

    def _whole(self, value: Any, head: str) -> Any:
        if self.imaginary(value):
            raise Undefined
        value = self.real(value)
        nearest = self.context.nint(value)
        if abs(value - nearest) < self.tiny():
            return nearest
        return self.context.floor(value) if head == "floor" else self.context.ceil(value)

    def _function(self, head: str, value: Any) -> Any:
        name, turned = _DIRECT[head]
        if turned == "of":
            value = 1 / self._nonzero(value)
        if head in ("sin", "cos", "tan", "sec", "csc", "cot") and self.size(value) > LARGEST_EXPONENT:
            raise TooHard
        if head in ("sinh", "cosh", "tanh") and self.size(value) > LARGEST_EXPONENT:
            raise TooHard
        if head in ("tan", "cot"):
            sine, cosine = self.context.sin(value), self.context.cos(value)
            return sine / self._nonzero(cosine) if head == "tan" else cosine / self._nonzero(sine)
        if head in ("arcsin", "arccos", "arcsec", "arccsc") and self.size(value) > 1:
            if self.size(value) - 1 < self.tiny() and not self.imaginary(value):
                value = self.context.sign(self.real(value))
            elif self.at:
                self.branched = True
        found = getattr(self.context, name)(value)
        return 1 / self._nonzero(found) if turned == "result" else found

    def _unknown(self, part: Call) -> Any:
        """A function that nobody knows: a random number of what it is of."""
        args = [self.context.nstr(self.of(arg), 30) for arg in part.args]
        digest = hashlib.sha256(f"{part.head} {args}".encode()).digest()
        return self.rational(Fraction(int.from_bytes(digest[:16], "big"), 1 << 126))


_DIRECT = {
    "sin": ("sin", ""), "cos": ("cos", ""), "tan": ("tan", ""), "sec": ("cos", "result"), "csc": ("sin", "result"),
    "cot": ("cot", ""), "sinh": ("sinh", ""), "cosh": ("cosh", ""), "tanh": ("tanh", ""), "arcsin": ("asin", ""),
    "arccos": ("acos", ""), "arctan": ("atan", ""), "arcsec": ("acos", "of"), "arccsc": ("asin", "of"),
    "arccot": ("atan", "of"), "arsinh": ("asinh", ""), "arcosh": ("acosh", ""), "artanh": ("atanh", ""),
}  # fmt: skip
"""mpmath's function for each of ours, and whether the reciprocal is taken of what it is of, or of its result."""
