"""How steps are labeled: the section `labeling`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sapo_studio.config.choices import one_of
from sapo_studio.config.sections.base import MAIN, MisfitError, Section, unit
from sapo_studio.domain.labelers.base import CheckLimits
from sapo_studio.domain.labelers.beforehand import why_none
from sapo_studio.domain.labelers.registry import CHOICES, CHOICES_HELP, START_CHOICES


class LabelingConfig(Section):
    """Finding out which steps are correct: L_i."""

    labeler: Annotated[str, one_of(CHOICES)] = Field(
        default="sapo",
        description=f"How steps are labeled from iteration 1 on.\n\n{CHOICES_HELP}",
        json_schema_extra=MAIN,
    )
    start_labeler: Annotated[str, one_of(START_CHOICES)] = "omega"
    """How the very first labels (L0) are made, before there is a verifier."""

    detection: Literal["verifier", "random"] = "verifier"
    """Where `sapo` looks first: at the verifier's largest drop, or (ablation) at a random step."""

    trajectories: int = Field(default=1000, ge=10, le=200_000, json_schema_extra=unit("trajectories", **MAIN))
    """Incorrect trajectories labeled in each iteration."""

    start_trajectories: int = Field(default=200, ge=10, le=200_000, json_schema_extra=unit("trajectories"))
    """Incorrect trajectories labeled for the first verifier."""

    right_share: float = Field(default=0.5, ge=0, le=0.9, json_schema_extra=unit("of all labeled"))
    """Share of correct trajectories among those scored and labeled; they need no rollout."""

    rollouts: int = Field(default=4, ge=1, le=256, json_schema_extra=unit("rollouts", **MAIN))
    """Most rollouts from a prefix before it counts as lost (T in the paper).

    They stop at the first success.
    """

    temperature: float = Field(default=0.5, gt=0, le=5)
    """Softmax temperature of the rollouts. Cooler than the sampling of trajectories: a hot rollout may stumble from
    an incorrect step to the correct answer, or from a correct step to an incorrect one, and both spoil a label."""

    wave: int = Field(default=2, ge=1, le=256, json_schema_extra=unit("rollouts"))
    """Rollouts sampled at a time.

    Small waves waste fewer tokens behind the first success, large ones make fewer batches.
    """

    max_checks: int = Field(default=2, ge=2, le=64, json_schema_extra=unit("prefixes"))
    """Most prefixes `sapo` checks in a trajectory. 2 is the paper; with more it searches until it is sure enough, from
    what the verifier believes.
    """

    confidence: float = Field(default=0.8, gt=0.5, lt=1)
    """How sure a search (`max_checks` above 2) wants to be of the first error before it ends."""

    expansion: bool = True
    """Keep rollouts as labeled trajectories of their own."""

    consensus: Literal["off", "dawid-skene"] = "off"
    """Whether labels are left out of the verifier's training where their sources disagree.

    `dawid-skene`: how often the verifier before, the rollouts and (with `people`) the people who judged are wrong is
    estimated from their agreement; a label of an incorrect trajectory stays if what they say together makes it likely
    enough. Nothing is deleted, and each label that is left out is kept with its belief. Labels with one source, as the
    first ones (L0) mostly have, all stay. On the lab labels become cleaner and the verifier worse
    (docs/results/consensus.md).
    """

    consensus_low: float = Field(default=0.2, ge=0, le=1)
    """A step that is labeled incorrect stays in training if the chance that it is correct is at most this."""

    consensus_high: float = Field(default=0.8, ge=0, le=1)
    """A step that is labeled correct stays in training if the chance that it is correct is at least this."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.consensus_low > self.consensus_high:
            raise MisfitError(
                "consensus_low",
                f"consensus_low ({self.consensus_low}) must not exceed consensus_high ({self.consensus_high})",
                self.consensus_high,
            )
        return self

    people: Literal["ignore", "use"] = "ignore"
    """Whether people's judgements of the run's trajectories join the labels that a verifier is trained on.

    `use`: what people say by the time that an iteration's labels are done takes the place of the labels by rollouts,
    step by step; trajectories that were judged and not labeled join. A resolution counts before everything else, then
    what most of several people say, then who judged last; neutral counts as correct. Held-out trajectories never join.
    """

    @property
    def limits(self) -> CheckLimits:
        """What a labeler may ask for."""
        return CheckLimits(self.max_checks, self.confidence, self.rollouts, self.wave)

    @property
    def searches(self) -> bool:
        """Whether it looks for first errors by what a verifier's scores say, taken as probabilities."""
        return self.labeler == "sapo" and self.detection == "verifier" and self.max_checks > 2

    @property
    def no_self_verification(self) -> str:
        """Why this way to label has no self-verification error; empty where it has one."""
        return why_none(self.labeler, self.detection, self.max_checks)
