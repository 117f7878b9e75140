"""Two runs question by question, with the traces behind each answer."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sapo_studio.app.comparison.measured import Measured, measured
from sapo_studio.app.comparison.pairing import other_questions, shared
from sapo_studio.app.comparison.picking import pick_all
from sapo_studio.app.comparison.records import Outcome, Picked, QuestionByQuestion, QuestionOutcome, Side
from sapo_studio.errors import InputError
from sapo_studio.store.db import Store
from sapo_studio.store.question_answers import Answers, GreedyAnswer, answers_of, greedy_answers, newest_means

Sort = Literal["gap", "question"]
SORTS: tuple[Sort, ...] = ("gap", "question")
OUTCOMES: tuple[Outcome, ...] = ("both", "left", "right", "neither")


def questions(
    store: Store,
    left: str | Picked,
    right: str | Picked,
    *,
    set: str = "",
    iteration: int | None = None,
    outcome: Outcome | None = None,
    sort: Sort = "gap",
    offset: int = 0,
    limit: int = 50,
    common: bool = False,
) -> QuestionByQuestion:
    """A page of the questions that two runs answered. `iteration`: as for `compare`. `outcome` None: all of them.
    `sort`: `gap`, where the sides lie furthest apart first (left ahead first where left alone is correct, right ahead
    where right alone is), or `question`. `common`: where they answer different sets of questions, those that both have.

    Raises InputError as `compare` does.
    """
    mine, other = (measured(store, picked, set, iteration) for picked in pick_all(store, [left, right]))
    if (mine.run.id, mine.iteration) == (other.run.id, other.iteration):
        raise InputError(
            f"{mine.picked} is given twice", why="A run differs from itself in nothing.", fix="Name two runs."
        )
    a, b = (_answers(store, run, set) for run in (mine, other))
    a_at, b_at = shared(a.keys, b.keys)
    refused = _refused(mine, other, a, b, len(a_at), common=common)
    helps = bool(refused) and len(a_at) > 0
    n_common = len(a_at)
    if refused:
        a_at, b_at = a_at[:0], b_at[:0]
    kinds = _kinds(a.correct[a_at], b.correct[b_at])
    gaps, gap_by = _gaps(store, a, b, a_at, b_at)
    chosen = np.arange(len(a_at)) if outcome is None else np.flatnonzero(kinds == OUTCOMES.index(outcome))
    order = chosen if sort == "question" else chosen[_by_gap(gaps[chosen], outcome)]
    page = order[offset : offset + limit]
    counts = [int((kinds == place).sum()) for place in range(len(OUTCOMES))]
    return QuestionByQuestion(
        left=mine.picked,
        right=other.picked,
        set=set,
        n=len(a_at),
        n_left=len(a),
        n_right=len(b),
        n_common=n_common,
        both=counts[0],
        left_only=counts[1],
        right_only=counts[2],
        neither=counts[3],
        total=len(order),
        offset=offset,
        rows=_rows(store, (a, b), (a_at, b_at), page, kinds, gaps),
        gap_by=gap_by,
        refused=refused,
        common_helps=helps,
    )


def _answers(store: Store, run: Measured, set: str) -> Answers:
    return Answers.nothing() if run.iteration is None else answers_of(store, run.run.id, run.iteration, set)


def _refused(mine: Measured, other: Measured, a: Answers, b: Answers, n: int, *, common: bool) -> str:
    for run, answers in ((mine, a), (other, b)):
        if run.iteration is None:
            return f"{run.picked} has evaluated nothing yet."
        if not len(answers):
            return f"{run.picked} keeps no single answers: it was made by a version that did not."
    unlike = other_questions(str(mine.picked), str(other.picked), len(a), len(b), n)
    return "" if not unlike or (common and n) else f"Not the same questions: {unlike}"


def _kinds(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places in OUTCOMES."""
    return np.where(left, np.where(right, 0, 1), np.where(right, 2, 3)).astype(np.int64)


def _gaps(
    store: Store, a: Answers, b: Answers, a_at: NDArray[np.int64], b_at: NDArray[np.int64]
) -> tuple[NDArray[np.float64], Literal["scores", "samples", ""]]:
    """Left less right by question, NaN where there is nothing to tell by: of mean scores, else of shares of correct
    samples."""
    by_score = newest_means(store, a.greedy[a_at]) - newest_means(store, b.greedy[b_at])
    if not np.isnan(by_score).all():
        return by_score, "scores"
    by_sample = _share(a)[a_at] - _share(b)[b_at]
    return by_sample, "" if np.isnan(by_sample).all() else "samples"


def _share(answers: Answers) -> NDArray[np.float64]:
    nothing = np.full(len(answers), np.nan)
    return np.divide(answers.right, answers.samples, out=nothing, where=answers.samples > 0)


def _by_gap(gaps: NDArray[np.float64], outcome: Outcome | None) -> NDArray[np.int64]:
    """The order of the widest gap first, unknown ones last; questions in their own order where gaps are equal."""
    width = gaps if outcome == "left" else -gaps if outcome == "right" else np.abs(gaps)
    return np.argsort(np.where(np.isnan(width), np.inf, -width), kind="stable")


def _rows(
    store: Store,
    answers: tuple[Answers, Answers],
    at: tuple[NDArray[np.int64], NDArray[np.int64]],
    page: NDArray[np.int64],
    kinds: NDArray[np.int64],
    gaps: NDArray[np.float64],
) -> tuple[QuestionOutcome, ...]:
    places = [where[page] for where in at]
    told = [greedy_answers(store, mine.greedy[where].tolist()) for mine, where in zip(answers, places, strict=True)]
    rows: list[QuestionOutcome] = []
    for row, (left, right) in zip(page.tolist(), zip(*(where.tolist() for where in places), strict=True), strict=True):
        text, reference, _ = answers[0].keys[left]
        sides = [_side(mine, place, known) for mine, place, known in zip(answers, (left, right), told, strict=True)]
        gap = float(gaps[row])
        rows.append(
            QuestionOutcome(
                place=left + 1,
                text=text,
                reference=reference,
                outcome=OUTCOMES[int(kinds[row])],
                left=sides[0],
                right=sides[1],
                gap=None if np.isnan(gap) else gap,
            )
        )
    return tuple(rows)


def _side(answers: Answers, place: int, told: dict[int, GreedyAnswer]) -> Side:
    trajectory = int(answers.greedy[place])
    known = told[trajectory]
    return Side(
        question=int(answers.questions[place]),
        trajectory=trajectory,
        correct=bool(answers.correct[place]),
        answer=known.answer,
        scores=known.scores,
        mean=known.mean,
        samples_correct=int(answers.right[place]),
        samples=int(answers.samples[place]),
    )
