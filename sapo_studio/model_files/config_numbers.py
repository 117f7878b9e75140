"""The sizes in a model's config.json: whole numbers, within reason and fitting each other.

Looked at before anything is built from them: transformers fills memory or loops over whatever stands there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sapo_studio.model_files.config_values import check_values, wrong
from sapo_studio.model_files.llama_tensors import FAMILIES

MOST_LAYERS = 10_000
"""The deepest models have some hundred."""


@dataclass(frozen=True, slots=True)
class _Range:
    low: int
    high: int
    optional: bool = False
    """May be null: transformers then takes what follows from the others."""


_LAYERS = _Range(1, MOST_LAYERS)
_HEADS = _Range(1, 1 << 16)
_WIDTH = _Range(1, 1 << 20)
_INNER = _Range(1, 1 << 24, optional=True)
_POSITIONS = _Range(1, 1 << 31, optional=True)
_EXPERTS = _Range(0, 1 << 16, optional=True)
_SIZES = {
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), _LAYERS),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), _HEADS),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model"), _WIDTH),
    **dict.fromkeys(("num_key_value_heads", "head_dim"), _Range(1, 1 << 16, optional=True)),
    **dict.fromkeys(("intermediate_size", "n_inner", "d_ff", "ffn_dim", "moe_intermediate_size"), _INNER),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), _POSITIONS),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "n_shared_experts"), _EXPERTS),
    "vocab_size": _Range(1, 1 << 27),
    "sliding_window": _Range(0, 1 << 31, optional=True),
    **dict.fromkeys(("pretraining_tp", "num_experts_per_tok"), _Range(1, 1 << 16, optional=True)),
    "max_window_layers": _Range(0, MOST_LAYERS, optional=True),
    "num_labels": _Range(1, 1 << 16, optional=True),
}
_LISTED = ("num_key_value_heads", "intermediate_size", "num_attention_heads")
"""Some families have one a layer."""
_TEXTS = ("model_type", "hidden_act", "hidden_activation", "dtype", "torch_dtype")
_NAMES = {"num_hidden_layers": "layers", "num_attention_heads": "attention heads"}


def text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `config` says of the language model, where it describes more than that."""
    nested = config.get("text_config")
    return cast("Mapping[str, Any]", nested) if isinstance(nested, dict) else config


def check_numbers(config: Mapping[str, Any], file: Path) -> None:
    """Raise InputError for the first value in `config` (read from `file`) that no model can have."""
    if config.get("model_type") in FAMILIES and config.get("text_config") is not None:
        raise wrong(file, "text_config", config["text_config"], f"{config['model_type']} has no parts.")
    for part in (config, text_part(config)):
        for key, value in part.items():
            if (bounds := _SIZES.get(key)) is not None:
                _check_size(file, key, value, bounds)
            elif key.endswith("_config") and not isinstance(value, (dict, type(None))):
                raise wrong(file, key, value, "It has to be an object.")
            elif key in _TEXTS and not isinstance(value, (str, type(None))):
                raise wrong(file, key, value, "It has to be a text.")
        check_values(part, file, text_part(config).get("vocab_size"))
    _check_fit(text_part(config), file)


def _check_size(file: Path, key: str, value: object, bounds: _Range) -> None:
    if value is None and bounds.optional:
        return
    values = cast("list[object]", value) if isinstance(value, list) and key in _LISTED else [value]
    for each in values:
        if type(each) is not int:
            raise wrong(file, key, value, "It has to be a whole number.")
        if each == 0 and bounds.low == 1 and key in _NAMES:
            raise wrong(file, key, value, f"A model without {_NAMES[key]} computes nothing.")
        if not bounds.low <= each <= bounds.high:
            raise wrong(file, key, value, f"It has to lie between {bounds.low:,} and {bounds.high:,}.")


def _check_fit(part: Mapping[str, Any], file: Path) -> None:
    heads, shared, hidden = (part.get(key) for key in ("num_attention_heads", "num_key_value_heads", "hidden_size"))
    if type(heads) is int and type(shared) is int and (shared > heads or heads % shared):
        raise wrong(file, "num_key_value_heads", shared, f"{heads} attention heads cannot be shared out among it.")
    if type(heads) is int and type(hidden) is int and not part.get("head_dim") and hidden < heads:
        raise wrong(file, "num_attention_heads", heads, f"hidden_size = {hidden} is less than one number a head.")
    size = part.get("head_dim") or (hidden // heads if type(heads) is int and type(hidden) is int else None)
    if part.get("model_type") in FAMILIES and type(size) is int and size % 2 and not _rotates_a_part(part):
        why = f"{size} numbers a head cannot be rotated in pairs."
        raise wrong(
            file, "head_dim" if part.get("head_dim") else "num_attention_heads", part.get("head_dim") or heads, why
        )
    kinds, layers = part.get("layer_types"), part.get("num_hidden_layers")
    if kinds is not None and not (isinstance(kinds, list) and all(isinstance(each, str) for each in kinds)):
        raise wrong(file, "layer_types", kinds, "It has to be a list with the kind of each layer.")
    if isinstance(kinds, list) and type(layers) is int and len(cast("list[object]", kinds)) != layers:
        count = len(cast("list[object]", kinds))
        raise wrong(file, "num_hidden_layers", layers, f"layer_types lists {count} layers.")


def _rotates_a_part(part: Mapping[str, Any]) -> bool:
    told: object = part.get("rope_parameters")
    return "partial_rotary_factor" in part or (isinstance(told, dict) and "partial_rotary_factor" in told)


def sizes_named(part: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The sizes in `part` that must be a dimension of some tensor, whatever the architecture."""
    for key in ("hidden_size", "n_embd", "d_model", "vocab_size"):
        value = part.get(key)
        if type(value) is int:
            yield key, value


def layers_named(part: Mapping[str, Any]) -> int:
    """How many layers `part` asks for; 0 where it does not say."""
    for key in ("num_hidden_layers", "n_layer", "n_layers", "num_layers"):
        if type(value := part.get(key)) is int:
            return value
    return 0
