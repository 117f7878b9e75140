"""What the machine has and what it is doing: read through psutil and, where there is one, NVIDIA's library (NVML).

Nobody else speaks to that library: a machine without it, without a card or with one that does not answer is told in one
way.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

T = TypeVar("T")


class Nvml:
    """NVIDIA's library, open until `close`. `why` says why there are no cards, `installed` whether there is a library,
    `silent` whether the driver is there and did not answer.

    Never raises: a machine without cards is no fault.
    """

    def __init__(self) -> None:
        self.installed = True
        self.silent = False
        self.why = ""
        self._library: Any = None
        try:
            import pynvml

            pynvml.nvmlInit()
            self._library = pynvml
        except ImportError:
            self.installed = False
            self.why = "NVIDIA's library (nvidia-ml-py) is not installed, so no card can be seen"
        except Exception as error:  # its bindings have errors of their own, and a driver may be half there
            self.why = f"no NVIDIA card in this machine ({error})"

    def read(self, one: Callable[[Any, int, Any], T]) -> tuple[T, ...]:
        """`one(library, number, handle)` of every card. None of them, and `why`, where one cannot be read."""
        nvml = self._library
        if nvml is None:
            return ()
        try:
            count = int(nvml.nvmlDeviceGetCount())
            found = tuple(one(nvml, number, nvml.nvmlDeviceGetHandleByIndex(number)) for number in range(count))
        except nvml.NVMLError as error:
            self.why, self.silent = f"the cards cannot be read ({error})", True
            return ()
        self.silent = False
        self.why = "" if found else "no NVIDIA card in this machine"
        return found

    def close(self) -> None:
        """Give the library back."""
        if self._library is not None:
            with contextlib.suppress(self._library.NVMLError):
                self._library.nvmlShutdown()
            self._library = None


def _name(nvml: Any, handle: Any) -> str:
    return _text(nvml.nvmlDeviceGetName(handle))


def _uuid(nvml: Any, handle: Any) -> str:
    return _text(nvml.nvmlDeviceGetUUID(handle))


def _text(told: Any) -> str:
    return told.decode() if isinstance(told, bytes) else str(told)


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


def memory_in_use() -> tuple[int, int]:
    """(in use, there) of this machine's memory, in bytes."""
    memory = psutil.virtual_memory()
    return int(memory.total - memory.available), int(memory.total)


class Sampler:
    """Takes readings. Keeps the process objects between them, as psutil measures CPU from one call to the next."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}
        self._nvml = Nvml()

    @property
    def gpu_reason(self) -> str:
        """Why no card is shown, as a sentence. Empty where one is."""
        why = self._nvml.why
        return why and f"{why[0].upper()}{why[1:]}."

    def read(self, engine_pid: int | None) -> Reading:
        """A reading of the machine, and of the engine's parent process `engine_pid` with everything it started."""
        used_here, there = memory_in_use()
        alive = self._family(engine_pid)
        cpu, used = 0.0, 0
        for process in alive:
            with contextlib.suppress(psutil.Error):
                cpu += process.cpu_percent() / 100
                used += int(process.memory_info().rss)
        load = psutil.cpu_percent() / 100
        return Reading(load, used_here, there, len(alive), cpu, used, self._nvml.read(_gpu))

    def _family(self, pid: int | None) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        if pid is not None:
            with contextlib.suppress(psutil.Error):
                parent = psutil.Process(pid)
                found = {process.pid: process for process in (parent, *parent.children(recursive=True))}
        self._known = {number: self._known.get(number, process) for number, process in found.items()}
        return list(self._known.values())


def _gpu(nvml: Any, number: int, handle: Any) -> Gpu:
    del number
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    load = nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
    heat: int | None = None
    with contextlib.suppress(nvml.NVMLError):
        heat = int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    return Gpu(_name(nvml, handle), float(load), int(memory.used), int(memory.total), heat)


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
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class Cards:
    """The NVIDIA cards of this machine, or none and why; `installed`: whether NVIDIA's library is there to ask.
    `certain`: where there are none, there are none; else a card may be there that nobody here can ask."""

    cards: tuple[Card, ...]
    why: str = ""
    installed: bool = True
    certain: bool = True


def read_cards() -> Cards:
    """Look at the cards once."""
    nvml = Nvml()
    try:
        cards = nvml.read(_card)
        certain = nvml.installed and not nvml.silent and not Path("/dev/kfd").exists()  # AMD's, which torch can use
        return Cards(cards, nvml.why, nvml.installed, bool(cards) or certain)
    finally:
        nvml.close()


def driver_cuda() -> tuple[int, int] | None:
    """The newest CUDA that the NVIDIA driver takes, as (13, 0); None where no card answers, or NVIDIA's library is not
    installed."""
    nvml = Nvml()
    try:
        told = nvml.read(lambda library, _number, _handle: int(library.nvmlSystemGetCudaDriverVersion_v2()))
        return (told[0] // 1000, told[0] % 1000 // 10) if told else None
    finally:
        nvml.close()


def visible_cards(cards: Sequence[Card]) -> tuple[int, ...] | None:
    """The numbers of those that a process started from this one may use, in its order, where `CUDA_VISIBLE_DEVICES`
    names some by number or UUID; None where it does not, or names parts of cards."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None or "MIG" in named:
        return None
    found: list[int] = []
    for part in filter(None, (part.strip() for part in named.split(","))):
        number = next(
            (card.number for card in cards if part == str(card.number) or (card.uuid and card.uuid.startswith(part))),
            None,
        )
        if number is None:
            break  # CUDA sees those before the first that is none
        found.append(number)
    return tuple(found)


def _card(nvml: Any, number: int, handle: Any) -> Card:
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
    return Card(
        number, _name(nvml, handle), int(memory.total), int(memory.free), matrix, bandwidth, words, _uuid(nvml, handle)
    )


@dataclass(frozen=True, slots=True)
class CardUse:
    """A card at this moment. Memory in bytes, `load` 0..1, temperature in degrees Celsius, None where the driver does
    not tell. `held`: bytes that each process (by number) holds, as far as the driver tells."""

    uuid: str
    number: int
    name: str
    total: int
    free: int
    load: float | None
    temperature: int | None
    held: dict[int, int]


class CardWatch:
    """Looks at the cards again and again through one open library. `close` it."""

    def __init__(self) -> None:
        self._nvml = Nvml()

    @property
    def why(self) -> str:
        """Why the last look found no card. Empty where it found one."""
        return self._nvml.why

    @property
    def installed(self) -> bool:
        """Whether NVIDIA's library is there to ask."""
        return self._nvml.installed

    def look(self) -> tuple[CardUse, ...]:
        """The cards now; none where there are none or the driver does not answer."""
        return self._nvml.read(_use)

    def close(self) -> None:
        """Give the library back."""
        self._nvml.close()


def _use(nvml: Any, number: int, handle: Any) -> CardUse:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    load: float | None = None
    heat: int | None = None
    held: dict[int, int] = {}
    with contextlib.suppress(nvml.NVMLError):
        load = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    with contextlib.suppress(nvml.NVMLError):
        heat = int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    with contextlib.suppress(nvml.NVMLError):
        for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
            held[int(process.pid)] = int(process.usedGpuMemory or 0)
    return CardUse(
        _uuid(nvml, handle), number, _name(nvml, handle), int(memory.total), int(memory.free), load, heat, held
    )


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
