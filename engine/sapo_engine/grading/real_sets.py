"""Sets of real numbers, however they are written: intervals, inequalities, what is put together or left out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sapo_engine.grading.arithmetic import INFINITE, Arithmetic, infinite
from sapo_engine.grading.exact import HERE, TooHard, Undefined, value_of
from sapo_engine.grading.expressions import (
    Call,
    Expression,
    Number,
    Symbol,
    difference,
    multiplied,
    negative,
    symbols_of,
)
from sapo_engine.grading.names import bare_name
from sapo_engine.grading.said import Answer, Chain, Many, Named, Raw, Reals, Row, Scalar, Union


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers between two, with its ends or without."""

    low: Expression
    high: Expression
    with_low: bool
    with_high: bool


@dataclass(frozen=True, slots=True)
class RealSet:
    """Intervals of real numbers, and the name of who is in them."""

    intervals: tuple[Interval, ...]
    name: str = ""


_ALL = (Interval(negative(INFINITE), INFINITE, with_low=False, with_high=False),)
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


class RealSets:
    """Makes sets of answers and compares them."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic

    def same(self, left: RealSet, right: RealSet) -> bool:
        """Whether the same numbers are in both, however they are put together."""
        mine, other = self.merged(left.intervals), self.merged(right.intervals)
        return len(mine) == len(other) and all(
            (a.with_low, a.with_high) == (b.with_low, b.with_high)
            and self.arithmetic.expressions(a.low, b.low)
            and self.arithmetic.expressions(a.high, b.high)
            for a, b in zip(mine, other, strict=True)
        )

    def set_of(self, answer: Answer) -> RealSet | None:
        """The real numbers that an answer says; None where it says something else."""
        match answer:
            case Reals("reals"):
                return RealSet(_ALL)
            case Row() if len(answer.items) == 2:
                low, high = answer.items
                if not isinstance(low, Scalar) or not isinstance(high, Scalar):
                    return None
                closed = answer.opener == "[", answer.closer == "]"
                if answer.opener not in "([" or answer.closer not in ")]":
                    return None
                return self.interval(low.value, high.value, *closed)
            case Scalar():
                return RealSet((Interval(answer.value, answer.value, with_low=True, with_high=True),))
            case Many() if answer.braces or all(isinstance(item, Scalar) for item in answer.items):
                parts = [self.set_of(item) for item in answer.items]
                return _together(parts)
            case Many():
                return self.joined(answer)
            case Named():
                inner = self.set_of(answer.value)
                return None if inner is None else RealSet(inner.intervals, bare_name(answer.name))
            case Union():
                return self.union(answer)
            case Chain():
                return self.solved(answer)
            case _:
                return None

    def interval(self, low: Expression, high: Expression, with_low: bool, with_high: bool) -> RealSet | None:
        """An interval, unless its ends are numbers in the wrong order (it is a point then)."""
        if not symbols_of(low) and not symbols_of(high) and not self.arithmetic.below(low, high):
            return None
        return RealSet((Interval(low, high, with_low, with_high),))

    def joined(self, many: Many) -> RealSet | None:
        """Inequalities together: all of them, or, where that leaves nothing or `or` is said, any of them."""
        parts = [self.set_of(item) for item in many.items]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not known:
            return None
        if len({part.name for part in known}) > 1:
            return None
        if many.joined != "or":
            common = self.common([part.intervals for part in known])
            if common or many.joined == "and":
                return RealSet(tuple(common), known[0].name)
        return _together(parts)

    def union(self, union: Union) -> RealSet | None:
        """What sets make together."""
        parts = [self.set_of(part) for part in union.parts]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        match union.how:
            case "cup":
                return _together(parts)
            case "cap":
                return RealSet(tuple(self.common([part.intervals for part in known])))
            case _:
                rest = list(known[0].intervals)
                for part in known[1:]:
                    rest = self.common([rest, self.outside(part.intervals)])
                return RealSet(tuple(rest))

    def solved(self, chain: Chain) -> RealSet | None:
        """The numbers that an inequality leaves for its one variable or name."""
        sides = chain.sides
        named = [k for k, side in enumerate(sides) if not isinstance(side, Scalar) or symbols_of(side.value)]
        if len(named) != 1:
            return None
        at = named[0]
        intervals: list[Interval] = list(_ALL)
        for k, relation in enumerate(chain.relations):
            if at not in (k, k + 1):
                return None
            bound = sides[k + 1] if at == k else sides[k]
            if not isinstance(bound, Scalar):
                return None
            intervals = self.common([intervals, _half(bound.value, relation if at == k else turned(relation))])
        return self.of_name(sides[at], intervals)

    def of_name(self, side: Answer, intervals: list[Interval]) -> RealSet | None:
        """The numbers for a variable whose multiple, negative or absolute value is in `intervals`."""
        if isinstance(side, Raw):
            return RealSet(tuple(intervals), side.key)
        if not isinstance(side, Scalar):
            return None
        inner = side.value
        if isinstance(inner, Symbol):
            return RealSet(tuple(intervals), inner.name)
        if isinstance(inner, Call) and inner.head.startswith("apply:"):
            return RealSet(tuple(intervals), inner.head.removeprefix("apply:"))
        if isinstance(inner, Call) and inner.head == "abs" and isinstance(inner.args[0], Symbol):
            positive = self.common([intervals, _half(Number(Fraction(0)), ">=")])
            mirrored = [_mirrored(interval) for interval in positive]
            return RealSet(tuple(positive + mirrored), inner.args[0].name)
        return self.linear(inner, intervals)

    def linear(self, inner: Expression, intervals: list[Interval]) -> RealSet | None:
        """The numbers for x where a x + b is in `intervals`."""
        names = symbols_of(inner)
        if len(names) != 1:
            return None
        name = next(iter(names))
        try:
            at = [value_of(_put(inner, name, Fraction(k)), HERE) for k in (0, 1, 2, -3)]
        except (TooHard, Undefined):
            return None
        if at[0] is None or at[1] is None:
            return None
        slope, start = at[1] - at[0], at[0]
        if not slope or at[2] != start + 2 * slope or at[3] != start - 3 * slope:
            return None
        solved = tuple(_unscaled(interval, slope, start) for interval in intervals)
        return RealSet(solved, name)

    def common(self, sets: Sequence[Sequence[Interval]]) -> list[Interval]:
        """What is in all of the sets."""
        found = list(sets[0])
        for more in sets[1:]:
            found = [both for a in found for b in more if (both := self._overlap(a, b)) is not None]
        return found

    def _overlap(self, a: Interval, b: Interval) -> Interval | None:
        if self.arithmetic.expressions(a.low, b.low):
            low, with_low = a.low, a.with_low and b.with_low
        else:
            low, with_low = (b.low, b.with_low) if self.arithmetic.below(a.low, b.low) else (a.low, a.with_low)
        if self.arithmetic.expressions(a.high, b.high):
            high, with_high = a.high, a.with_high and b.with_high
        else:
            high, with_high = (a.high, a.with_high) if self.arithmetic.below(a.high, b.high) else (b.high, b.with_high)
        if self.arithmetic.expressions(low, high):
            return Interval(low, high, with_low=True, with_high=True) if with_low and with_high else None
        return Interval(low, high, with_low, with_high) if self.arithmetic.below(low, high) else None

    def outside(self, intervals: Sequence[Interval]) -> list[Interval]:
        """What is in none of the intervals."""
        found = list(_ALL)
        for interval in intervals:
            below = _half(interval.low, "<" if interval.with_low else "<=")
            above = _half(interval.high, ">" if interval.with_high else ">=")
            sides = [side for side in (below, above) if not _infinite_end(side)]
            found = [part for side in sides for part in self.common([found, side])]
        return found

    def merged(self, intervals: Sequence[Interval]) -> list[Interval]:
        """Intervals from the lowest to the highest, those that touch as one."""
        if len(intervals) < 2:
            return list(intervals)
        rest = list(intervals)
        ordered: list[Interval] = []
        while rest:
            lowest = rest[0]
            for interval in rest[1:]:
                if (
                    self.arithmetic.below(interval.low, lowest.low)
                    and not self.arithmetic.expressions(interval.low, lowest.low)
                ) or (
                    interval.with_low and not lowest.with_low and self.arithmetic.expressions(interval.low, lowest.low)
                ):
                    lowest = interval
            rest.remove(lowest)
            ordered.append(lowest)
        found = [ordered[0]]
        for interval in ordered[1:]:
            last = found[-1]
            touch = self.arithmetic.expressions(last.high, interval.low)
            if (touch and (last.with_high or interval.with_low)) or (
                not touch and self.arithmetic.below(interval.low, last.high)
            ):
                if self.arithmetic.expressions(last.high, interval.high):
                    high, with_high = last.high, last.with_high or interval.with_high
                elif self.arithmetic.below(last.high, interval.high):
                    high, with_high = interval.high, interval.with_high
                else:
                    high, with_high = last.high, last.with_high
                found[-1] = Interval(last.low, high, last.with_low, with_high)
            else:
                found.append(interval)
        return found


def turned(relation: str) -> str:
    """The relation seen from its other side."""
    return _TURNED.get(relation, relation)


def speaks_of_sets(answer: Answer) -> bool:
    """Whether an answer can be nothing but a set of real numbers."""
    if isinstance(answer, Many):
        return bool(answer.items) and any(map(speaks_of_sets, answer.items))
    if isinstance(answer, Named):
        return speaks_of_sets(answer.value)
    return isinstance(answer, Chain | Union | Reals)


def _infinite_end(side: Sequence[Interval]) -> bool:
    return any(interval.low == INFINITE or interval.high == negative(INFINITE) for interval in side)


def _together(parts: Sequence[RealSet | None]) -> RealSet | None:
    known = [part for part in parts if part is not None]
    names = {part.name for part in known if part.name}
    if len(known) < len(parts) or len(names) > 1:
        return None
    return RealSet(tuple(interval for part in known for interval in part.intervals), next(iter(names), ""))


def _half(bound: Expression, relation: str) -> list[Interval]:
    """The numbers that are less, more or other than a bound."""
    low = Interval(negative(INFINITE), bound, with_low=False, with_high=relation == "<=")
    high = Interval(bound, INFINITE, with_low=relation == ">=", with_high=False)
    return {"<": [low], "<=": [low], ">": [high], ">=": [high]}.get(relation, [low, high])


def _mirrored(interval: Interval) -> Interval:
    return Interval(negative(interval.high), negative(interval.low), interval.with_high, interval.with_low)


def _put(part: Expression, name: str, value: Fraction) -> Expression:
    if isinstance(part, Symbol):
        return Number(value) if part.name == name else part
    return Call(part.head, tuple(_put(arg, name, value) for arg in part.args)) if isinstance(part, Call) else part


def _unscaled(interval: Interval, slope: Fraction, start: Fraction) -> Interval:
    def back(end: Expression) -> Expression:
        if infinite(end):
            return end if slope > 0 else negative(end)
        return multiplied([Number(1 / slope), difference(end, Number(start))])

    if slope > 0:
        return Interval(back(interval.low), back(interval.high), interval.with_low, interval.with_high)
    return Interval(back(interval.high), back(interval.low), interval.with_high, interval.with_low)
