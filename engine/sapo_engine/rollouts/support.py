"""Which networks can be written with by other means than transformers' own forward pass."""

from __future__ import annotations

from typing import Any, cast

from transformers import PreTrainedModel

from sapo_engine.models.attention import attends_fully, keeps_keys_and_values
from sapo_studio.errors import InputError

ARCHITECTURES = frozenset({"llama", "mistral", "qwen2", "qwen3"})
"""Those that tests hold against transformers' own pass, token for token, for slots and the lean pass."""

STEADY_POSITIONS = frozenset({"default", "linear", "llama3", "yarn"})
"""Kinds of rotary positions whose frequencies do not depend on how long the texts of a batch are."""


def obstacle(network: PreTrainedModel) -> str:
    """Why `network` cannot be written with otherwise, in words for the log; "" where it can."""
    config = network.config
    if getattr(network, "is_quantized", False):
        return "its weights are quantised"
    if config.model_type not in ARCHITECTURES:
        return f"the architecture {config.model_type} is not among {', '.join(sorted(ARCHITECTURES))}"
    if not attends_fully(config):
        return "not all its layers have full attention"
    kind = _positions(config)
    if kind not in STEADY_POSITIONS:
        return f"its rotary positions ({kind}) change with the length of the texts"
    return ""


def check_written(network: PreTrainedModel, backend: str) -> None:
    """Raises InputError where none but vLLM can write with `network`, and `backend` (`runtime.backend`) is another."""
    if backend != "vllm" and not keeps_keys_and_values(network.config):
        raise InputError(
            f"The program's own sampler cannot write with the architecture {network.config.model_type}",
            why="Some of its layers remember a text by other states than keys and values.",
            fix='Take another model, or set runtime.backend = "vllm", if vLLM knows this one.',
        )


def _positions(config: Any) -> str:
    found = cast("dict[str, Any]", getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None))
    return str((found or {}).get("rope_type", "default"))
