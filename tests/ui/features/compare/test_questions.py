"""Question by question: the four parts, the list, and both solutions beside each other."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from sapo_studio.store import queries
from sapo_ui.features.compare.page import ComparePage
from sapo_ui.features.compare.questions_card import OUTCOMES
from sapo_ui.services import comparison as reading
from sapo_ui.services.poller import StoreChange
from tests.fixtures.held import settled
from tests.ui.features.compare.conftest import FEWER, RIGHT


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def shown(qtbot, compare, add):
    scores = {place: [0.9, 0.1 + 0.02 * place] for place in range(40)}
    left, right = add("left", FEWER, RIGHT, scores=scores), add("right", FEWER, FEWER, scores=scores)
    page = compare(right, left)  # the first is the baseline, and stands on the right
    qtbot.waitUntil(lambda: page.board.questions.shown_pair == (left, right))
    return page


def expected(outcome):
    pairs = list(zip(RIGHT, FEWER, strict=True))
    wanted = {"left": ("1", "0"), "right": ("0", "1"), "both": ("1", "1"), "neither": ("0", "0")}[outcome]
    return {place for place, pair in enumerate(pairs, start=1) if pair == wanted}


def test_each_part_lists_its_questions(qtbot, shown):
    card = shown.board.questions
    row = card.list.current
    assert (row.left.correct, row.right.correct, row.right.answer) == (True, False, "8")
    assert len(row.left.scores) == 2
    for at, outcome in enumerate(OUTCOMES):
        assert {part.outcome: part.count for part in card.bar.parts}[outcome] == len(expected(outcome))
        qtbot.mouseClick(card.parts, Qt.MouseButton.LeftButton, pos=card.parts.rect_of(at).center().toPoint())
        qtbot.waitUntil(lambda outcome=outcome: {row.place for row in card.list.questions.rows} == expected(outcome))


def test_a_click_on_a_part_of_the_bar_lists_its_questions(qtbot, shown):
    card = shown.board.questions
    places = dict(zip([part.outcome for part in card.bar.parts], card.bar.places(), strict=True))
    qtbot.mouseClick(card.bar, Qt.MouseButton.LeftButton, pos=places["neither"].center().toPoint())
    qtbot.waitUntil(lambda: {row.place for row in card.list.questions.rows} == expected("neither"))
    assert card.parts.value == OUTCOMES.index("neither")


def test_j_and_k_move_from_wherever_the_focus_is(qtbot, shown):
    questions = shown.board.questions.list
    chart = shown.board.curves.chart
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_J)
    assert questions.currentIndex().row() == 1
    qtbot.keyClick(chart, Qt.Key.Key_K)
    qtbot.keyClick(chart, Qt.Key.Key_K)
    assert questions.currentIndex().row() == 0


def test_enter_opens_both_solutions_with_the_first_step_that_differs_marked(qtbot, shown, store):
    questions = shown.board.questions.list
    place = questions.current.place
    store.execute(
        "UPDATE trajectories SET steps = ? WHERE id = ?",
        ('["1 + 1 = 7", "Then 8.", "So it is 8."]', questions.current.right.trajectory),
    )
    store.execute(
        "UPDATE trajectories SET steps = ? WHERE id = ?",
        ('["1 + 1 = 7", "So it is 7."]', questions.current.left.trajectory),
    )
    questions.setFocus()
    qtbot.keyClick(questions, Qt.Key.Key_Return)
    beside = shown.beside
    assert shown.pages.currentWidget() is beside
    qtbot.waitUntil(lambda: len(beside.steps.cards) == 3)
    facts = [card.facts for card in beside.steps.cards]
    assert [(one.equal, one.parting) for one in facts] == [(True, False), (False, True), (False, False)]
    assert facts[2].left is None
    assert facts[1].right.text == "Then 8."
    assert beside.steps.chosen == 2
    assert beside.title.text() == f"Question {place}"
    assert "part at step 2" in beside.parting.text()
    qtbot.keyClick(beside, Qt.Key.Key_Down)
    assert beside.steps.chosen == 3
    assert "ends before" in beside.steps.cards[2].accessibleName()

    wanted = []
    shown.trace_wanted.connect(lambda *what: wanted.append(what))
    right = questions.current.right.trajectory
    press(qtbot, beside.heads[1].read)
    assert wanted == [(shown.picks.runs[0], right, 3)]

    qtbot.keyClick(beside, Qt.Key.Key_J)
    assert questions.current.place != place
    assert beside.title.text() == f"Question {questions.current.place}"
    qtbot.keyClick(beside, Qt.Key.Key_Escape)
    assert shown.pages.currentWidget() is shown.main
    assert questions.hasFocus()


def test_what_was_looked_at_is_there_when_the_page_is_opened_again(qtbot, shown, picks, store):
    card = shown.board.questions
    qtbot.mouseClick(card.parts, Qt.MouseButton.LeftButton, pos=card.parts.rect_of(1).center().toPoint())
    qtbot.waitUntil(lambda: {row.place for row in card.list.questions.rows} == expected("right"))
    card.list.go_on(2)
    place = card.list.current.place
    shown.leave()
    again = ComparePage(picks)
    qtbot.addWidget(again)
    again.resize(1064, 752)
    again.show()
    again.take(StoreChange(tuple(queries.list_runs(store)), frozenset()))
    qtbot.waitUntil(lambda: again.board.questions.list.current is not None)
    assert again.board.questions.list.current.place == place
    assert again.board.questions.parts.value == OUTCOMES.index("right")


def test_further_questions_are_read_as_they_are_scrolled_to(qtbot, compare, add, monkeypatch):
    monkeypatch.setattr(reading, "PAGE", 5)
    page = compare(add("right", FEWER, FEWER), add("left"))
    model = page.board.questions.list.questions
    qtbot.waitUntil(lambda: model.total == 10 and bool(model.rows))
    model.fetchMore(model.index(-1))
    qtbot.waitUntil(lambda: len(model.rows) == 10)
    assert {row.place for row in model.rows} == expected("left")
    assert not model.canFetchMore(model.index(-1))
    page.board.curves.axis.setCurrentIndex(1)  # drawn anew, which loses no page
    assert len(model.rows) == 10


def test_steps_of_one_question_do_not_stand_under_another(qtbot, shown, hold):
    questions, beside = shown.board.questions.list, shown.beside
    questions.setFocus()
    qtbot.keyClick(questions, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(beside.steps.cards) > 0)
    held = hold(reading, "read_beside")
    qtbot.keyClick(beside, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: len(held.found) == 1)
    assert beside.title.text() == f"Question {questions.current.place}"
    assert list(beside.steps.cards) == []
    assert beside.parting.text() == ""
    held.let_go()
    qtbot.waitUntil(lambda: len(beside.steps.cards) > 0)


def test_rows_that_were_asked_for_before_the_list_began_anew_are_not_added(qtbot, shown, hold, monkeypatch):
    card = shown.board.questions
    monkeypatch.setattr(reading, "PAGE", 2)
    held = hold(reading, "read_questions", which=2)  # a list that has room for more asks by itself
    card._read(card._asked)
    qtbot.waitUntil(lambda: len(card.list.questions.rows) == 2)
    card.list.questions.more_wanted.emit()
    qtbot.waitUntil(lambda: len(held.found) == 2)
    card._read(card._asked)  # the store has changed, and it is read from the beginning
    qtbot.waitUntil(lambda: len(held.found) >= 3)
    card.list.questions.more_wanted.emit()
    qtbot.waitUntil(lambda: len(held.found) >= 4)
    held.let_go()
    settled(qtbot)
    places = [row.place for row in card.list.questions.rows]
    assert len(places) == len(set(places)) > 2
