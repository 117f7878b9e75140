"""The labelers side by side: what each costs and how true its labels are, on the same wrong trajectories with
the same reasoner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sapo_engine.data import Trajectory
from sapo_engine.lab import Lab
from sapo_engine.labelers import checks_of, run_labeler
from sapo_engine.labelling import Prediction
from sapo_engine.reasoner import Reasoner

LABELERS = ("sapo", "omega", "shepherd")


@dataclass(frozen=True, slots=True)
class Tried:
    """One labeler's result. Costs are totals over `trajectories`; accuracies are fractions by the step oracle."""

    labeler: str
    trajectories: int
    rollouts: int
    tokens: int
    prefill_tokens: int
    step_accuracy: float
    first_error_accuracy: float

    def to_json(self) -> dict[str, float | int | str]:
        """All fields by name."""
        return asdict(self)


def study(
    lab: Lab,
    model: Reasoner,
    version: int,
    wrong: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
) -> list[Tried]:
    """Run every labeler on `wrong`, each with a cache of its own and the same random keys; all stop a prefix at
    its first success.
    """
    config = lab.config.labeling
    found: list[Tried] = []
    for name in LABELERS:
        checker = lab.checker(model, version, config.rollouts, config.wave)
        labelled, usage = run_labeler(
            wrong,
            lambda _, t, name=name: checks_of(config, name, t, *predictions[t.number]),
            checker,
        )
        right = total = exact = 0
        for item in labelled:
            error = item.trajectory.truth or item.trajectory.n + 1
            right += sum((c == "1") == (step < error) for step, c in enumerate(item.verdict.labels, 1))
            total += item.trajectory.n
            exact += item.verdict.verified == error
        found.append(
            Tried(
                name,
                len(wrong),
                usage.sequences,
                usage.generated_tokens,
                usage.prefill_tokens,
                right / max(total, 1),
                exact / max(len(wrong), 1),
            )
        )
    return found
