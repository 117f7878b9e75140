"""What is calculated in which floating-point format."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve(precision: str, device: torch.device) -> str:
    """`auto` as "fp32", "bf16" or "fp16" for `device`; the others as they are."""
    if precision != "auto":
        return precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Matrix products in `precision`, what needs more in fp32 (torch's own choice). Nothing changes with "fp32"."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[precision])


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """fp32 again, inside an `autocast`."""
    return contextlib.nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def product_dtype(device: torch.device, otherwise: torch.dtype) -> torch.dtype:
    """What matrix products are calculated in here: as `autocast` wants it, `otherwise` outside of one."""
    if device.type == "meta" or not torch.is_autocast_enabled(device.type):
        return otherwise
    return torch.get_autocast_dtype(device.type)
