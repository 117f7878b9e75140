"""Comparing picked runs for the window. All of it is called in the background."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.comparison.as_csv import comparison_csv
from sapo_studio.app.comparison.as_json import comparison_json
from sapo_studio.app.comparison.by_question import questions
from sapo_studio.app.comparison.compare import compare
from sapo_studio.app.comparison.records import Comparison, Outcome, QuestionByQuestion
from sapo_studio.files import output_place
from sapo_studio.store import traces
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceDetail
from sapo_ui.services.solution_kind import is_program

PAGE = 100
"""Questions that are read at a time."""


@dataclass(frozen=True)
class Asked:
    """What to compare: runs by id, the baseline among them, what is tested, and on which questions."""

    runs: tuple[str, ...]
    baseline: str
    metric: str
    set: str = ""
    common: bool = False
    every_pair: bool = False
    by_seed: bool = False


@dataclass(frozen=True)
class AskedQuestions:
    """Two runs by id, and which of their questions."""

    left: str
    right: str
    set: str = ""
    outcome: Outcome | None = None
    common: bool = False


def read_comparison(store: Store, asked: Asked) -> Comparison:
    """The runs beside each other. A metric that runs have no single answers to is compared over seeds."""
    return compare(
        store,
        asked.runs,
        baseline=asked.baseline,
        metrics=(asked.metric,),
        set=asked.set,
        common=asked.common,
        every_pair=asked.every_pair,
        by_seed=asked.by_seed,
    )


def write_comparison(found: Comparison, file: Path) -> None:
    """Write what has been read: as JSON where the name ends in `.json`, else as CSV. Raises InputError where something
    else than a plain file stands there, OSError where writing fails."""
    if file.suffix.lower() == ".json":
        text = json.dumps(comparison_json(found), indent=2, ensure_ascii=False) + "\n"
    else:
        text = "".join(comparison_csv(found))
    output_place(file).write_text(text, encoding="utf-8")


def read_questions(store: Store, asked: AskedQuestions, offset: int = 0) -> QuestionByQuestion:
    """A page of the questions, from `offset` on."""
    return questions(
        store,
        asked.left,
        asked.right,
        set=asked.set,
        outcome=asked.outcome,
        common=asked.common,
        offset=offset,
        limit=PAGE,
    )


@dataclass(frozen=True, eq=False)
class Beside:
    """Two solutions of a question, and whether they are programs."""

    left: TraceDetail
    right: TraceDetail
    code: bool


def read_beside(store: Store, left: int, right: int) -> Beside:
    """Two trajectories, by id."""
    first, second = traces.trace(store, left), traces.trace(store, right)
    return Beside(first, second, is_program(store, first))
