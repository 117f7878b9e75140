"""A step that somebody changes, and what rollouts make of it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from sapo_studio.requests.play import Cancel, Continue, Sample
from tests.ui.features.playground.test_sampling import RIGHT, WRONG, ask

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def opened(qtbot, table):
    """A side with one wrong solution, which is open and has the keys."""
    table.page.card.solutions.setValue(1)
    ask(qtbot, table)
    session = table.session
    session.load("a")
    request = session.asked(Sample, "a")
    greedy, first = session.start(request)
    session.finish(greedy, RIGHT)
    session.finish(first, WRONG)
    session.done(request.id)
    session.load("b")
    session.done(session.asked(Sample, "b").id)
    table.hear()
    solutions = table.page.sides["a"].list
    solutions.setFocus()
    qtbot.keyClick(solutions, "j")
    qtbot.keyClick(solutions, Qt.Key.Key_Return)
    assert solutions.current.solution.id == first
    return solutions


def change(qtbot, solutions, text, rollouts=4):
    qtbot.keyClick(solutions, "e")
    editor = solutions.current.opened.editor
    assert editor.field.hasFocus()
    editor.rollouts.setValue(rollouts)
    editor.field.setPlainText(text)
    qtbot.keyClick(editor.field, Qt.Key.Key_Return, CTRL)


def test_a_step_is_changed_and_its_rollouts_counted(qtbot, table, opened):
    change(qtbot, opened, "14 * 18 = 252")
    request = table.session.asked(Continue)
    assert request.steps == ("14 * 18 = 252",)
    assert (request.rollouts, request.question.answer, request.side) == (4, "252", "a")
    assert not [one for one in table.session.sent if isinstance(one, Sample)][2:], "the question is not asked again"
    names = table.session.start(request)
    for at, name in enumerate(names[:3]):
        table.session.finish(name, RIGHT if at else WRONG)
        table.session.result(request, at + 1, at)
    table.hear()
    below = opened.current.opened
    assert opened.hasFocus()
    assert [line.facts.text for line in below.lines] == ["14 * 18 = 252"]
    assert below.lines[0].facts.changed
    assert below.block.words.text() == "2 of 3 rollouts from here correct, 4 asked"
    assert below.block.interval.text() == "0.21 to 0.86"
    assert "95 % interval 0.21 to 0.86" in below.block.bar.accessibleName()
    assert [ending.line.solution.answer for ending in below.block.endings] == ["300", "252", "252", ""]
    # Endings can be read: Down goes to them, Enter opens.
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return):
        qtbot.keyClick(opened, key)
    ending = below.block.endings[1]
    assert ending.open
    assert [line.facts.text for line in ending.steps] == ["The answer is 252"]
    table.session.done(request.id)
    table.hear()
    assert below.block.words.text() == "2 of 3 rollouts from here correct, then stopped"


def test_back_to_the_original(qtbot, table, opened):
    change(qtbot, opened, "14 * 18 = 252")
    request = table.session.asked(Continue)
    table.session.start(request)
    table.hear()
    qtbot.keyClick(opened, "u")
    assert Cancel(id=request.id) in table.session.sent
    table.hear()
    below = opened.current.opened
    assert below.block is None
    assert [line.facts.text for line in below.lines] == list(WRONG[0])
    assert not table.playground.busy


def test_esc_leaves_the_step_as_it_is_and_stops_nothing(qtbot, table, opened):
    before = len(table.session.sent)
    qtbot.keyClick(opened, "e")
    editor = opened.current.opened.editor
    qtbot.keyClick(editor.field, Qt.Key.Key_Escape)
    assert opened.current.opened.editor is None
    assert opened.hasFocus()
    assert len(table.session.sent) == before


def test_an_empty_step_cannot_be_gone_on_from(qtbot, table, opened):
    qtbot.keyClick(opened, "e")
    editor = opened.current.opened.editor
    editor.field.setPlainText(" \n ")
    assert not editor.go.isEnabled()
    qtbot.keyClick(editor.field, Qt.Key.Key_Return, CTRL)
    assert not any(isinstance(one, Continue) for one in table.session.sent)


def test_a_changed_step_can_be_changed_again(qtbot, table, opened):
    change(qtbot, opened, "14 * 18 = 250")
    qtbot.keyClick(opened, "e")
    assert opened.current.opened.editor.field.toPlainText() == "14 * 18 = 250"
    change(qtbot, opened, "14 * 18 = 252")
    asked = [one for one in table.session.sent if isinstance(one, Continue)]
    assert [one.steps for one in asked] == [("14 * 18 = 250",), ("14 * 18 = 252",)]
    assert Cancel(id=asked[0].id) in table.session.sent
    assert len(table.playground.board["a"].what_ifs) == 1


def test_without_a_reference_answer_rollouts_are_counted_alone(qtbot, table, opened):
    change(qtbot, opened, "14 * 18 = 252")
    request = table.session.asked(Continue)
    table.session.start(request)
    table.session.result(request, 4, None)
    table.hear()
    block = opened.current.opened.block
    assert block.words.text() == "4 rollouts from here, 4 asked; no reference answer"
    assert block.bar.isHidden()


def test_a_step_that_cannot_be_read_says_why(qtbot, table, opened):
    change(qtbot, opened, "\u2603")
    request = table.session.asked(Continue)
    table.session.fail(request.id, "The step has words that the model does not know")
    table.hear()
    assert "does not know" in opened.current.opened.block.words.text()
    assert table.page.sides["a"].count.text() == "1 of 1"


def test_a_solution_is_copied(qtbot, opened):
    qtbot.keyClick(opened, "c")
    assert QGuiApplication.clipboard().text() == "\n".join(WRONG[0])
