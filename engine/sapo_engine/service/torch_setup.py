"""How torch and transformers are set for the answer to one request."""

from __future__ import annotations

import torch
import transformers

from sapo_engine.devices import take_device
from sapo_studio.config.schema import RuntimeConfig


def set_up() -> None:
    """One thread and no progress bars."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)


def set_up_on(runtime: RuntimeConfig, device: str = "") -> torch.device:
    """The same. Returns where to compute: on `device` where one is asked for, else as `runtime` says, on the first card
    of several. Raises InputError where there is no such device."""
    set_up()
    return take_device(runtime.model_copy(update={"device": device}) if device else runtime)
