"""The consensus filter over an iteration's labels: what verifier, rollouts and people (where the run uses their word)
make likely enough stays in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sapo_engine.labeling.human_labels import Judged
from sapo_engine.labeling.outcome import RolloutFacts
from sapo_engine.text.trajectory import LabeledRow, Trajectory
from sapo_studio.domain.consensus import AS_WRITTEN, LEFT_OUT, Bounds, Noise, filtered, noise
from sapo_studio.domain.dawid_skene import Unidentified, estimate
from sapo_studio.domain.judgements import Judgement
from sapo_studio.domain.step_evidence import StepEvidence, Tries, votes_of

PEOPLE = "people"
"""The source that all people are together: the parent has taken what they say together."""

_Prefix = tuple[int, tuple[int, ...]]
"""A question's number and the tokens so far."""


@dataclass(frozen=True, slots=True)
class AgreedLabels:
    """A trajectory's labels after the filter, why (one character a step), and the belief of each step; no beliefs for
    a trajectory with a correct answer, whose labels are what they are by definition."""

    trajectory: Trajectory
    written: str
    labels: str
    reasons: str
    beliefs: list[float]

    @property
    def changed(self) -> bool:
        """Whether a label is left out."""
        return self.labels != self.written


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the filter makes of all labels, and how noisy those of sampled trajectories were and are."""

    rows: list[AgreedLabels]
    before: Noise
    after: Noise

    @property
    def kept_share(self) -> float:
        """Share of the labels of sampled, incorrect trajectories that stay."""
        return self.after.labels / self.before.labels

    @property
    def training(self) -> list[LabeledRow]:
        """What to train on. A trajectory without any label left is no example."""
        return [(one.trajectory, one.labels) for one in self.rows if set(one.labels) != {LEFT_OUT}]


def agree(
    labeled: Sequence[LabeledRow],
    scores: Mapping[int, Sequence[float]],
    rollouts: Sequence[RolloutFacts],
    bounds: Bounds,
    judged: Judged,
) -> Agreed | Unidentified:
    """Filter `labeled`, sampled trajectories and expanded rollouts, by what `scores` of the verifier before (by the
    number of a trajectory), `rollouts` and, one source together, the people who have `judged` some say.

    An expanded rollout begins like the trajectory that it was made from, and has its beliefs there; all that follows
    has the belief of the last step that is known, since no path leads back.
    """
    sampled = [(t, labels) for t, labels in labeled if t.source == "sample" and not t.correct]
    tried = _tries([t for t, _ in sampled], rollouts)
    evidence = [
        StepEvidence(
            t.number,
            t.question,
            labels,
            scores=scores.get(t.number, ()),
            rollouts={step: tried[prefix] for step, prefix in enumerate(_prefixes(t), 1) if prefix in tried},
            people=_people(judged.get(t.number, {})),
            truth=t.truth,
        )
        for t, labels in sampled
    ]
    found = estimate(votes_of(evidence), draws=0)
    if isinstance(found, Unidentified):
        return found
    own = {t.number: row[: t.n] for (t, _), row in zip(sampled, found.beliefs.tolist(), strict=True)}
    known: dict[_Prefix, float] = {}
    for t, _ in sampled:
        known |= zip(_prefixes(t), own[t.number], strict=True)
    rows = [_filtered(t, labels, own.get(t.number) or _inherited(t, known), bounds) for t, labels in labeled]
    of_sampled = [row for row in rows if row.trajectory.number in own]
    return Agreed(
        rows,
        noise((row.written, row.beliefs, row.trajectory.truth) for row in of_sampled),
        noise((row.labels, row.beliefs, row.trajectory.truth) for row in of_sampled),
    )


def _people(steps: Mapping[int, bool]) -> dict[str, dict[int, int]]:
    said = {step: int(Judgement.RIGHT if correct else Judgement.WRONG) for step, correct in steps.items()}
    return {PEOPLE: said} if said else {}


def _filtered(trajectory: Trajectory, labels: str, beliefs: list[float], bounds: Bounds) -> AgreedLabels:
    if trajectory.correct:
        return AgreedLabels(trajectory, labels, labels, AS_WRITTEN * trajectory.n, [])
    return AgreedLabels(trajectory, labels, *filtered(labels, beliefs, bounds), beliefs)


def _inherited(trajectory: Trajectory, known: Mapping[_Prefix, float]) -> list[float]:
    beliefs: list[float] = []
    for prefix in _prefixes(trajectory):
        beliefs.append(known.get(prefix, beliefs[-1] if beliefs else 1.0))
    return beliefs


def _tries(sampled: Sequence[Trajectory], rollouts: Sequence[RolloutFacts]) -> dict[_Prefix, Tries]:
    by_number = {t.number: t for t in sampled}
    made: Counter[_Prefix] = Counter()
    succeeded: Counter[_Prefix] = Counter()
    for number, size, _, correct in rollouts:
        if size:
            prefix = _prefixes(by_number[number])[size - 1]
            made[prefix] += 1
            succeeded[prefix] += correct
    return {prefix: Tries(succeeded[prefix], count) for prefix, count in made.items()}


def _prefixes(trajectory: Trajectory) -> list[_Prefix]:
    """The prefix of 1, 2, ... steps."""
    return [(trajectory.question, trajectory.tokens[:end]) for end in trajectory.ends]
