"""Reasoners as ordinary transformers model folders: made fresh, found, loaded, saved.

Safetensors only, and no code from a model is run: a folder whose configuration asks for its own code is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from sapo_engine.models.precision import DTYPES, resolve
from sapo_engine.models.reasoner import adapted_layers, plain_state
from sapo_engine.models.sources import find_folder
from sapo_engine.preflight import check_tuning
from sapo_engine.tasks.base import Task
from sapo_studio.config.schema import ModelConfig
from sapo_studio.errors import EngineError, InputError

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")


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


def load_config(folder: Path) -> PreTrainedConfig:
    """The architecture of the model in `folder`, refused where it requires remote code."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} is not a model folder",
            why="There is no config.json in it.",
            fix='Give the folder of a transformers model, a GGUF file, hub:OWNER/NAME, "fresh" or "bundled:lab".',
        )
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except ValueError as error:
        if "auto_map" in (folder / "config.json").read_text(encoding="utf-8", errors="replace"):
            raise _own_code(folder) from error
        raise InputError(
            f"The architecture of the model in {folder} is not part of transformers",
            why=str(error).splitlines()[0],
            fix="Use a model whose architecture is part of transformers, or install a newer transformers.",
        ) from error
    if getattr(config, "auto_map", None):
        raise _own_code(folder)
    return cast("PreTrainedConfig", config)


def _own_code(folder: Path) -> InputError:
    return InputError(
        f"{folder} requires remote code (auto_map), which is disabled",
        why="Its config.json names code of its own, and a model's code could do anything here.",
        fix="Use a model whose architecture is part of transformers.",
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in `folder`, with something to pad with."""
    # transformers makes an empty tokenizer up where there is none.
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(
            f"There is no tokenizer in {folder}",
            why=f"None of {', '.join(TOKENIZER_FILES)} is there.",
            fix="Copy the tokenizer's files into the model's folder.",
        )
    try:
        tokenizer = cast("PreTrainedTokenizerBase", AutoTokenizer.from_pretrained(folder, trust_remote_code=False))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The tokenizer in {folder} cannot be loaded",
            why=str(error).splitlines()[0],
            fix="The folder must hold tokenizer.json (or tokenizer.model) and tokenizer_config.json.",
        ) from error
    if tokenizer.eos_token_id is None:
        raise InputError(f"The tokenizer in {folder} has no end-of-text token", fix="Set eos_token in its settings.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def load_network(folder: Path, *, dtype: torch.dtype = torch.float32, quantisation: Any = None) -> PreTrainedModel:
    """The model in `folder` in `dtype`, on the CPU (or, quantised, where `quantisation` wants it)."""
    config = load_config(folder)
    more = {"quantization_config": quantisation[0], "device_map": {"": quantisation[1]}} if quantisation else {}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, config=config, dtype=dtype, use_safetensors=True, trust_remote_code=False, **more
        )
    except OSError as error:
        raise InputError(
            f"The weights in {folder} cannot be loaded",
            why=str(error).splitlines()[0],
            fix="Only safetensors are read (model.safetensors): pickled weights can run code. Convert them first.",
        ) from error
    return cast("PreTrainedModel", model)


def load_model(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model (fp32) and tokenizer in `folder`."""
    load_config(folder)
    tokenizer = load_tokenizer(folder)
    return load_network(folder), tokenizer


def start_model(
    config: ModelConfig, task: Task, seed: int, device: torch.device, run_dir: Path
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The network that a run starts from, in the precision that its weights are kept in, and its tokenizer.

    Raises InputError where the model cannot be had or cannot be tuned so on `device`.
    """
    check_tuning(config, device)
    if config.source == "fresh":
        network, tokenizer = fresh_model(config, task, seed)
    else:
        folder = find_folder(config, run_dir)
        tokenizer = load_tokenizer(folder)
        precision = resolve(config.precision, device)
        if config.tuning == "qlora":
            network = load_network(folder, dtype=DTYPES[precision], quantisation=_four_bits(precision, device))
        else:
            # What is trained is kept in fp32: in bf16 a small step is lost in rounding.
            network = load_network(folder, dtype=torch.float32 if config.tuning == "full" else DTYPES[precision])
    if config.gradient_checkpointing:
        network.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return network, tokenizer


def _four_bits(precision: str, device: torch.device) -> tuple[Any, torch.device]:
    from transformers import BitsAndBytesConfig

    if precision == "fp32":
        raise EngineError('QLoRA computes in bf16 or fp16, and model.precision is "fp32"', fix='Set it to "auto".')
    return (
        BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=DTYPES[precision],
        ),
        device,
    )


def save_model(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the network's own weights (no adapters) and the tokenizer as a transformers folder (safetensors)."""
    if adapted_layers(network):
        # transformers would write the adapters and nothing else: write through an empty shell of the same shape.
        with torch.device("meta"):
            shell = type(network)(network.config)
        shell.save_pretrained(folder, state_dict=plain_state(network), safe_serialization=True)
    else:
        network.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
