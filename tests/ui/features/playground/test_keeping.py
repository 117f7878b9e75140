"""Solutions that are kept as traces, and judged on Annotate."""

from __future__ import annotations

from PySide6.QtCore import Qt

from sapo_studio.requests.play import Continue, Sample
from sapo_studio.store import queries
from sapo_studio.store.queues import list_queues
from sapo_ui.services.unfinished import unfinished
from tests.fixtures.scripted_session import choice
from tests.ui.features.playground.test_sampling import RIGHT, WRONG, ask

LEFT = Qt.MouseButton.LeftButton


def answered(qtbot, table):
    table.page.card.solutions.setValue(1)
    ask(qtbot, table)
    session = table.session
    session.load("a")
    request = session.asked(Sample, "a")
    names = session.start(request)
    session.finish(names[0], RIGHT)
    session.finish(names[1], WRONG)
    session.done(request.id)
    table.hear()
    return names


def kept(store):
    return store.rows("SELECT id, run_id FROM trajectories WHERE source = 'import' ORDER BY id")


def test_plus_and_minus_keep_a_solution_and_say_where(qtbot, table, store):
    right, wrong = answered(qtbot, table)
    panel = table.page.sides["a"]
    panel.list.setFocus()
    qtbot.keyClick(panel.list, Qt.Key.Key_Plus)
    qtbot.waitUntil(lambda: panel.list.rows[right].word == "good")
    assert panel.list.rows[right].accessibleName().endswith("kept as a good trace")
    assert not panel.annotate.isHidden()
    ((first, run_id),) = kept(store)
    assert panel.foot.text() == f"Kept as a good trace in {queries.get_run(store, run_id).name}"
    trace = queries.trace(store, first)
    assert (trace.steps, trace.correct) == (list(RIGHT[0]), True)
    qtbot.mouseClick(panel.list.rows[wrong].keep["bad"], LEFT)
    qtbot.waitUntil(lambda: panel.list.rows[wrong].word == "bad")
    assert len(kept(store)) == 2
    # The other word in place of the first: it is the same trace.
    qtbot.mouseClick(panel.list.rows[wrong].keep["good"], LEFT)
    qtbot.waitUntil(lambda: panel.list.rows[wrong].word == "good")
    assert len(kept(store)) == 2
    # Pressed faster than the store writes: the last one stands.
    for word in ("bad", "good", "bad"):
        table.playground.keep("a", wrong, word)
    qtbot.waitUntil(lambda: not unfinished().any)
    assert panel.list.rows[wrong].word == "bad"


def test_annotate_opens_a_queue_that_holds_all_that_was_kept(qtbot, table, store):
    right, wrong = answered(qtbot, table)
    panel = table.page.sides["a"]
    qtbot.mouseClick(panel.list.rows[right].keep["good"], LEFT)
    qtbot.waitUntil(lambda: not panel.annotate.isHidden())
    qtbot.mouseClick(panel.annotate, LEFT)
    qtbot.waitUntil(lambda: len(table.opened) == 1)
    qtbot.mouseClick(panel.list.rows[wrong].keep["bad"], LEFT)
    qtbot.waitUntil(lambda: len(kept(store)) == 2)
    qtbot.waitUntil(lambda: panel.list.rows[wrong].word == "bad")
    qtbot.mouseClick(panel.annotate, LEFT)
    qtbot.waitUntil(lambda: len(table.opened) == 2)
    (queue,) = list_queues(store)
    assert table.opened == [queue.uid, queue.uid]
    items = store.rows("SELECT trajectory_id FROM queue_items WHERE queue_id = ? ORDER BY place", (queue.id,))
    assert items == [(identity,) for identity, _ in kept(store)]


def test_a_rollout_is_kept_with_the_step_that_was_changed(qtbot, table, store):
    _, wrong = answered(qtbot, table)
    solutions = table.page.sides["a"].list
    solutions.setFocus()
    qtbot.keyClick(solutions, "j")
    assert solutions.current.solution.id == wrong
    qtbot.keyClick(solutions, "e")
    editor = solutions.current.opened.editor
    editor.field.setPlainText(RIGHT[0][0])
    qtbot.mouseClick(editor.go, LEFT)
    request = table.session.asked(Continue)
    rollout = table.session.start(request)[0]
    table.session.finish(rollout, RIGHT)
    table.hear()
    qtbot.keyClick(solutions, Qt.Key.Key_Down)
    qtbot.keyClick(solutions, Qt.Key.Key_Plus)
    qtbot.waitUntil(lambda: len(kept(store)) == 1)
    assert queries.trace(store, kept(store)[0][0]).steps == list(RIGHT[0])
    qtbot.waitUntil(lambda: table.playground.keeper.words == {rollout: "good"})


def test_a_solution_without_a_step_is_refused_and_why_is_said(qtbot, lay, store):
    table = lay([choice(verifiers=0)])
    ask(qtbot, table)
    session = table.session
    session.load("a")
    names = session.start(session.asked(Sample, "a"))
    session.finish(names[0], ((), (), "", False))
    table.hear()
    panel = table.page.sides["a"]
    qtbot.mouseClick(panel.list.rows[names[0]].keep["good"], LEFT)
    qtbot.waitUntil(table.page.notice.isVisible)
    assert "no step to keep" in table.page.notice.text
    assert kept(store) == []
