"""What is refused before anything is loaded: a missing package, a tuning that the device cannot do."""

from __future__ import annotations

import importlib.util

import torch

from sapo_studio.config.schema import ModelConfig
from sapo_studio.errors import InputError


def check_installed() -> None:
    """Raise InputError where TRL is missing: before a run begins, not hours into it."""
    if importlib.util.find_spec("trl") is None:
        raise InputError(
            'optimiser.kind = "grpo" needs TRL',
            why="The package trl is not installed.",
            fix="Install it with `pip install 'sapo-studio[baselines]'`.",
        )


def check_tuning(config: ModelConfig, device: torch.device) -> None:
    """Refuse what cannot be done on `device`, with the reason, before anything is loaded."""
    if config.precision == "fp16" and device.type == "cpu":
        raise InputError(
            'model.precision = "fp16" is not for a CPU', why="torch has no fp16 training there.", fix='Use "fp32".'
        )
    if config.tuning != "qlora":
        return
    if device.type != "cuda":
        raise InputError(
            'model.tuning = "qlora" needs a CUDA card',
            why=f"4-bit weights (bitsandbytes) are for NVIDIA cards only, and this run would use {device}.",
            fix='Use model.tuning = "lora", or a machine with a card.',
        )
    try:
        import bitsandbytes  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
    except ImportError as error:
        raise InputError(
            'model.tuning = "qlora" needs the package bitsandbytes',
            why=str(error),
            fix="Install it with `pip install 'sapo-studio[qlora]'`.",
        ) from error
