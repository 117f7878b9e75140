"""Reasoners as ordinary transformers model folders: made fresh, found, loaded, saved.

Safetensors only, and no code from a model is run: a folder whose configuration asks for its own code is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from sapo_engine.models.attention import set_attention
from sapo_engine.models.checks import check_headers, check_loaded, check_token_numbers, refusing
from sapo_engine.models.end_tokens import stopping_at
from sapo_engine.models.precision import DTYPES, resolve
from sapo_engine.models.reasoner import adapted_layers, plain_state, set_checkpointing
from sapo_engine.models.sources import find_folder
from sapo_engine.preflight import check_tuning
from sapo_engine.tasks.base import Task
from sapo_studio.config.schema import ModelConfig
from sapo_studio.errors import InputError
from sapo_studio.model_files.folder import Weights, check_causal, read_config, read_weights
from sapo_studio.model_files.reading import DAMAGED, read_object
from sapo_studio.model_files.tokenizer_files import OLD_TEMPLATE, TEMPLATE, check_tokenizer


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
    """The architecture of the model in `folder`, refused where it requires remote code or cannot be one.

    How attention is calculated is not the folder's to say: eager where scores are capped, which the fused ones ignore
    or refuse, and transformers' own choice elsewhere.
    """
    told = read_config(folder)
    known = told.get("model_type") in CONFIG_MAPPING
    with refusing(
        f"The configuration of the model in {folder} cannot be used"
        if known
        else f"The architecture of the model in {folder} is not part of transformers",
        DAMAGED
        if known
        else "Use a model whose architecture is part of transformers, or install a newer transformers.",
    ):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    config = cast("PreTrainedConfig", config)
    if not isinstance(cast("object", config.get_text_config()), PreTrainedConfig):
        raise InputError(
            f"The configuration of the model in {folder} cannot be used",
            why=f"{config.model_type} has no part of its own for text.",
            fix=DAMAGED,
        )
    set_attention(config)
    return config


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in `folder`, with something to pad with."""
    check_tokenizer(folder, None)
    with refusing(
        f"The tokenizer in {folder} cannot be loaded",
        "The folder must hold tokenizer.json (or tokenizer.model) and tokenizer_config.json.",
    ):
        tokenizer = cast(
            "PreTrainedTokenizerBase",
            AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True),
        )
    if tokenizer.chat_template is None and (folder / OLD_TEMPLATE).is_file():
        # As processors had it; transformers gives it to those alone.
        template: object = read_object(folder / OLD_TEMPLATE).get("chat_template")
        tokenizer.chat_template = template if isinstance(template, str) else None
    if tokenizer.eos_token_id is None:
        raise InputError(f"The tokenizer in {folder} has no end-of-text token", fix="Set eos_token in its settings.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    # transformers would save how it was loaded with the tokenizer: an artefact says nothing of this machine.
    tokenizer.init_kwargs["local_files_only"] = False
    return tokenizer


def load_network(
    folder: Path, *, dtype: torch.dtype = torch.float32, quantisation: Any = None, kind: Any = AutoModelForCausalLM
) -> PreTrainedModel:
    """The model in `folder` in `dtype`, on the CPU (or, quantised, where `quantisation` wants it).

    `kind`: the transformers class that makes it, a causal language model by default. Raises InputError where a tensor
    is missing, unexpected or misshapen, and where nothing can be loaded at all.
    """
    config = _checked(folder, kind)
    more = {"quantization_config": quantisation[0], "device_map": {"": quantisation[1]}} if quantisation else {}
    with refusing(f"The weights in {folder} cannot be loaded", DAMAGED):
        loaded: Any = kind.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            # They are refused below, by name.
            ignore_mismatched_sizes=True,
            **more,
        )
    model, info = loaded
    check_loaded(folder, info)
    return cast("PreTrainedModel", model)


_right: set[tuple[Any, str, frozenset[tuple[str, tuple[int, ...]]]]] = set()
"""Classes and configurations with the tensors that were found to be theirs. To find out is to build the network once
more, and a run loads reasoners and verifiers of one shape again and again."""


def _checked(folder: Path, kind: Any) -> PreTrainedConfig:
    """The configuration of the model in `folder`, once its headers are right."""
    config, told, weights = _headers(folder, kind)
    shapes = frozenset((name, tuple(tensor.shape)) for name, tensor in weights.tensors.items())
    case = (kind, json.dumps(told, sort_keys=True), shapes)
    if case not in _right:
        check_headers(folder, config, kind, weights)
        _right.add(case)
    return config


def _headers(folder: Path, kind: Any) -> tuple[PreTrainedConfig, dict[str, Any], Weights]:
    """What the model in `folder` says of itself: its configuration, as transformers has it and as it is written, and
    the headers of its weights."""
    config, told = load_config(folder), read_config(folder)
    weights = read_weights(folder, told)
    if kind is AutoModelForCausalLM:
        check_causal(folder, told, weights)
    return config, told, weights


def check_model(folder: Path) -> int:
    """Raise InputError where the causal language model in `folder` cannot be loaded, as far as that shows without
    reading a weight. Returns how many weights it has."""
    config, _, weights = _headers(folder, AutoModelForCausalLM)
    network = check_headers(folder, config, AutoModelForCausalLM, weights)
    check_token_numbers(str(folder), load_tokenizer(folder), network)
    return network.num_parameters()


def load_model(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model (fp32) and tokenizer in `folder`."""
    load_config(folder)
    tokenizer = load_tokenizer(folder)
    network = load_network(folder)
    check_token_numbers(str(folder), tokenizer, network)
    return network, tokenizer


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
        load_config(folder)  # first: the tokenizer reads it, too, and would be called what is at fault
        tokenizer = load_tokenizer(folder)
        precision = resolve(config.precision, device)
        if config.tuning == "qlora":
            network = load_network(folder, dtype=DTYPES[precision], quantisation=four_bits(precision, device))
        else:
            # What is trained is kept in fp32: in bf16 a small step is lost in rounding.
            network = load_network(folder, dtype=torch.float32 if config.tuning == "full" else DTYPES[precision])
        check_token_numbers(config.source, tokenizer, network)
    return set_checkpointing(network, config.gradient_checkpointing), tokenizer


def four_bits(precision: str, device: torch.device) -> tuple[Any, torch.device]:
    """What `load_network` takes as `quantisation` for QLoRA on `device`. Raises InputError for `precision` fp32."""
    from transformers import BitsAndBytesConfig

    if precision == "fp32":
        raise InputError('QLoRA computes in bf16 or fp16, and model.precision is "fp32"', fix='Set it to "auto".')
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
    """Write the network's own weights (no adapters) and the tokenizer as a transformers folder (safetensors).

    The chat template goes with the tokenizer, and the token that ends its texts is one that ends generated ones.
    """
    if adapted_layers(network):
        # transformers would write the adapters and nothing else: write through an empty shell of the same shape.
        with torch.device("meta"):
            shell = type(network)(network.config)
        shell.generation_config = network.generation_config
        with stopping_at(tokenizer.eos_token_id, shell):
            shell.save_pretrained(folder, state_dict=plain_state(network), safe_serialization=True)
    else:
        with stopping_at(tokenizer.eos_token_id, network):
            network.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def save_chat_template(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the chat template, if there is one, as a file of its own: beside adapters, which have no tokenizer."""
    template: Any = tokenizer.chat_template
    if isinstance(template, dict):
        template = cast("dict[str, Any]", template).get("default")
    if template:
        (folder / TEMPLATE).write_text(str(template), encoding="utf-8")
