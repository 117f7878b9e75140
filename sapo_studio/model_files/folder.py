"""A transformers model folder, checked without loading it: config.json, the headers of its weights, its tokenizer.

What only the built architecture can tell (the names of its tensors, for families that `llama_tensors` does not know) is
for the engine.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sapo_studio.errors import InputError
from sapo_studio.model_files.adapters import check_no_adapter
from sapo_studio.model_files.config_numbers import check_numbers, layers_named, sizes_named, text_part
from sapo_studio.model_files.config_values import check_tokens
from sapo_studio.model_files.llama_tensors import FAMILIES, NEEDED, expected_tensors, is_tied
from sapo_studio.model_files.reading import DAMAGED, check_plain, read_object, reason, shown
from sapo_studio.model_files.safetensors_header import FLOATS, Tensor, check_sample, read_tensors
from sapo_studio.model_files.tokenizer_files import check_tokenizer

CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
GENERATION = "generation_config.json"
A_MODEL = 'Give the folder of a transformers model, a GGUF file, hub:OWNER/NAME, "fresh" or "bundled:lab".'


@dataclass(frozen=True, slots=True)
class Weights:
    """What the headers of a folder's weights say: the tensors in each file, by name."""

    by_file: Mapping[Path, Mapping[str, Tensor]]

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """All tensors by name."""
        return {name: tensor for held in self.by_file.values() for name, tensor in held.items()}


def check_folder(folder: Path) -> dict[str, Any]:
    """The configuration of the causal language model in `folder`. Raises InputError for whatever is wrong with the
    folder, as far as it shows without building the model."""
    config = read_config(folder)
    weights = read_weights(folder, config)
    check_causal(folder, config, weights)
    check_sample(weights.by_file)
    check_tokenizer(folder, _vocab(config))
    return config


def read_config(folder: Path) -> dict[str, Any]:
    """config.json in `folder`, with numbers within reason. Raises InputError; so it does for folders that are not a
    model's: adapters, and what requires remote code."""
    check_no_adapter(folder)
    _check_entries(folder)
    file = folder / CONFIG
    if not file.exists() and not file.is_symlink():
        raise InputError(
            f"{folder} is not a model folder",
            why="There is no config.json in it.",
            fix=A_MODEL,
        )
    config = read_object(file)
    if config.get("auto_map"):
        raise InputError(
            f"{folder} requires remote code (auto_map), which is disabled",
            why="Its config.json names code of its own, and a model's code could do anything here.",
            fix="Use a model whose architecture is part of transformers.",
        )
    if not isinstance(config.get("model_type"), str):
        raise InputError(f"{file} does not say model_type", why="Without it the architecture is unknown.", fix=DAMAGED)
    check_numbers(config, file)
    generation = folder / GENERATION
    if generation.exists() or generation.is_symlink():
        check_tokens(read_object(generation), generation, None)
    return config


