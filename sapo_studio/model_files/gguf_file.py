"""A GGUF file, checked without converting it: its header, its numbers, and for families made like Llama each tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sapo_studio.errors import InputError
from sapo_studio.model_files.config_numbers import check_numbers
from sapo_studio.model_files.folder import misshapen, missing, unexpected
from sapo_studio.model_files.gguf_header import Header, read_header
from sapo_studio.model_files.reading import DAMAGED, shown

Shape = tuple[int, ...]
_NEEDED = {
    "embedding_length": "hidden_size",
    "block_count": "num_hidden_layers",
    "attention.head_count": "num_attention_heads",
    "feed_forward_length": "intermediate_size",
}
_MORE = {
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "context_length": "max_position_embeddings",
}
_ROPE = ("rope_freqs.", "rope_factors_")
"""Tensors with frequencies of positions, which follow from the configuration."""


@dataclass(frozen=True, slots=True)
class _Family:
    """What a layer of an architecture has beside Llama's tensors."""

    norms: tuple[str, ...] = ()
    biases: bool = False
    head_norms: bool = False


_FAMILIES = {
    "llama": _Family(),
    "qwen2": _Family(biases=True),
    "qwen3": _Family(head_norms=True),
    "gemma": _Family(),
    "gemma2": _Family(norms=("post_attention_norm", "post_ffw_norm")),
    "gemma3": _Family(norms=("post_attention_norm", "post_ffw_norm"), head_norms=True),
}


def read_gguf(path: Path) -> tuple[Header, dict[str, Any]]:
    """The header of the model in `path`, and its numbers under the names of a transformers config.json.

    Raises InputError where it is damaged, its numbers are out of all reason, or a tensor is missing or misshapen.
    """
    header = read_header(path)
    config = _config(path, header)
    check_numbers(config, path)
    layers = config.get("num_hidden_layers", 0)
    if layers > len(header.tensors):
        raise InputError(
            f"{path} says num_hidden_layers = {layers}",
            why=f"It has {len(header.tensors)} tensors.",
            fix=DAMAGED,
        )
    _check_tensors(path, header, config)
    return header, config


def _config(path: Path, header: Header) -> dict[str, Any]:
    facts = header.facts
    family = facts.get("general.architecture")
    if not isinstance(family, str) or not family:
        raise InputError(f"{path} does not say its architecture", why="general.architecture is missing.", fix=DAMAGED)
    found: dict[str, Any] = {
        "model_type": family,
        # Without a size of its own the vocabulary is as long as the list of tokens.
        "vocab_size": facts.get(f"{family}.vocab_size") or facts.get("tokenizer.ggml.tokens"),
        "tie_word_embeddings": "output.weight" not in header.tensors,
    }
    for key, name in {**_NEEDED, **_MORE}.items():
        if (value := facts.get(f"{family}.{key}")) is not None:
            found[name] = value
    needed = [key for key, name in _NEEDED.items() if name not in found]
    if family in _FAMILIES and (needed or found["vocab_size"] is None):
        raise InputError(f"{path} does not say {shown(family)}.{(needed or ['vocab_size'])[0]}", fix=DAMAGED)
    return {key: value for key, value in found.items() if value is not None}


def _check_tensors(path: Path, header: Header, config: Mapping[str, Any]) -> None:
    family = _FAMILIES.get(config["model_type"])
    if family is None or "blk.0.ffn_gate_inp.weight" in header.tensors:  # mixtures of experts share the name
        return
    wanted = dict(_tensors(config, family))
    lacking = [name for name in wanted if name not in header.tensors]
    if lacking:
        raise missing(path, lacking)
    for name, shape in wanted.items():
        if header.tensors[name] != shape:
            raise misshapen(path, name, header.tensors[name], shape)
    further = [name for name in header.tensors if name not in wanted and not name.startswith(_ROPE)]
    if further:
        raise unexpected(path, further)
    tokens = header.facts.get("tokenizer.ggml.tokens")
    if type(tokens) is int and tokens > config["vocab_size"]:
        raise InputError(
            f"The tokenizer in {path} does not fit its model",
            why=f"It has {tokens} tokens, and the model {config['vocab_size']}.",
            fix=DAMAGED,
        )


def _tensors(config: Mapping[str, Any], family: _Family) -> Iterator[tuple[str, Shape]]:
    hidden, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    size = config.get("head_dim") or hidden // heads
    query, key = heads * size, (config.get("num_key_value_heads") or heads) * size
    yield "token_embd.weight", (config["vocab_size"], hidden)
    yield "output_norm.weight", (hidden,)
    if not config["tie_word_embeddings"]:
        yield "output.weight", (config["vocab_size"], hidden)
    layer: list[tuple[str, Shape]] = [
        *((f"{name}.weight", (hidden,)) for name in ("attn_norm", "ffn_norm", *family.norms)),
        ("attn_q.weight", (query, hidden)),
        ("attn_k.weight", (key, hidden)),
        ("attn_v.weight", (key, hidden)),
        ("attn_output.weight", (hidden, query)),
        ("ffn_gate.weight", (inner, hidden)),
        ("ffn_up.weight", (inner, hidden)),
        ("ffn_down.weight", (hidden, inner)),
    ]
    if family.biases:
        layer += [("attn_q.bias", (query,)), ("attn_k.bias", (key,)), ("attn_v.bias", (key,))]
    if family.head_norms:
        layer += [("attn_q_norm.weight", (size,)), ("attn_k_norm.weight", (size,))]
    for number in range(config["num_hidden_layers"]):
        for name, shape in layer:
            yield f"blk.{number}.{name}", shape
