"""Counter-based random numbers: a key and a position give a number, whatever the batch looks like."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def key_of(*parts: int | str) -> int:
    """A 64-bit key from a path such as (seed, "sample", iteration, question, sample)."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def uniforms(keys: Sequence[int], length: int) -> torch.Tensor:
    """Numbers in [0, 1): row i, column t depend on `keys[i]` and t alone (SplitMix64). Shape (len(keys),
    length), float32.
    """
    with np.errstate(over="ignore"):
        z = (
            np.asarray(keys, dtype=np.uint64)[:, None]
            + (np.arange(length, dtype=np.uint64)[None, :] + np.uint64(1)) * _GOLDEN
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return torch.from_numpy(((z >> np.uint64(40)).astype(np.float64) / float(1 << 24)).astype(np.float32))
