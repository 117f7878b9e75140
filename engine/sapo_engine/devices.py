"""Where networks compute: as `runtime.device` and `runtime.gpus` say, for a run as for what is measured after it.

A process sees its own card alone, as number 0: libraries that take "the" card, or all there are, then take the right
one. That has to be so before torch looks for cards.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sapo_studio.config.schema import RuntimeConfig
from sapo_studio.errors import InputError

if TYPE_CHECKING:
    import torch

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER, BY_BUS = "CUDA_DEVICE_ORDER", "PCI_BUS_ID"
"""The numbers that nvidia-smi shows, and this program. CUDA's own begin with the fastest card."""


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
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise InputError(
            f"runtime.device = {wanted!r} is not a valid device", why=str(error), fix='Use "auto", "cpu" or "cuda:0".'
        ) from error
    if device.type == "cuda" and not torch.cuda.device_count():
        raise InputError(
            f"There is no device {wanted}",
            why="torch does not see that CUDA device here.",
            fix='Set runtime.device (for what is measured after a run: --device) to "auto" or "cpu".',
        )
    return torch.device("cuda", 0) if device.type == "cuda" and device.index else device
