"""What more cards bring: one card is the forecast, nothing is faster than its share, and what no card divides stays."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sapo_studio.app.commands import forecast as command
from sapo_studio.app.commands.scaling_table import clusters_up_to
from sapo_studio.cli import app
from sapo_studio.config.presets import find_preset
from sapo_studio.errors import InputError
from sapo_studio.forecast import Machine, find_shape, forecast
from sapo_studio.forecast.reference_cards import REFERENCE_CARDS, with_card
from sapo_studio.forecast.run_forecast import scaling
from sapo_studio.forecast.scaling import (
    NVLINK,
    PCIE,
    START,
    Cluster,
    Links,
    all_reduce_seconds,
    links_of,
    steps_of,
    text_lengths,
    writing_share,
)

BARE = Machine(16, 2**37, 2**36, matrix=40e9, bandwidth=8e9, words="made up")
CARD = with_card(BARE, "H100")
CLUSTERS = [Cluster(2), Cluster(4), Cluster(8), Cluster(8, 2)]
PRESETS = ("gsm8k-qwen2.5-0.5b", "gsm8k-smollm2-card", "gsm8k-gemma2-2b-qlora", "mbpp-qwen2.5-0.5b", "lab-full")


def config_of(name):
    config = find_preset(name).config
    return config.model_copy(update={"runtime": config.runtime.model_copy(update={"processes": 1, "gpus": ""})})


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("card", REFERENCE_CARDS)
def test_one_card_is_the_forecast_and_more_are_never_faster_than_their_number(name, card):
    config, machine = config_of(name), with_card(BARE, card)
    shape = find_shape(config)
    found = scaling(config, shape, machine, CLUSTERS)
    one = forecast(config, shape, machine)
    assert [run.cluster for run in found.clusters] == [Cluster(1), *CLUSTERS]
    assert found.clusters[0].total == pytest.approx(one.seconds)
    assert found.clusters[0].seconds[START] == one.start
    by_name = {}
    for phase in one.phases:
        by_name[phase.name] = by_name.get(phase.name, 0) + phase.seconds
    assert found.clusters[0].seconds["labeling"] == pytest.approx(by_name["label"])
    assert found.clusters[0].seconds["alignment"] == pytest.approx(by_name["align"] + by_name["pairs"])
    for run in found.clusters[1:]:
        for kind in run.seconds:
            assert found.faster(run, kind) <= run.cluster.ranks * (1 + 1e-9), (run.cluster, kind)
        assert found.faster(run) <= run.cluster.ranks
        # Amdahl: what is not divided is there however many there are.
        assert run.total > found.undivided
        assert found.faster(run) < found.clusters[0].total / found.undivided


def test_a_long_run_gains_from_each_card_and_a_tiny_one_from_none():
    def faster(name):
        config = config_of(name)
        found = scaling(config, find_shape(config), CARD, CLUSTERS)
        return [found.faster(run) for run in found.clusters]

    long = faster("gsm8k-gemma2-2b-qlora")
    assert long == sorted(long)
    assert long[3] > 6
    assert max(faster("lab-full")) < 1.1


def test_where_it_runs_in_earnest_decides_nothing():
    config = find_preset("gsm8k-qwen2.5-0.5b").config
    assert config.runtime.processes == 2
    shape = find_shape(config)
    assert scaling(config, shape, CARD, CLUSTERS) == scaling(config_of("gsm8k-qwen2.5-0.5b"), shape, CARD, CLUSTERS)


# -- Sums over ranks


SUMS = st.tuples(st.floats(0, 1e11), st.integers(1, 16), st.integers(1, 8))


@given(SUMS)
def test_sums_cost_nothing_alone_and_never_more_than_twice_over_the_wire(told):
    size, cards, nodes = told
    links = Links(100e9, 10e9, 1e-5, "made up")
    seconds = all_reduce_seconds(size, Cluster(cards, nodes), links)
    assert (seconds == 0) == (cards == nodes == 1)
    messages = 2 * (cards + nodes - 2) * links.latency
    most = 2 * size / links.within + 2 * size / links.between + messages
    assert seconds <= most * (1 + 1e-9)
    if nodes > 1:  # what every node lacks has to come to it
        assert seconds >= size / links.between * (1 - 1e-9)


def test_a_sum_over_two_nodes_is_the_formula():
    links = Links(400e9, 50e9, 0.0, "made up")
    assert all_reduce_seconds(8e9, Cluster(8), links) == pytest.approx(2 * 7 / 8 * 8e9 / 400e9)
    inside, between = 2 * 7 / 8 * 8e9 / 400e9, 2 * 1 / 2 * 8e9 / 50e9
    assert all_reduce_seconds(8e9, Cluster(8, 2), links) == pytest.approx(inside + between)


def test_a_slow_network_can_make_two_nodes_slower_than_one():
    config = config_of("gsm8k-qwen2.5-0.5b")
    shape = find_shape(config)
    slow = with_card(BARE, "H100")
    slow = replace(slow, cards=(replace(slow.cards[0], name="NVIDIA RTX 4090"),))
    found = scaling(config, shape, slow, [Cluster(8), Cluster(8, 2)])
    one, two = (run.seconds["warm-up"] for run in found.clusters[1:])
    assert two > one


@pytest.mark.parametrize(
    ("name", "links"),
    [
        ("NVIDIA H100 80GB HBM3", NVLINK),
        ("NVIDIA H200", NVLINK),
        ("NVIDIA H100 PCIe", PCIE),
        ("NVIDIA A100-SXM4-80GB", NVLINK),
        ("NVIDIA GeForce RTX 4090", PCIE),
        ("NVIDIA L4", PCIE),
    ],
)
def test_cards_are_connected_as_their_kind_is(name, links):
    assert links_of(name) == links


# -- Texts


@given(st.integers(1, 3000), st.floats(1, 500), st.floats(1.0, 8.0))
def test_lengths_have_their_mean_and_their_limit(count, mean, factor):
    found = text_lengths(count, mean, mean * factor)
    assert len(found) == count
    assert found.max() <= mean * factor * (1 + 1e-9)
    assert found.mean() <= mean * (1 + 1e-9)
    if factor > 1.3:
        assert found.mean() == pytest.approx(mean, rel=0.02)
    assert np.array_equal(found, text_lengths(count, mean, mean * factor))


LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 16))
def test_steps_are_those_of_batches_or_of_refilled_slots(lengths, rows):
    array = np.array(lengths, float)
    batches = sum(max(lengths[at : at + rows]) for at in range(0, len(lengths), rows))
    assert steps_of(array, rows, refill=False) == batches
    # Slots, one step after the other.
    waiting, slots, steps = list(lengths), [0] * rows, 0
    while waiting or any(slots):
        slots = [left or (waiting.pop(0) if waiting else 0) for left in slots]
        slots = [max(0, left - 1) for left in slots]
        steps += 1
    assert steps_of(array, rows, refill=True) == steps
    assert max(*lengths, sum(lengths) / rows) <= steps <= batches


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 20000), st.integers(1, 16), st.integers(1, 2048), st.floats(0, 1e-4), st.booleans())
def test_a_ranks_share_is_between_an_even_one_and_all(count, ranks, rows, step, refill):
    share = writing_share(count, ranks, rows, 100.0, 320.0, 1e-6, step, refill=refill)
    assert 1 / ranks <= share <= 1 + 1e-9
    if ranks == 1:
        assert share == 1


def test_a_long_tail_hurts_the_more_the_fewer_texts_there_are():
    few, many = (writing_share(count, 8, 512, 150.0, 600.0, 1e-6, 1e-3, refill=True) for count in (800, 80_000))
    assert 1 / 8 <= many < few


# -- The command


def dry(monkeypatch, machine, *more):
    monkeypatch.setattr(command.Machine, "here", lambda: machine)
    return CliRunner().invoke(app, ["run", "gsm8k-smollm2-card", "--dry-run", *more], env={"COLUMNS": "120"})


@pytest.fixture
def unchecked(monkeypatch):
    """The preset's files and model need not be here."""
    monkeypatch.setattr(command, "check_model", lambda *_, **__: None)
    monkeypatch.setattr(command, "check_data", lambda _: {})
    monkeypatch.setattr(command, "show_data", lambda *_: None)


