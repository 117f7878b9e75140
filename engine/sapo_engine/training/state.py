"""Where a stopped training goes on: trained weights, optimiser, position, in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from sapo_engine.models.checks import check_tensors
from sapo_engine.training.sharded import divided_like, whole
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
    *,
    write: bool = True,
) -> None:
    """What training changes: the weights that require a gradient, optimiser moments, the scaler of fp16, the position,
    and the `bill` so far, in one safetensors file. `more` is kept for `training_facts`.

    What is divided among ranks is kept whole, so that other ranks, more or fewer of them, can go on with it. All of
    them call this, and one is to `write`.
    """
    tensors: dict[str, torch.Tensor] = {}

    def keep(name: str, value: torch.Tensor) -> None:
        value = whole(value.detach())
        if write:  # a copy in main memory: a card has no room for it
            tensors[name] = value.to("cpu", copy=True).contiguous()

    # By number: an adapter's name is another in another process.
    for index, value in enumerate(value for value in model.parameters() if value.requires_grad):
        keep(f"model/{index}", value)
    for index, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            keep(f"optimiser/{index}/{name}", value)
    if not write:
        return
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
    trained = [value for value in model.parameters() if value.requires_grad]
    own = {f"model/{index}": value for index, value in enumerate(trained)}
    inside = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    with torch.no_grad(), safe_open(file, framework="pt") as opened:
        names = list(opened.keys())
        held = {
            name: torch.empty(opened.get_slice(name).get_shape(), device="meta")
            for name in names
            if name.startswith("model/")
        }
        check_tensors(file, held, own)
        for name in names:  # one at a time: a rank that has a part of each need not have room for all
            value = opened.get_tensor(name)
            if name in own:
                own[name].copy_(divided_like(value, own[name]))
                continue
            _, index, key = name.split("/", 2)
            like = inside[int(index)]
            # A moment is divided as its weights are; how many steps there were is one number.
            mine = divided_like(value, like) if value.shape == like.shape else value
            state.setdefault(int(index), {})[key] = mine
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    if scaler is not None and "scaler" in facts:
        scaler.load_state_dict(json.loads(facts["scaler"]))
    return int(facts["step"]), int(facts["cooling_from"])


def _rates(optimiser: torch.optim.Optimizer) -> list[float]:
    """The peak learning rate of each group of weights."""
    # "peak" where this program trains, "initial_lr" where a scheduler of torch's is at work
    names = ("peak", "initial_lr", "lr")
    return [float(next(group[name] for name in names if name in group)) for group in optimiser.param_groups]
