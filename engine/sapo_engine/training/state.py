"""Where a stopped training goes on: trained weights, optimiser, position, in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from sapo_engine.models.checks import check_tensors
from sapo_studio.domain.ledger import Bill


def save_training_state(
    file: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: int,
    cooling_from: int,
    scaler: torch.amp.GradScaler | None = None,
    bill: Bill | None = None,
    more: Mapping[str, str] | None = None,
) -> None:
    """What training changes: the weights that require a gradient, optimiser moments, the scaler of fp16, the position,
    and the `bill` so far, in one safetensors file. `more` is kept for `training_facts`.
    """
    # By number: an adapter's name is another in another process. Copied to main memory: a card has no room for it.
    trained = [value for value in model.parameters() if value.requires_grad]
    tensors = {
        f"model/{index}": value.detach().to("cpu", copy=True).contiguous() for index, value in enumerate(trained)
    }
    for index, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            tensors[f"optimiser/{index}/{name}"] = value.detach().to("cpu", copy=True).contiguous()
    position = {"step": str(step), "cooling_from": str(cooling_from), "rates": json.dumps(_rates(optimiser))}
    facts = {**(more or {}), **position}
    if scaler is not None and scaler.is_enabled():
        facts["scaler"] = json.dumps(scaler.state_dict())
    if bill is not None:
        facts["compute"] = bill.to_json()
    part = file.with_name(file.name + ".part")
    save_file(tensors, part, metadata=facts)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(file)


def training_facts(file: Path) -> dict[str, str]:
    """The position of a training that was stopped, and what else was kept with it. Empty where none was."""
    if not file.exists():
        return {}
    with safe_open(file, framework="pt") as opened:
        return dict(opened.metadata())


def saved_bill(file: Path) -> Bill | None:
    """What the training had computed when its state was saved; None in a state of an earlier version."""
    with safe_open(file, framework="pt") as opened:
        return Bill.from_json((opened.metadata() or {}).get("compute", ""))


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
    # "peak" where this program trains, "initial_lr" where a scheduler of torch's is at work
    names = ("peak", "initial_lr", "lr")
    return [float(next(group[name] for name in names if name in group)) for group in optimiser.param_groups]
