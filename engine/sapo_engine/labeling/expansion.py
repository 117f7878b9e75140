"""Expansion: the rollouts that labeling has made, as labeled trajectories of their own."""

from __future__ import annotations

from collections.abc import Mapping

from sapo_engine.grading.base import Grade
from sapo_engine.labeling.outcome import LabelingOutcome
from sapo_engine.numbering import BLOCK, EXPANSIONS
from sapo_engine.tasks import Question
from sapo_engine.text.trajectory import LabeledRow, Trajectory, TrajectoryDraft
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_studio.domain.labels import from_first_error


def expand(
    builder: TrajectoryBuilder,
    questions: Mapping[int, Question],
    iteration: int,
    trajectories: Mapping[int, Trajectory],
    outcome: LabelingOutcome,
) -> list[LabeledRow]:
    """Rollouts as labeled trajectories of their own, equal ones once. `trajectories` are those that were rolled out.

    From a prefix labeled 1: a right rollout is right at every step; a wrong one says nothing beyond the
    prefix, which is labeled already, and is left out. From a prefix labeled 0: every step after it is 0.
    """
    labels = {row.trajectory: row.labels for row in outcome.rows}
    seen = {(t.question, t.tokens) for t in trajectories.values()}
    expanded: list[LabeledRow] = []
    for number, prefix, tokens, right in outcome.rollouts:
        parent = trajectories[number]
        written = parent.tokens[: parent.ends[prefix - 1] if prefix else 0] + tokens
        good = right or prefix == 0 or labels[number][prefix - 1] == "1"
        if (good and not right) or (parent.question, written) in seen:
            continue
        seen.add((parent.question, written))
        draft = TrajectoryDraft(
            questions[parent.question],
            written,
            number=BLOCK * (iteration + 1) + EXPANSIONS + len(expanded),
            iteration=iteration,
            source="expansion",
        )
        trajectory = builder.trajectory(draft, Grade(right))
        error = 0 if right else labels[number].index("0") + 1
        expanded.append((trajectory, from_first_error(error, trajectory.n)))
    return expanded
