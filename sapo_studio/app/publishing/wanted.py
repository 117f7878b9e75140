"""What is to be published: which model of which run, in which form, and what an engine is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sapo_studio.app.publishing.models import Models
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError, StoreError
from sapo_studio.files import read_manifest
from sapo_studio.model_files.reading import read_object
from sapo_studio.model_files.sources import BUNDLED, HUB, PINNED, hub_name
from sapo_studio.paths import user_path

Dtype = Literal["", "fp32", "bf16", "fp16"]
Form = Literal["", "merged", "adapter"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`iteration` None: the newest. `form` "": merged, where the run trains an adapter. `dtype` "": as the run keeps
    the weights. `gguf`: a GGUF file, too."""

    run_id: str
    verifier: bool = False
    iteration: int | None = None
    form: Form = ""
    dtype: Dtype = ""
    gguf: bool = False
    device: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What `Wanted` comes to: the model's iteration and folder, and whether it is written as an adapter."""

    iteration: int
    artefact: Path
    adapter: bool


def choose(models: Models, wanted: Wanted) -> Chosen:
    """Raises InputError where there is no such model, or it cannot be had in that form, StoreError where the run does
    not have it whole any more."""
    iteration, artefact = (models.kept.verifier if wanted.verifier else models.kept.reasoner)(wanted.iteration)
    if read_manifest(artefact.parent) is None:
        what = "verifier" if wanted.verifier else "model"
        raise StoreError(
            f"The {what} of iteration {iteration} is not whole any more",
            why=f"Files in {artefact.parent} are missing or cut off.",
            fix="Repeat the run, or publish another iteration.",
        )
    whole = (artefact / "config.json").is_file()
    adapter = wanted.form == "adapter"
    if wanted.form == "adapter" and wanted.verifier:
        raise InputError(
            "A verifier is published as a whole model",
            why="Its head and its backbone are one token-classification model.",
            fix="Leave --adapter out.",
        )
    if wanted.gguf and wanted.verifier:
        raise InputError(
            "A verifier cannot be written as GGUF",
            why="llama.cpp knows no token-classification models.",
            fix="Leave --gguf out.",
        )
    if wanted.form == "adapter" and whole:
        raise InputError(
            f"Run {models.run_id} trains no adapters", why='Its model.tuning is "full".', fix="Leave --adapter out."
        )
    if adapter and (wanted.dtype or wanted.gguf):
        option = "--gguf" if wanted.gguf else "--dtype"
        why = "An adapter is published as it was trained, in fp32."
        raise InputError(f"{option} is for whole models", why=why, fix="Leave --adapter out.")
    if adapter and (why := _no_base(models.config.model.source)):
        raise InputError("The adapter of this run is of no use alone", why=why, fix="Leave --adapter out.")
    return Chosen(iteration, artefact, adapter)


def _no_base(source: str) -> str:
    """Why nobody could load an adapter beside the model `source`; empty where they can."""
    if source == "fresh":
        return "It changes random weights, which nobody has."
    if source.startswith(BUNDLED):
        return f"It changes the weights of {source}, which comes with this program alone."
    if source.lower().endswith(".gguf"):
        return "It changes the weights of a GGUF file, which peft does not load."
    return ""


@dataclass(frozen=True, slots=True)
class Base:
    """The model that the run began with, as others know it: an id of the Hub (`hub`), or a name. `revision`: the
    version of the Hub's that the run used, "" where it is not known."""

    name: str
    hub: bool = False
    revision: str = ""


def base_of(config: RunConfig, run_dir: Path) -> Base:
    """Without any path of this machine."""
    source = config.model.source
    if source.startswith(HUB):
        name = hub_name(source, config.model.revision)
        return Base(name, True, _pinned(run_dir, name) or config.model.revision)
    if source.startswith(BUNDLED) or source == "fresh":
        return Base(source)
    return Base(user_path(source).name or "model")


def _pinned(run_dir: Path, name: str) -> str:
    try:
        told = read_object(run_dir / PINNED)
    except InputError:
        return ""
    return str(told.get("commit", "")) if told.get("name") == name else ""
