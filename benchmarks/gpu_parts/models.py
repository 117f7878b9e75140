"""The models that are measured: real shapes with random weights, so that nothing has to be fetched; or one of yours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from gpu_parts.check import Check
from sapo_engine.models.loading import load_network
from sapo_engine.models.sources import gguf_folder
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.model_sources import known_models

SMOLLM2 = "HuggingFaceTB/SmolLM2-135M"
QWEN = "Qwen/Qwen2.5-0.5B"
PAD = 0
TINY: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
    "initializer_range": 0.3,
}


def shape_of(check: Check, name: str) -> ModelShape:
    """The shape of `name`, or the tiny one that stands for it without a card."""
    return ModelShape.of(TINY if check.dry else known_models()[name], name)


def network(check: Check, name: str, dtype: torch.dtype) -> PreTrainedModel:
    """A network with random weights of the shape of `name`, on the check's device."""
    torch.manual_seed(0)
    made = AutoModelForCausalLM.from_config(AutoConfig.for_model(**(TINY if check.dry else known_models()[name])))
    return made.to(device=check.device, dtype=dtype).eval()


def folder_of(model: Path) -> Path:
    """The folder of a model that is given as a folder or a GGUF file. Raises InputError for anything else."""
    return gguf_folder(model) if model.suffix == ".gguf" else model


def sampled_network(check: Check) -> PreTrainedModel:
    """What the samplers are measured on, in fp32: the model that was given, else SmolLM2-135M's shape."""
    if check.model is None:
        return network(check, SMOLLM2, torch.float32)
    found: Any = load_network(check.model)
    return found.to(device=check.device, dtype=torch.float32).eval()


def vocabulary(model: PreTrainedModel) -> int:
    """How many tokens it knows."""
    return int(model.config.get_text_config().vocab_size)
