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
