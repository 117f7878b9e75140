"""Files that are either whole or absent: written beside their place, synced, then renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

MANIFEST = "manifest.json"


def write_atomic(file: Path, data: bytes) -> None:
    """Put `data` in `file`, all or nothing."""
    part = file.with_name(file.name + ".part")
    with part.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)


def write_folder(folder: Path, fill: Callable[[Path], None], facts: dict[str, Any]) -> None:
    """Make `folder` in one move: `fill` writes into a temporary one, every file is synced, and a manifest with
    the sizes comes last.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    fill(part)
    sizes: dict[str, int] = {}
    for file in sorted(part.rglob("*")):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
            sizes[file.relative_to(part).as_posix()] = file.stat().st_size
    write_atomic(part / MANIFEST, json.dumps({"facts": facts, "sizes": sizes}).encode())
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The facts that `write_folder` stored, if the folder is whole; None otherwise."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    sizes = cast("dict[str, int]", manifest["sizes"])
    for name, size in sizes.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            return None
    return cast("dict[str, Any]", manifest["facts"])


def save_training_state(
    file: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: int,
    cooling_from: int,
    scaler: torch.amp.GradScaler | None = None,
) -> None:
    """What training changes: the weights that require a gradient, optimiser moments, the scaler of fp16 and the
    position, in one safetensors file.
    """
    # By number: an adapter's name is another in another process. Copied to main memory: a card has no room for it.
    trained = [value for value in model.parameters() if value.requires_grad]
    tensors = {
        f"model/{index}": value.detach().to("cpu", copy=True).contiguous() for index, value in enumerate(trained)
    }
    for index, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            tensors[f"optimiser/{index}/{name}"] = value.detach().to("cpu", copy=True).contiguous()
    facts = {"step": str(step), "cooling_from": str(cooling_from)}
    if scaler is not None and scaler.is_enabled():
        facts["scaler"] = json.dumps(scaler.state_dict())
    part = file.with_name(file.name + ".part")
    save_file(tensors, part, metadata=facts)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(file)


def load_training_state(
    file: Path, model: nn.Module, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None = None
) -> tuple[int, int]:
    """Put back what `save_training_state` wrote; returns the step to go on with, and where cooling down began
    (0: not yet).
    """
    with safe_open(file, framework="pt") as opened:
        facts = opened.metadata()
    tensors = load_file(file)
    with torch.no_grad():
        for index, value in enumerate(value for value in model.parameters() if value.requires_grad):
            value.copy_(tensors[f"model/{index}"])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser/"):
            _, index, key = name.split("/", 2)
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    if scaler is not None and "scaler" in facts:
        scaler.load_state_dict(json.loads(facts["scaler"]))
    return int(facts["step"]), int(facts["cooling_from"])
