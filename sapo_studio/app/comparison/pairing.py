"""One side less another, tested: over seeds where both have several, over the same questions where both keep their
answers, else as if the questions were different ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sapo_studio.app.comparison.metrics import BY_SOLUTION, SHOWN, by_question, passes
from sapo_studio.app.comparison.records import PairedDifference, RunGroup
from sapo_studio.domain.metrics import pass_at_k
from sapo_studio.domain.paired_tests import Difference, apart, bootstrap, mcnemar
from sapo_studio.domain.statistics import compared, holm, unpaired
from sapo_studio.readable import counted
from sapo_studio.store.benchmark_hits import BenchmarkHits
from sapo_studio.store.question_answers import Answers, Key
from sapo_studio.store.records import MetricValue

FEW_SEEDS = 5
"""With fewer on a side it is said how few they are."""
FEW_QUESTIONS = 6
"""With fewer that differ no p can be below 0.05."""


@dataclass(frozen=True)
class SideOf:
    """What stands behind a group, in the order of its runs: the metrics of the iteration that is compared, the answers
    to the questions of the set and, where it is asked for, how verifiers judged the process benchmark."""

    group: RunGroup
    values: tuple[Mapping[str, MetricValue], ...]
    answers: tuple[Answers, ...]
    judged: tuple[BenchmarkHits, ...] = ()

    @property
    def label(self) -> str:
        """What it is called."""
        return self.group.label


def difference(
    sides: Sequence[SideOf], left: int, right: int, metric: str, *, common: bool = False
) -> PairedDifference:
    """`left` less `right` (places in `sides`) in a metric. `common`: over the questions that both have answered, where
    these are not the same."""
    a, b = sides[left], sides[right]
    found = PairedDifference(left, right, metric, "", None, None, None, None, 0, better=SHOWN[metric].better)
    for side in (a, b):
        if not all(metric in values for values in side.values) or not side.values:
            return replace(found, refused=f"{side.label} has not measured this.")
    means = [float(np.mean([values[metric].value for values in side.values])) for side in (a, b)]
    found = replace(found, value=means[0] - means[1])
    if a.group.several and b.group.several:
        return _over_seeds(found, a, b)
    mine, other = _of_side(a, metric, common=common), _of_side(b, metric, common=common)
    if mine is not None and other is not None:
        return _over_questions(found, a, b, mine, other, common=common)
    return _apart(found, a, b)


def corrected(found: Sequence[PairedDifference]) -> tuple[PairedDifference, ...]:
    """With each p corrected for the number of all that were tested (Holm)."""
    tested = [place for place, one in enumerate(found) if one.p is not None]
    by_place = dict(zip(tested, holm([p for one in found if (p := one.p) is not None]), strict=True))
    return tuple(replace(one, p_holm=by_place.get(place)) for place, one in enumerate(found))


# -- Over seeds


def _over_seeds(found: PairedDifference, a: SideOf, b: SideOf) -> PairedDifference:
    mine, other = (
        {seed: values[found.metric].value for seed, values in zip(side.group.seeds, side.values, strict=True)}
        for side in (a, b)
    )
    both = sorted({*mine} & {*other})
    paired = len(both) >= 2
    test = compared([(mine[s], other[s]) for s in both]) if paired else unpaired([*mine.values()], [*other.values()])
    notes: list[str] = []
    if paired and len(both) < max(len(mine), len(other)):
        notes.append(f"Over the {len(both)} seeds that both have.")
    if not paired:
        notes.append("Their seeds are not the same: compared as they are (Welch).")
    fewest = len(both) if paired else min(len(mine), len(other))
    if fewest < FEW_SEEDS:
        notes.append(f"{fewest} seeds say little of how much a run differs from seed to seed: the interval is wide.")
    return replace(
        found,
        test="seeds_paired" if paired else "seeds",
        value=test.difference.value,
        low=test.difference.low,
        high=test.difference.high,
        p=test.p,
        n=test.difference.n,
        notes=tuple(notes),
    )


# -- Over questions


@dataclass(frozen=True)
class _Values:
    """A number a question, a sum over `sizes` of something. `whole`: each is 0 or 1, of one. `split`: the runs of the
    side have answered different questions; `keys` are then all of these, and there are no values."""

    keys: tuple[Key, ...]
    values: NDArray[np.float64]
    sizes: NDArray[np.float64]
    whole: bool = False
    split: bool = False


def _of_side(side: SideOf, metric: str, *, common: bool) -> _Values | None:
    """The metric of each question, its mean over the runs of the side; None where a run keeps nothing to tell."""
    if metric in BY_SOLUTION:
        found = [_of_verifier(judged, metric) for judged in side.judged]
    else:
        found = [_of_run(answers, metric) for answers in side.answers] if by_question(metric) else []
    known = [values for values in found if values is not None]
    if not known or len(known) < len(side.group.runs):
        return None
    if len(known) == 1:
        return known[0]
    first = known[0].keys
    if not common and any(values.keys != first for values in known):
        every = dict.fromkeys(key for values in known for key in values.keys)
        return _Values(tuple(every), np.zeros(0), np.zeros(0), split=True)
    places = [{key: place for place, key in enumerate(values.keys)} for values in known]
    keys = tuple(key for key in first if all(key in at for at in places))
    order = [[at[key] for key in keys] for at in places]
    aligned = [values.values[at] for values, at in zip(known, order, strict=True)]
    return _Values(keys, _mean(aligned), known[0].sizes[order[0]])


def _of_verifier(judged: BenchmarkHits, metric: str) -> _Values | None:
    if not judged.keys:
        return None
    found = (judged.hits, judged.steps) if metric == "verifier_step_accuracy" else (judged.named, judged.solutions)
    values, sizes = (counts.astype(np.float64) for counts in found)
    return _Values(judged.keys, values, sizes)


def _of_run(answers: Answers, metric: str) -> _Values | None:
    shares = _shares(answers, metric)
    if shares is None:
        return None
    return _Values(answers.keys, shares, np.ones(len(shares)), whole=metric == "greedy_accuracy")


def _mean(known: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    total = known[0].copy()
    for values in known[1:]:
        total += values
    total /= len(known)
    return total


def _shares(answers: Answers, metric: str) -> NDArray[np.float64] | None:
    if not len(answers):
        return None
    if metric == "greedy_accuracy":
        return answers.correct.astype(np.float64)
    if (answers.samples == 0).any():
        return None
    if metric == "sound_accuracy":
        return None if (answers.sound < 0).any() else answers.sound / answers.samples
    k = passes(metric)
    if k is None:
        return answers.right / answers.samples
    if (answers.samples < k).any():
        return None
    counts, place = np.unique(np.stack([answers.samples, answers.right]), axis=1, return_inverse=True)
    return np.array([pass_at_k(int(n), int(c), k) for n, c in counts.T])[place.ravel()]


def shared(left: Sequence[Key], right: Sequence[Key]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in `left` and in `right` of the questions that both have, in the order of `left`."""
    if left == right:
        every = np.arange(len(left))
        return every, every
    at = {key: place for place, key in enumerate(right)}
    pairs = [(place, at[key]) for place, key in enumerate(left) if key in at]
    table = np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)
    return table[:, 0], table[:, 1]


