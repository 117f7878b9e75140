"""Supervised fine-tuning before the first iteration: the section `warmup`."""

from __future__ import annotations

from pydantic import Field

from sapo_studio.config.sections.base import Section, unit


class WarmupConfig(Section):
    """Supervised fine-tuning on the task's own solutions: M0 = SFT(M, D_org)."""

    epochs: float = Field(default=6.0, ge=0, le=100, json_schema_extra=unit("epochs"))
    """Most passes over the training solutions. 0 skips the warm-up (for a reasoner that is already warm)."""

    learning_rate: float = Field(default=5e-3, gt=0, le=1)
    """Peak learning rate of the warm-up (AdamW, linear warm-up, cosine decay)."""

    batch_size: int = Field(default=32, ge=1, le=4096, json_schema_extra=unit("solutions"))
    """Solutions per optimiser step."""

    stop_at: float = Field(default=0.25, gt=0, le=1, json_schema_extra=unit("accuracy"))
    """Cool down and stop as soon as sampled accuracy on the development questions reaches this.

    The cool-down still adds a good deal: 0.25 becomes about 0.45. A reasoner that is already sharp leaves no
    incorrect trajectories to learn from. 1 never stops early.
    """
