"""To be worded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sapo_engine.labeling.labelers import make_checks, run_labeler
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.stages import Stages
from sapo_engine.saved_run import SavedRun
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_studio.domain.metrics import (
    mean_share,
    self_verification_right,
)
from sapo_studio.domain.verifier_metrics import share_row


def matrix(run: SavedRun, verifiers: Sequence[int], reasoners: Sequence[int], count: int) -> list[dict[str, Any]]:
    """Self-verification error rate of every pair (V_i, M_j): the share of M_j's own trajectories whose labels by V_i
    self-verification with M_j changes."""
    lab = run.stages
    found: list[dict[str, Any]] = []
    config = lab.config.labeling.model_copy(update={"max_checks": 2})
    for j in reasoners:
        model = run.reasoner(j)
        written = _own_trajectories(lab, model, count)
        wrong = [t for t in written if not t.correct]
        checker = lab.checker(model, j, config.rollouts, config.wave)
        for i in verifiers:
            predictions = lab.predict(run.verifier(i), written)
            labelled, _ = run_labeler(
                wrong, lambda _, t, p=predictions: make_checks(config, "sapo", t, None, p[t.number][1]), checker
            )
            cases: Mapping[int, str] = {item.trajectory.number: item.verdict.case for item in labelled}
            changed = [
                0.0
                if self_verification_right(t.correct, predictions[t.number][0], cases.get(t.number, "right"))
                else 1.0
                for t in written
            ]
            on_wrong = mean_share([c for c, t in zip(changed, written, strict=True) if not t.correct])
            found.append(
                {
                    "verifier": i,
                    "reasoner": j,
                    "error": share_row(mean_share(changed)),
                    "error_on_wrong": share_row(on_wrong),
                }
            )
    return found


def _own_trajectories(lab: Stages, model: Reasoner, count: int) -> list[Trajectory]:
    """At most `count` distinct trajectories of `model` on development questions, right and wrong as they come."""
    questions = lab.task.questions("development")
    each = max(1, -(-count // len(questions)))
    samples = lab.sample_many(model, questions, "matrix", each)
    drafts = [
        (question, tokens)
        for question, mine in zip(questions, samples, strict=True)
        for tokens in dict.fromkeys(completion.tokens for completion in mine)
    ]
    return lab.cutter.trajectories(
        [
            TrajectoryDraft(question, tokens, number, iteration=0)
            for number, (question, tokens) in enumerate(drafts[:count])
        ]
    )
