r"""Whether two written answers say the same.

What is equal is decided by exact arithmetic (`exact`) or with as many digits as it takes (`numeric`), never by floats.
The verdict is the same both ways round, but for one: `m + n = 293` answers a question whose answer is 293, and 5 does
not answer one whose answer is the line `x + y = 5`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from sapo_engine.grading.arithmetic import Arithmetic
from sapo_engine.grading.exact import APART, HERE, Limits, TooHard
from sapo_engine.grading.expressions import (
    Call,
    Expression,
    Number,
    Symbol,
    difference,
    multiplied,
    renamed,
    symbols_of,
)
from sapo_engine.grading.names import bare_name
from sapo_engine.grading.number_words import number_in_words
from sapo_engine.grading.reading import key_of, read
from sapo_engine.grading.real_sets import RealSets, speaks_of_sets, turned
from sapo_engine.grading.said import (
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
    Row,
    Scalar,
    Union,
    Words,
)
from sapo_engine.grading.unit_table import KNOWN
from sapo_engine.grading.units import DEGREE, TEMPERATURES, Unit

PLAIN_NUMBER = re.compile(r"\$?(-?)(\d{1,3}(?:,\d{3})+|\d{1,300})(\.\d{1,300})?", re.ASCII)


def equal(answer: str, reference: str, limits: Limits) -> bool:
    """Whether `answer` says what `reference` says. Raises TooHard where that takes more than `limits`."""
    if answer == reference:
        return True
    mine, other = _plain_number(answer), _plain_number(reference)
    if mine is not None and other is not None:
        return mine == other
    if key_of(answer) == key_of(reference):
        return True
    left, right = read(answer), read(reference)
    compare = _Comparison(limits)
    return compare.said_more(left, right) or compare.same(left, right)


def _plain_number(answer: str) -> Fraction | int | None:
    """The number that digits are, in thousands perhaps and with a dollar sign: what most answers are."""
    found = PLAIN_NUMBER.fullmatch(answer)
    if found is None:
        return None
    sign, whole, part = found.groups()
    digits = sign + whole.replace(",", "")
    return Fraction(digits + part) if part else int(digits)


def equal_here(answer: str, reference: str) -> bool | None:
    """`equal` where it can be told at once, None where it takes a process that can be killed."""
    try:
        return equal(answer, reference, HERE)
    except TooHard:
        return None


def equal_apart(answer: str, reference: str) -> bool:
    """`equal` for a process that can be killed: what is too hard even there is not equal."""
    try:
        return equal(answer, reference, APART)
    except TooHard:
        return False


def is_read(answer: str) -> bool:
    """Whether an answer is understood, and not compared by its signs alone."""
    found = read(answer)
    return not isinstance(found, Raw) and not (
        isinstance(found, Many | Row) and any(isinstance(i, Raw) for i in found.items)
    )


class _Comparison:
    """Compares what two answers say, within limits."""

    def __init__(self, limits: Limits) -> None:
        self.arithmetic = Arithmetic(limits)
        self.real_sets = RealSets(self.arithmetic)

    def said_more(self, answer: Answer, reference: Answer) -> bool:
        """`m + n = 293` for 293: an answer that says what its number is the value of."""
        return (
            isinstance(answer, Equation)
            and isinstance(reference, Scalar)
            and not symbols_of(reference.value)
            and _of_variables_alone(answer.left.value)
            and self.same(answer.right, reference)
        )

    def same(self, left: Answer, right: Answer) -> bool:
        """Whether two answers are the same."""
        if isinstance(left, Named) or isinstance(right, Named):
            return self.named(left, right)
        if isinstance(left, Choice) or isinstance(right, Choice):
            return self.choices(left, right)
        sets = self.sets(left, right)
        if sets is not None:
            return sets
        match left, right:
            case Scalar() as one, Scalar() as other:
                return self.scalars(one, other)
            case Many() as one, Many() as other:
                return self.many(one, other)
            case (Many() as many, other) | (other, Many() as many):
                return self.one_of_many(many, other)
            case Row() as one, Row() as other:
                return self.rows(one, other)
            case (Row() as row, Grid() as grid) | (Grid() as grid, Row() as row):
                return self.vector(grid, row)
            case Grid() as one, Grid() as other:
                return one.kind == other.kind and self.grids(one, other)
            case Equation() as one, Equation() as other:
                return self.equations(one, other)
            case Chain() as one, Chain() as other:
                return self.chains(one, other)
            case Union() as one, Union() as other:
                return one.how == other.how and self.unordered(one.parts, other.parts)
            case Ratio() as one, Ratio() as other:
                return self.ratios(one, other)
            case (Ratio() as ratio, Scalar() as scalar) | (Scalar() as scalar, Ratio() as ratio):
                return self.ratio_and_number(ratio, scalar)
            case Numeral() as one, Numeral() as other:
                return (one.digits, one.base) == (other.digits, other.base)
            case (Numeral() as numeral, Scalar() as scalar) | (Scalar() as scalar, Numeral() as numeral):
                return _same_digits(numeral, scalar)
            case Words() as one, Words() as other:
                return one.text == other.text or number_in_words(one.text) == number_in_words(other.text) is not None
            case (Words() as words, Scalar() as scalar) | (Scalar() as scalar, Words() as words):
                return self.words_and_number(words, scalar)
            case _:
                return type(left) is type(right) and left == right

    # Numbers and expressions

    def scalars(self, left: Scalar, right: Scalar) -> bool:
        """Numbers with their units: a unit on one side alone does not count, two must agree."""
        if bool(left.unit.dimensions) != bool(right.unit.dimensions):
            # 8h and 8 hours: letters on a number are the unit that the other side has.
            known = left.unit if left.unit.dimensions else right.unit
            left, right = _lettered(left, known), _lettered(right, known)
        mine, other = left.unit, right.unit
        if mine.dimensions and other.dimensions:
            if mine.dimensions != other.dimensions:
                # 72 degrees, and 72 degrees Celsius.
                warm = {mine.dimensions, other.dimensions} - {DEGREE} < set(TEMPERATURES.values())
                return (
                    warm
                    and DEGREE in (mine.dimensions, other.dimensions)
                    and self.arithmetic.expressions(left.value, right.value)
                )
            if mine.factor != other.factor:
                return self.arithmetic.expressions(_scaled(left), _scaled(right))
        if mine.percent == other.percent and mine.degrees == other.degrees:
            return self.arithmetic.expressions(left.value, right.value)
        # 28 % is 28 and 0.28, 90 degrees are 90 and pi/2.
        return self.arithmetic.expressions(left.value, right.value) or self.arithmetic.expressions(
            _as_number(left), _as_number(right)
        )

    def words_and_number(self, words: Words, scalar: Scalar) -> bool:
        """`five` and 5; `e` and `DNE` in words and as letters."""
        number = number_in_words(words.text)
        if number is not None:
            return self.scalars(Scalar(Number(Fraction(number))), scalar)
        letters = _letters_of(scalar.value)
        return words.exact == letters if len(letters) < 2 else words.text == letters.lower()

    # Lists

    def unordered(self, left: Sequence[Answer], right: Sequence[Answer]) -> bool:
        """Whether each has one that is the same, one by one."""
        if len(left) != len(right):
            return False
        rest = list(right)
        for item in left:
            at = next((k for k, other in enumerate(rest) if self.same(item, other)), None)
            if at is None:
                return False
            del rest[at]
        return True

    def many(self, left: Many, right: Many) -> bool:
        """Lists in any order; sets with each member once."""
        if left.braces or right.braces:
            return self.unordered(self.distinct(left.items), self.distinct(right.items))
        names = [[item.name for item in many.items if isinstance(item, Named)] for many in (left, right)]
        if {left.joined, right.joined} == {"and", "or"} and any(len(set(mine)) > 1 for mine in names):
            return False  # x = 1 and y = 2 is not x = 1 or y = 2
        if any(len(set(mine)) > 1 and not other for mine, other in (names, names[::-1])):
            # x = 1, y = 2 and 1, 2: what is which is told by the order alone.
            return len(left.items) == len(right.items) and all(map(self.same, left.items, right.items))
        return self.unordered(left.items, right.items)

    def distinct(self, items: Sequence[Answer]) -> list[Answer]:
        """Each of `items` once."""
        found: list[Answer] = []
        for item in items:
            if not any(self.same(item, other) for other in found):
                found.append(item)
        return found

    def one_of_many(self, many: Many, other: Answer) -> bool:
        """A list of one; a point without its brackets; the values of variables in the order of a point."""
        if isinstance(other, Row) and not many.braces and len(other.items) == len(many.items) > 1:
            names = {item.name for item in many.items if isinstance(item, Named)}
            in_order = len(names) == len(many.items) if names else many.joined == ","
            point = (other.opener, other.closer) == ("(", ")")
            return in_order and point and all(map(self.same, many.items, other.items))
        distinct = self.distinct(many.items) if many.braces or many.joined == "or" else many.items
        return len(distinct) == 1 and self.same(distinct[0], other)

    def rows(self, left: Row, right: Row) -> bool:
        """Points and intervals: member for member, and pairs in the same kind of brackets."""
        if len(left.items) != len(right.items):
            return False
        brackets = [(row.opener.replace("⟨", "("), row.closer.replace("⟩", ")")) for row in (left, right)]
        if len(left.items) == 2 and brackets[0] != brackets[1]:
            return False
        return all(map(self.same, left.items, right.items))

    def grids(self, left: Grid, right: Grid) -> bool:
        """Matrices, cell for cell."""
        if [len(row) for row in left.rows] != [len(row) for row in right.rows]:
            return False
        pairs = zip(left.rows, right.rows, strict=True)
        return all(self.same(a, b) for mine, other in pairs for a, b in zip(mine, other, strict=True))

    def vector(self, grid: Grid, row: Row) -> bool:
        """A matrix of one column or one row, and a point."""
        cells = [cell for line in grid.rows for cell in line]
        alone = grid.kind == "matrix" and 1 in (len(grid.rows), len(grid.rows[0])) and len(cells) > 1
        return alone and len(cells) == len(row.items) and row.opener in "(⟨" and all(map(self.same, cells, row.items))

    # Names, equations, choices

    def named(self, left: Answer, right: Answer) -> bool:
        """Values with a name before them: the names must agree where both have one."""
        if isinstance(left, Named) and isinstance(right, Named):
            return self.both_named(left, right)
        mine, other = (left, right) if isinstance(left, Named) else (right, left)
        if not isinstance(mine, Named):
            return False
        if isinstance(other, Equation):
            return mine.symbol is not None and isinstance(mine.value, Scalar) and self.equations(_equation(mine), other)
        if isinstance(other, Chain):
            return self._set_of_named(mine, other)
        if isinstance(other, Many) and len(other.items) != 1 and not isinstance(mine.value, Many):
            return False
        return self.same(mine.value, other)

    def _set_of_named(self, mine: Named, chain: Chain) -> bool:
        found = self.real_sets.set_of(chain)
        if found is None or (found.name and found.name != mine.name):
            return False
        other = self.real_sets.set_of(mine.value)
        return other is not None and self.real_sets.same(found, other)

    def both_named(self, left: Named, right: Named) -> bool:
        """Two values with names."""
        if left.function and right.function and left.function.lower() == right.function.lower():
            other = right.value
            if left.parameters and len(left.parameters) == len(right.parameters) and isinstance(other, Scalar):
                value = other.value
                for k, old in enumerate(right.parameters):
                    value = renamed(value, old, f"#{k}")
                for k, new in enumerate(left.parameters):
                    value = renamed(value, f"#{k}", new)
                other = Scalar(value, other.unit)
            return self.same(left.value, other)
        if bare_name(left.name) == bare_name(right.name):
            return self.same(left.value, right.value)
        if left.symbol is None or right.symbol is None:
            return False
        if not isinstance(left.value, Scalar) or not isinstance(right.value, Scalar):
            return False
        return self.equations(_equation(left), _equation(right))

    def choices(self, left: Answer, right: Answer) -> bool:
        """A letter to choose: the letter decides where both have one, else the text beside it."""
        letters = [_letter(answer) for answer in (left, right)]
        if letters[0] and letters[1]:
            return letters[0].upper() == letters[1].upper()
        mine, other = (left, right) if isinstance(left, Choice) else (right, left)
        return isinstance(mine, Choice) and mine.rest is not None and self.same(mine.rest, other)

    def equations(self, left: Equation, right: Equation) -> bool:
        """Two equations are the same where one is the other times a constant."""
        mine, other = (difference(e.left.value, e.right.value) for e in (left, right))
        return self.arithmetic.ratio(mine, other) != 0

    def chains(self, left: Chain, right: Chain) -> bool:
        """Inequalities: the same from either end, or one the other times a constant."""
        backwards = Chain(right.sides[::-1], tuple(turned(relation) for relation in right.relations[::-1]))
        for other in (right, backwards):
            if left.relations == other.relations and all(map(self.same, left.sides, other.sides)):
                return True
        if len(left.relations) != 1 or len(right.relations) != 1:
            return False
        signs: list[tuple[Expression, str]] = []
        for chain in (left, right):
            first, second = chain.sides
            if not isinstance(first, Scalar) or not isinstance(second, Scalar):
                return False
            relation = chain.relations[0]
            up = relation in (">", ">=")
            over = difference(second.value, first.value) if up else difference(first.value, second.value)
            signs.append((over, turned(relation) if up else relation))
        (mine, one), (other, two) = signs
        sign = self.arithmetic.ratio(mine, other) if one == two else 0
        return sign != 0 if one == "!=" else sign > 0

    # Ratios

    def ratios(self, left: Ratio, right: Ratio) -> bool:
        """Times of the day part for part, ratios in proportion."""
        if len(left.parts) != len(right.parts):
            return False
        if all(map(self.same, left.parts, right.parts)):
            return True
        if left.time and right.time:
            return False
        numbers = [[part.value for part in ratio.parts if isinstance(part, Scalar)] for ratio in (left, right)]
        if any(len(mine) != len(left.parts) for mine in numbers):
            return False
        mine, other = numbers
        return all(
            self.arithmetic.expressions(multiplied([mine[0], b]), multiplied([other[0], a]))
            for a, b in zip(mine[1:], other[1:], strict=True)
        )

    def ratio_and_number(self, ratio: Ratio, number: Scalar) -> bool:
        """3:4 and 3/4."""
        if len(ratio.parts) != 2 or ratio.time:
            return False
        top, bottom = ratio.parts
        if not isinstance(top, Scalar) or not isinstance(bottom, Scalar):
            return False
        return self.arithmetic.expressions(Call("mul", (top.value, Call("inv", (bottom.value,)))), number.value)

    def sets(self, left: Answer, right: Answer) -> bool | None:
        """Whether two sets of real numbers are equal; None where they are no such sets, or compared otherwise."""
        if not (speaks_of_sets(left) or speaks_of_sets(right)):
            return None
        if isinstance(left, Chain) and isinstance(right, Chain) and self.chains(left, right):
            return True
        mine, other = self.real_sets.set_of(left), self.real_sets.set_of(right)
        if mine is None or other is None:
            return None
        if mine.name and other.name and mine.name != other.name:
            return False
        return self.real_sets.same(mine, other)


def _letters_of(part: Expression) -> str:
    """The letters that a variable or a product of variables is written with; empty where there is more to it."""
    symbols = part.args if isinstance(part, Call) and part.head == "mul" else (part,)
    return "".join(symbol.name if isinstance(symbol, Symbol) else " " for symbol in symbols)


def _lettered(scalar: Scalar, known: Unit) -> Scalar:
    """A number with a single letter on it as so many of that unit, where it measures what `known` does."""
    value = scalar.value
    if scalar.unit.dimensions or not isinstance(value, Call) or value.head != "mul" or len(value.args) != 2:
        return scalar
    number, letter = value.args
    if not isinstance(number, Number) or not isinstance(letter, Symbol) or len(letter.name) > 1:
        return scalar
    dimension, factor = KNOWN.get(letter.name, ("", Fraction(1)))
    unit = Unit(((dimension, 1),), factor)
    return Scalar(number, unit) if unit.dimensions == known.dimensions else scalar


def _scaled(scalar: Scalar) -> Expression:
    return multiplied([Number(scalar.unit.factor), scalar.value])


def _as_number(scalar: Scalar) -> Expression:
    if scalar.unit.percent:
        return multiplied([scalar.value, Number(Fraction(1, 100))])
    return Call("degrees", (scalar.value,)) if scalar.unit.degrees else scalar.value


def _same_digits(numeral: Numeral, scalar: Scalar) -> bool:
    """204_5 and 204: the base is what was asked for. 11_{10} is a plain number."""
    value = scalar.value
    return isinstance(value, Number) and value.places is None and str(value.value) == numeral.digits


def _letter(answer: Answer) -> str:
    """The letter that an answer is."""
    if isinstance(answer, Choice):
        return answer.letter
    if isinstance(answer, Scalar) and isinstance(answer.value, Symbol) and len(answer.value.name) == 1:
        return answer.value.name
    return answer.exact if isinstance(answer, Words) and len(answer.exact) == 1 else ""


def _equation(named: Named) -> Equation:
    value = named.value if isinstance(named.value, Scalar) else Scalar(Number(Fraction(0)))
    return Equation(Scalar(named.symbol or Number(Fraction(0))), value)


def _of_variables_alone(part: Expression) -> bool:
    """Whether an expression is a sum or product of bare variables: what a question asks the value of."""
    if isinstance(part, Symbol):
        return True
    return isinstance(part, Call) and part.head in ("add", "mul", "neg") and all(map(_of_variables_alone, part.args))
