"""The one reader of NVIDIA's library: cards, and every way in which there are none."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from sapo_studio.app import diagnosis
from sapo_studio.forecast.machine import Machine
from sapo_studio.hardware import Nvml, Sampler, read_cards

GIB = 2**30


class Pretended(ModuleType):
    """A `pynvml` with two cards that tell no clocks. `broken`: the call that fails."""

    class NVMLError(Exception):
        pass

    NVML_TEMPERATURE_GPU, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 1, 2

    def __init__(self, count: int = 2, broken: str = "") -> None:
        super().__init__("pynvml")
        self.count, self.broken, self.open = count, broken, 0

    def _try(self, call: str) -> None:
        if call == self.broken:
            raise self.NVMLError(f"{call} failed")

    def nvmlInit(self) -> None:  # noqa: N802
        self._try("init")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self.count

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        return number

    def nvmlDeviceGetName(self, handle: int) -> object:  # noqa: N802
        return b"Old binding" if handle else "Card zero"

    def nvmlDeviceGetUUID(self, handle: int) -> object:  # noqa: N802
        return f"GPU-{handle}"

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[object]:  # noqa: N802
        self._try("processes")
        return [SimpleNamespace(pid=100 + handle, usedGpuMemory=None if handle else 4 * GIB)]

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> object:  # noqa: N802
        self._try("memory")
        return SimpleNamespace(total=24 * GIB, free=20 * GIB, used=4 * GIB)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> object:  # noqa: N802
        return SimpleNamespace(gpu=50)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        self._try("temperature")
        return 61

    def nvmlDeviceGetNumGpuCores(self, handle: int) -> int:  # noqa: N802
        raise self.NVMLError("not supported")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch):
    def put(pretended: Pretended | None) -> Pretended | None:
        monkeypatch.setitem(sys.modules, "pynvml", pretended)
        return pretended

    return put


def gpu_checks() -> list[tuple[str, str, str]]:
    return [(check.name, check.state, check.finding) for check in diagnosis.card_checks()]


def test_cards_are_read_and_the_library_is_given_back(library):
    pretended = library(Pretended())
    found = read_cards()
    assert [(card.number, card.name, card.free) for card in found.cards] == [
        (0, "Card zero", 20 * GIB),
        (1, "Old binding", 20 * GIB),
    ]
    assert (found.why, found.installed, pretended.open) == ("", True, 0)
    assert "assumed" in found.cards[0].words
    assert gpu_checks() == [
        ("gpu 0", "good", "Card zero, 20.0 of 24.0 GiB free"),
        ("gpu 1", "good", "Old binding, 20.0 of 24.0 GiB free"),
    ]
    assert Machine.here().cards == found.cards
    reading = Sampler().read(None)
    assert [(gpu.name, gpu.load, gpu.used, gpu.temperature) for gpu in reading.gpus] == [
        ("Card zero", 0.5, 4 * GIB, 61),
        ("Old binding", 0.5, 4 * GIB, 61),
    ]


@pytest.mark.parametrize(
    ("pretended", "why", "installed"),
    [
        (None, "is not installed", False),
        (Pretended(broken="init"), "no NVIDIA card in this machine (init failed)", True),
        (Pretended(count=0), "no NVIDIA card in this machine", True),
        (Pretended(broken="memory"), "the cards cannot be read (memory failed)", True),
    ],
)
def test_without_cards_all_readers_say_why(library, pretended, why, installed):
    library(pretended)
    found = read_cards()
    assert found.cards == ()
    assert why in found.why
    assert found.installed == installed
    sampler = Sampler()
    assert sampler.read(None).gpus == ()
    assert sampler.gpu_reason.casefold() == f"{found.why}.".casefold()
    assert gpu_checks() == [("gpu", "note", found.why)]
    assert Machine.here().card_words == found.why


def test_a_card_without_a_thermometer_is_shown_all_the_same(library):
    library(Pretended(broken="temperature"))
    assert [gpu.temperature for gpu in Sampler().read(None).gpus] == [None, None]


def test_closing_twice_is_no_fault(library):
    pretended = library(Pretended())
    nvml = Nvml()
    nvml.close()
    nvml.close()
    assert pretended.open == 0
    assert nvml.read(lambda *_: 1) == ()
