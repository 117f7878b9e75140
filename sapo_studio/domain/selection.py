"""Choosing one answer out of N samples of a question: by a verifier, by majority, by both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sample: what it answers ('' where it has no answer), the verifier's score of it, right or not."""

    answer: str
    reward: float
    correct: bool


Choose = Callable[[Sequence[Candidate]], Candidate]


def best(samples: Sequence[Candidate]) -> Candidate:
    """Best-of-N: the sample with the highest reward, the first of equals."""
    return max(samples, key=lambda c: c.reward)


def majority(samples: Sequence[Candidate]) -> Candidate:
    """Self-consistency: the answer that most samples give, the first of equals. No answer has no vote."""
    return _vote(samples, lambda _: 1.0)


def weighted(samples: Sequence[Candidate]) -> Candidate:
    """The answer with the most reward in all, the first of equals."""
    return _vote(samples, lambda candidate: candidate.reward)


def _vote(samples: Sequence[Candidate], weight: Callable[[Candidate], float]) -> Candidate:
    votes: dict[str, float] = {}
    for candidate in samples:
        if candidate.answer:
            votes[candidate.answer] = votes.get(candidate.answer, 0.0) + weight(candidate)
    if not votes:
        return samples[0]
    chosen = max(votes, key=votes.__getitem__)
    return next(candidate for candidate in samples if candidate.answer == chosen)


def any_right(samples: Sequence[Candidate]) -> Candidate:
    """What a choice that is always right would come to: pass@N."""
    return next((candidate for candidate in samples if candidate.correct), samples[0])


def share_right(samples: Sequence[Candidate], n: int, choose: Choose) -> float:
    """How often `choose` is right with `n` of a question's samples: the mean over its disjoint groups of n, in order.

    Raises ValueError where there are fewer than n.
    """
    groups = [samples[at : at + n] for at in range(0, len(samples) - n + 1, n)]
    if not groups:
        raise ValueError(f"{n} of {len(samples)} samples cannot be chosen from")
    return sum(choose(group).correct for group in groups) / len(groups)
