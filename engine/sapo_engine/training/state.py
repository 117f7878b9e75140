"""Where a stopped training goes on: trained weights, optimiser, position, in one safetensors file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from sapo_engine.models.checks import check_tensors


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
    facts = {"step": str(step), "cooling_from": str(cooling_from), "rates": json.dumps(_rates(optimiser))}
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
    (0: not yet). Nothing is put back, and the training begins anew, where it went by other peak learning rates: those
    may be what has spoilt the weights.
    """
    with safe_open(file, framework="pt") as opened:
        facts = opened.metadata()
    if json.loads(facts.get("rates", "null")) not in (None, _rates(optimiser)):  # earlier versions did not say
        return 0, 0
    tensors = load_file(file)
    trained = [value for value in model.parameters() if value.requires_grad]
    own = {f"model/{index}": value for index, value in enumerate(trained)}
    check_tensors(file, {name: value for name, value in tensors.items() if name.startswith("model/")}, own)
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(tensors[name])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser/"):
            _, index, key = name.split("/", 2)
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    if scaler is not None and "scaler" in facts:
        scaler.load_state_dict(json.loads(facts["scaler"]))
    return int(facts["step"]), int(facts["cooling_from"])


def _rates(optimiser: torch.optim.Optimizer) -> list[float]:
    """The peak learning rate of each group of weights."""
    return [float(group["peak"]) for group in optimiser.param_groups]
