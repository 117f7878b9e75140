"""From what the configuration calls a model to its shape, without loading a weight and without the network."""

from __future__ import annotations

import contextlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from sapo_studio import paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_studio.forecast.gguf_header import read_header
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.run_forecast import Unknown

WORDS = 55
"""Words and signs in the arithmetic lab's vocabulary that are no numbers (lab.md)."""


def find_shape(config: RunConfig) -> ModelShape | Unknown:
    """The shape of the model that `config` starts from, or why it cannot be known here and now."""
    model = config.model
    if model.source == "fresh":
        return _fresh(config)
    if model.source.startswith("hub:"):
        return _hub(model.source.removeprefix("hub:"), model.revision)
    if model.source.startswith("bundled:"):
        name = model.source.removeprefix("bundled:")
        return _folder(paths.resources_dir() / "models" / name, name)
    path = paths.user_path(model.source)
    if path.suffix.lower() == ".gguf":
        return _gguf(path)
    return _folder(path, path.name)


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
    file = folder / "config.json"
    try:
        return ModelShape.of(json.loads(file.read_text(encoding="utf-8")), name)
    except OSError:
        return Unknown(f"{folder} is not a model folder: there is no config.json in it.")
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        return Unknown(f"{file} does not say how large the model is ({type(error).__name__}: {error}).")


def _hub(name: str, revision: str) -> ModelShape | Unknown:
    """As it lies in the Hub's cache, else as the program knows it."""
    store = hub_cache() / f"models--{name.replace('/', '--')}"
    commit = revision or "main"
    with contextlib.suppress(OSError):  # a revision may be a commit itself
        commit = (store / "refs" / commit).read_text(encoding="utf-8").strip()
    folder = store / "snapshots" / commit
    if (folder / "config.json").is_file():
        return _folder(folder, name)
    known = known_models().get(name)
    if known is not None:
        return ModelShape.of(known, name)
    return Unknown(f"The shape of {name} is unknown until it has been downloaded.")


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
    try:
        header = read_header(path)
    except InputError as error:
        return Unknown(f"{error.what}: {error.why}")
    facts = header.facts
    family = str(facts.get("general.architecture", ""))

    def fact(name: str) -> Any:
        return facts[f"{family}.{name}"]

    try:
        vocab = facts.get(f"{family}.vocab_size") or facts["tokenizer.ggml.tokens"]
        told = {
            "model_type": family,
            "vocab_size": vocab,
            "hidden_size": fact("embedding_length"),
            "num_hidden_layers": fact("block_count"),
            "num_attention_heads": fact("attention.head_count"),
            "num_key_value_heads": facts.get(f"{family}.attention.head_count_kv"),
            "head_dim": facts.get(f"{family}.attention.key_length"),
            "intermediate_size": fact("feed_forward_length"),
            "max_position_embeddings": facts.get(f"{family}.context_length"),
            "tie_word_embeddings": "output.weight" not in header.tensors,
        }
        return ModelShape.of(told, path.stem)
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        return Unknown(f"{path} does not say how large the model is ({type(error).__name__}: {error}).")
