"""The forecast: more asked for is more forecast, and what does not fit is said."""

from dataclasses import replace

import pytest

from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.runs import PhaseName
from sapo_studio.forecast import Machine, ModelShape, Unknown, find_shape, forecast
from sapo_studio.forecast.lengths import lengths
from sapo_studio.forecast.workload import phases
from sapo_studio.hardware import Card

GIB = 2**30
HERE = Machine(cores=2, total=24 * GIB, free=20 * GIB, matrix=40e9, bandwidth=8e9, words="made up")


def changed(config, **sections):
    data = config.model_dump(mode="json")
    for name, values in sections.items():
        data[name] |= values
    return parse_config(data)


@pytest.fixture(scope="module")
def qwen() -> RunConfig:
    config = find_preset("gsm8k-qwen2.5-0.5b").config
    return changed(config, runtime={"device": "cpu", "processes": 1, "backend": "hf"}, model={"precision": "fp32"})


def peak(config, **sections):
    other = changed(config, **sections)
    shape = find_shape(other)
    assert isinstance(shape, ModelShape)
    return max(memory.peak.bytes for memory in forecast(other, shape, HERE).memory)


def test_known_shapes_have_the_weights_that_their_makers_say():
    for name, weights in (
        ("gsm8k-qwen2.5-0.5b", 494_032_768),
        ("gsm8k-llama3.2-1b", 1_235_814_400),
        ("gsm8k-gemma2-2b-qlora", 2_614_341_888),
    ):
        shape = find_shape(find_preset(name).config)
        assert isinstance(shape, ModelShape)
        assert shape.weights == weights


def test_more_at_a_time_takes_more_memory(qwen):
    assert peak(qwen, runtime={"micro_tokens": 16_000}) > peak(qwen, runtime={"micro_tokens": 4000})
    assert peak(qwen, model={"gradient_checkpointing": False}) >= peak(qwen, model={"gradient_checkpointing": True})


def test_adapters_take_less_than_all_weights(qwen):
    shared = {"base": "shared"}
    assert peak(qwen, model={"tuning": "lora"}, verifier=shared) < peak(qwen, verifier=shared)
    assert peak(qwen, verifier=shared) < peak(qwen, verifier={"base": "copy"})


def test_what_does_not_fit_is_said_and_nothing_is_refused(qwen):
    shape = find_shape(qwen)
    small = replace(HERE, total=4 * GIB, free=3 * GIB)
    found = forecast(qwen, shape, small)
    assert any("GiB" in warning.what for warning in found.warnings)
    assert not forecast(find_preset("lab-demo").config, find_shape(find_preset("lab-demo").config), HERE).warnings


def test_sapo_is_forecast_cheaper_than_the_others_and_every_part_says_why(qwen):
    found = forecast(qwen, find_shape(qwen), HERE)
    tokens = {bill.labeler: bill.tokens for bill in found.bills}
    assert tokens["sapo"] < tokens["omega"] < tokens["shepherd"]
    assert [bill.labeler for bill in found.bills if bill.chosen] == ["sapo"]
    assert found.seconds is not None
    assert found.seconds > 0
    # A run takes longer than its phases: torch has to be loaded.
    assert found.seconds == pytest.approx(found.start + sum(phase.seconds or 0.0 for phase in found.phases))
    assert found.start > 5.0
    assert all(part.assumption for memory in found.memory for item in memory.peaks for part in item.parts)


def test_an_unknown_model_is_no_fault(qwen):
    other = changed(qwen, model={"source": "hub:nobody/nothing"})
    found = forecast(other, find_shape(other), HERE)
    assert found.unknown
    assert found.seconds is None
    assert not found.memory


def test_slots_write_with_a_copy_of_the_weights(qwen):
    shape = find_shape(qwen)

    def sampling(backend):
        found = forecast(changed(qwen, runtime={"backend": backend}), shape, HERE).memory[-1]
        return next(one for one in found.peaks if one.use == "Sampling")

    plain, slots = sampling("hf"), sampling("slots")
    assert sampling("auto") == plain
    assert slots.bytes - plain.bytes == pytest.approx(4 * shape.weights)  # in fp32
    (copied,) = [part for part in slots.parts if part not in plain.parts]
    assert "copy" in copied.assumption


