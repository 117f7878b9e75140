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
from typing import Any

import numpy as np
import psutil

from sapo_studio import paths

PRODUCT = (1024, 576, 1536)
"""Tokens, width and inner width of the product that a core is timed with: that of a small model's block."""
COPIED = 32 * 2**20
"""Bytes of the tensor whose copy a core is timed with: more than a cache holds, and new memory each time, as in a model
whose tensors come and go (the operating system's share of that can be half of it)."""
ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU. Memory in bytes, speeds in operations and bytes a second; `words` says where the speeds come from."""

    number: int
    name: str
    total: int
    free: int
    matrix: float
    bandwidth: float
    words: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Main memory in bytes; `matrix` (fp32 operations a second) and `bandwidth` (bytes a second) are one core's."""

    cores: int
    total: int
    free: int
    matrix: float
    bandwidth: float
    cards: tuple[Card, ...] = ()
    words: str = ""
    card_words: str = ""

    @classmethod
    def here(cls) -> Machine:
        """This one. The first call times a core for about half a second and keeps the result in the data folder."""
        memory = psutil.virtual_memory()
        matrix, bandwidth = core_speed()
        cards, why = read_cards()
        return cls(
            cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
            total=int(memory.total),
            free=int(memory.available),
            matrix=matrix,
            bandwidth=bandwidth,
            cards=cards,
            words=f"measured here: {matrix / 1e9:.3g} GFLOP/s and {bandwidth / 1e9:.3g} GB/s a core",
            card_words=why,
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


def read_cards() -> tuple[tuple[Card, ...], str]:
    """The NVIDIA cards, or none and the reason."""
    try:
        import pynvml as nvml
    except ImportError:
        return (), "NVIDIA's library (nvidia-ml-py) is not installed, so no card can be seen"
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return (), f"no NVIDIA card in this machine ({error})"
    try:
        return tuple(_card(nvml, number) for number in range(int(nvml.nvmlDeviceGetCount()))), ""
    except nvml.NVMLError as error:
        return (), f"the cards cannot be read ({error})"
    finally:
        with contextlib.suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _card(nvml: Any, number: int) -> Card:
    handle = nvml.nvmlDeviceGetHandleByIndex(number)
    name: Any = nvml.nvmlDeviceGetName(handle)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        cores = int(nvml.nvmlDeviceGetNumGpuCores(handle))
        clock = int(nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM)) * 1e6
        major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
        width = int(nvml.nvmlDeviceGetMemoryBusWidth(handle))
        memory_clock = int(nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM)) * 1e6
        matrix, bandwidth, words = card_speed(cores, clock, int(major), int(minor), width, memory_clock)
    except nvml.NVMLError:
        matrix, bandwidth = 40e12, 500e9
        words = "assumed: 40 TFLOP/s in 16 bits, 500 GB/s (the driver does not tell cores and clocks)"
    shown = name.decode() if isinstance(name, bytes) else str(name)
    return Card(number, shown, int(memory.total), int(memory.free), matrix, bandwidth, words)


def card_speed(
    cores: int, clock: float, major: int, minor: int, width: int, memory_clock: float
) -> tuple[float, float, str]:
    """Operations (16-bit matrix products) and bytes a second that a card can do at most, from what its driver tells:
    cores, clocks in Hz, compute capability, memory bus in bits.

    A core does one multiplication and addition a clock; matrix units at least twice that, on the chips made for data
    centres (their capability ends in .0) 8 times. Memory moves two words a clock.
    """
    factor = 1 if major < 7 else 8 if minor == 0 and major != 12 else 2
    matrix = 2.0 * cores * clock * factor
    bandwidth = 2.0 * memory_clock * width / 8
    words = (
        f"from {cores:,} cores at {clock / 1e9:.3g} GHz and a {width}-bit bus: at most {matrix / 1e12:.3g} TFLOP/s in "
        f"16 bits and {bandwidth / 1e9:.3g} GB/s; not measured"
    )
    return matrix, bandwidth, words
