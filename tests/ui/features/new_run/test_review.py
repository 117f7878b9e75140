"""The review beside the New run form: the forecast, in the window."""

from dataclasses import replace

import pytest
from PySide6.QtGui import QFontMetricsF

from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast import Machine, card_needs, find_shape, forecast
from sapo_studio.hardware import Card
from sapo_ui import theme
from sapo_ui.features.new_run.review import START, describe
from sapo_ui.features.new_run.review_bars import NAME_WIDTH, MemoryBar
from sapo_ui.features.new_run.review_card import ReviewBody
from tests.fixtures.held import settled

GIB = 2**30
HERE = Machine(cores=2, total=24 * GIB, free=20 * GIB, matrix=40e9, bandwidth=8e9, words="made up")
QWEN = "gsm8k-qwen2.5-0.5b"


def on(machine, name):
    config = find_preset(name).config
    return describe(forecast(config, find_shape(config), machine))


@pytest.fixture
def body(qtbot):
    made = ReviewBody()
    qtbot.addWidget(made)
    made.resize(272, 600)
    made.show()
    return made


def test_the_forecast_follows_what_is_typed_and_is_grey_until_it_is_there(qtbot, body):
    body.ask(find_preset("lab-demo").config)
    assert "Forecasting" in body.unknown.text()
    assert not body.stale, "there is nothing to be stale yet"
    with qtbot.waitSignal(body.shown, timeout=30_000):
        pass
    before = body.review
    assert [memory.where for memory in before.memories] == ["Main memory"]
    labeling = RunConfig().labeling.model_copy(update={"rollouts": 16})
    with qtbot.waitSignal(body.shown, timeout=30_000):
        body.ask(find_preset("lab-demo").config.model_copy(update={"labeling": labeling}))
        assert body.stale
        assert body.review is before, "it greys, it never blanks"
        assert body.findChildren(MemoryBar)
    assert not body.stale
    assert [line.label for line in body.rollouts.lines] == ["SAPO", "Omega", "Shepherd"]
    assert [line.own for line in body.rollouts.lines] == [True, False, False]
    assert body.rollouts.lines[0].amount != before.rollouts[0].amount


def test_what_fits_is_said_without_a_warning(body):
    cards = tuple(Card(n, "RTX 4090", 24 * GIB, 23 * GIB, 300e12, 1e12, "assumed") for n in range(2))
    body.show_review(on(replace(HERE, cards=cards, total=64 * GIB, free=60 * GIB), QWEN))
    bars = body.findChildren(MemoryBar)
    places = [memory.where for memory in body.review.memories]
    assert places == ["Card 0, RTX 4090", "Card 1, RTX 4090", "Main memory"]
    assert [bar.accessibleName().split(":")[0] for bar in bars] == places
    assert not any(bar.over or bar.memory.tight for bar in bars)
    for memory in body.review.memories:
        assert sum(memory.parts) / memory.there == pytest.approx(memory.share)
    assert any(memory.parts[0] > 0 for memory in body.review.memories), "weights are part of it"
    assert not body.warnings.isVisible()
    assert body.review.total.value.startswith("about ")
    assert [line.value for line in body.times.lines] == [line.value for line in body.review.phases]


def test_what_does_not_fit_is_warned_of_in_words_too(body):
    cards = tuple(Card(n, "Small", 4 * GIB, 4 * GIB, 30e12, 3e11, "assumed") for n in range(2))
    body.show_review(on(replace(HERE, cards=cards), QWEN))
    assert body.warnings.isVisible()
    assert "will not fit" in body.warnings.text()
    assert "model.tuning" in body.warnings.text()
    full = [bar for bar in body.findChildren(MemoryBar) if bar.over]
    assert full
    assert all("too small" in bar.accessibleName() for bar in full)


def test_a_model_that_is_not_known_yet_is_said_to_be(body):
    config = RunConfig.model_validate({"task": {"kind": "gsm8k"}, "model": {"source": "hub:nobody/knows"}})
    body.show_review(describe(forecast(config, find_shape(config), HERE)))
    assert "No memory or time estimate" in body.unknown.text()
    assert body.review.total is None
    assert not body.findChildren(MemoryBar)
    assert len(body.rollouts.lines) == 3


def test_each_card_is_told_what_the_run_would_take_of_it():
    cards = tuple(Card(n, "Card", size * GIB, size * GIB, 3e13, 3e11, "") for n, size in enumerate((4, 80)))
    config = find_preset(QWEN).config
    needs = card_needs(config, find_shape(config), replace(HERE, cards=cards))
    assert set(needs) == {0, 1}
    assert needs[0].bytes > 4 * GIB
    assert needs[1].bytes < 80 * GIB


@pytest.mark.parametrize("name", ["lab-demo", "lab-full"])
def test_no_name_of_a_bar_is_cut_off(body, name):
    review = on(HERE, name)
    metrics = QFontMetricsF(theme.font("small"))
    lines = (*review.phases, *review.rollouts)
    assert START in [line.label for line in lines]
    assert [line.label for line in lines if metrics.horizontalAdvance(line.label) > NAME_WIDTH - 6] == []


def test_what_it_rests_on_is_told_on_a_click(body):
    body.show_review(on(HERE, "lab-demo"))
    assert not body.assumptions.isVisible()
    body.fold.click()
    assert body.assumptions.isVisible()
    assert "made up" in body.assumptions.text()


def test_the_four_parts_of_compute_are_forecast(body):
    review = on(HERE, QWEN)
    body.show_review(review)
    tokens = [bar for bar in body.bars.bars if bar.group == "Compute after the warm-up, tokens"]
    assert [bar.name for bar in tokens] == ["Generated", "Prompts computed", "Scored", "Trained on"]
    assert all(bar.amount > 0 for bar in tokens)
    (flops,) = (bar for bar in body.bars.bars if bar.group == "Compute after the warm-up, FLOPs")
    assert flops.amount > 1e12


def test_the_forecast_of_values_that_were_left_is_not_shown_as_that_of_others(qtbot, body, hold):
    config = find_preset("lab-demo").config
    with qtbot.waitSignal(body.shown, timeout=30_000):
        body.ask(config)
    first = body.review
    held = hold(body, "_forecast")
    body.ask(config.model_copy(update={"seed": 2}))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    body.ask(config.model_copy(update={"seed": 3}))
    seen = []
    body.shown.connect(lambda: seen.append(body.review))
    held.let_go()
    qtbot.waitUntil(lambda: len(held.found) == 2)
    settled(qtbot)
    assert seen == [held.found[1]]
    assert not body.stale
    body.outdate()  # what is typed is no number at the moment
    assert body.stale
    body.ask(config.model_copy(update={"seed": 3}))
    assert not body.stale, "the values are those again that it is the forecast of"
    assert body.review is not first
