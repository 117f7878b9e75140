"""To be worded."""

from __future__ import annotations

import torch
from transformers import (
    PreTrainedModel,
)


def placed(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """`model` itself, moved to `device`. A quantised one stays: it lives on its card."""
    if getattr(model, "is_quantized", False) or model.device == device:
        return model
    return model.to(device)  # pyright: ignore[reportArgumentType]  # transformers' decorator hides `self` from the type
