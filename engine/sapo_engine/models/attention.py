"""How a loaded model calculates attention: not as its folder says, and with capped scores as it was trained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

CAP = re.compile("soft_?cap|logit_?cap")


def set_attention(config: PreTrainedConfig) -> None:
    """Forget what config.json says about how attention is to be calculated (it may name code of the Hub), and choose
    eager attention where scores are capped: the fused kinds leave the cap out, or refuse it.

    For all others transformers chooses when the model is built.
    """
    for part in _parts(config):
        for name in ("_attn_implementation_internal", "_experts_implementation_internal"):
            if hasattr(part, name):
                setattr(part, name, None)
    if caps_scores(config):
        config._attn_implementation = "eager"  # pyright: ignore[reportPrivateUsage]  # transformers has no public name


def caps_scores(config: PreTrainedConfig) -> bool:
    """Whether attention scores go through a tanh (Gemma 2 and what is made like it)."""
    numbers = vars(config.get_text_config()).items()
    return any(value and CAP.search(key) and ("attn" in key or "attention" in key) for key, value in numbers)


def attends_fully(config: PreTrainedConfig) -> bool:
    """Whether every layer attends to all that comes before: no window, no state in place of keys."""
    return all(type(layer) is DynamicLayer for layer in _layers(config))


def keeps_keys_and_values(config: PreTrainedConfig) -> bool:
    """Whether keys and values are all that every layer remembers of a text. States of other kinds (Mamba, linear
    attention, short convolutions) cannot be handed from one row of a batch to another."""
    return all(isinstance(layer, DynamicLayer) and not hasattr(layer, "conv_states") for layer in _layers(config))


def _layers(config: PreTrainedConfig) -> list[Any]:
    return DynamicCache(config=config).layers


def _parts(config: PreTrainedConfig) -> Iterator[PreTrainedConfig]:
    yield config
    value: Any
    for value in vars(config).values():
        if isinstance(value, PreTrainedConfig):
            yield from _parts(value)
