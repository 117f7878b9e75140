"""Which back end samples where that is left open (`runtime.backend = "auto"`)."""

from __future__ import annotations

from typing import Literal

import torch

AUTO_SLOTS = False
"""Whether `runtime.backend = "auto"` may choose slots or vLLM on a card: once docs/results/gpu.md, which says how many
times as fast as `hf` slots are there, has shown that it should. Switched here and nowhere else."""
AUTO_SLOTS_UP_TO = 3_000_000_000
"""Weights up to which it then chooses slots where vLLM is installed, too."""

BackendName = Literal["hf", "slots", "vllm"]


def choice(
    device: torch.device, parameters: int, *, by_slots: bool, vllm: bool, shown: bool = AUTO_SLOTS
) -> BackendName:
    """The back end for a network with so many `parameters` on `device`.

    `by_slots`: whether slots can write with it; `vllm`: whether vLLM is there. On a card slots are for what vLLM's own
    work a token would hold up, and vLLM for what is larger or of another architecture; `shown`: whether a card has
    shown that this is so, without which it is `hf` as on a CPU.
    """
    if device.type != "cuda" or not shown:
        return "hf"
    if by_slots and (parameters <= AUTO_SLOTS_UP_TO or not vllm):
        return "slots"
    return "vllm" if vllm else "hf"
