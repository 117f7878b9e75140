"""The numbers of a decoder that decide what it costs, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A causal language model as its configuration describes it. Sizes are numbers of elements, not bytes.

    `kv_heads` are the heads of keys and values, `norms` the normalisations in a block. `tied`: the language head uses
    the embedding's weights. `capped`: scores go through a tanh, those of attention too, which is calculated whole then.
    """

    name: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    tied: bool
    positions: int = 1 << 20
    qkv_bias: bool = False
    norms: int = 2
    capped: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any], name: str) -> ModelShape:
        """From the keys of a transformers config.json (Llama, Qwen, Gemma, Mistral and others made like them).

        Raises KeyError or ValueError where it says too little, as other families do.
        """
        nested = config.get("text_config")
        told = cast("Mapping[str, Any]", nested) if isinstance(nested, Mapping) else config
        family = str(told.get("model_type", config.get("model_type", "")))
        hidden, heads = int(told["hidden_size"]), int(told["num_attention_heads"])
        return cls(
            name=name,
            vocab=int(told["vocab_size"]),
            hidden=hidden,
            layers=int(told["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(told.get("num_key_value_heads") or heads),
            head_dim=int(told.get("head_dim") or hidden // heads),
            intermediate=int(told["intermediate_size"]),
            # transformers leaves out of config.json what is the family's own default.
            tied=bool(told.get("tie_word_embeddings", family.startswith("gemma"))),
            positions=int(told.get("max_position_embeddings") or 1 << 20),
            qkv_bias=bool(told.get("attention_bias", family == "qwen2")),
            norms=4 if family in ("gemma2", "gemma3", "gemma3_text") else 2,
            capped=bool(told.get("final_logit_softcapping", family == "gemma2")),
        )

    @property
    def query(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_dim

    @property
    def key_value(self) -> int:
        """Width of the keys (and of the values)."""
        return self.kv_heads * self.head_dim

    @property
    def block_weights(self) -> int:
        """Weights of the linear layers in all blocks: what LoRA stands beside, and QLoRA keeps in 4 bits."""
        attention = 2 * self.hidden * (self.query + self.key_value)
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    @property
    def weights(self) -> int:
        """All weights."""
        small = self.layers * (self.norms * self.hidden + (self.query + 2 * self.key_value) * self.qkv_bias)
        return self.block_weights + small + self.hidden + self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def multiplied(self) -> int:
        """Weights that a token is multiplied with: the blocks and the language head, not the embedding's table."""
        return self.block_weights + self.vocab * self.hidden

    def adapter_weights(self, rank: int) -> int:
        """Weights of LoRA adapters of this rank on every linear layer of the blocks."""
        ends = (
            2 * (self.hidden + self.query)  # queries, and what comes out of attention
            + 2 * (self.hidden + self.key_value)
            + 3 * (self.hidden + self.intermediate)
        )
        return self.layers * rank * ends