@pytest.mark.usefixtures("unchecked")
def test_the_dry_run_tells_it_where_there_are_several_cards_or_somebody_asks(monkeypatch):
    several = replace(CARD, cards=tuple(replace(CARD.cards[0], number=n) for n in range(4)))
    for machine, more, heads in (
        (several, (), ["1", "2", "4", "2 x 4"]),
        (CARD, ("--cards", "8"), ["1", "2", "4", "8", "2 x 8"]),
        (BARE, ("--cards", "2"), ["1", "2", "2 x 2"]),
    ):
        done = dry(monkeypatch, machine, *more)
        assert done.exit_code == 0, done.output
        (line,) = (line for line in done.output.splitlines() if line.startswith("seconds on so many cards"))
        assert " ".join(line.split()) == " ".join(["seconds on so many cards", *heads])
        assert "times as fast" in done.output
        assert "NVLink" in done.output
    for machine in (CARD, BARE):
        assert "times as fast" not in dry(monkeypatch, machine).output


@pytest.mark.usefixtures("unchecked")
def test_scripts_get_it_as_data(monkeypatch):
    told = json.loads(dry(monkeypatch, CARD, "--cards", "4", "--json").output)
    clusters = told["scaling"]["clusters"]
    assert [(one["cards"], one["nodes"]) for one in clusters] == [(1, 1), (2, 1), (4, 1), (4, 2)]
    assert clusters[0]["total"] == pytest.approx(told["seconds"])
    assert clusters[0]["times_as_fast"] == 1
    assert sum(clusters[2]["seconds"].values()) == pytest.approx(clusters[2]["total"])
    assert "scaling" not in json.loads(dry(monkeypatch, CARD, "--json").output)


