"""One thread for torch: on a busy machine two are slower, and results must not depend on how many there are."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
