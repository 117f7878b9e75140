"""Training divided among cards: when the forecast takes it for granted, and what a card then has to hold."""

from __future__ import annotations

from typing import Any

import pytest

from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.errors import InputError
from sapo_studio.forecast import Machine, ModelShape, card_needs, forecast
from sapo_studio.forecast.memory import Batch, Numerics, lasting, micro_tokens_that_fit, put_together, training
from sapo_studio.hardware import Card

GIB = 2**30
SEVEN = ModelShape("7B", 32_000, 4096, 32, 32, 8, 128, 14_336, tied=False)
"""7.2 billion weights: 122 GiB with gradients, masters, moments and a copy in bf16."""
TRAININGS = ("Warm-up", "Verifier training", "Alignment")


def machine(cards: int, memory: int = 80) -> Machine:
    there = tuple(Card(n, "Large", memory * GIB, (memory - 1) * GIB, 400e12, 3e12, "made up") for n in range(cards))
    return Machine(16, 2048 * GIB, 2000 * GIB, matrix=40e9, bandwidth=8e9, words="made up", cards=there)


def config(processes: int, **runtime: Any) -> RunConfig:
    data = find_preset("gsm8k-llama3.2-1b").config.model_dump(mode="json")
    data["model"] |= {"tuning": "full", "precision": "auto", "gradient_checkpointing": True}
    data["runtime"] |= {"processes": processes, "device": "cuda", "backend": "hf"} | runtime
    return parse_config(data)


def peaks(asked: RunConfig, there: Machine, shape: ModelShape = SEVEN) -> dict[str, float]:
    return {peak.use: peak.bytes for peak in forecast(asked, shape, there).memory[0].peaks}


def told(asked: RunConfig, there: Machine, shape: ModelShape = SEVEN) -> str:
    (found,) = [words for words in forecast(asked, shape, there).assumptions if "are divided among" in words] or [""]
    return found


def test_a_model_that_fits_no_card_as_a_whole_is_trained_by_several():
    one, four = (peaks(config(n), machine(n)) for n in (1, 4))
    assert all(one[use] > 122 * GIB for use in TRAININGS)
    assert all(four[use] < 80 * GIB for use in TRAININGS)
    assert not [warned for warned in forecast(config(4), SEVEN, machine(4)).warnings if "Large" in warned.what]
    assert "divided among 4 processes, as a card has no room" in told(config(4), machine(4))
    assert max(need.bytes for need in card_needs(config(4), SEVEN, machine(4)).values()) < 80 * GIB
    # What samples and scores has all of it, as ever.
    assert one["Sampling"] == pytest.approx(four["Sampling"], rel=0.3)


def test_the_fix_for_one_card_is_more_of_them_where_there_are_more():
    (warned, *_) = [one for one in forecast(config(1), SEVEN, machine(4)).warnings if "will not fit" in one.what]
    assert "Any of these would do: runtime.processes = 2, which divide what is trained" in warned.fix
    smaller = machine(4, 45)
    (warned, *_) = forecast(config(1), SEVEN, smaller).warnings
    assert "runtime.processes = 4, which divide what is trained" in warned.fix
    assert "runtime.processes = 8" not in warned.fix
    assert 'model.tuning = "lora"' in warned.fix
    alone = forecast(config(1), SEVEN, machine(1)).warnings
    assert not any("runtime.processes" in one.fix for one in alone)
    (off, *_) = forecast(config(4, sharded_training="off"), SEVEN, machine(4)).warnings
    assert 'runtime.sharded_training = "auto"' in off.fix


def test_what_fits_is_divided_only_where_it_is_asked_for():
    small = ModelShape("small", 32_000, 1024, 16, 16, 8, 64, 2816, tied=True)
    assert told(config(4), machine(4), small) == ""
    assert told(config(4, sharded_training="on"), machine(4), small).endswith("among 4 processes.")
    whole, parts = (peaks(config(4, sharded_training=how), machine(4), small) for how in ("auto", "on"))
    assert all(parts[use] < whole[use] for use in TRAININGS)
    assert told(config(4, sharded_training="off"), machine(4)) == ""
    assert told(config(4, device="cpu"), machine(4)) == ""  # a CPU never divides by itself
    assert told(config(4, device="cpu", sharded_training="on"), machine(4)) != ""


def test_the_smallest_card_decides():
    cards = machine(2, 200).cards
    small = Card(1, "Small", 80 * GIB, 79 * GIB, 400e12, 3e12, "made up")
    uneven = Machine(16, 2048 * GIB, 2000 * GIB, 40e9, 8e9, cards=(cards[0], small))
    assert told(config(2), machine(2, 200)) == ""
    assert told(config(2), uneven) != ""


def test_a_part_is_a_part_and_what_is_put_together_is_not():
    whole = Numerics("full", 1, "bf16", checkpointing=True, copy=True)
    parts = Numerics("full", 1, "bf16", checkpointing=True, copy=True, shards=4)
    weights = SEVEN.weights
    assert sum(part.bytes for part in lasting(SEVEN, whole)) == 14 * weights
    assert sum(part.bytes for part in lasting(SEVEN, parts)) == 3 * weights + put_together(SEVEN, parts)
    # Embedding and language head twice in bf16, two blocks, and one block's gradients in bf16 and fp32.
    block = SEVEN.block_weights / SEVEN.layers
    rest = weights - SEVEN.block_weights
    assert put_together(SEVEN, parts) == 4 * rest + 10 * block
    batch = Batch(1, 500)
    saved = training("", SEVEN, whole, batch).bytes - training("", SEVEN, parts, batch).bytes
    assert saved == pytest.approx(18 * weights - 4 * weights - put_together(SEVEN, parts))
    many = Numerics("full", 1, "bf16", checkpointing=True, copy=True, shards=64)
    assert training("", SEVEN, many, batch).bytes == 4 * weights  # of each card, before they are divided
    free = 60.0 * GIB
    assert micro_tokens_that_fit(SEVEN, whole, 500, free) == 1
    assert micro_tokens_that_fit(SEVEN, parts, 500, free) > 1000


def test_a_checkpoint_lies_in_one_process_and_the_model_in_each():
    def parts(n: int) -> dict[str, float]:
        (memory,) = [one for one in forecast(config(n), SEVEN, machine(n)).memory if one.where == "Main memory"]
        (peak,) = [peak for peak in memory.peaks if peak.use == "Warm-up"]
        return {part.name: part.bytes for part in peak.parts}

    assert parts(4)["checkpoint"] == 12 * SEVEN.weights
    assert parts(4)["the model itself"] == 4 * 4 * SEVEN.weights
    assert "the model itself" not in parts(1)


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ({"runtime": {"processes": 1}}, "has nothing to divide among one process"),
        ({"runtime": {"processes": 2}, "model": {"tuning": "lora"}}, "trains adapters, which are small"),
        ({"runtime": {"processes": 2}, "model": {"tuning": "qlora"}}, "trains adapters, which are small"),
        ({"runtime": {"processes": 2}, "model": {"precision": "fp16"}}, "is for bf16 and fp32"),
    ],
)
def test_nothing_to_divide_is_told_before_anything_starts(sections: dict[str, Any], why: str):
    sections["runtime"]["sharded_training"] = "on"
    sections.setdefault("verifier", {})["base"] = "shared"
    with pytest.raises(InputError) as told:
        parse_config(sections)
    assert "runtime.sharded_training" in told.value.why
    assert why in told.value.why
