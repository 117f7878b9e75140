"""People's judgements among the labels that a verifier is trained on (`labeling.people`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sapo_engine.text.trajectory import LabeledRow, Trajectory
from sapo_studio.domain.consensus import AS_WRITTEN, LEFT_OUT
from sapo_studio.domain.human_labels import BY_PEOPLE, outranked
from sapo_studio.events.kinds import TrainingLabelRow

Judged = Mapping[int, Mapping[int, bool]]
"""By trajectory's number and step (from 1 on): whether people call the step correct."""


@dataclass(frozen=True, slots=True)
class WithPeople:
    """Labels with people's among them: `training`, all of them; `rows`, those of judged trajectories with the reasons;
    `written`, their labels before (empty of those that had none). `labels`: how many steps are labeled by people;
    `changed`: how many of these had another label before, or none."""

    training: list[LabeledRow]
    rows: list[TrainingLabelRow]
    written: dict[int, str]
    labels: int
    changed: int


def with_people(
    training: Sequence[LabeledRow],
    pool: Sequence[Trajectory],
    judged: Judged,
    filtered: Mapping[int, TrainingLabelRow],
) -> WithPeople:
    """Put what people say in place of `training`'s labels, which a consensus filter has perhaps `filtered` (by number).

    Trajectories of the `pool` that were judged and not labeled join; those of which neither knows (held-out ones) are
    passed over.
    """
    labeled = {t.number: (t, labels) for t, labels in training}
    known = {t.number: t for t in pool} | {number: t for number, (t, _) in labeled.items()}
    rows: list[TrainingLabelRow] = []
    written: dict[int, str] = {}
    labels_of: dict[int, str] = {}
    changed = 0
    for number in sorted(judged.keys() & known.keys()):
        n = known[number].n
        steps = {step: ok for step, ok in judged[number].items() if 1 <= step <= n}
        if not steps:
            continue
        before = filtered.get(number)
        written[number] = labeled[number][1] if number in labeled else ""
        old = before.labels if before else written[number] or LEFT_OUT * n
        reasons = before.reasons if before else AS_WRITTEN * n
        labels, reasons = outranked(old, reasons, steps)
        changed += sum(a != b for a, b in zip(old, labels, strict=True))
        labels_of[number] = labels
        beliefs = before.beliefs if before else []
        rows.append(TrainingLabelRow(trajectory=number, labels=labels, reasons=reasons, beliefs=beliefs))
    kept = [(t, labels_of.get(t.number, labels)) for t, labels in training]
    joining = [(known[number], labels_of[number]) for number in labels_of if number not in labeled]
    count = sum(row.reasons.count(BY_PEOPLE) for row in rows)
    return WithPeople([*kept, *joining], rows, written, count, changed)


def without_people(training: Sequence[LabeledRow], written: Mapping[int, str]) -> list[LabeledRow]:
    """The labels as they were before people's came in their place."""
    back = [(t, written.get(t.number, labels)) for t, labels in training]
    return [(t, labels) for t, labels in back if labels]
