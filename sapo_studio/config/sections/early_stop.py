"""When a run ends early: the section `early_stop`."""

from __future__ import annotations

from pydantic import Field

from sapo_studio.config.sections.base import Section, unit
from sapo_studio.domain.early_stop import Rules


class EarlyStopConfig(Section):
    """When the run ends before its last iteration. All rules are off unless set; they are looked at when an iteration
    has been measured, and the run is then done, with the reason in its log and report."""

    flat_iterations: int = Field(default=0, ge=0, le=20, json_schema_extra=unit("iterations"))
    """End when sampled accuracy has risen by no more than `flat_gain` over so many iterations in a row. 0: never."""

    flat_gain: float = Field(default=0.0, ge=0, le=1)
    """How much accuracy may rise, as a fraction, and still count as flat."""

    gap_iterations: int = Field(default=0, ge=0, le=20, json_schema_extra=unit("iterations"))
    """End when the gap between reasoner and verifier has widened by more than chance in each of so many iterations. 0:
    never."""

    pairs: int = Field(default=0, ge=0, le=1_000_000, json_schema_extra=unit("pairs"))
    """End after an iteration that learns from pairs and had fewer of them to align on. 0: never."""

    reward_parts: bool = False
    """End when over three evaluations the mean reward rises and greedy accuracy falls by more than chance."""

    @property
    def rules(self) -> Rules:
        """As the domain takes them."""
        return Rules(self.flat_iterations, self.flat_gain, self.gap_iterations, self.pairs, self.reward_parts)
