"""Asking both sides: what is sent, what is shown while it is written, and in which order."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication

from sapo_studio.requests.play import Cancel, Load, Sample
from tests.fixtures.scripted_session import choice

RIGHT = (("14 * 18 = 252", "The answer is 252"), (0.9, 0.8), "252", True)
WRONG = (("14 * 18 = 300", "The answer is 300"), (0.6, 0.2), "300", False)
NO_ANSWER = (("14 * 18 = 252",), (0.7,), "", False)
CTRL_ENTER = (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def ask(qtbot, table, text="How many seats?", answer="252"):
    table.page.card.text.setPlainText(text)
    table.page.card.answer.setText(answer)
    qtbot.keyClick(table.page.card.text, *CTRL_ENTER)


def lines(table, side="a"):
    panel = table.page.sides[side]
    return [panel.list.rows[name].accessibleName() for name in panel.list.order]


def test_ctrl_enter_asks_both_sides_with_what_is_typed(qtbot, table):
    card = table.page.card
    card.solutions.setValue(3)
    card.temperature.setValue(0.5)
    card.max_tokens.setValue(64)
    card.seed.setValue(7)
    ask(qtbot, table)
    loads = [one for one in table.session.sent if isinstance(one, Load)]
    samples = [one for one in table.session.sent if isinstance(one, Sample)]
    assert [(one.side, one.checkpoint.iteration, one.verifier.iteration) for one in loads] == [("a", 4, 1), ("b", 1, 1)]
    assert [one.side for one in samples] == ["a", "b"]
    for one in samples:
        assert (one.question.text, one.question.answer) == ("How many seats?", "252")
        assert (one.solutions, one.temperature, one.max_tokens, one.seed) == (3, 0.5, 64, 7)


def test_what_is_loaded_is_not_loaded_again_and_another_checkpoint_is(qtbot, table):
    ask(qtbot, table)
    table.session.load("a")
    table.session.load("b")
    for side in ("a", "b"):
        table.session.done(table.session.asked(Sample, side).id)
    table.hear()
    before = len(table.session.sent)
    ask(qtbot, table)
    assert [type(one) for one in table.session.sent[before:]] == [Sample, Sample]
    table.session.cancel()
    table.hear()
    before = len(table.session.sent)
    chooser = table.page.sides["b"].chooser
    chooser.verifier.open_list()
    qtbot.keyClicks(chooser.verifier.popup.line, "v0")
    qtbot.keyClick(chooser.verifier.popup.line, Qt.Key.Key_Return)
    assert "Written by lab-demo, M1 (after alignment 0), scored by V1" in table.page.sides["b"].stale.text()
    assert table.page.sides["a"].stale.isHidden()
    ask(qtbot, table)
    assert table.page.sides["b"].stale.isHidden()
    sent = [one for one in table.session.sent[before:] if not isinstance(one, Cancel)]
    assert [(type(one), one.side) for one in sent] == [(Load, "b"), (Sample, "a"), (Sample, "b")]
    assert sent[0].verifier.iteration == 0


def test_rows_fill_while_they_are_written_and_verdicts_stand_above(qtbot, table):
    table.page.card.solutions.setValue(3)
    ask(qtbot, table)
    session, panel = table.session, table.page.sides["a"]
    session.load("a", part=0.4)
    table.hear()
    assert panel.message.words.message == "Loading Reading the weights of the reasoner"
    assert panel.message.progress.value() == 40
    session.load("a")
    request = session.asked(Sample, "a")
    greedy, first, second, third = session.start(request)
    session.finish(greedy, RIGHT)
    session.finish(first, WRONG)
    session.finish(second, RIGHT, finished=False)
    session.write(third, ["14 * 18 = 252"], (0.91,), tail="The ans")
    session.judge(request, {greedy: RIGHT, first: WRONG, second: RIGHT})
    table.hear()
    assert panel.count.text() == "2 of 3"
    assert panel.list.order == [greedy, second, first, third], "by mean, what is being written last"
    assert lines(table) == [
        "Greedy solution, correct, answer 252, mean score 0.85, 2 steps",
        "Solution, correct, answer 252, cut off at 80 tokens, mean score 0.85, 2 steps",
        "Solution, incorrect, answer 300, mean score 0.40, 2 steps",
        "Solution, being written, 1 step so far",
    ]
    live = panel.list.rows[third].solution
    assert (live.scores, live.tail) == ((0.91,), "The ans")
    cards = panel.cards
    assert cards.greedy.accessibleName() == "Greedy: 252, correct, one try"
    assert cards.majority.accessibleName() == "Majority: 300, incorrect, 1 of 2"
    assert cards.best.accessibleName() == "Best by verifier: 252, correct, mean 0.85"
    assert "Waits for the other side" in table.page.sides["b"].message.words.message
    qtbot.mouseClick(cards.best, Qt.MouseButton.LeftButton)
    assert panel.list.current is panel.list.rows[second]
    assert panel.list.current.open


def test_the_score_of_a_solution_is_chosen_for_both_sides(qtbot, table):
    table.page.card.solutions.setValue(2)
    ask(qtbot, table)
    session = table.session
    falls = (("a", "b"), (0.99, 0.30), "1", True)
    even = (("a", "b"), (0.60, 0.60), "2", False)
    for side in ("a", "b"):
        session.load(side)
        request = session.asked(Sample, side)
        greedy, first, second = session.start(request)
        for name, text in ((greedy, even), (first, falls), (second, even)):
            session.finish(name, text)
        session.judge(request, {greedy: even, first: falls, second: even})
        session.done(request.id)
    table.hear()
    assert [panel.list.order[0].endswith("/0") for panel in table.page.sides.values()] == [True, True]
    which = table.page.sides["a"].which
    which.setFocus()
    qtbot.keyClick(which, Qt.Key.Key_Right)
    assert [panel.which.value for panel in table.page.sides.values()] == [1, 1]
    for panel in table.page.sides.values():
        assert panel.list.order[-1].endswith("/0"), "its least score is the lowest"
        assert panel.cards.best.accessibleName() == "Best by verifier: 2, incorrect, min 0.60"


def test_rows_stay_under_the_pointer_until_it_leaves(qtbot, table):
    table.page.card.solutions.setValue(2)
    ask(qtbot, table)
    session, solutions = table.session, table.page.sides["a"].list
    session.load("a")
    greedy, first, second = session.start(session.asked(Sample, "a"))
    session.finish(greedy, WRONG)
    session.finish(first, NO_ANSWER)
    table.hear()
    assert solutions.order == [first, greedy, second]
    here = QPointF(5, 5)
    QApplication.sendEvent(solutions, QEnterEvent(here, here, here))
    session.finish(second, RIGHT)
    table.hear()
    assert solutions.order == [first, greedy, second]
    assert "correct, answer 252" in lines(table)[-1]
    QApplication.sendEvent(solutions, QEvent(QEvent.Type.Leave))
    assert solutions.order == [second, first, greedy]


def test_stopped_in_mid_stream_what_is_written_stays(qtbot, table):
    table.page.card.solutions.setValue(2)
    ask(qtbot, table)
    session, page = table.session, table.page
    session.load("a")
    greedy, first, second = session.start(session.asked(Sample, "a"))
    session.finish(greedy, RIGHT)
    session.write(first, ["14 * 18 = 252"], (0.9,), tail="The")
    table.hear()
    page.card.text.setFocus()
    qtbot.keyClick(page.card.text, Qt.Key.Key_Escape)
    assert any(isinstance(one, Cancel) for one in session.sent)
    table.hear()
    assert not table.playground.busy
    panel = page.sides["a"]
    rows = panel.list.rows
    assert [rows[name].solution.phase for name in (greedy, first, second)] == ["done", "stopped", "stopped"]
    assert rows[first].solution.text == "14 * 18 = 252\nThe"
    assert not rows[first].keep, "half a solution is no trace"
    assert "stopped after" in panel.speed.text()
    assert not page.card.stop.isEnabled()
    # Late words of what was stopped change nothing.
    session.write(first, ["x"], ())
    table.hear()
    assert page.sides["a"].list.rows[first].solution.phase == "stopped"


@pytest.mark.parametrize("known", [None, False])
def test_without_a_reference_answer_there_is_no_check_and_no_cross(qtbot, table, known):
    ask(qtbot, table, answer="")
    session = table.session
    session.load("a")
    request = session.asked(Sample, "a")
    names = session.start(request)
    text = (*RIGHT[:3], known)
    session.finish(names[1], text)
    session.judge(request, {names[1]: text})
    table.hear()
    said = table.page.sides["a"].cards.majority.accessibleName()
    assert ("correct" in said) is (known is not None)
    assert ("correct" in lines(table)[0]) is (known is not None)


def test_one_side_alone(qtbot, lay):
    table = lay([choice(iteration=4)])
    assert table.page.sides["b"].empty
    assert "One side" in table.page.sides["b"].message.words.message
    ask(qtbot, table)
    assert {one.side for one in table.session.sent} == {"a"}


def test_programs_pass_or_fail_and_have_no_vote(qtbot, lay):
    table = lay([choice(iteration=2, kind="mbpp")])
    card = table.page.card
    assert card.answer.isHidden()
    assert not card.tests.isHidden()
    ask(qtbot, table)
    session = table.session
    session.load("a", tests=True)
    request = session.asked(Sample, "a")
    names = session.start(request)
    text = (("def f():", "    return 2"), (0.8, 0.9), "", True)
    session.finish(names[1], text)
    table.hear()
    row = table.page.sides["a"].list.rows[names[1]]
    assert row.accessibleName() == "Solution, correct, mean score 0.85, 2 steps"
    assert "no answer to vote by" in table.page.sides["a"].cards.majority.accessibleName()


def test_a_wrong_solution_shows_where_it_went_wrong(qtbot, table):
    ask(qtbot, table)
    session, solutions = table.session, table.page.sides["a"].list
    session.load("a")
    name = session.start(session.asked(Sample, "a"))[1]
    session.finish(
        name, (("14 * 18 = 252", "252 + 1 = 300", "The answer is 300"), (0.9, 0.8, 0.1), "300", False), truth=2
    )
    table.hear()
    solutions.choose(name, open_=True)
    first, second, third = solutions.rows[name].opened.lines
    assert (first.toolTip(), first.facts.score) == ("", 0.9)
    assert second.accessibleName() == "Step 2: 252 + 1 = 300, score 0.80, true first error"
    assert "by the task itself" in second.toolTip()
    assert third.accessibleName() == "Step 3: The answer is 300, score 0.10, predicted first error"
    assert "by the verifier" in third.toolTip()
    assert "300 is not the reference answer" in solutions.rows[name].opened.facts.text()
