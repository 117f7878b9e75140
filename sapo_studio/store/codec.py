"""How ids and scores are written in the store (the conventions are stated in `migrations`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROWS_PER_RUN = 2**32
SCALE = 65_535


def row_id(run_number: int, n: int) -> int:
    """The id in the store of row `n` of a run. Raises ValueError where `n` does not fit the run's range."""
    if not 0 <= n < ROWS_PER_RUN:
        raise ValueError(f"row number {n} is outside 0..{ROWS_PER_RUN - 1}")
    return run_number * ROWS_PER_RUN + n


def row_number(identity: int) -> int:
    """The number within its run of a row with this id: the inverse of `row_id`."""
    return identity % ROWS_PER_RUN


def row_numbers(identities: NDArray[np.int64]) -> NDArray[np.int64]:
    """`row_number` of many."""
    return identities % ROWS_PER_RUN


def id_range(run_number: int) -> tuple[int, int]:
    """First and last id that rows of a run can have."""
    return run_number * ROWS_PER_RUN, (run_number + 1) * ROWS_PER_RUN - 1


def pack_scores(scores: Sequence[float]) -> bytes:
    """Scores of one trajectory as the store keeps them.

    Values outside 0..1 are clipped, NaN is refused (ValueError).
    """
    values = np.asarray(scores, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    return np.rint(np.clip(values, 0.0, 1.0) * SCALE).astype(">u2").tobytes()


def unpack_scores(blob: bytes) -> NDArray[np.float32]:
    """The scores in `blob`, each within 1/131,070 of what was packed."""
    return np.frombuffer(blob, dtype=">u2").astype(np.float32) / np.float32(SCALE)


def unpack_many(blobs: Sequence[bytes]) -> NDArray[np.float32]:
    """One row for each blob, padded with NaN to the longest. Raises ValueError where one is cut in the middle."""
    sizes = np.array([len(blob) for blob in blobs], dtype=np.int64)
    if (sizes % 2).any():
        raise ValueError("scores are cut in the middle")
    lengths = sizes // 2
    width = int(lengths.max()) if len(blobs) else 0
    table = np.full((len(blobs), width), np.nan, dtype=np.float32)
    table[np.arange(width)[None, :] < lengths[:, None]] = unpack_scores(b"".join(blobs))
    return table
