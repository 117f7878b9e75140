"""How torch and transformers are set for the answer to one request."""

from __future__ import annotations

import torch
import transformers


def set_up() -> torch.device:
    """One thread and no progress bars. Returns where to compute: the card, where there is one."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
