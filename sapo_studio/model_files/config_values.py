"""The values in a model's config.json that are no sizes: of the right type, finite, and such that a model can compute.

transformers takes most of them as they stand, and what is wrong shows as an error far away, or as a model that
calculates NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import DAMAGED, shown

ACTIVATIONS = frozenset(
    [
        "gelu",
        "gelu_10",
        "gelu_accurate",
        "gelu_fast",
        "gelu_new",
        "gelu_python",
        "gelu_python_tanh",
        "gelu_pytorch_tanh",
        "hardswish",
        "laplace",
        "leaky_relu",
        "linear",
        "mish",
        "prelu",
        "quick_gelu",
        "relu",
        "relu2",
        "relu6",
        "sigmoid",
        "silu",
        "sqrtsoftplus",
        "swish",
        "tanh",
        "xielu",
    ]
)
"""transformers' names (a test compares them)."""
DTYPES = frozenset(["auto", "bfloat16", "float16", "half", "float32", "float", "float64", "double"])
"""Numbers that weights may be kept in; torch's names, with or without `torch.` before them."""
POSITIONS = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "yarn": ("factor",),
    "longrope": ("short_factor", "long_factor"),
    "su": ("short_factor", "long_factor"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor"),
    "proportional": (),
    "mrope": (),
    "axial": (),
}
"""Kinds of rotary positions, and what each cannot do without."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """`above`: greater than this; `low`, `high`: not less, not more."""

    above: float = -math.inf
    low: float = -math.inf
    high: float = math.inf

    @property
    def words(self) -> str:
        least = f"greater than {self.above:g}" if self.above > -math.inf else f"at least {self.low:g}"
        return least + (f" and at most {self.high:g}" if self.high < math.inf else "")

    def hold(self, value: float) -> bool:
        return value > self.above and self.low <= value <= self.high


_SMALL = _Bounds(above=0, high=1)
_POSITIVE = _Bounds(above=0)
_DROPPED = _Bounds(low=0, high=0.999)
_REALS = {
    **dict.fromkeys(("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon"), _SMALL),
    **dict.fromkeys(("partial_rotary_factor", "rotary_pct"), _SMALL),
    **dict.fromkeys(
        [
            "attention_dropout",
            "hidden_dropout",
            "dropout",
            "embd_pdrop",
            "attn_pdrop",
            "resid_pdrop",
            "embd_dropout",
            "resid_dropout",
            "attention_probs_dropout_prob",
            "hidden_dropout_prob",
            "activation_dropout",
            "classifier_dropout",
        ],
        _DROPPED,
    ),
    **dict.fromkeys(
        [
            "rope_theta",
            "rope_local_base_freq",
            "rotary_emb_base",
            "query_pre_attn_scalar",
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "embedding_multiplier",
            "attention_multiplier",
            "residual_multiplier",
            "logits_scaling",
        ],
        _POSITIVE,
    ),
    "initializer_range": _Bounds(low=0),
    # Of rotary positions
    **dict.fromkeys(
        [
            "factor",
            "attention_factor",
            "beta_fast",
            "beta_slow",
            "low_freq_factor",
            "high_freq_factor",
            "short_mscale",
            "long_mscale",
        ],
        _POSITIVE,
    ),
    **dict.fromkeys(("mscale", "mscale_all_dim"), _Bounds(low=0)),
}
_TRUE_OR_FALSE = frozenset(
    [
        "tie_word_embeddings",
        "attention_bias",
        "mlp_bias",
        "qkv_bias",
        "use_bias",
        "use_cache",
        "use_qk_norm",
        "use_sliding_window",
        "is_decoder",
        "is_encoder_decoder",
        "add_cross_attention",
        "output_attentions",
        "output_hidden_states",
        "torchscript",
        "truncate",
    ]
)
_ACTIVATION = ("hidden_act", "hidden_activation", "activation_function")
_DTYPE = ("dtype", "torch_dtype")
_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "decoder_start_token_id")
_SEVERAL = ("bos_token_id", "eos_token_id")
_LISTS = ("short_factor", "long_factor")
_ROPE = ("rope_scaling", "rope_parameters")


def check_values(part: Mapping[str, Any], file: Path, vocab: object) -> None:
    """Raise InputError for the first value in `part` of a configuration (read from `file`) that no model can have.

    `vocab`: how many tokens the model knows, if that is a whole number.
    """
    check_tokens(part, file, vocab)
    for key, value in part.items():
        if key in _ROPE:
            _check_positions(file, key, value)
        elif key == "quantization_config":
            _check_quantised(file, value)
        elif value is not None:
            _check(file, key, value)


def check_tokens(part: Mapping[str, Any], file: Path, vocab: object) -> None:
    """Raise InputError where `part` (read from `file`) gives a special token something else than numbers of tokens."""
    for key in _TOKENS:
        value = part.get(key)
        listed = cast("list[object]", value) if isinstance(value, list) and key in _SEVERAL else [value]
        if value is None:
            continue
        if not listed or not all(type(each) is int for each in listed):
            several = ", or a list of such" if key in _SEVERAL else ""
            raise wrong(file, key, value, f"It has to be the number of a token{several}.")
        # -1 stands for "none" in models of old.
        low, high = (-1 if key == "pad_token_id" else 0), (vocab if type(vocab) is int else math.inf)
        if not all(low <= cast("int", each) < high for each in listed):
            raise wrong(file, key, value, f"Its tokens have the numbers from 0 to {shown(vocab)} - 1.")


def wrong(file: Path, key: str, value: object, why: str) -> InputError:
    """What is said of a value in a configuration that cannot be."""
    return InputError(f"{file} says {key} = {_told(value)}", why=why, fix=DAMAGED)


def _told(value: object) -> str:
    return "a number of very many digits" if isinstance(value, int) and abs(value) >= 10**40 else shown(repr(value), 60)


def _check(file: Path, key: str, value: object) -> None:
    name = key.rpartition(".")[2]
    if (bounds := _REALS.get(name)) is not None:
        _check_real(file, key, value, bounds)
    elif isinstance(value, float) and not math.isfinite(value):
        raise wrong(file, key, value, "It has to be a finite number.")
    elif name in _TRUE_OR_FALSE and not isinstance(value, bool):
        raise wrong(file, key, value, "It has to be true or false.")
    elif name in _ACTIVATION and value not in ACTIVATIONS:
        raise wrong(file, key, value, f"There are the activations {', '.join(sorted(ACTIVATIONS))}.")
    elif name in _DTYPE and str(value).removeprefix("torch.") not in DTYPES:
        raise wrong(file, key, value, f"Weights are kept in {', '.join(sorted(DTYPES - {'auto'}))}.")


def _check_real(file: Path, key: str, value: object, bounds: _Bounds) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(file, key, value, "It has to be a number.")
    if (isinstance(value, int) and value.bit_length() > 1000) or not math.isfinite(value):
        raise wrong(file, key, value, "It has to be a finite number.")
    if not bounds.hold(value):
        raise wrong(file, key, value, f"It has to be {bounds.words}.")


def _check_positions(file: Path, key: str, value: object) -> None:
    """How positions are rotated: one set of values, or one for each kind of layer."""
    if value is None:
        return
    if not isinstance(value, dict):
        raise wrong(file, key, value, "It has to be an object.")
    told = cast("dict[str, object]", value)
    for name, inner in told.items():
        if isinstance(inner, dict):
            _check_positions(file, f"{key}.{name}", cast("object", inner))
        elif name in _LISTS:
            _check_factors(file, f"{key}.{name}", inner)
        elif name == "original_max_position_embeddings":
            if inner is not None and not (type(inner) in (int, float) and 1 <= cast("float", inner) < 1 << 31):
                raise wrong(file, f"{key}.{name}", inner, "It has to be a number of tokens.")
        elif inner is not None and name not in ("type", "rope_type"):
            _check(file, f"{key}.{name}", inner)
    kind = told.get("rope_type", told.get("type"))
    if kind is not None:
        _check_kind(file, key, told, kind)


def _check_kind(file: Path, key: str, told: Mapping[str, object], kind: object) -> None:
    if not isinstance(kind, str) or kind not in POSITIONS:
        raise wrong(file, f"{key}.rope_type", kind, f"There are {', '.join(POSITIONS)}.")
    for name in POSITIONS[kind]:
        if told.get(name) is None:
            raise InputError(f"{file} does not say {key}.{name}", why=f'"{kind}" positions need it.', fix=DAMAGED)
    low, high = told.get("low_freq_factor"), told.get("high_freq_factor")
    if kind == "llama3" and cast("float", low) >= cast("float", high):
        raise wrong(file, f"{key}.high_freq_factor", high, f"It has to be greater than low_freq_factor = {low}.")


def _check_factors(file: Path, key: str, value: object) -> None:
    if not isinstance(value, list) or not value:
        raise wrong(file, key, value, "It has to be a list of numbers.")
    for each in cast("list[object]", value):
        _check_real(file, key, each, _POSITIVE)


def _check_quantised(file: Path, value: object) -> None:
    if value is None:
        return
    told = cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
    kind = told.get("quant_method", "bitsandbytes" if set(told) & {"load_in_4bit", "load_in_8bit"} else None)
    if kind != "bitsandbytes":
        raise InputError(
            f"The weights of the model in {file.parent} are packed: {file} says quantization_config.quant_method = "
            f"{_told(kind)}",
            why="What is packed so cannot be trained here.",
            fix='Use the model in full precision (model.tuning = "qlora" packs it while it is loaded).',
        )
