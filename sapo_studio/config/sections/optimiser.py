"""How the reasoner is aligned: the section `optimiser`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sapo_studio.config.sections.base import MAIN, Section, unit

OptimiserKind = Literal["orpo", "dpo", "rpo", "sft", "grpo"]
PAIRED = ("orpo", "dpo", "rpo")
"""Optimisers that learn from pairs."""


class OptimiserConfig(Section):
    """Aligning the reasoner: M_{i+1}."""

    kind: OptimiserKind = Field(default="orpo", json_schema_extra=MAIN)
    """`orpo`: odds-ratio preference optimisation on pairs (the paper). `dpo`: direct preference optimisation, pulled
    back to the reasoner before the alignment. `rpo`: the same with the winner's likelihood beside it. `sft`:
    rejection-sampling fine-tuning on correct answers only (RFT; over several iterations online RFT). `grpo`: group
    relative policy optimisation by TRL (the extra `baselines`), which samples for itself and needs no pairs."""

    rft_iterations: int = Field(default=0, ge=0, le=19, json_schema_extra=unit("iterations"))
    """Iterations at the beginning that fine-tune on correct answers alone (RFT) before `kind` takes over. 1 with `dpo`
    is the paper's RFT+DPO."""

    learning_rate: float = Field(default=1e-3, gt=0, le=1, json_schema_extra=MAIN)
    """Peak learning rate of the alignment. A reasoner that is already good needs a lower one."""

    beta: float = Field(default=0.3, ge=0, le=10, json_schema_extra=MAIN)
    """With `orpo` the weight of the odds-ratio term (beta in the paper); 0 leaves plain fine-tuning on the winners.

    With `dpo` and `rpo` the strength of the pull back to the reasoner before; 0.1 is usual.
    """

    nll_weight: float = Field(default=1.0, ge=0, le=100)
    """Weight of the winner's mean token negative log-likelihood in `rpo`."""

    eta: float = Field(default=0.1, ge=0, le=1, json_schema_extra=MAIN)
    """Least difference between the mean step scores of a pair's winner and loser (eta in the paper)."""

    reward: Literal["verifier", "answer"] = "verifier"
    """What ranks a pair: mean step scores of the verifier, or (ablation) the final answer alone."""

    epochs: float = Field(default=1.0, gt=0, le=100, json_schema_extra=unit("epochs"))
    """Passes over the pairs."""

    batch_size: int = Field(default=64, ge=1, le=4096, json_schema_extra=unit("pairs"))
    """Pairs (with `sft` solutions, with `grpo` completions) per optimiser step."""

    pairs_per_question: int = Field(default=4, ge=1, le=1000, json_schema_extra=unit("pairs"))
    """Most pairs kept of one question."""

    max_pairs: int = Field(default=6000, ge=10, json_schema_extra=unit("pairs"))
    """Most pairs (or solutions) an alignment trains on."""

    history: Literal["current", "all"] = "all"
    """Pair trajectories of this iteration only, or of all iterations so far (D_i accumulates in the paper)."""

    guard: Literal["keep", "warn", "off"] = "keep"
    """After an alignment, compare sampled accuracy on the development questions. `keep` goes back to the weights before
    it if they were clearly better, `warn` only says so."""

    def kind_at(self, iteration: int) -> OptimiserKind:
        """What aligns in this iteration."""
        return "sft" if 1 <= iteration <= self.rft_iterations else self.kind
