"""A model as a form tells of it: size, context, chat template, and what is missing. Nothing is loaded or fetched."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_studio.forecast import ModelShape, check_source, find_shape
from sapo_studio.forecast.model_sources import cached_folder
from sapo_studio.model_files.folder import read_weights
from sapo_studio.model_files.gguf_header import read_header
from sapo_studio.model_files.reading import read_object
from sapo_studio.model_files.sources import BUNDLED, HUB, bundled_folder, hub_name, local_model
from sapo_studio.model_files.tokenizer_files import OLD_TEMPLATE, SETTINGS, TEMPLATE

UNBOUNDED = 1 << 20
"""Positions of a model that names no limit."""


@dataclass(frozen=True, slots=True)
class ModelLook:
    """Facts of a model. `positions` 0: not said. `template`: whether it has a chat template, None where that cannot be
    told. `missing`: files that have still to be fetched."""

    weights: int
    positions: int
    template: bool | None
    where: str
    missing: str = ""

    @property
    def summary(self) -> str:
        """In a line: `494 M parameters, 32,768 tokens, chat template, in the cache`."""
        parts = [f"{_short(self.weights)} parameters"] if self.weights else []
        if self.positions:
            parts.append(f"{self.positions:,} tokens")
        if self.template is not None:
            parts.append("chat template" if self.template else "no chat template")
        return ", ".join([part for part in (*parts, self.where, self.missing) if part])


def look_into(config: RunConfig) -> ModelLook:
    """What the model of `config` is. Raises InputError where it is not there or cannot be one."""
    check_source(config.model)
    shape = find_shape(config)
    weights, positions = (shape.weights, shape.positions) if isinstance(shape, ModelShape) else (0, 0)
    positions = 0 if positions >= UNBOUNDED else positions
    source = config.model.source
    if source == "fresh":
        return ModelLook(weights, positions, None, "new")
    if source.startswith(HUB):
        folder = cached_folder(hub_name(source, config.model.revision), config.model.revision)
        lacks = _lacks(folder)
        where = "to be downloaded" if lacks == "everything" else "in the cache"
        missing = "" if lacks in ("", "everything") else f"still to download: {lacks}"
        return ModelLook(weights, positions, has_template(folder) if folder.is_dir() else None, where, missing)
    path = bundled_folder(source) if source.startswith(BUNDLED) else local_model(source)
    if path.is_file():
        return ModelLook(weights, positions, "tokenizer.chat_template" in read_header(path).facts, "GGUF")
    return ModelLook(weights, positions, has_template(path), "")


def _lacks(folder: Path) -> str:
    """Of a model of the Hub's cache."""
    if not (folder / "config.json").is_file():
        return "everything"
    try:
        read_weights(folder, read_object(folder / "config.json"))
    except InputError:
        return "weights"
    return ""


def has_template(folder: Path) -> bool:
    """Whether a model's folder has a chat template, in any of the places where one may be."""
    if any((folder / name).is_file() for name in (TEMPLATE, OLD_TEMPLATE)):
        return True
    with suppress(InputError):
        return bool(read_object(folder / SETTINGS).get("chat_template"))
    return False


def _short(count: int) -> str:
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)