def test_cards_without_a_dry_run_are_refused():
    with pytest.raises(InputError, match="goes with --dry-run"):
        CliRunner().invoke(app, ["run", "lab-smoke", "--cards", "2"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("cards", "told"),
    [
        (1, ["1", "2 x 1"]),
        (6, ["1", "2", "4", "6", "2 x 6"]),
        (8, ["1", "2", "4", "8", "2 x 8"]),
        (24, ["1", "2", "4", "8", "2 x 8", "3 x 8"]),
        (64, ["1", "2", "4", "8", "2 x 8", "4 x 8", "8 x 8"]),
    ],
)
def test_the_clusters_that_are_told(cards, told):
    assert [cluster.words for cluster in clusters_up_to(cards)] == told


# -- What is trained, a part on each card

FREE_OF_CHARGE = Links(float("inf"), float("inf"), 0.0, "made up")
WIRES = Links(100e9, 10e9, 0.0, "made up")


def scaled(preset, how, machine=CARD, **more):
    config = config_of(preset)
    config = config.model_copy(update={"runtime": config.runtime.model_copy(update={"sharded_training": how, **more})})
    return scaling(config, find_shape(config), machine, CLUSTERS)


@pytest.mark.parametrize(("micro_tokens", "parts"), [(1 << 20, 1), (600, 2)])
def test_weights_are_sent_twice_and_sums_made_once_for_each_part_of_a_batch(micro_tokens, parts, monkeypatch):
    """In bf16 that is, for each part, as much as the sum of fp32 gradients that is made once a step otherwise."""

    def sent(how):
        found = []
        for links in (WIRES, FREE_OF_CHARGE):
            monkeypatch.setattr("sapo_studio.forecast.run_forecast.links_of", lambda _, links=links: links)
            found.append(scaled("gsm8k-qwen2.5-0.5b", how, micro_tokens=micro_tokens))
        with_wires, without = (run.clusters[-1] for run in found)
        assert with_wires.divided == without.divided == (how == "on")
        return {kind: with_wires.seconds[kind] - without.seconds[kind] for kind in with_wires.seconds}

    apart, whole = sent("on"), sent("off")
    assert whole["warm-up"] > 0
    assert apart["warm-up"] == pytest.approx(parts * whole["warm-up"], rel=1e-6)
    assert apart["sampling"] == apart["evaluation"] == 0


def test_by_itself_what_no_card_has_room_for_is_divided_and_it_is_said():
    card = CARD.cards[0]
    small = replace(CARD, cards=(replace(card, total=16 * 2**30, free=15 * 2**30),))
    auto = scaled("gsm8k-llama3.2-1b", "auto", small)
    assert [run.divided for run in auto.clusters] == [False, True, True, True, True]
    told = " ".join(auto.words)
    assert "A part of what is trained on each card, where there are 2, 4, 8, 2 x 8: " in told
    assert "One card has no room for what is trained" in told
    asked = scaled("gsm8k-llama3.2-1b", "on")
    assert asked.clusters[-1].divided
    assert "One card has no room" not in " ".join(asked.words)
    for preset, machine in (("gsm8k-llama3.2-1b", CARD), ("gsm8k-gemma2-2b-qlora", small)):
        assert not any(run.divided for run in scaled(preset, "auto", machine).clusters)
