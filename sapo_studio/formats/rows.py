"""Formats whose files are rows of JSON: what such a format says of one row, and how single rows are checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.holding import Fact, Losses
from sapo_studio.formats.raw_rows import RawRow
from sapo_studio.formats.splice import Edit
from sapo_studio.readable import fault_in_words

Model = TypeVar("Model", bound=BaseModel)
Row = Mapping[str, Any]
MOST_STEPS = 4_095
"""Of a solution: as many as the heatmap draws."""


class RowError(Exception):
    """Why a row is not read. `odd`: its labels do not fit its steps, and where asked it is kept all the same."""

    def __init__(self, why: str, *, fix: str = "", odd: bool = False) -> None:
        super().__init__(why)
        self.why, self.fix, self.odd = why, fix, odd


class CannotHoldError(Exception):
    """Why a solution cannot be written in a format at all."""


@dataclass(frozen=True)
class RowFormat:
    """What a format says of a row. `shape` is the sentence that tells people what a row looks like."""

    title: str
    shape: str
    read: Callable[[Row, str, ReadAs], Sequence[LabeledSolution]]
    """The solutions of a row; the text is what to call them where the row has no name. Raises RowError."""
    write: Callable[[LabeledSolution], Row]
    """A new row. Only what the format holds is asked of it. Raises CannotHoldError."""
    relabel: Callable[[Row, int, str, ReadAs], Sequence[Edit]]
    """The changes that give one of a row's solutions, by its place, other labels. Unknown labels change nothing."""
    holds: frozenset[Fact]
    understood: frozenset[str] = frozenset()
    """The keys of a row that its solutions say everything of."""
    by_rollouts: bool = False
    """Whether labels of the format come from rollouts, not from people."""
    own_ids: bool = False
    """Whether each row has a name of its own, so that no two are the same."""

    def solutions(self, row: RawRow, read_as: ReadAs) -> Sequence[LabeledSolution]:
        """What a row holds. Raises RowError."""
        if row.fault:
            raise RowError(row.fault)
        if not isinstance(row.value, dict):
            raise RowError("The row is no object.")
        found = self.read(cast("Row", row.value), str(row.number), read_as)
        for one in found:
            _check(one)
        return found

    def lines(self, solutions: Iterable[LabeledSolution], losses: Losses | None = None) -> Iterator[str]:
        """A line for each solution, as far as it can be held; what is lost is counted in `losses`."""
        losses = Losses() if losses is None else losses
        for solution in solutions:
            held = losses.fitted(solution, self.holds)
            if held is None:
                continue
            try:
                row = self.write(held)
            except CannotHoldError as error:
                losses.left_out(str(error))
                continue
            yield json.dumps(row, ensure_ascii=False) + "\n"


def with_own_ids(solutions: Iterable[LabeledSolution], losses: Losses) -> Iterator[LabeledSolution]:
    """`solutions`, no two with the same id: a number stands behind one that another has already, and is in `losses`."""
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for one in solutions:
        name = one.id
        while name in taken:
            numbers[one.id] = numbers.get(one.id, 1) + 1
            name = f"{one.id}-{numbers[one.id]}"
        taken.add(name)
        if name != one.id:
            losses.add("ids that several have, numbered", 1, "solution")
        yield one if name == one.id else one.model_copy(update={"id": name})


def validated(model: type[Model], row: Row) -> Model:
    """A row as a `model`. Raises RowError that names the first field at fault."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"])) or "the row"
        raise RowError(f"{field}: {fault_in_words(fault)}") from error


def lengths_differ(steps: int, labels: int, names: str = "steps and {} labels") -> RowError:
    """A row with so many steps and so many labels."""
    return RowError(f"There are {steps} {names.format(labels)}.", odd=True)


def beyond(step: int, steps: int, field: str) -> RowError:
    """A row whose error is a step that it has not."""
    return RowError(f"{field}: step {step} is incorrect, but there are only {steps} steps", odd=True)


def _check(solution: LabeledSolution) -> None:
    if len(solution.steps) > MOST_STEPS:
        raise RowError(f"There are {len(solution.steps):,} steps; a solution has {MOST_STEPS:,} at most.")
    texts = (solution.id, solution.generator, solution.problem, solution.answer, *solution.steps, *solution.tests)
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise RowError(f"It holds half a character, which is no text: {error}") from error
