"""Blind: nothing that a model made is anywhere on the page until the item is saved."""

from __future__ import annotations

import re

from PySide6.QtWidgets import QWidget

from sapo_studio.store import queries
from sapo_ui.trajectory.step_cards import StepFacts
from sapo_ui.widgets.labels import Chip
from tests.ui.queue_helpers import ENTER, press

MODELS = re.compile(
    r"verifier'?s? score|drop|rise|rollouts? correct|predicted|verified|true first error|sapo|omega|expansion"
    r"|\b[01]\.\d\d\b"
)


def texts(widget):
    """Everything that a person or a screen reader can come upon in it."""
    for one in [widget, *widget.findChildren(QWidget)]:
        if not one.isVisibleTo(widget):
            continue  # a card that has been replaced
        yield from (one.accessibleName(), one.accessibleDescription(), one.toolTip(), one.statusTip(), one.whatsThis())
        for name in ("text", "toPlainText"):
            told = getattr(one, name, None)
            if told is not None:
                text = told() if callable(told) else told
                yield text if isinstance(text, str) else ""


def leaks(widget):
    return sorted({text for text in texts(widget) if MODELS.search(text)})


def coloured(judge):
    """Cards that are painted in a score's color."""
    return [card.number for card in judge.item.steps.cards if card.step.models is not None]


def test_nothing_of_models_shows_until_it_is_saved(judge, qtbot, store):
    first = judge.desk.open_item.detail
    assert first.scores
    assert judge.blind.isChecked()
    press(qtbot, judge, "j", "e")
    assert leaks(judge.item) == []
    assert coloured(judge) == []
    assert judge.item.findChildren(Chip) == []
    assert leaks(judge.queue.waiting) == []
    assert judge.item.openness.text() == "model scores hidden until you save"
    press(qtbot, judge, "b")
    assert coloured(judge) == list(range(1, len(first.steps) + 1))
    assert leaks(judge.item)
    press(qtbot, judge, "b")
    assert leaks(judge.item) == []
    press(qtbot, judge, ENTER)
    assert leaks(judge.item) == []
    qtbot.waitUntil(lambda: len(judge.queue.saved.rows.items) == 1)
    (saved,) = judge.queue.saved.rows.items
    newest = queries.trace(store, first.id).scores
    assert saved.scores.tolist() == newest[max(newest)].tolist()
    assert store.value("SELECT blind FROM item_states WHERE status = 'saved'") == 1
    judge.queue.saved.chosen.emit(saved.id)
    qtbot.waitUntil(lambda: coloured(judge) == list(range(1, len(first.steps) + 1)))


def test_it_is_remembered(judge, qtbot, queue):
    press(qtbot, judge, "b")
    again = type(judge)()
    qtbot.addWidget(again)
    assert not again.blind.isChecked()
    assert all(isinstance(one.models, StepFacts) for one in judge.item.shown_steps)
    press(qtbot, judge, "n", ENTER)
    assert judge.item.openness.text() == "model scores open"
