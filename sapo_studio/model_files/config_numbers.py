"""The numbers in a model's config.json: whole, within reason and fitting each other.

Looked at before anything is built from them: transformers fills memory or loops over whatever stands there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sapo_studio.errors import InputError
from sapo_studio.model_files.llama_tensors import FAMILIES
from sapo_studio.model_files.reading import DAMAGED, shown

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
    "num_labels": _Range(1, 1 << 16, optional=True),
}
_LISTED = ("num_key_value_heads", "intermediate_size", "num_attention_heads")
"""Some families have one a layer."""
_REALS = (
    "rms_norm_eps",
    "layer_norm_eps",
    "layer_norm_epsilon",
    "initializer_range",
    "attention_dropout",
    "rope_theta",
    "query_pre_attn_scalar",
    "attn_logit_softcapping",
    "final_logit_softcapping",
)
_TEXTS = ("model_type", "hidden_act", "hidden_activation", "dtype", "torch_dtype")
_NAMES = {"num_hidden_layers": "layers", "num_attention_heads": "attention heads"}


def text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `config` says of the language model, where it describes more than that."""
    nested = config.get("text_config")
    return cast("Mapping[str, Any]", nested) if isinstance(nested, dict) else config


def check_numbers(config: Mapping[str, Any], file: Path) -> None:
    """Raise InputError for the first value in `config` (read from `file`) that no model can have."""
    if config.get("model_type") in FAMILIES and config.get("text_config") is not None:
        raise _wrong(file, "text_config", config["text_config"], f"{config['model_type']} has no parts.")
    for part in (config, text_part(config)):
        for key, value in part.items():
            if (bounds := _SIZES.get(key)) is not None:
                _check_size(file, key, value, bounds)
            elif key in _REALS and (isinstance(value, bool) or not isinstance(value, (int, float, type(None)))):
                raise _wrong(file, key, value, "It has to be a number.")
            elif key.endswith("_config") and not isinstance(value, (dict, type(None))):
                raise _wrong(file, key, value, "It has to be an object.")
            elif key in _TEXTS and not isinstance(value, (str, type(None))):
                raise _wrong(file, key, value, "It has to be a text.")
    _check_fit(text_part(config), file)


def _check_size(file: Path, key: str, value: object, bounds: _Range) -> None:
    if value is None and bounds.optional:
        return
    values = cast("list[object]", value) if isinstance(value, list) and key in _LISTED else [value]
    for each in values:
        if type(each) is not int:
            raise _wrong(file, key, value, "It has to be a whole number.")
        if each == 0 and bounds.low == 1 and key in _NAMES:
            raise _wrong(file, key, value, f"A model without {_NAMES[key]} computes nothing.")
        if not bounds.low <= each <= bounds.high:
            raise _wrong(file, key, value, f"It has to lie between {bounds.low:,} and {bounds.high:,}.")


def _check_fit(part: Mapping[str, Any], file: Path) -> None:
    heads, shared, hidden = (part.get(key) for key in ("num_attention_heads", "num_key_value_heads", "hidden_size"))
    if type(heads) is int and type(shared) is int and (shared > heads or heads % shared):
        raise _wrong(file, "num_key_value_heads", shared, f"{heads} attention heads cannot be shared out among it.")
    if type(heads) is int and type(hidden) is int and not part.get("head_dim") and hidden < heads:
        raise _wrong(file, "num_attention_heads", heads, f"hidden_size = {hidden} is less than one number a head.")
    kinds, layers = part.get("layer_types"), part.get("num_hidden_layers")
    if isinstance(kinds, list) and type(layers) is int and len(cast("list[object]", kinds)) != layers:
        count = len(cast("list[object]", kinds))
        raise _wrong(file, "num_hidden_layers", layers, f"layer_types lists {count} layers.")


def _wrong(file: Path, key: str, value: object, why: str) -> InputError:
    return InputError(f"{file} says {key} = {_told(value)}", why=why, fix=DAMAGED)


def _told(value: object) -> str:
    return "a number of very many digits" if isinstance(value, int) and abs(value) >= 10**40 else shown(repr(value), 60)


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
