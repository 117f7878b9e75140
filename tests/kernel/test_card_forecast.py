"""The forecast of time on a card against what was measured on one, and the sizes of `make gpu-demo` that come of it."""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path

import pytest

from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import parse_config
from sapo_studio.forecast import Machine, ModelShape, forecast
from sapo_studio.forecast.memory import Numerics
from sapo_studio.forecast.model_sources import known_models
from sapo_studio.forecast.throughput import pace_of
from sapo_studio.hardware import Card, card_speed

ROOT = Path(__file__).parents[2]
RECORD = json.loads((ROOT / "tests" / "fixtures" / "card_measured.json").read_text(encoding="utf-8"))
GIB = 2**30
TUNINGS = {
    "full": Numerics("full", 16, "bf16"),
    "full, checkpointing": Numerics("full", 16, "bf16", checkpointing=True),
    "ORPO": Numerics("full", 16, "bf16"),
    "LoRA": Numerics("lora", 16, "bf16"),
}
PRESET = "gsm8k-smollm2-card"


def machine(memory: int = 141, memory_clock: float = 0.0, bus: int = 0) -> Machine:
    """The machine that was measured on; another memory makes an H100 of its card."""
    told = RECORD["card"]
    speed = card_speed(
        told["cores"], told["clock"], *told["capability"], bus or told["bus"], memory_clock or told["memory_clock"]
    )
    card = Card(0, told["name"], memory * GIB, (memory - 1) * GIB, *speed)
    return Machine(16, 128 * GIB, 120 * GIB, matrix=40e9, bandwidth=8e9, words="made up", cards=(card,))


H100 = machine(80, 2.619e9, 5120)


def shape(name: str) -> ModelShape:
    return ModelShape.of(known_models()[name], name)


@pytest.mark.parametrize("rows", sorted(RECORD["sampling"]["seconds"]))
def test_sampling_on_the_card_is_within_30_percent(rows: str):
    told = RECORD["sampling"]
    model, how, pace = shape(told["model"]), Numerics("full", 16, "bf16"), pace_of(machine(), 1, 0, "bf16")
    seconds = pace.write(model, how, int(rows), told["prompt"], told["written"], told["written"])
    seconds += pace.forward(model, how, int(rows) / told["samples"], told["prompt"], logits=False)
    measured = math.prod(told["seconds"][rows]) ** (1 / len(told["seconds"][rows]))
    assert 1 / 1.3 <= seconds / measured <= 1.3


@pytest.mark.parametrize("name", sorted(RECORD["training"]["tokens_a_second"]))
def test_training_on_the_card_is_within_30_percent(name: str):
    """Of the mean of both times that it was measured: they differ by up to half."""
    told = RECORD["training"]
    case = told["tokens_a_second"][name]
    pace = pace_of(machine(), 1, 0, "bf16")
    sequences = 2 * case["micro_batch"]
    seconds = pace.step(shape(told["model"]), TUNINGS[name], sequences, told["length"], 2, logits=True)
    measured = math.prod(case["measured"]) ** (1 / len(case["measured"]))
    assert 1 / 1.3 <= seconds / (sequences * told["length"] / measured) <= 1.3


@pytest.mark.parametrize("card", [H100, machine()], ids=["H100", "H200"])
def test_the_demo_ends_within_eight_minutes_on_a_card(card: Machine):
    told = forecast(find_preset(PRESET).config, shape("HuggingFaceTB/SmolLM2-135M"), card)
    assert told.seconds is not None
    assert 240 < told.seconds <= 480
    assert not [warned.what for warned in told.warnings]


@pytest.fixture
def sizes(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setenv("PYTHONPATH", "")
    yield importlib.import_module("gpu_parts.demo_sizes")
    for name in [name for name in sys.modules if name.split(".")[0] == "gpu_parts"]:
        del sys.modules[name]


def test_the_demo_is_cut_to_what_there_is_time_for(sizes):
    config, model = find_preset(PRESET).config, shape("HuggingFaceTB/SmolLM2-135M")
    assert sizes.within(config, model, H100, 480) == (config, 1.0)
    smaller, share = sizes.within(config, model, H100, 240)
    assert 0.01 < share < 1
    assert smaller.sampling.questions == round(share * config.sampling.questions)
    assert forecast(smaller, model, H100).seconds <= 240
    least, share = sizes.within(config, model, H100, 1)
    assert (share, least) == (0.01, sizes.scaled(config, 0.01))
    assert parse_config(least.model_dump()) == least
    assert least.task.test_questions == 20


def test_the_run_beside_it_computes_as_much(sizes):
    config, model = find_preset(PRESET).config, shape("HuggingFaceTB/SmolLM2-135M")
    flops = forecast(config, model, H100).compute.flops
    assert flops is not None
    rival, told = sizes.at_equal_flops(config, model, H100, flops)
    assert rival.labeling.labeler == "none"
    assert rival.optimiser.kind == "sft"
    assert rival.sampling.samples > config.sampling.samples
    assert told.compute.flops == pytest.approx(flops, rel=0.15)
    cheaper, _ = sizes.at_equal_flops(config, model, H100, flops / 100)
    assert cheaper.sampling.samples == config.sampling.samples
