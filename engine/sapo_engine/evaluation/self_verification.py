"""The self-verification error of verifiers with reasoners: how often two checks change what the verifier said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sapo_engine.labeling.labelers import checker_for, make_checks, run_labeler
from sapo_engine.models.reasoner import Reasoner, discard
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain.self_verification import Verified, error_as_sampled
from sapo_studio.domain.verifier_metrics import share_row


def matrix(
    session: RunSession,
    verifier_of: Callable[[int], Verifier],
    reasoner_of: Callable[[int], Reasoner],
    verifiers: Sequence[int],
    reasoners: Sequence[int],
    count: int,
    *,
    hear: Callable[[float], object] | None = None,
) -> list[dict[str, Any]]:
    """Self-verification error rate of every pair (V_i, M_j): the share of M_j's own trajectories whose labels by V_i
    self-verification with M_j changes. At most `count` trajectories of each M_j; V_i and M_j are loaded one by one.
    `hear` is told how far it is, a fraction of 1."""

    def tell(cells: float) -> None:
        if hear:
            hear(cells / (len(verifiers) * len(reasoners)))

    found: list[dict[str, Any]] = []
    config = session.config.labeling.model_copy(update={"max_checks": 2})
    for j in reasoners:
        model = reasoner_of(j)
        written = _own_trajectories(session, model, count)
        wrong = [t for t in written if not t.correct]
        checker = checker_for(session, model, j, config.rollouts, config.wave)
        for i in verifiers:
            verifier = verifier_of(i)
            predictions = predict(session, verifier, written)
            discard(verifier.base)
            before, of = len(found), len(wrong)
            labeled, _ = run_labeler(
                wrong,
                lambda _, t, p=predictions: make_checks(config, "sapo", t, None, p[t.number][1]),
                checker,
                tick=lambda done, before=before, of=of: tell(before + done / of),
            )
            cases: Mapping[int, str] = {item.trajectory.number: item.verdict.case for item in labeled}
            verified = [
                Verified.of(t.question, t.correct, predictions[t.number][0], cases.get(t.number, "right"))
                for t in written
            ]
            found.append(
                {
                    "verifier": i,
                    "reasoner": j,
                    "error": share_row(error_as_sampled(verified, len(written) - len(wrong), len(wrong))),
                    "error_on_wrong": share_row(
                        error_as_sampled([one for one in verified if not one.correct], 0, len(wrong))
                    ),
                }
            )
            tell(len(found))
        discard(model)
    return found


def _own_trajectories(session: RunSession, model: Reasoner, count: int) -> list[Trajectory]:
    """At most `count` distinct trajectories of `model` on development questions, right and wrong as they come."""
    questions = session.task.questions("development")
    each = max(1, -(-count // len(questions)))
    samples = session.sampler.sample(model, questions, "matrix", each)
    drafts = [
        (question, tokens)
        for question, mine in zip(questions, samples, strict=True)
        for tokens in dict.fromkeys(completion.tokens for completion in mine)
    ]
    return session.builder.trajectories(
        [
            TrajectoryDraft(question, tokens, number, iteration=0)
            for number, (question, tokens) in enumerate(drafts[:count])
        ]
    )
