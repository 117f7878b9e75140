"""How the verifier is trained: the section `verifier`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sapo_studio.config.sections.base import MAIN, Section, unit


class VerifierConfig(Section):
    """Training the process verifier: V_i = TrainVerifier(init M_i, labels)."""

    head: Literal["scalar", "likelihood"] = Field(default="likelihood", json_schema_extra=MAIN)
    """`scalar`: a linear head on the hidden state, as in the paper.

    `likelihood`: the head also sees how likely the reasoner itself finds the step and everything up to it.
    """

    base: Literal["copy", "shared"] = Field(default="copy", json_schema_extra=MAIN)
    """`copy`: the verifier is a model of its own. `shared`: adapters and a head on the reasoner's frozen weights,
    for about half the memory."""

    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Peak learning rate of the backbone."""

    head_learning_rate: float = Field(default=2e-2, gt=0, le=1)
    """Peak learning rate of the fresh head."""

    epochs: float = Field(default=2.0, gt=0, le=100, json_schema_extra=unit("epochs"))
    """Passes over the labeled trajectories."""

    batch_size: int = Field(default=64, ge=1, le=4096, json_schema_extra=unit("trajectories"))
    """Trajectories per optimiser step."""

    max_trajectories: int = Field(default=5000, ge=10, json_schema_extra=unit("trajectories"))
    """Most labeled trajectories a verifier is trained on (the rest, expanded rollouts first, is left out)."""
