"""MATH-APS: beginnings of solutions, each with the share of rollouts from there that came to the right answer.

`reasoning_steps` is a list of beginnings (`solution_prefix`, the question first) or a tree of steps (`text`,
`children`), both with `mc_value`. A row holds several solutions: one for each beginning that no other goes on, with the
beginnings within it as its steps. A step is correct where its value is above the threshold; without one that is asked
for, where any rollout came to the right answer. Where the same beginning stands there twice, the mean counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, StrictStr, Tag

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import Fact
from sapo_studio.formats.rows import Row, RowError, RowFormat, validated
from sapo_studio.formats.splice import Edit, Path
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL, UNKNOWN
from sapo_studio.formats.tolerant import Name, Share, like, none_is

_STEPS = "reasoning_steps"


class Beginning(BaseModel):
    """An entry of the list."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    solution_prefix: StrictStr
    mc_value: Share | None = None


class Node(BaseModel):
    """An entry of the tree."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: StrictStr
    mc_value: Share | None = None
    children: Annotated[tuple[Node, ...], none_is(())] = ()


def _shape(steps: object) -> str:
    return "tree" if isinstance(steps, dict | Node) else "list"


class Item(BaseModel):
    """A row of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: StrictStr
    final_answer: Name = ""
    question_id: Name = ""
    reasoning_steps: Annotated[
        Annotated[tuple[Beginning, ...], Tag("list")] | Annotated[Node, Tag("tree")], Discriminator(_shape)
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a solution, its value, and where that value stands in the row."""

    text: str
    value: float | None
    paths: tuple[Path, ...]


def _solutions(item: Item) -> list[tuple[Step, ...]]:
    found = item.reasoning_steps
    return list(_down(found, (_STEPS,), ()) if isinstance(found, Node) else _chains(item.question, found))


def _down(node: Node, path: Path, above: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """The ways from a node to the ends of its tree; the root is the question, and no step."""
    if not node.children and above:
        yield above
    for place, child in enumerate(node.children):
        below = (*path, "children", place)
        yield from _down(child, below, (*above, Step(child.text.strip(), child.mc_value, _valued(child, below))))


def _chains(question: str, entries: tuple[Beginning, ...]) -> Iterator[tuple[Step, ...]]:
    """The beginnings that no other goes on, each with those within it, in the order of the file."""
    places: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        if entry.solution_prefix != question:
            places.setdefault(entry.solution_prefix, []).append(place)
    chains: dict[str, tuple[str, ...]] = {}
    within: list[str] = []
    for text in sorted(places):
        while within and not text.startswith(within[-1]):
            within.pop()
        for shorter in within:
            chains.pop(shorter, None)
        within.append(text)
        chains[text] = tuple(within)
    for text in places:
        if text in chains:
            yield tuple(_steps(question, chains[text], entries, places))


def _steps(
    question: str, chain: tuple[str, ...], entries: tuple[Beginning, ...], places: dict[str, list[int]]
) -> Iterator[Step]:
    begun = len(question) if chain[0].startswith(question) else 0
    for text in chain:
        values = [value for place in places[text] if (value := entries[place].mc_value) is not None]
        paths = tuple(path for place in places[text] for path in _valued(entries[place], (_STEPS, place)))
        yield Step(text[begun:].strip(), fmean(values) if values else None, paths)
        begun = len(text)


def _valued(entry: Beginning | Node, path: Path) -> tuple[Path, ...]:
    return ((*path, "mc_value"),) if "mc_value" in entry.model_fields_set else ()


def _mark(value: float | None, threshold: float) -> str:
    return UNKNOWN if value is None else CORRECT if value > threshold else INCORRECT


def _read(row: Row, name: str, read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    solutions = _solutions(item)
    if not solutions:
        raise RowError(f"{_STEPS}: there is no step behind the question")
    called = item.question_id or name
    return [
        LabeledSolution(
            id=called if len(solutions) == 1 else f"{called}.{place}",
            generator="",
            problem=item.question,
            steps=tuple(step.text for step in steps),
            final_answer_correct=None,
            labels="".join(_mark(step.value, read_as.threshold) for step in steps),
            values=tuple(step.value for step in steps),
            answer=item.final_answer,
        )
        for place, steps in enumerate(solutions, start=1)
    ]


def _write(solution: LabeledSolution) -> Row:
    values = solution.values or tuple(0.0 if mark == INCORRECT else 1.0 for mark in solution.labels)
    marks = zip(values, solution.labels, strict=True)
    shares = [None if mark == UNKNOWN and not solution.values else value for value, mark in marks]
    text = solution.problem
    beginnings: list[dict[str, object]] = [{"solution_prefix": text, "mc_value": None}]
    for step, share in zip(solution.steps, shares, strict=True):
        text += f"\n\n{step}"
        beginnings.append({"solution_prefix": text, "mc_value": share})
    return {
        "question": solution.problem,
        "final_answer": solution.answer,
        _STEPS: beginnings,
        "question_id": solution.id,
    }


def _relabel(row: Row, place: int, labels: str, read_as: ReadAs) -> list[Edit]:
    steps = _solutions(validated(Item, row))[place]
    return [
        (path, like(_at(row, path), 0.0 if mark == INCORRECT else 1.0))
        for step, mark in zip(steps, labels, strict=True)
        if mark != UNKNOWN and _mark(step.value, read_as.threshold) != mark.replace(NEUTRAL, CORRECT)
        for path in step.paths
    ]


def _at(row: Row, path: Path) -> object:
    value: Any = row
    for part in path:
        value = value[part]
    return value


FORMAT = format_of_rows(
    RowFormat(
        title="MATH-APS",
        shape=f"Each row has question, final_answer and {_STEPS}: a list of solution_prefix with mc_value, or a tree.",
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=frozenset((Fact.ID, Fact.ANSWER, Fact.STEPS, Fact.UNKNOWN, Fact.VALUES, Fact.UNSURE_OUTCOME)),
        understood=frozenset(Item.model_fields),
        by_rollouts=True,
    )
)