def test_right_answers_first_take_half_of_what_pairs_take(qwen):
    other = changed(qwen, optimiser={"rft_iterations": 1})
    found = [work for work in phases(other, lengths(other.task)) if work.name is PhaseName.ALIGN]
    assert [work.trained[0].batch for work in found] == [64, 128, 128]
    assert ["pairs" in work.words for work in found] == [False, True, True]


def test_sequences_at_a_time_follow_the_free_memory_of_the_card(qwen):
    shape = find_shape(qwen)
    open_ = changed(qwen, runtime={"device": "cuda", "rollout_batch": 0}, model={"precision": "bf16"})

    def told(free, config=open_):
        card = Card(0, "made up", 96 * GIB, free * GIB, 1e14, 1e12, "made up")
        found = forecast(config, shape, replace(HERE, cards=(card,)))
        (said,) = [line for line in found.assumptions if line.startswith("Sampling: ")]
        rows = int(said.split()[1].replace(",", ""))
        (sampled,) = [one for one in found.memory[0].peaks if one.use == "Sampling"]
        return rows, sampled.bytes

    chosen = [told(free) for free in (6, 12, 24, 80)]
    assert [rows for rows, _ in chosen] == sorted(rows for rows, _ in chosen)
    assert chosen[0][0] < chosen[2][0]
    # What is chosen is what is reckoned with, and fits.
    assert all(taken <= free * GIB for (_, taken), free in zip(chosen, (6, 12, 24, 80), strict=True))
    given = changed(open_, runtime={"rollout_batch": chosen[2][0]})
    assert not [line for line in forecast(given, shape, HERE).assumptions if line.startswith("Sampling: ")]
    # The same whichever of the program's own ways samples; vLLM says by itself.
    for backend in ("auto", "slots"):
        assert told(12, changed(open_, runtime={"backend": backend})) == chosen[1]
    cpu = changed(qwen, runtime={"rollout_batch": 0})
    assert forecast(cpu, shape, HERE) == forecast(changed(qwen, runtime={"rollout_batch": 512}), shape, HERE)


def test_compute_is_counted_as_the_ledger_does(qwen):
    """2 FLOPs a weight and token, 6 for a token trained on, 4 beside frozen weights; a verifier adds to all four."""
    shape = find_shape(qwen)
    assert isinstance(shape, ModelShape)
    n = shape.weights
    alone = changed(qwen, labeling={"labeler": "none"}, optimiser={"kind": "dpo", "reward": "answer", "guard": "off"})
    found = forecast(alone, shape, HERE).compute
    assert found.generated > 0 == found.scored
    assert found.flops == 2 * n * (found.generated + found.prefill) + 6 * n * found.trained
    guarded = changed(alone, optimiser={"guard": "keep"}, warmup={"epochs": 5})
    assert forecast(guarded, shape, HERE).compute == found  # measuring and the warm-up count for nobody
    orpo = forecast(changed(alone, optimiser={"kind": "orpo"}), shape, HERE).compute
    assert found.prefill - orpo.prefill == pytest.approx(found.trained / alone.optimiser.epochs, rel=1e-6)  # reference
    adapters = changed(alone, model={"tuning": "lora"})
    small = n + shape.adapter_weights(adapters.model.lora_rank)
    found = forecast(adapters, shape, HERE).compute
    assert found.flops == 2 * small * (found.generated + found.prefill) + 4 * small * found.trained
    sapo = forecast(changed(alone, labeling={"labeler": "sapo"}), shape, HERE).compute
    assert all(getattr(sapo, part) > getattr(orpo, part) for part in ("generated", "prefill", "scored", "trained"))
    unknown = forecast(alone, Unknown("not there yet"), HERE).compute
    assert unknown.generated > 0
    assert unknown.flops is None


def test_grpo_samples_for_itself(qwen):
    with_it = changed(qwen, labeling={"labeler": "none"}, optimiser={"kind": "grpo", "guard": "off"})
    work = {(item.name, item.iteration): item for item in phases(with_it, lengths(with_it.task))}
    assert not work[PhaseName.SAMPLE, 1].written
    (own,) = work[PhaseName.ALIGN, 1].written
    sampling, optimiser = with_it.sampling, with_it.optimiser
    assert own.sequences == optimiser.epochs * sampling.questions * sampling.samples
    (trained,) = work[PhaseName.ALIGN, 1].trained
    assert trained.steps * trained.batch == pytest.approx(own.sequences)
