"""The review beside the New run form: the forecast, in the window."""

from dataclasses import replace

import pytest
from sapo_ui.features.new_run.level_bar import LevelBar

from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast import Machine, find_shape, forecast
from sapo_studio.hardware import Card
from sapo_ui.features.new_run.page import NewRunPage
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.features.new_run.review import describe
from sapo_ui.features.new_run.review_card import MemoryRow, ReviewBody

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
    made.resize(296, 600)
    made.show()
    return made


def test_the_forecast_follows_what_is_typed(qtbot):
    page = NewRunPage([PresetChoice("lab", RunConfig.model_validate({"model": {"source": "bundled:lab"}}), "")])
    qtbot.addWidget(page)
    page.show()
    page.build_all()
    with qtbot.waitSignal(page.review.shown, timeout=30_000):
        pass
    before = page.review.review
    assert before is not None
    assert before.total is not None
    assert [memory.where for memory in before.memories] == ["Main memory"]
    editor = page.rows["labeling.rollouts"].editor
    editor.selectAll()
    with qtbot.waitSignal(page.review.shown, timeout=30_000):
        qtbot.keyClicks(editor, "16")
    after = page.review.review
    assert [cost.name for cost in after.costs] == ["SAPO", "Omega", "Shepherd"]
    assert after.costs[0].amount > before.costs[0].amount


def test_what_fits_is_said_without_a_warning(body):
    cards = tuple(Card(n, "RTX 4090", 24 * GIB, 23 * GIB, 300e12, 1e12, "assumed") for n in range(2))
    body.show_review(on(replace(HERE, cards=cards, total=64 * GIB, free=60 * GIB), QWEN))
    rows = body.findChildren(MemoryRow)
    places = [memory.where for memory in body.review.memories]
    assert places == ["Card 0, RTX 4090", "Card 1, RTX 4090", "Main memory"]
    assert [row.accessibleName().split(":")[0] for row in rows] == places
    assert all(0 < bar.share < 1 and not bar.tight for bar in body.findChildren(LevelBar))
    assert not body.warnings.isVisible()
    assert body.review.total.value.startswith("about ")
    assert sum(cost.remark == "this run" for cost in body.review.costs) == 1


def test_what_does_not_fit_is_warned_of_in_words_too(body):
    cards = tuple(Card(n, "Small", 4 * GIB, 4 * GIB, 30e12, 3e11, "assumed") for n in range(2))
    body.show_review(on(replace(HERE, cards=cards), QWEN))
    assert body.warnings.isVisible()
    assert "will not fit" in body.warnings.text()
    assert "model.tuning" in body.warnings.text()
    full = [bar for bar in body.findChildren(LevelBar) if bar.share > 1]
    assert full
    assert all(bar.tight for bar in full)


def test_a_model_that_is_not_known_yet_is_said_to_be(body):
    config = RunConfig.model_validate({"task": {"kind": "gsm8k"}, "model": {"source": "hub:nobody/knows"}})
    body.show_review(describe(forecast(config, find_shape(config), HERE)))
    assert "No memory or time estimate" in body.unknown.text()
    assert body.review.total is None
    assert not body.findChildren(MemoryRow)
    assert len(body.review.costs) == 3


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
