"""A run's reasoner in a folder: a network of its own, an adapter, or an adapter merged into its base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sapo_engine.models.loading import load_network, start_model
from sapo_engine.models.placement import move_to
from sapo_engine.models.precision import DTYPES, resolve
from sapo_engine.models.reasoner import Adapters, Reasoner, load_adapter
from sapo_engine.publishing.merging import check_four_bits, merged, save_weights
from sapo_engine.publishing.parts import Parts
from sapo_engine.publishing.rounding import Rounding, compare, last_logits, tried_texts
from sapo_studio.model_files.adapters import CONFIG
from sapo_studio.model_files.adapters import WEIGHTS as ADAPTER_WEIGHTS
from sapo_studio.model_files.folder import read_config
from sapo_studio.model_files.reading import read_object
from sapo_studio.model_files.safetensors_header import read_tensors

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "config.json")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the format of the weights, their architecture and number; `rounding` where they are others
    than those that the run computed with."""

    dtype: str
    architecture: str
    parameters: int
    rounding: Rounding | None = None


def write_own(parts: Parts, artefact: Path, dtype: str, folder: Path) -> Written:
    """A network of its own, from where the run keeps it. In another format than it is kept in (`dtype`) it is measured
    what that changes; else its files are copied as they are."""
    kept = kept_in(artefact)
    config = read_object(artefact / "config.json")
    if not dtype or dtype == kept:
        for pattern in _WEIGHTS:
            for file in sorted(artefact.glob(pattern)):
                shutil.copyfile(file, folder / file.name)
        return Written(kept, _architecture(config), count_weights(folder))
    network = load_network(artefact, dtype=DTYPES[kept])
    before = last_logits(network, tried_texts(parts))
    torch.nn.Module.to(network, DTYPES[dtype])
    network.save_pretrained(folder, safe_serialization=True)
    written = Written(dtype, _architecture(config), network.num_parameters())
    del network
    return replace(written, rounding=_rounding(parts, before, folder, torch.device("cpu")))


def write_adapter(artefact: Path, base: str, revision: str, folder: Path) -> Written:
    """The adapter as peft reads it. `base` is what its configuration calls the model that it belongs to, `revision` a
    version of that on the Hub or ""."""
    shutil.copyfile(artefact / ADAPTER_WEIGHTS, folder / ADAPTER_WEIGHTS)
    told = read_object(artefact / CONFIG) | {"base_model_name_or_path": base, "revision": revision or None}
    told["inference_mode"] = True
    (folder / CONFIG).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return Written("fp32", "LoRA adapter", count_weights(folder))


def write_merged(
    parts: Parts, run_dir: Path, artefact: Path, dtype: str, folder: Path, device: torch.device
) -> Written:
    """The adapter in `artefact` merged into its base, and what that rounds. `dtype` "": as the run keeps the base.

    Raises InputError where the base cannot be had here.
    """
    reasoner = adapted(parts, run_dir, artefact, device)
    precision = resolve(parts.config.model.precision, device)
    dtype = dtype or precision
    before = last_logits(reasoner.activate(), tried_texts(parts), precision)
    network = reasoner.network
    save_weights(merged(reasoner, DTYPES[dtype]), network, DTYPES[dtype], folder)
    written = Written(dtype, type(network).__name__, count_weights(folder))
    del reasoner, network
    return replace(written, rounding=_rounding(parts, before, folder, device))


def adapted(parts: Parts, run_dir: Path, artefact: Path, device: torch.device) -> Reasoner:
    """The run's base on `device`, with the adapter in `artefact`, as the run computes with it."""
    config = parts.config
    if config.model.tuning == "qlora":
        check_four_bits()
    network, _ = start_model(config.model, parts.task, config.seed, device, run_dir)
    reasoner = load_adapter(network, Adapters.of(config.model), artefact)
    move_to(network, device)
    return reasoner


def kept_in(folder: Path) -> str:
    """The format of the weights in a model's folder, by its config.json."""
    told = read_config(folder)
    name = str(told.get("dtype") or told.get("torch_dtype") or "float32")
    return next((short for short, dtype in DTYPES.items() if str(dtype) == f"torch.{name}"), "fp32")


def count_weights(folder: Path) -> int:
    """How many weights lie in the safetensors files of `folder`; those that are used twice count once."""
    return sum(t.numel for file in folder.glob("*.safetensors") for t in read_tensors(file).values())


def _rounding(parts: Parts, before: Sequence[torch.Tensor], folder: Path, device: torch.device) -> Rounding:
    """How far the model in `folder`, as it was written, is from what gave the logits `before`."""
    network = move_to(load_network(folder, dtype=DTYPES[kept_in(folder)]), device)
    return compare(before, last_logits(network, tried_texts(parts)))


def _architecture(config: Mapping[str, Any]) -> str:
    return str((config.get("architectures") or ["?"])[0])
