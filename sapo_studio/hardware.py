"""What the machine is doing: read through psutil and, where there is one, NVIDIA's library."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class Gpu:
    """One card. Memory in bytes, load 0..1, temperature in degrees Celsius."""

    name: str
    load: float
    used: int
    total: int
    temperature: int | None


@dataclass(frozen=True)
class Reading:
    """A moment. `cpu` 0..1 of the whole machine; `engine_cpu` in cores; memory in bytes."""

    cpu: float
    used: int
    total: int
    engine_processes: int
    engine_cpu: float
    engine_memory: int
    gpus: tuple[Gpu, ...]


class Sampler:
    """Takes readings. Keeps the process objects between them, as psutil measures CPU from one call to the next."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}
        self._nvml: Any = None
        self.gpu_reason = ""
        try:
            import pynvml

            pynvml.nvmlInit()
            self._nvml = pynvml
        except ImportError:
            self.gpu_reason = "No GPU is shown: NVIDIA's library (nvidia-ml-py) is not installed."
        except Exception as error:
            self.gpu_reason = f"No NVIDIA GPU in this machine ({error})."

    def read(self, engine_pid: int | None) -> Reading:
        """A reading of the machine, and of the engine's parent process `engine_pid` with everything it started."""
        memory = psutil.virtual_memory()
        alive = self._family(engine_pid)
        cpu, used = 0.0, 0
        for process in alive:
            with contextlib.suppress(psutil.Error):
                cpu += process.cpu_percent() / 100
                used += int(process.memory_info().rss)
        load = psutil.cpu_percent() / 100
        return Reading(
            load, int(memory.total - memory.available), int(memory.total), len(alive), cpu, used, self._gpus()
        )

    def _family(self, pid: int | None) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        if pid is not None:
            with contextlib.suppress(psutil.Error):
                parent = psutil.Process(pid)
                found = {process.pid: process for process in (parent, *parent.children(recursive=True))}
        self._known = {number: self._known.get(number, process) for number, process in found.items()}
        return list(self._known.values())

    def _gpus(self) -> tuple[Gpu, ...]:
        nvml = self._nvml
        if nvml is None:
            return ()
        cards: list[Gpu] = []
        with contextlib.suppress(nvml.NVMLError):
            for number in range(int(nvml.nvmlDeviceGetCount())):
                handle = nvml.nvmlDeviceGetHandleByIndex(number)
                name: Any = nvml.nvmlDeviceGetName(handle)
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                load = nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
                heat: int | None = None
                with contextlib.suppress(nvml.NVMLError):
                    heat = int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
                shown = name.decode() if isinstance(name, bytes) else str(name)
                cards.append(Gpu(shown, float(load), int(memory.used), int(memory.total), heat))
        return tuple(cards)


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
