"""Blind: nothing that a model made is anywhere on the page until the item is saved."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from sapo_studio.store import queries, queue_work
from sapo_studio.store.queue_items import Worker
from sapo_studio.store.queues import list_queues
from sapo_ui.features.annotate import evidence
from sapo_ui.features.annotate.conflicts import ConflictsPage
from sapo_ui.services.annotations import set_annotator_name
from sapo_ui.trajectory.step_cards import StepFacts
from sapo_ui.widgets.labels import Chip
from tests.fixtures.two_people import judged_queue
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


def test_conflicts_of_what_one_has_still_to_judge(qtbot, store):
    """The others' judgements are what the page is for; what might sway a judgement of one's own is not."""
    set_annotator_name("Eva")
    judged_queue(store)
    page = ConflictsPage()
    qtbot.addWidget(page)
    page.show()
    page.show_queue(list_queues(store)[0])
    page.refresh()
    qtbot.waitUntil(lambda: page.draft is not None and page.view.evidence.title.text() != "")
    for key in (Qt.Key.Key_Down, "1", "3", Qt.Key.Key_Escape):
        qtbot.keyClick(page, key)
        assert leaks(page.view) == []
        assert page.view.evidence.open.text() == evidence.HIDDEN
        assert not page.view.evidence.score.isVisibleTo(page)
        assert not page.view.evidence.task.isVisibleTo(page)
    assert leaks(page.list) == []
    eva = Worker("Eva", "her window")
    item = queue_work.claim(store, page.draft.conflict.item.item_id, eva)
    queue_work.skip_item(store, item.id, eva)
    page.refresh()
    qtbot.waitUntil(lambda: page.view.evidence.open.text() == evidence.OPEN)
    assert page.view.evidence.score.isVisibleTo(page)
    assert leaks(page.view)
    queue_work.reopen(store, item.id, eva)
    page.refresh()
    qtbot.waitUntil(lambda: page.view.evidence.open.text() == evidence.HIDDEN)


def test_a_judgement_is_blind_only_before_the_scores_were_open(judge, qtbot, store):
    first = judge.desk.open_item.item.id
    press(qtbot, judge, "n", ENTER)
    blind = "SELECT blind FROM item_states WHERE item_id = ?"
    assert store.value(blind, (first,)) == 1
    press(qtbot, judge, "u", ENTER)
    assert store.value(blind, (first,)) == 0, "the item stood among the saved ones, scores open"


def test_it_is_remembered(judge, qtbot, queue):
    press(qtbot, judge, "b")
    again = type(judge)()
    qtbot.addWidget(again)
    assert not again.blind.isChecked()
    assert all(isinstance(one.models, StepFacts) for one in judge.item.shown_steps)
    press(qtbot, judge, "n", ENTER)
    assert judge.item.openness.text() == "model scores open"
