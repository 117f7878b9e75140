"""What is refused when a network is loaded: weights that are not those of its architecture, and whatever goes wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from sapo_studio.errors import InputError, SapoError
from sapo_studio.model_files.folder import Weights, misshapen, missing, unexpected
from sapo_studio.model_files.reading import DAMAGED, reason, shown


@contextlib.contextmanager
def refusing(what: str, fix: str = DAMAGED) -> Generator[None]:
    """Tell whatever is raised inside as an InputError, but for errors of this program and a lack of memory.

    Libraries raise errors of every kind for a damaged file, tokenizers even one that is no Exception.
    """
    try:
        yield
    except (SapoError, MemoryError):
        raise
    except BaseException as error:
        if _lacks_memory(error) or not (isinstance(error, Exception) or type(error).__name__ == "PanicException"):
            raise
        why = reason(error) if isinstance(error, OSError) else f"{type(error).__name__}: {reason(error)}"
        raise InputError(what, why=why, fix=fix) from error


def _lacks_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in said or "can't allocate memory" in said


def check_headers(folder: Path, config: PreTrainedConfig, kind: Any, weights: Weights) -> PreTrainedModel:
    """Raise InputError where the tensors in `folder` are not those of its architecture, before there is memory for any:
    transformers loads them without their contents. Returns the network, without contents as well (`meta`).

    `kind` is the transformers class that makes the model.
    """
    with refusing(f"The architecture of the model in {folder} cannot be built"), torch.device("meta"):
        network = cast("PreTrainedModel", kind.from_config(config))
    if getattr(config, "quantization_config", None) is not None:
        return network  # packed: names and shapes are the quantiser's
    tensors = {name: torch.empty(tensor.shape, device="meta") for name, tensor in weights.tensors.items()}
    network_type: Any = type(network)
    with refusing(f"The weights in {folder} are not those of its architecture"):
        loaded: Any = network_type.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            device_map="meta",
            dtype=torch.float32,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
        )
    check_loaded(folder, loaded[1])
    return network


def check_loaded(where: Path, info: Mapping[str, Any]) -> None:
    """Raise InputError, with names, for what transformers found missing, unexpected or misshapen when it loaded."""
    if absent := sorted(info["missing_keys"]):
        raise missing(where, absent)
    for name, held, wanted in sorted(info["mismatched_keys"], key=str):
        raise misshapen(where, name, tuple(held), tuple(wanted))
    if further := sorted(info["unexpected_keys"]):
        raise unexpected(where, further)
    if errors := info.get("error_msgs"):
        raise InputError(f"The weights in {where} cannot be loaded", why=shown(errors[0], 300), fix=DAMAGED)


def check_tensors(where: Path, held: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Raise InputError unless `held`, read from `where`, has the names and shapes of `wanted`."""
    if absent := [name for name in wanted if name not in held]:
        raise missing(where, absent)
    for name, tensor in wanted.items():
        if held[name].shape != tensor.shape:
            raise misshapen(where, name, tuple(held[name].shape), tuple(tensor.shape))
    if further := [name for name in held if name not in wanted]:
        raise unexpected(where, further)


def check_token_numbers(where: str, tokenizer: PreTrainedTokenizerBase, network: PreTrainedModel) -> None:
    """Raise InputError where the tokenizer of the model `where` writes tokens that its network has no embedding for."""
    rows = int(cast("torch.nn.Embedding", network.get_input_embeddings()).weight.shape[0])
    special: Collection[Any] = (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id)
    highest = max((number for number in special if isinstance(number, int)), default=0)
    highest = max(highest, int(tokenizer.vocab_size) - 1)
    if highest >= rows:
        raise InputError(
            f"The tokenizer of {where} does not fit its model",
            why=f"It has a token with the number {highest}, and the model knows {rows} tokens, from 0 on.",
            fix="Use the tokenizer that belongs to the model.",
        )
