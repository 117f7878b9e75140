"""From what the configuration calls a model to its shape, without loading a weight and without the network."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sapo_studio import paths
from sapo_studio.config.schema import ModelConfig, RunConfig
from sapo_studio.errors import InputError
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.run_forecast import Unknown
from sapo_studio.model_files.folder import check_causal, check_folder, has_known_tensors, read_config, read_weights
from sapo_studio.model_files.gguf_file import read_gguf
from sapo_studio.model_files.reading import open_plain
from sapo_studio.model_files.sources import BUNDLED, HUB, bundled_folder, hub_name, local_model

WORDS = 55
"""Words and signs in the arithmetic lab's vocabulary that are no numbers (lab.md)."""


def find_shape(config: RunConfig) -> ModelShape | Unknown:
    """The shape of the model that `config` starts from, or why it cannot be known here and now."""
    model = config.model
    try:
        if model.source == "fresh":
            return _fresh(config)
        if model.source.startswith(HUB):
            return _hub(hub_name(model.source, model.revision), model.revision)
        if model.source.startswith(BUNDLED):
            folder = bundled_folder(model.source)
            return _folder(folder, folder.name)
        path = local_model(model.source)
        if path.is_file():
            return _gguf(path)
        return _folder(path, path.name)
    except InputError as error:
        return Unknown(". ".join(part.rstrip(".") for part in (error.what, error.why) if part) + ".")


def check_source(model: ModelConfig) -> bool:
    """Raise InputError where the model is not there or its files cannot be a model's, as far as that shows without
    loading it and without the network: before a run is made, and before memory is taken.

    Returns False for a folder whose tensors could not be compared with the family's: only the engine knows these.
    """
    if model.source == "fresh":
        return True
    if model.source.startswith(HUB):
        folder = cached_folder(hub_name(model.source, model.revision), model.revision)
        if (folder / "config.json").exists():
            read_config(folder)  # the rest may still have to be fetched
        return True
    path = bundled_folder(model.source) if model.source.startswith(BUNDLED) else local_model(model.source)
    if path.is_file():
        read_gguf(path)
        return True
    return has_known_tensors(check_folder(path))


def _fresh(config: RunConfig) -> ModelShape:
    model, task = config.model, config.task
    return ModelShape(
        name="a fresh Llama",
        vocab=WORDS + task.largest_number + 1 + 8 * task.largest_change,
        hidden=model.hidden_size,
        layers=model.layers,
        heads=model.heads,
        kv_heads=model.heads,
        head_dim=model.hidden_size // model.heads,
        intermediate=8 * model.hidden_size // 3 // 8 * 8,
        tied=True,
        positions=512,
    )


def _folder(folder: Path, name: str) -> ModelShape | Unknown:
    config = read_config(folder)
    check_causal(folder, config, read_weights(folder, config))
    return _shape(config, folder / "config.json", name)


def _shape(config: Mapping[str, Any], file: Path, name: str) -> ModelShape | Unknown:
    try:
        return ModelShape.of(config, name)
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        return Unknown(f"{file} does not say how large the model is ({type(error).__name__}: {error}).")


def _hub(name: str, revision: str) -> ModelShape | Unknown:
    """As it lies in the Hub's cache, else as the program knows it."""
    folder = cached_folder(name, revision)
    if (folder / "config.json").is_file():
        return _shape(read_config(folder), folder / "config.json", name)
    known = known_models().get(name)
    if known is not None:
        return ModelShape.of(known, name)
    return Unknown(f"The shape of {name} is unknown until it has been downloaded.")


def cached_folder(name: str, revision: str) -> Path:
    """Where the Hub's cache has (or would have) the model."""
    store = hub_cache() / f"models--{name.replace('/', '--')}"
    commit = revision or "main"
    reference = store / "refs" / commit
    if reference.is_file():  # a revision may be a commit itself
        with contextlib.suppress(OSError, UnicodeDecodeError), open_plain(reference) as stream:
            commit = stream.read(100).decode("ascii").strip()
    return store / "snapshots" / commit


def hub_cache() -> Path:
    """Where huggingface_hub keeps what it has fetched."""
    if chosen := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "huggingface" / "hub"


@cache
def known_models() -> dict[str, dict[str, Any]]:
    """config.json's numbers of the models in the shipped presets, by their name on the Hub."""
    return json.loads((paths.resources_dir() / "shapes.json").read_text(encoding="utf-8"))


def _gguf(path: Path) -> ModelShape | Unknown:
    _, config = read_gguf(path)
    return _shape(config, path, path.stem)