def other_questions(left: str, right: str, n_left: int, n_right: int, n_common: int, verb: str = "answers") -> str:
    """What is said where two sides have answered different questions."""
    if n_common == n_left == n_right:
        return ""
    some = f"{n_common:,} of them are the same" if n_common else "none of them is the same"
    return f"{left} {verb} {n_left:,} questions and {right} {n_right:,}; {some}."


def _over_questions(
    found: PairedDifference, a: SideOf, b: SideOf, mine: _Values, other: _Values, *, common: bool
) -> PairedDifference:
    mine_at, other_at = shared(mine.keys, other.keys)
    n = len(mine_at)
    found = replace(found, n_left=len(mine.keys), n_right=len(other.keys), n_common=n)
    for side, values in ((a, mine), (b, other)):
        if values.split:
            why = f"Not paired: the runs of {side.label} answer different questions."
            return replace(found, refused=why, common_helps=n > 0)
    verb = "answers" if by_question(found.metric) else "is measured on solutions of"
    unlike = other_questions(a.label, b.label, len(mine.keys), len(other.keys), n, verb)
    if unlike and not (common and n):
        return replace(found, refused=f"Not paired: {unlike}", common_helps=n > 0)
    differences = mine.values[mine_at] - other.values[other_at]
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    test: Difference = bootstrap(differences, mine.sizes[mine_at])
    exact = mine.whole and other.whole
    notes = [f"Over the {n:,} questions that both have."] if unlike else []
    if wins + losses < FEW_QUESTIONS:
        notes.append(f"They differ in {counted(wins + losses, 'question')}: too few to show anything.")
    if a.group.several or b.group.several:
        notes.append("One side has a single seed: questions are compared, seeds are not in the interval.")
    return replace(
        found,
        test="mcnemar" if exact else "bootstrap",
        value=test.value,
        low=test.low,
        high=test.high,
        p=mcnemar(wins, losses) if exact else test.p,
        n=n,
        wins=wins,
        losses=losses,
        notes=tuple(notes),
    )


# -- Without either


def _apart(found: PairedDifference, a: SideOf, b: SideOf) -> PairedDifference:
    if a.group.several or b.group.several:
        return replace(found, refused="One side has a single seed, and nothing to pair the other's seeds with.")
    mine, other = (_interval(side.values[0][found.metric]) for side in (a, b))
    if mine is None or other is None:
        return replace(found, refused="A single number each, without an interval: there is nothing to test by.")
    test = apart(mine, other)
    why = "Not paired: it is no mean over questions."
    if by_question(found.metric):
        why = f"Not paired: single answers are not kept of {_without(a, b)}."
    elif found.metric in BY_SOLUTION:
        why = "Not paired: there are no scores of the process benchmark."
    n = min(side.values[0][found.metric].n or 0 for side in (a, b))
    return replace(found, test="apart", value=test.value, low=test.low, high=test.high, p=test.p, n=n, notes=(why,))


def _without(a: SideOf, b: SideOf) -> str:
    return " and ".join(side.label for side in (a, b) if not all(len(answers) for answers in side.answers)) or "samples"


def _interval(value: MetricValue) -> tuple[float, float, float] | None:
    return None if value.low is None or value.high is None else (value.value, value.low, value.high)
