"""Where networks compute: as `runtime.device` and `runtime.gpus` say, for a run as for what is measured after it.

A process sees its own card alone, as number 0: libraries that take "the" card, or all there are, then take the right
one. That has to be so before torch looks for cards.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sapo_studio.config.schema import RuntimeConfig
from sapo_studio.domain.card_choice import DEVICES, is_device
from sapo_studio.errors import InputError

if TYPE_CHECKING:
    import torch

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER, BY_BUS = "CUDA_DEVICE_ORDER", "PCI_BUS_ID"
"""The numbers that nvidia-smi shows, and this program. CUDA's own begin with the fastest card."""
INSTEAD = 'Name another device: "cpu", or "auto", which is a card where there is one.'
"""Fits a setting, an option and a field of the window alike."""


def see_card(number: int) -> None:
    """Hide all cards but the one with this number among those that are visible."""
    os.environ.setdefault(ORDER, BY_BUS)
    visible = os.environ.get(VISIBLE)
    if visible == "":
        return
    if visible is None:
        os.environ[VISIBLE] = str(number)
        return
    cards = visible.split(",")
    os.environ[VISIBLE] = cards[number] if number < len(cards) else ""


def take_device(runtime: RuntimeConfig) -> torch.device:
    """The device of a process that works alone, all cards but its own hidden.

    Raises InputError where there is no such device.
    """
    wanted = runtime.device
    if runtime.gpus:
        os.environ[ORDER] = BY_BUS
        os.environ[VISIBLE] = runtime.gpus
    if wanted == "cpu":
        os.environ[VISIBLE] = ""
        return device_called(wanted)
    number = wanted.removeprefix("cuda:") if wanted.startswith("cuda:") else "0"
    if number.isdecimal():
        see_card(int(number))
    device = device_called(wanted)
    if device.type == "cuda" and number.isdecimal():
        cards = [int(card) for card in runtime.gpus.split(",") if card]
        return _hidden_too_late(cards[int(number)] if cards else int(number)) or device
    return device


def _hidden_too_late(number: int) -> torch.device | None:
    """The card by its number, and as the one that is meant where none is named, where CUDA was asked for cards before
    the others were hidden (a library did so as it was imported): it goes on seeing them all. None where it does not."""
    import torch

    if torch.cuda.device_count() <= 1:
        return None
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def device_called(wanted: str) -> torch.device:
    """The device that `runtime.device` = `wanted` means to a process that sees its own card alone. Raises InputError
    where there is none."""
    import torch

    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not is_device(wanted):
        raise InputError(f"{wanted!r} is not a valid device", why=DEVICES, fix=INSTEAD)
    device = torch.device(wanted)
    if not _is_there(device):
        raise InputError(f"There is no device {wanted}", why="torch does not see it here.", fix=INSTEAD)
    return torch.device("cuda", 0) if device.type == "cuda" and device.index else device


def _is_there(device: torch.device) -> bool:
    import torch

    if device.type == "cuda":
        return torch.cuda.device_count() > 0
    there = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return device.type == "cpu" or (there is not None and there.type == device.type)
