"""Which networks lie on the run's device: one owner, so that no two phases fill it behind each other's back."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakSet

import torch
from transformers import PreTrainedModel

from sapo_engine.models.reasoner import Reasoner


def move_to(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """`model` itself, moved to `device`. A quantised one stays: it lives on its card."""
    if getattr(model, "is_quantized", False) or model.device == device:
        return model
    return model.to(device)  # pyright: ignore[reportArgumentType]  # transformers' decorator hides `self` from the type


class Placement:
    """The networks on `device`. What waits for its turn waits in main memory.

    `give_back` is called before a network is placed: it frees what others than this process's networks hold of the
    device (a vLLM engine's share).
    """

    def __init__(self, device: torch.device, give_back: Callable[[], None] = lambda: None) -> None:
        self.device = device
        self.give_back = give_back
        self._here: WeakSet[PreTrainedModel] = WeakSet()

    def place(self, *wanted: Reasoner) -> None:
        """Have the networks of these on the device and no others."""
        self.give_back()
        self._only([reasoner.network for reasoner in wanted])

    def clear(self) -> None:
        """Leave the device to somebody else: no network stays on it, and nothing is taken back."""
        self._only([])

    def _only(self, wanted: list[PreTrainedModel]) -> None:
        if self.device.type == "cpu":
            return
        for network in list(self._here):
            if all(network is not other for other in wanted):
                move_to(network, torch.device("cpu"))
                self._here.discard(network)
        for network in wanted:
            move_to(network, self.device)
            self._here.add(network)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