def _check_entries(folder: Path) -> None:
    """Nothing in a model's folder is a FIFO, a socket or a device."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a model folder", why="It is not a folder.", fix=A_MODEL)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read", why=reason(error)) from error
    for entry in entries:
        try:
            mode = entry.stat().st_mode
        except OSError:
            continue  # whoever needs it says so
        if not stat.S_ISDIR(mode):
            check_plain(entry)


def read_weights(folder: Path, config: Mapping[str, Any]) -> Weights:
    """The headers of the weights in `folder`. Raises InputError where they are missing, damaged, or not safetensors."""
    named = config.get("transformers_weights")
    if named is not None and not _is_plain_name(named):
        raise InputError(
            f"{folder / CONFIG} says transformers_weights = {shown(repr(named), 60)}",
            why="It has to be the name of a file beside it.",
            fix=DAMAGED,
        )
    if named is not None and named.endswith(".json"):
        return _sharded(folder, folder / named)
    single, index = folder / (named or SINGLE), folder / INDEX
    if single.exists() or single.is_symlink():
        if named is None and (index.exists() or index.is_symlink()):
            _places(index)  # not used, and still not to lead anywhere
        return Weights({single: read_tensors(single)})
    if index.exists() or index.is_symlink():
        return _sharded(folder, index)
    pickled = next((name for name in PICKLED if (folder / name).exists()), "")
    raise InputError(
        f"The weights in {folder} cannot be loaded" if pickled else f"There are no weights in {folder}",
        why=f"They are pickled ({pickled})." if pickled else f"Neither {SINGLE} nor {INDEX} is there.",
        fix="Only safetensors are read (model.safetensors): pickled weights can run code. Convert them first.",
    )


def _places(index: Path) -> dict[str, str]:
    """Which file an index has each tensor in: names of files beside it."""
    listed: object = read_object(index).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise InputError(f"{index} lists no tensors", why="It has to have a weight_map.", fix=DAMAGED)
    places = cast("dict[str, object]", listed)
    for name, place in places.items():
        if not _is_plain_name(place):
            raise InputError(
                f"{index} has the tensor {shown(name)} in {shown(repr(place), 60)}",
                why="It has to be the name of a file beside it.",
                fix=DAMAGED,
            )
    return cast("dict[str, str]", places)


def _sharded(folder: Path, index: Path) -> Weights:
    shards: dict[str, dict[str, Tensor]] = {}
    for name, shard in _places(index).items():
        if shard not in shards:
            file = folder / shard
            if not file.exists() and not file.is_symlink():
                raise InputError(f"{index} names a file that is not there: {shown(shard)}", fix=DAMAGED)
            shards[shard] = read_tensors(file)
        if name not in shards[shard]:
            raise InputError(
                f"{index} has the tensor {shown(name)} in {shown(shard)}, which lacks it",
                why="The index belongs to other files than these.",
                fix=DAMAGED,
            )
    return Weights({folder / name: held for name, held in shards.items()})


def _is_plain_name(value: object) -> bool:
    return isinstance(value, str) and value.endswith((".safetensors", ".json")) and not set(value) & set("/\\:\0")


def check_causal(folder: Path, config: Mapping[str, Any], weights: Weights) -> None:
    """Raise InputError where the tensors are not those of the causal language model that `config` describes."""
    part, tensors = text_part(config), weights.tensors
    layers = layers_named(part)
    if layers > len(tensors):
        raise _shape_of_config(folder, "num_hidden_layers", layers, f"The weights hold {len(tensors)} tensors in all.")
    if config.get("quantization_config") is not None:
        return  # packed: shapes and names are the quantiser's
    for name, tensor in tensors.items():
        if name.endswith(".weight") and tensor.dtype not in FLOATS:
            raise InputError(
                f"The tensor {shown(name)} in {folder} holds numbers of the type {tensor.dtype}",
                why=f"Weights are {', '.join(FLOATS)}; what is packed otherwise says so in config.json.",
                fix=DAMAGED,
            )
    if has_known_tensors(config):
        _compare(folder, config, tensors)
        return
    dimensions = {size for tensor in tensors.values() for size in tensor.shape}
    for key, size in sizes_named(part):
        if size not in dimensions:
            raise _shape_of_config(folder, key, size, "No tensor in the weights has a dimension of this size.")


def has_known_tensors(config: Mapping[str, Any]) -> bool:
    """Whether the tensors that there must be follow from `config` alone, so that they have been compared."""
    if config.get("quantization_config") is not None:
        return False
    kind = config.get("model_type")
    if kind not in FAMILIES:
        return False
    plain = all(type(config.get(key)) is int for key in NEEDED if key in config)
    return plain and ("num_key_value_heads" in config or kind == "llama")


def _compare(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    try:
        wanted = expected_tensors(config)
    except KeyError as error:
        raise InputError(f"{folder / CONFIG} does not say {error.args[0]}", fix=DAMAGED) from error
    # Saved without its language head, a model's names lack the first word.
    bare = "model.embed_tokens.weight" not in tensors and "embed_tokens.weight" in tensors
    held = {(f"model.{name}" if bare and name != "lm_head.weight" else name): each for name, each in tensors.items()}
    lacking = [name for name in wanted if name not in held]
    if lacking:
        raise missing(folder, lacking)
    for name, shape in wanted.items():
        if held[name].shape != shape:
            raise misshapen(folder, name, held[name].shape, shape)
    further = [name for name in held if name not in wanted and not _may_be_there(name, config)]
    if further:
        raise unexpected(folder, further)


def _may_be_there(name: str, config: Mapping[str, Any]) -> bool:
    """Tensors that older versions saved though they follow from the others."""
    return name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and is_tied(config))


def missing(where: Path, names: list[str]) -> InputError:
    """What is said where tensors are not there that the model needs."""
    return InputError(
        f"The weights in {where} lack the tensor {_first(names)}",
        why="The model needs it, and without it would compute with random numbers in its place.",
        fix=DAMAGED,
    )


def unexpected(where: Path, names: list[str]) -> InputError:
    """What is said where there are tensors that the model has no place for."""
    return InputError(
        f"The weights in {where} hold a tensor that the model has no place for: {_first(names)}",
        why="They were saved from another architecture than the configuration describes, or with other settings.",
        fix=DAMAGED,
    )


def misshapen(where: Path, name: str, held: tuple[int, ...], wanted: tuple[int, ...]) -> InputError:
    """What is said of a tensor whose shape is not the model's."""
    return InputError(
        f"The tensor {shown(name)} in {where} has the shape {list(held)}, and the model needs {list(wanted)}",
        why="The weights do not belong to the configuration beside them.",
        fix=DAMAGED,
    )


def _first(names: list[str]) -> str:
    return shown(names[0]) + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def _shape_of_config(folder: Path, key: str, value: int, why: str) -> InputError:
    return InputError(f"{folder / CONFIG} says {key} = {value}", why=why, fix=DAMAGED)


def _vocab(config: Mapping[str, Any]) -> int | None:
    value = text_part(config).get("vocab_size")
    return value if type(value) is int else None
