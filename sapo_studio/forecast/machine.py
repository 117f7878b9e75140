"""What this machine has and how fast it is: cores and memory, cards by NVIDIA's library, speeds measured or assumed."""

from __future__ import annotations

import contextlib
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from sapo_studio import paths
from sapo_studio.hardware import Card, read_cards, visible_cards

PRODUCT = (1024, 576, 1536)
"""Tokens, width and inner width of the product that a core is timed with: that of a small model's block."""
COPIED = 32 * 2**20
"""Bytes of the tensor whose copy a core is timed with: more than a cache holds, and new memory each time, as in a model
whose tensors come and go (the operating system's share of that can be half of it)."""
ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Machine:
    """Main memory in bytes; `matrix` (fp32 operations a second) and `bandwidth` (bytes a second) are one core's.
    `visible`: numbers of the cards that runs may use which name none, None for all; `certain`: see `Cards`."""

    cores: int
    total: int
    free: int
    matrix: float
    bandwidth: float
    cards: tuple[Card, ...] = ()
    words: str = ""
    card_words: str = ""
    visible: tuple[int, ...] | None = None
    certain: bool = True

    @classmethod
    def here(cls) -> Machine:
        """This one. The first call times a core for about half a second and keeps the result in the data folder."""
        memory = psutil.virtual_memory()
        matrix, bandwidth = core_speed()
        found = read_cards()
        return cls(
            cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
            total=int(memory.total),
            free=int(memory.available),
            matrix=matrix,
            bandwidth=bandwidth,
            cards=found.cards,
            words=f"measured here: {matrix / 1e9:.3g} GFLOP/s and {bandwidth / 1e9:.3g} GB/s per core",
            card_words=found.why,
            visible=visible_cards(found.cards),
            certain=found.certain,
        )


def core_speed(file: Path | None = None) -> tuple[float, float]:
    """fp32 operations and bytes a second of one core, measured once a machine and kept in `file`."""
    kept = file or paths.data_dir() / "cache" / "machine.json"
    here = f"{platform.node()} {platform.processor()} {platform.machine()} {psutil.cpu_count()}"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["machine"] == here:
            return float(known["matrix"]), float(known["bandwidth"])
    matrix, bandwidth = measure_core()
    with contextlib.suppress(OSError):  # then it is measured again next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        told = {"machine": here, "matrix": matrix, "bandwidth": bandwidth}
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(told), encoding="utf-8")
        part.replace(kept)
    return matrix, bandwidth


def measure_core() -> tuple[float, float]:
    """Time a matrix product and a copy. By CPU time: other programs and the number of BLAS threads hardly matter. The
    median, not the best: a run lasts longer than a core's best moments."""
    rng = np.random.default_rng(0)
    tokens, width, inner = PRODUCT
    left = rng.random((tokens, width), dtype=np.float32)
    right = rng.random((width, inner), dtype=np.float32)
    source = rng.random(COPIED // 4, dtype=np.float32)
    product = _seconds(lambda: left @ right)
    return 2.0 * tokens * width * inner / product, 2.0 * COPIED / _seconds(source.copy)


def _seconds(work: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return max(statistics.median(taken), 1e-6)
