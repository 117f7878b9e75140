"""What labeling a shard of wrong trajectories brought, as it is kept on disk between attempts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from sapo_studio.domain.labeling_cost import CheckCost
from sapo_studio.events.kinds import LabelRow

RolloutFacts = tuple[int, int, tuple[int, ...], bool]
"""Number of the trajectory, steps of its prefix, tokens written from there, correct or not."""


@dataclass(slots=True)
class LabelingOutcome:
    """What labeling wrong trajectories brought: their rows, all rollouts, every check's cost, and by the number of a
    trajectory how sure a search was of its first error."""

    rows: list[LabelRow] = field(default_factory=list)
    rollouts: list[RolloutFacts] = field(default_factory=list)
    checks: list[CheckCost] = field(default_factory=list)
    confidences: dict[int, float] = field(default_factory=dict[int, float])

    def to_json(self) -> bytes:
        """For a shard."""
        rows = [row.model_dump() for row in self.rows]
        checks = [[c.succeeded, c.to_go, c.prefix_tokens, c.rollouts, c.tokens, c.waves] for c in self.checks]
        found = {"rows": rows, "rollouts": self.rollouts, "checks": checks}
        return json.dumps(found | {"confidences": list(self.confidences.items())}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> LabelingOutcome:
        """From a shard."""
        found = json.loads(data)
        return cls(
            [LabelRow(**row) for row in found["rows"]],
            [(number, prefix, tuple(tokens), right) for number, prefix, tokens, right in found["rollouts"]],
            [CheckCost(*check) for check in found["checks"]],
            dict(found.get("confidences", [])),  # shards of earlier versions have none
        )

    def extend(self, other: LabelingOutcome) -> None:
        """Add another shard's."""
        self.rows += other.rows
        self.rollouts += other.rollouts
        self.checks += other.checks
        self.confidences |= other.confidences
