"""Whether two expressions are equal: exactly, or with as many digits as it takes. Work is counted."""

from __future__ import annotations

from fractions import Fraction

from sapo_engine.grading import numeric
from sapo_engine.grading.exact import Limits, TooHard, Undefined, fingerprint, value_of
from sapo_engine.grading.expressions import Call, Expression, Number, Symbol, negative, symbols_of

LEAST_PLACES = 6
"""A decimal is equal to a fraction that it is cut off from, or rounded to, where it has so many places."""
LEAST_DIGITS = 3
"""... and so many digits that are not leading zeros."""
NUMERIC = 20
"""What a comparison with many digits counts for."""
INFINITE = Symbol("inf")


class Arithmetic:
    """Compares expressions within limits. Every method raises TooHard where one comparison takes more."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.comparisons

    def spend(self, cost: int) -> None:
        """Count work. Raises TooHard where it is more than allowed."""
        self.left -= cost
        if self.left < 0:
            raise TooHard

    def expressions(self, left: Expression, right: Expression) -> bool:
        """Whether two expressions are equal; never where one has no value."""
        self.spend(1)
        try:
            return self._expressions(left, right)
        except Undefined:
            return False

    def _expressions(self, left: Expression, right: Expression) -> bool:
        if left == right:
            return True
        if _has_infinity(left) or _has_infinity(right):
            return False  # and infinity less infinity is nothing
        values = [self.value(part) for part in (left, right)]
        if values[0] is not None and values[1] is not None:
            return values[0] == values[1] or self.rounded(left, right)
        if symbols_of(left) or symbols_of(right):
            return self.functions(left, right)
        first, second = fingerprint(left, self.limits), fingerprint(right, self.limits)
        if first.residues == second.residues:
            return True
        if self.rounded(left, right):
            return True
        if first.complete and second.complete:
            return False
        self.spend(NUMERIC)
        return numeric.equal_constants(left, right, self.limits)

    def value(self, part: Expression) -> Fraction | None:
        """A rational value, None where there is none or it is too large to be written down."""
        try:
            return value_of(part, self.limits)
        except TooHard:
            return None

    def functions(self, left: Expression, right: Expression) -> bool:
        """Whether two expressions with variables are equal."""
        first, second = fingerprint(left, self.limits), fingerprint(right, self.limits)
        if first.residues == second.residues:
            return True
        if first.complete and second.complete:
            return False
        self.spend(NUMERIC)
        return numeric.equal_functions(left, right, self.limits)

    def rounded(self, left: Expression, right: Expression) -> bool:
        """Whether one is a decimal of at least six places, and the other, no decimal, is what it was made of."""
        for decimal, exact in ((left, right), (right, left)):
            if not isinstance(decimal, Number) or (isinstance(exact, Number) and exact.places is not None):
                continue
            places = decimal.places or 0
            if places >= LEAST_PLACES and abs(decimal.value) * 10**places >= 10 ** (LEAST_DIGITS - 1):
                return numeric.near(decimal.value, places, exact, self.limits)
        return False

    def below(self, left: Expression, right: Expression) -> bool:
        """Whether one number is less than another, as far as that can be said (with variables it is taken to be)."""
        if left == right:
            return False
        if infinite(left) or infinite(right):
            return left == negative(INFINITE) or right == INFINITE
        if symbols_of(left) or symbols_of(right):
            return True
        self.spend(2)
        try:
            return numeric.less(left, right, self.limits)
        except Undefined:
            return False

    def ratio(self, left: Expression, right: Expression) -> int:
        """The sign of the constant that one expression is the other times; 0 where there is none."""
        if symbols_of(left) != symbols_of(right) or not symbols_of(left):
            return 0
        self.spend(NUMERIC)
        return numeric.ratio(left, right, self.limits)


def _has_infinity(part: Expression) -> bool:
    return part == INFINITE or (isinstance(part, Call) and any(map(_has_infinity, part.args)))


def infinite(part: Expression) -> bool:
    """Whether an expression is infinity, with either sign."""
    return part in (INFINITE, negative(INFINITE))
