"""What the ways to choose among solutions come to: greedy, majority, the best by the verifier in three ways."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_studio.domain.aggregation import Aggregation, aggregate
from sapo_studio.domain.selection import Candidate, best, majority
from sapo_studio.requests.play import SolutionDone, Verdict, Verdicts


def verdicts(request: str, greedy: SolutionDone | None, done: Sequence[SolutionDone], of: int) -> Verdicts:
    """The verdicts on the sampled solutions `done` of `of`, as runs choose (`domain.selection`); of equals the first
    that is done."""
    return Verdicts(
        request=request,
        done=len(done),
        of=of,
        greedy=_alone(greedy),
        majority=_majority(done),
        best_mean=_best(done, "mean"),
        best_min=_best(done, "min"),
        best_last=_best(done, "last"),
    )


def _alone(one: SolutionDone | None) -> Verdict | None:
    return None if one is None else Verdict(answer=one.answer, correct=one.correct, solution=one.solution)


def _majority(done: Sequence[SolutionDone]) -> Verdict | None:
    candidates = [Candidate(one.answer, 0.0, bool(one.correct)) for one in done]
    if not any(candidate.answer for candidate in candidates):
        return None
    chosen = done[_place(candidates, majority(candidates))]
    votes = sum(one.answer == chosen.answer for one in done)
    return Verdict(answer=chosen.answer, correct=chosen.correct, solution=chosen.solution, votes=votes, of=len(done))


def _best(done: Sequence[SolutionDone], way: Aggregation) -> Verdict | None:
    scored = [one for one in done if one.scores]
    if not scored:
        return None
    candidates = [Candidate(one.answer, aggregate(way, one.scores or ()), bool(one.correct)) for one in scored]
    place = _place(candidates, best(candidates))
    chosen = scored[place]
    return Verdict(
        answer=chosen.answer,
        correct=chosen.correct,
        solution=chosen.solution,
        of=len(done),
        score=candidates[place].reward,
    )


def _place(candidates: Sequence[Candidate], chosen: Candidate) -> int:
    return next(place for place, candidate in enumerate(candidates) if candidate is chosen)
