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

    def move(device: torch.device) -> None:
        for values in optimiser.state.values():
            for name, value in values.items():
                # How many steps there were is a number, and where it is hangs on the kind of optimiser.
                if isinstance(value, torch.Tensor) and value.dim():
                    values[name] = value.to(device)

    try:
        if placement is None:
            yield
        else:
            with placement.holding(move):
                yield
    finally:
        optimiser.state.clear()
