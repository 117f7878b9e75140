"""The forecast against peaks that were measured: those on record, and (slow) one that is measured now."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
RECORD = json.loads((ROOT / "tests" / "fixtures" / "forecast_measured.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("forecast_benchmark", ROOT / "benchmarks" / "forecast.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_everything_is_on_record(benchmark: ModuleType):
    assert set(RECORD) == set(benchmark.CASES)


@pytest.mark.parametrize("name", sorted(RECORD))
def test_memory_is_within_30_percent_of_what_was_measured(benchmark: ModuleType, name: str):
    (row,) = benchmark.compare({name: RECORD[name]})
    assert 1 / 1.3 <= row.memory_ratio <= 1.3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are told otherwise elsewhere")
def test_memory_is_within_30_percent_of_what_is_measured_now(benchmark: ModuleType):
    names = ("llama lora", "llama full, checkpointing")
    for name in names:
        (row,) = benchmark.compare({name: benchmark.run_case(name)})
        assert 1 / 1.3 <= row.memory_ratio <= 1.3, name
