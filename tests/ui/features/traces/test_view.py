"""The step view: what it shows, and judging steps by keyboard from key press to store."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractSlider, QInputDialog, QSplitter

from sapo_studio.store import annotations, queries
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.features.traces import reading
from sapo_ui.features.traces.row_facts import endings
from sapo_ui.features.traces.same_question import ROW
from sapo_ui.features.traces.view import TraceView
from sapo_ui.services.annotations import annotation_events, annotator_name
from sapo_ui.services.settings import Settings
from tests.fixtures.held import settled
from tests.ui.panel_helpers import change_of, show


@pytest.fixture
def trajectory(store, run_id):
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, iteration=1, outcome="wrong", case="confirmed"))
    return next(int(i) for i in ids if len(queries.trace(store, int(i)).steps) >= 4)


@pytest.fixture
def view(qtbot, run_id, trajectory, monkeypatch):
    Settings().set_text("annotator", "tester")
    Settings().save()
    made = show(qtbot, TraceView(), run_id, (900, 420))
    assert made.show_trace(trajectory)
    qtbot.waitUntil(lambda: made.detail is not None)
    qtbot.waitUntil(made.hasFocus)
    return made


def judged(store, trajectory):
    return {one.step: one.judgement for one in annotations.current(store, trajectory) if one.annotator == "tester"}


def test_shows_the_trace(view, store, trajectory):
    detail = queries.trace(store, trajectory)
    assert view.head.question.text() == detail.question
    view.head.reference.setChecked(True)
    assert view.head.solution.isVisible()
    assert view.head.solution.text() == detail.solution
    assert detail.reference in view.head.outcome.text
    assert [card.facts.text for card in view.steps.cards] == detail.steps
    newest = detail.scores[max(detail.scores)]
    assert np.allclose([card.facts.score for card in view.steps.cards], newest)
    drops = -np.diff(newest, prepend=1.0)
    assert np.allclose([card.facts.drop for card in view.steps.cards], drops)
    predicted = [
        card.facts.number for card in view.steps.cards if ("triangle", "predicted first error") in card.facts.marks
    ]
    assert predicted == [detail.predicted], "what was checked, whatever the newest verifier says"
    verified = [
        card.facts.number for card in view.steps.cards if ("square", "verified first error") in card.facts.marks
    ]
    assert verified == [next(label.verified for label in detail.labels if label.verified)]
    assert view.steps.chosen == verified[0]
    for card in view.steps.cards:
        at = [rollout for rollout in detail.evidence if rollout.prefix == card.facts.number]
        assert card.facts.rollouts == ((sum(r.correct for r in at), len(at)) if at else None)
        assert sum(one.times for one in endings(at)) == len(at)
    opened = [card.number for card in view.steps.cards if card.opened is not None and card.opened.isVisible()]
    assert opened == verified


def test_another_verifier_s_scores(view, qtbot, store, trajectory):
    detail = queries.trace(store, trajectory)
    first = min(detail.scores)
    view.verifier.setCurrentIndex(view.verifier.findData(first))
    assert np.allclose([card.facts.score for card in view.steps.cards], detail.scores[first])


def test_keyboard_judging_end_to_end(view, qtbot, store, trajectory):
    n = len(view.detail.steps)
    assert annotator_name() == "tester"
    while view.steps.chosen > 1:
        qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.keyClick(view, Qt.Key.Key_3)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: judged(store, trajectory) == {1: 1, 2: 0})
    qtbot.waitUntil(lambda: ("you", 0) in view.steps.cards[1].facts.judged)
    assert view.steps.chosen == 2
    qtbot.keyClick(view, Qt.Key.Key_E)
    wanted = {step: 1 if step < 2 else -1 for step in range(1, n + 1)}
    qtbot.waitUntil(lambda: judged(store, trajectory) == wanted)
    qtbot.waitUntil(lambda: view.detail.human == 2)
    assert ("ring", "first error by a person") in view.steps.cards[1].facts.marks
    qtbot.keyClick(view, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: set(judged(store, trajectory).values()) == {1})
    for _ in range(2):
        qtbot.keyClick(view, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: judged(store, trajectory) == {1: 1, 2: 0})
    who = {one.annotator for one in annotations.current(store, trajectory)}
    assert who == {"tester"}


def test_fast_typing_keeps_every_press_in_order(view, qtbot, store, trajectory):
    while view.steps.chosen > 1:
        qtbot.keyClick(view, Qt.Key.Key_Up)
    for key in (Qt.Key.Key_1, Qt.Key.Key_3, Qt.Key.Key_Down, Qt.Key.Key_1, Qt.Key.Key_Down, Qt.Key.Key_2, Qt.Key.Key_U):
        qtbot.keyClick(view, key)
    qtbot.waitUntil(lambda: not view.writer._busy and not view.writer._waiting)
    assert judged(store, trajectory) == {1: 1, 2: -1}
    acts = store.rows("SELECT step, judgement, undone_at IS NULL FROM annotations ORDER BY act, step")
    assert acts == [(1, -1, 1), (1, 1, 1), (2, -1, 1), (3, 0, 0)]


def test_buttons_do_the_same(view, qtbot, store, trajectory):
    step = view.steps.chosen
    view.bar.buttons["wrong"].click()
    qtbot.waitUntil(lambda: judged(store, trajectory) == {step: -1})
    view.bar.buttons["wrong"].setFocus()
    qtbot.keyClick(view.bar.buttons["wrong"], Qt.Key.Key_U)
    qtbot.waitUntil(lambda: judged(store, trajectory) == {})


def test_the_heatmap_hears_of_it_at_once(view, qtbot, store, run_id, trajectory):
    told = []
    annotation_events().judged.connect(lambda *args: told.append(args))
    heatmap = show(qtbot, HeatmapPanel(), run_id)
    qtbot.waitUntil(lambda: heatmap.data is not None)
    heatmap.controls.whose.setCurrentIndex(heatmap.controls.whose.findData(-1))
    qtbot.waitUntil(lambda: trajectory in heatmap.data.ids)
    view.steps.choose(2)
    view._verb("first_error")
    column = int(np.flatnonzero(heatmap.data.ids == trajectory)[0])
    qtbot.waitUntil(lambda: int(heatmap.data.human[column]) == 2)
    assert told == [(trajectory, 2)]
    annotation_events().judged.disconnect()


def test_somebody_else_s_judgement_arrives_by_refresh(view, qtbot, store, run_id, trajectory):
    chosen = view.steps.chosen
    annotations.annotate(store, trajectory, "other", {1: 1})
    view.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: ("other", 1) in view.steps.cards[0].facts.judged)
    assert view.steps.chosen == chosen


def test_the_same_question_is_aligned_and_opens(view, qtbot, store, trajectory):
    view.resize(900, 800)
    qtbot.waitUntil(view.same.isVisible)
    rows = view.same.strips.rows
    assert rows[0].this
    steps = queries.trace(store, trajectory).steps
    for row in rows[1:]:
        other = queries.trace(store, row.id)
        assert other.question_id == view.detail.question_id
        assert other.steps[: row.equal] == steps[: row.equal]
        assert other.steps[row.equal : row.equal + 1] == ([row.differs] if row.differs else [])
        assert other.steps[row.equal : row.equal + 1] != steps[row.equal : row.equal + 1] or not row.differs
    qtbot.mouseClick(view.same.strips, Qt.MouseButton.LeftButton, pos=QPoint(60, ROW * 2 + 4))
    qtbot.waitUntil(lambda: view.detail.id == rows[1].id)


def test_brackets_go_through_the_iterations(view, qtbot, store, trajectory):
    first = view.detail.iteration
    there = {one.iteration for one in queries.same_question(store, trajectory)}
    after = min(number for number in there if number > first)
    qtbot.keyClick(view, Qt.Key.Key_BracketRight)
    qtbot.waitUntil(lambda: view.detail.iteration == after)
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft)
    qtbot.waitUntil(lambda: view.detail.iteration == first)


def test_the_name_that_judgements_are_kept_under_can_be_changed(view, qtbot, store, trajectory):
    assert view.bar.who.text() == "as tester\u2026"
    qtbot.mouseClick(view.bar.who, Qt.MouseButton.LeftButton)
    dialog = view.window().findChild(QInputDialog)
    assert dialog.textValue() == "tester"
    dialog.setTextValue("  eva ")
    dialog.accept()
    assert (view.bar.who.text(), annotator_name()) == ("as eva\u2026", "eva")
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: [one.annotator for one in annotations.current(store, trajectory)] == ["eva"])


def test_the_clicked_cell_is_the_step_that_is_judged(view, qtbot, store, run_id):
    heatmap = show(qtbot, HeatmapPanel(), run_id)
    qtbot.waitUntil(lambda: heatmap.data is not None)
    heatmap.trace_requested.connect(view.show_trace)
    page = QSplitter(Qt.Orientation.Vertical)
    qtbot.addWidget(page)
    page.addWidget(heatmap)
    page.addWidget(view)
    view.setFixedHeight(190)  # room for a step or two
    page.resize(900, 620)
    page.show()
    page.activateWindow()
    long = int(np.argmax(heatmap.data.n_steps))
    trajectory, last = int(heatmap.data.ids[long]), int(heatmap.data.n_steps[long])

    def judge_by_click(step):
        at = heatmap.view.layout_now.rect_of(Cell(long, step)).center().toPoint()
        qtbot.mouseClick(heatmap.view, Qt.MouseButton.LeftButton, pos=at)
        qtbot.waitUntil(lambda: view.detail.id == trajectory and view.steps.chosen == step)
        qtbot.waitUntil(lambda: view.steps.in_view)
        qtbot.waitUntil(view.hasFocus)
        qtbot.keyClick(view, Qt.Key.Key_1)
        qtbot.waitUntil(lambda: judged(store, trajectory).get(step) == -1)

    judge_by_click(1)
    judge_by_click(last)
    assert judged(store, trajectory) == {1: -1, last: -1}
    for part in (heatmap, view):
        part.setParent(None)  # each is taken apart by itself


def test_a_step_that_was_scrolled_away_comes_back_before_it_is_judged(view, qtbot, store, trajectory):
    view.resize(900, 190)
    view.steps.choose(1)
    qtbot.waitUntil(lambda: view.steps.in_view)
    bar = view.steps.verticalScrollBar()
    assert bar.maximum() > 60
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMaximum)
    assert not view.steps.in_view
    qtbot.keyClick(view, Qt.Key.Key_1)
    assert view.steps.in_view
    qtbot.keyClick(view, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: judged(store, trajectory) == {1: 1})
    assert store.value("SELECT count(*) FROM annotations") == 1


def test_nothing_is_judged_while_another_trajectory_is_being_read(view, qtbot, store):
    before, other = view.detail.id, view.detail.siblings[0].id
    view.show_trace(other, 2)
    qtbot.keyClick(view, Qt.Key.Key_1)  # the old one still stands there
    assert view.detail.id == before
    qtbot.waitUntil(lambda: view.detail.id == other)
    assert view.steps.chosen == 2
    qtbot.waitUntil(lambda: not view.writer._busy)
    assert store.value("SELECT count(*) FROM annotations") == 0


def test_a_reading_from_before_a_press_does_not_take_the_judgement_away(view, qtbot, store, run_id, trajectory, hold):
    held = hold(reading, "read")
    view.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    while view.steps.chosen > 1:
        qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.keyClick(view, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: ("you", 1) in view.steps.cards[0].facts.judged)
    held.let_go()
    qtbot.waitUntil(lambda: len(held.found) == 2)
    settled(qtbot)
    assert ("you", 1) in view.steps.cards[0].facts.judged
    assert view.detail.annotations == queries.trace(store, trajectory).annotations


def test_what_was_read_ahead_of_a_press_is_not_shown_later(view, qtbot, store, run_id, trajectory, hold):
    other = next(int(i) for i in queries.trace_ids(store, queries.TraceFilter(run_id, iteration=1)) if i != trajectory)
    held = hold(reading, "read")
    view.prefetch([other])
    qtbot.waitUntil(lambda: len(held.found) == 1)
    view.show_trace(other)
    qtbot.waitUntil(lambda: view.detail.id == other)
    while view.steps.chosen > 1:
        qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.keyClick(view, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: ("you", 1) in view.steps.cards[0].facts.judged)
    held.let_go()
    qtbot.waitUntil(lambda: len(held.found) == 3)  # `other` as it was, for the page, and `other` as it is
    settled(qtbot)
    assert view.ahead.ready(other).detail.annotations == queries.trace(store, other).annotations
