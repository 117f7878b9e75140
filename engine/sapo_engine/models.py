"""Reasoners as ordinary transformers model folders: made fresh, loaded, saved."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from sapo_engine.tasks.base import Task
from sapo_studio.config.schema import ModelConfig
from sapo_studio.errors import InputError
from sapo_studio.paths import resources_dir


def fresh_model(config: ModelConfig, task: Task, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A randomly initialised Llama with the task's own tokenizer."""
    tokenizer = task.build_tokenizer()
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden_size,
        intermediate_size=8 * config.hidden_size // 3 // 8 * 8,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=cast("int", tokenizer.pad_token_id),
        bos_token_id=None,
        eos_token_id=cast("int", tokenizer.eos_token_id),
        attention_dropout=0.0,
        # The usual 0.02 is for wide models; a narrow one would attend to everything alike for its first epochs.
        initializer_range=config.hidden_size**-0.5,
    )
    return LlamaForCausalLM(shape), tokenizer


def load_model(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model and tokenizer in `folder`. Safetensors only, no code from the folder is run."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} is not a model folder",
            why="There is no config.json in it.",
            fix='Give the folder of a transformers model, "fresh" or "bundled:lab".',
        )
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if getattr(config, "auto_map", None):
        raise InputError(
            f"{folder} wants to run code of its own",
            why="Its config.json has an auto_map.",
            fix="Use a model whose architecture is part of transformers.",
        )
    tokenizer = cast("PreTrainedTokenizerBase", AutoTokenizer.from_pretrained(folder, trust_remote_code=False))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    return cast("PreTrainedModel", model), tokenizer


def start_model(config: ModelConfig, task: Task, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The reasoner that a run starts from."""
    if config.source == "fresh":
        return fresh_model(config, task, seed)
    if config.source.startswith("bundled:"):
        return load_model(resources_dir() / "models" / config.source.removeprefix("bundled:"))
    return load_model(Path(config.source).expanduser())


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write model and tokenizer as a transformers folder (safetensors)."""
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def clone(model: PreTrainedModel) -> PreTrainedModel:
    """An independent copy of the weights on the same device."""
    copy = type(model)(model.config)
    copy.load_state_dict(model.state_dict())
    return placed(copy, model.device)


def placed(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """`model` itself, moved to `device`."""
    return model.to(device)  # pyright: ignore[reportArgumentType]  # transformers' decorator hides `self` from the type
