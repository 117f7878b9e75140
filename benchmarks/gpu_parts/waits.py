"""How often a piece of work has the host wait for the device."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = frozenset({"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive"})
"""Operations whose outcome, or its size, the host has to know before it goes on."""


class _Waits(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in WAITING or (name == "index" and any(_chooses(index) for index in args[1])):
            self.count += 1
        return func(*args, **(kwargs or {}))


def _chooses(index: Any) -> bool:
    """Whether an index says which by true and false: how many these are has to be known."""
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)


def count_waits(device: torch.device, work: Callable[[], object]) -> int:
    """As often as a card's driver says so; without a card, as often as an operation would have the host wait on one
    (copies to the host aside, which nothing tells apart there)."""
    if device.type != "cuda":
        with _Waits() as seen:
            work()
        return seen.count
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    return sum("synchroniz" in str(one.message) for one in told)
