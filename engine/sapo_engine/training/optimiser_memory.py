"""An optimiser's state as something that lies on a device, and need not stay there while others compute."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch

from sapo_engine.models.placement import Placement


@contextmanager
def hold(optimiser: torch.optim.Optimizer, placement: Placement | None) -> Generator[None]:
    """Have `placement` know of the optimiser's state. It is given up at the end, also of a training that fails: whoever
    hears of the failure keeps everything alive that it was raised in."""

    moved: list[tuple[dict[str, torch.Tensor], str]] = []

    def move(device: torch.device) -> None:
        # How many steps there were is on the device with some kinds of optimiser and never with others: what is moved
        # back is what was moved away.
        if device.type == "cpu":
            for values in optimiser.state.values():
                moved.extend((values, name) for name, value in values.items() if value.device.type != "cpu")
        for values, name in moved:
            values[name] = values[name].to(device)
        if device.type != "cpu":
            moved.clear()

    try:
        if placement is None:
            yield
        else:
            with placement.holding(move):
                yield
    finally:
        optimiser.state.clear()
