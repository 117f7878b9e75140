"""The consensus filter: which labels of steps are left out because the sources leave them open, or speak against them.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEFT_OUT = "?"
"""In place of a label that a verifier is not trained on."""
AS_WRITTEN, BY_CONSENSUS = "w", "c"
"""Why a label is what it is, one character a step: as it was written, or left out by consensus."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A step that is labeled correct is kept from a belief of `high` on, one that is labeled incorrect up to `low`."""

    low: float
    high: float

    def keeps(self, label: str, belief: float) -> bool:
        """Whether a label stays. `belief`: the chance that the step is correct."""
        return belief >= self.high if label == "1" else belief <= self.low


def filtered(labels: str, beliefs: Sequence[float], bounds: Bounds) -> tuple[str, str]:
    """Labels with LEFT_OUT for those that go, and the reasons, both one character a step."""
    marks = [
        BY_CONSENSUS if label != LEFT_OUT and not bounds.keeps(label, belief) else AS_WRITTEN
        for label, belief in zip(labels, beliefs, strict=True)
    ]
    kept = "".join(LEFT_OUT if mark == BY_CONSENSUS else label for label, mark in zip(labels, marks, strict=True))
    return kept, "".join(marks)


@dataclass(frozen=True, slots=True)
class Noise:
    """How many labels there are, and how many of them are false: believed to be (`estimated`), and by the task's
    oracle (`true`, of `known` labels)."""

    labels: int = 0
    estimated: float = 0.0
    known: int = 0
    true: int = 0

    @property
    def estimated_share(self) -> float:
        """Share of the labels believed false. NaN where there are none."""
        return self.estimated / self.labels if self.labels else float("nan")

    @property
    def true_share(self) -> float:
        """Share of the labels that are false. NaN where the task does not know."""
        return self.true / self.known if self.known else float("nan")


def noise(rows: Iterable[tuple[str, Sequence[float], int | None]]) -> Noise:
    """Of trajectories' labels, beliefs and first incorrect step (0 for none, None: not known). LEFT_OUT counts not."""
    labels, estimated, known, true = 0, 0.0, 0, 0
    for marks, beliefs, truth in rows:
        for step, (mark, belief) in enumerate(zip(marks, beliefs, strict=True), start=1):
            if mark == LEFT_OUT:
                continue
            labels += 1
            estimated += 1.0 - belief if mark == "1" else belief
            if truth is not None:
                known += 1
                true += (mark == "1") != (truth == 0 or step < truth)
    return Noise(labels, estimated, known, true)
