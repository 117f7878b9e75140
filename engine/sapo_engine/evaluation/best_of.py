"""A verifier as a chooser among samples: best-of-N beside majority, weighted vote and the upper bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.session import RunSession
from sapo_engine.tasks.base import Question
from sapo_engine.text.trajectory import TrajectoryDraft
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain import selection
from sapo_studio.domain.aggregation import Aggregation, aggregate
from sapo_studio.domain.metrics import mean_share
from sapo_studio.domain.verifier_metrics import share_row

CHOICES = {
    "best_of_n": selection.best,
    "majority": selection.majority,
    "weighted_vote": selection.weighted,
    "pass_at_n": selection.any_right,
}


def best_of(
    session: RunSession,
    model: Reasoner,
    verifier: Verifier,
    questions: Sequence[Question],
    most: int,
    aggregation: Aggregation = "mean",
    *,
    hear: Callable[[float], object] | None = None,
) -> dict[str, Any]:
    """Accuracy of choosing one of N samples of `model`, N = 1, 2, 4 .. `most`: by the verifier's step scores put
    together as `aggregation` says, by majority, by both, and by an oracle (the upper bound). `hear` is told how much is
    sampled, a fraction of 1: what comes behind that takes little of the time."""

    def sampled(done: int, of: int) -> None:
        if hear:
            hear(done / of)

    samples = session.sampler.sample(model, questions, "best of", most, tick=sampled)
    drafts = [
        TrajectoryDraft(question, completion.tokens, number, iteration=0)
        for number, (question, completion) in enumerate(
            (question, completion) for question, mine in zip(questions, samples, strict=True) for completion in mine
        )
    ]
    grades = session.builder.grade([(draft.question, draft.tokens) for draft in drafts])
    written = [session.builder.trajectory(draft, grade) for draft, grade in zip(drafts, grades, strict=True)]
    scores = predict(session, verifier, written)
    candidates = [
        selection.Candidate(grade.answer, aggregate(aggregation, scores[t.number][0]), grade.correct)
        for t, grade in zip(written, grades, strict=True)
    ]
    mine = [candidates[at : at + most] for at in range(0, len(candidates), most)]
    counts = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= most]
    # Programs have no answers that could be counted.
    names = CHOICES if any(c.answer for c in candidates) else ("best_of_n", "pass_at_n")
    found: dict[str, Any] = {"questions": len(questions), "n": counts}
    for name in names:
        found[name] = [
            share_row(mean_share([selection.share_right(each, n, CHOICES[name]) for each in mine])) for n in counts
        ]
    return found
