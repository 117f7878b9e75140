"""What of a card's memory is taken, by whomever: asked of the driver, since another process is none of torch's."""

from __future__ import annotations

import torch

from gpu_parts.check import GIB, Check
from sapo_studio.hardware import CardWatch


def card_taken(check: Check) -> float:
    """GiB; 0 without a card. By NVIDIA's library; where that is not installed, by CUDA's."""
    if not check.on_card:
        return 0.0
    watch = CardWatch()
    try:
        mine = str(torch.cuda.get_device_properties(check.device).uuid).removeprefix("GPU-")
        for card in watch.look():
            if card.uuid.removeprefix("GPU-") == mine:
                return (card.total - card.free) / GIB
    finally:
        watch.close()
    free, total = torch.cuda.mem_get_info(check.device)
    return (total - free) / GIB
