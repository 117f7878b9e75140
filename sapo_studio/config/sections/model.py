"""The reasoner that a run starts from: the section `model`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sapo_studio.config.sections.base import LAB, MAIN, MisfitError, Section, for_kinds


class ModelConfig(Section):
    """Which reasoner the run starts from."""

    source: str = Field(default="fresh", json_schema_extra={**MAIN, "picker": "model"})
    """`fresh`: a new, randomly initialised Llama of the size below (arithmetic lab only).

    `bundled:NAME`: a warmed-up reasoner that ships with the program. `hub:OWNER/NAME`: a model of the Hugging Face
    Hub. Anything else: the folder of a transformers model, or a GGUF file. Safetensors only; no code of a model is run.
    """

    revision: str = Field(default="", max_length=100)
    """Which version of a Hub model: a commit, tag or branch.

    What it leads to when the run starts is written down and kept, also when the run is resumed later.
    """

    tuning: Literal["full", "lora", "qlora"] = Field(default="full", json_schema_extra=MAIN)
    """What is trained: all weights, small adapters beside frozen weights (LoRA), or adapters beside weights that are
    kept in 4 bits (QLoRA; CUDA only, needs bitsandbytes)."""

    lora_rank: int = Field(default=16, ge=1, le=1024)
    """Rank of the adapters, the reasoner's and (with `verifier.base = "shared"`) the verifier's."""

    lora_alpha: float = Field(default=32.0, gt=0, le=4096)
    """Scale of the adapters: their output counts alpha / rank times."""

    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of an adapter's inputs that is left out at each training step."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(default="auto", json_schema_extra=MAIN)
    """What is calculated in. Weights that are trained are kept in fp32 all the same, frozen ones in this precision.

    `auto`: bf16 on a card that has it, else fp32.
    """

    gradient_checkpointing: bool = False
    """Calculate activations a second time instead of keeping them: much less memory, about a third more time."""

    hidden_size: int = Field(default=64, ge=16, le=1024, json_schema_extra=for_kinds(LAB))
    """Width of a fresh model."""

    layers: int = Field(default=2, ge=1, le=16, json_schema_extra=for_kinds(LAB))
    """Transformer blocks of a fresh model."""

    heads: int = Field(default=4, ge=1, le=16, json_schema_extra=for_kinds(LAB))
    """Attention heads of a fresh model; must divide its width."""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.hidden_size % self.heads:
            raise MisfitError(
                "heads",
                f"heads ({self.heads}) must divide hidden_size ({self.hidden_size})",
                next(fewer for fewer in range(min(self.heads, 16), 0, -1) if self.hidden_size % fewer == 0),
            )
        return self
