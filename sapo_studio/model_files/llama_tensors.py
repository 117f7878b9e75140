"""Which tensors a decoder made like Llama has, from its configuration alone: their names in transformers, and shapes.

For these families a folder can be checked tensor by tensor without transformers. The others are compared with the
built architecture when the engine loads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]

_TWO_NORMS = ("input_layernorm", "post_attention_layernorm")
_FOUR_NORMS = (*_TWO_NORMS, "pre_feedforward_layernorm", "post_feedforward_layernorm")


@dataclass(frozen=True, slots=True)
class Family:
    """How a family differs from Llama. `qkv_bias`, `attention_bias`, `mlp_bias`: always, never, or (None) as
    config.json's key of that name says. `head_norms`: normalised queries and keys, a "head" at a time or "all" at once.
    `fused`: one tensor for queries, keys and values, one for gate and up. `tied`, `head_dim` (0: what the width divided
    by the heads gives): without a word in config.json.
    """

    norms: tuple[str, ...] = _TWO_NORMS
    qkv_bias: bool = False
    attention_bias: bool | None = None
    mlp_bias: bool | None = False
    head_norms: str = ""
    fused: bool = False
    tied: bool = False
    head_dim: int = 0


FAMILIES = {
    "llama": Family(mlp_bias=None),
    "mistral": Family(attention_bias=False),
    "qwen2": Family(qkv_bias=True, attention_bias=False),
    "qwen3": Family(head_norms="head", head_dim=128),
    "gemma": Family(tied=True, head_dim=256),
    "gemma2": Family(norms=_FOUR_NORMS, tied=True, head_dim=256),
    "gemma3_text": Family(norms=_FOUR_NORMS, head_norms="head", tied=True, head_dim=256),
    "granite": Family(mlp_bias=None),
    "smollm3": Family(mlp_bias=None, tied=True),
    "olmo2": Family(norms=_FOUR_NORMS[1::2], head_norms="all"),
    "phi3": Family(attention_bias=False, fused=True),
}
NEEDED = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")


def is_tied(config: Mapping[str, Any]) -> bool:
    """Whether the language head of a model of these families is the embedding's table."""
    return bool(config.get("tie_word_embeddings", FAMILIES[config["model_type"]].tied))


def expected_tensors(config: Mapping[str, Any]) -> dict[str, Shape]:
    """All tensors that a checkpoint of the causal language model in `config` must have, by name.

    `config` is one of FAMILIES and its numbers have been checked. Raises KeyError where one of NEEDED is not there.
    """
    hidden, vocab = config["hidden_size"], config["vocab_size"]
    found: dict[str, Shape] = {"model.embed_tokens.weight": (vocab, hidden)}
    layer = dict(_layer(config))
    for number in range(config["num_hidden_layers"]):
        found |= {f"model.layers.{number}.{name}": shape for name, shape in layer.items()}
    found["model.norm.weight"] = (hidden,)
    if not is_tied(config):
        found["lm_head.weight"] = (vocab, hidden)
    return found


def _layer(config: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    family = FAMILIES[config["model_type"]]
    hidden, heads, inner = config["hidden_size"], config["num_attention_heads"], config["intermediate_size"]
    size = config.get("head_dim") or family.head_dim or hidden // heads
    query, key = heads * size, (config.get("num_key_value_heads") or heads) * size
    bias = bool(config.get("attention_bias")) if family.attention_bias is None else family.attention_bias
    mlp_bias = bool(config.get("mlp_bias")) if family.mlp_bias is None else family.mlp_bias
    for name in family.norms:
        yield f"{name}.weight", (hidden,)
    if family.fused:
        yield "self_attn.qkv_proj.weight", (query + 2 * key, hidden)
        yield "mlp.gate_up_proj.weight", (2 * inner, hidden)
    else:
        for name, width in (("q", query), ("k", key), ("v", key)):
            yield f"self_attn.{name}_proj.weight", (width, hidden)
            if bias or family.qkv_bias:
                yield f"self_attn.{name}_proj.bias", (width,)
        for name in ("gate", "up"):
            yield f"mlp.{name}_proj.weight", (inner, hidden)
            if mlp_bias:
                yield f"mlp.{name}_proj.bias", (inner,)
    yield "self_attn.o_proj.weight", (hidden, query)
    if bias:
        yield "self_attn.o_proj.bias", (hidden,)
    yield "mlp.down_proj.weight", (hidden, inner)
    if mlp_bias:
        yield "mlp.down_proj.bias", (hidden,)
    for name, width in (("q", query), ("k", key)):
        if family.head_norms:
            yield f"self_attn.{name}_norm.weight", (width if family.head_norms == "all" else size,)
