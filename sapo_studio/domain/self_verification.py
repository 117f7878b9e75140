"""The self-verification error: how often two checks change the labels that a verifier's predicted first error assigns.

It belongs to SAPO alone: who assigns nothing beforehand has nothing that checks could change
(`labelers.beforehand`). docs/method.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sapo_studio.domain.metrics import NOTHING, Share, ratio_share, self_verification_right


@dataclass(frozen=True, slots=True)
class Verified:
    """A trajectory with a verifier's labels that were verified: its `question`, whether its answer is `correct`, and
    whether the labels survive (`metrics.self_verification_right`)."""

    question: int
    correct: bool
    survives: bool

    @classmethod
    def of(cls, question: int, correct: bool, scores: Sequence[float], case: str) -> Verified:
        """With the verifier's `scores` and, where the answer is not correct, the `case` that two checks found."""
        return cls(question, correct, self_verification_right(correct, scores, case))


def error_as_sampled(verified: Iterable[Verified], correct: int, incorrect: int) -> Share:
    """The self-verification error of trajectories as they are sampled, with a 95 % interval.

    Those that were `verified` were drawn by chance among the sampled ones with a correct and with an incorrect answer,
    of each as many as the verifier's training asked for (`labeling.right_share`). Here each counts for as many as it
    was drawn from, so that both kinds weigh what they weigh among the `correct` + `incorrect` that were sampled. The
    interval is cluster-robust by question, whose trajectories are alike; `n` counts questions. n = 0 where one of the
    two kinds was sampled and none of it verified: its part is not known then.
    """
    rows = list(verified)
    drawn = {kind: sum(row.correct is kind for row in rows) for kind in (True, False)}
    sampled = {True: correct, False: incorrect}
    if any(sampled[kind] and not drawn[kind] for kind in drawn):
        return NOTHING
    changed: defaultdict[int, float] = defaultdict(float)
    all_of_it: defaultdict[int, float] = defaultdict(float)
    for row in rows:
        weight = sampled[row.correct] / drawn[row.correct]
        all_of_it[row.question] += weight
        changed[row.question] += 0.0 if row.survives else weight
    return ratio_share([changed[question] for question in all_of_it], list(all_of_it.values()))
