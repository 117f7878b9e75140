"""How trajectories are sampled: the section `sampling`."""

from __future__ import annotations

from pydantic import Field

from sapo_studio.config.sections.base import MAIN, Section, unit


class SamplingConfig(Section):
    """Sampling trajectories: S_i = Sample(M_i, D_org)."""

    questions: int = Field(default=1000, ge=10, le=200_000, json_schema_extra=unit("questions", **MAIN))
    """Training questions sampled from in each iteration."""

    start_questions: int = Field(default=150, ge=10, le=200_000, json_schema_extra=unit("questions"))
    """Training questions sampled from for the first labels (S0)."""

    samples: int = Field(default=8, ge=1, le=256, json_schema_extra=unit("samples", **MAIN))
    """Trajectories per question (K in the paper); equal ones are kept once."""

    temperature: float = Field(default=1.0, gt=0, le=5)
    """Softmax temperature of sampled trajectories."""
