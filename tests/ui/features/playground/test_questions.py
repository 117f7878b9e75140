"""Questions that are taken from a run's task."""

from __future__ import annotations

from PySide6.QtCore import Qt

from sapo_studio.requests.play import Sample
from sapo_studio.store import annotations
from sapo_studio.store.codec import row_number
from sapo_ui.features.playground import page as page_module
from tests.fixtures.held import settled
from tests.fixtures.scripted_session import choice
from tests.fixtures.synthetic import synthetic_run
from tests.ui.features.playground.test_sampling import ask

LEFT = Qt.MouseButton.LeftButton


def of_run(run_id):
    """A checkpoint of this very run."""
    made = choice()
    return type(made)(**{**{name: getattr(made, name) for name in made.__dataclass_fields__}, "run_id": run_id})


def test_by_number_at_random_and_one_that_was_annotated(qtbot, lay, store):
    run_id = synthetic_run(store, iterations=1, questions=6, trajectories=24)
    table = lay([of_run(run_id), choice("other", 2)])
    table.page.sides["b"].chooser.choose("other-1@2")
    card = table.page.card
    identity, text, answer = store.rows("SELECT id, text, answer FROM questions WHERE run_id = ? LIMIT 1", (run_id,))[0]
    number = row_number(identity)
    qtbot.keyClicks(card.number, str(number))
    qtbot.keyClick(card.number, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: card.text.toPlainText() == text)
    assert card.answer.text() == answer
    assert f"{number} of synthetic" in card.where.text()
    qtbot.keyClick(card.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    asked = table.session.asked(Sample, "a").question
    assert (asked.number, asked.answer) == (number, answer)
    asked = table.session.asked(Sample, "b").question
    assert (asked.number, asked.answer) == (None, answer), "the number is the other run's"
    # Another word makes it another question, whose answer nobody knows.
    card.text.setPlainText(text + " Really?")
    assert card.answer.text() == ""
    assert card.asking.number is None
    qtbot.keyClicks(card.number, "999999")
    qtbot.keyClick(card.number, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "no question 999999" in card.where.text())
    qtbot.mouseClick(card.random, LEFT)
    qtbot.waitUntil(lambda: card.taken is not None)
    assert card.where.text().startswith("Benchmark question"), "no reasoner of the run is trained on it"
    qtbot.mouseClick(card.annotated, LEFT)
    qtbot.waitUntil(lambda: "Nobody has annotated" in card.where.text())
    trajectory, question = store.rows("SELECT id, question_id FROM trajectories WHERE source = 'sample' LIMIT 1")[0]
    annotations.annotate(store, trajectory, "ann", {1: 1})
    qtbot.mouseClick(card.annotated, LEFT)
    qtbot.waitUntil(lambda: card.taken is not None and card.taken.asking.number == row_number(question))
    # Whoever comes back to the page finds the question, and where it is from.
    where = card.where.text()
    table.page.leave()
    again = table.new_page()
    qtbot.addWidget(again)
    again.show()
    qtbot.waitUntil(lambda: again.card.taken is not None)
    assert again.card.where.text() == where
    assert again.card.asking.number == row_number(question)


def test_a_very_long_question_is_asked_whole(qtbot, table):
    text = "How many seats are there? " * 400
    ask(qtbot, table, text=text)
    assert table.session.asked(Sample).question.text == text.strip()
    assert table.page.card.text.height() < 120
    assert table.page.card.asking.text == text.strip()


def test_tests_of_a_program_are_typed(qtbot, lay):
    table = lay([choice(kind="mbpp", iteration=2)])
    card = table.page.card
    card.text.setPlainText("Write a function that doubles.")
    qtbot.mouseClick(card.tests, LEFT)
    from sapo_ui.features.playground.tests_dialog import TestsDialog

    dialog = card.findChild(TestsDialog)
    dialog.field.setPlainText("assert double(2) == 4\n\nassert double(0) == 0\n")
    dialog._give()
    assert card.tests.text() == "2 tests\u2026"
    assert card.asking.tests == ("assert double(2) == 4", "assert double(0) == 0")


def test_a_question_that_is_taken_does_not_replace_what_is_typed_meanwhile(qtbot, lay, store, hold):
    run_id = synthetic_run(store, iterations=1, questions=6, trajectories=24)
    table = lay([of_run(run_id)])
    card = table.page.card
    held = hold(page_module, "take_question")
    qtbot.mouseClick(card.random, LEFT)
    qtbot.waitUntil(lambda: len(held.found) == 1)
    qtbot.keyClicks(card.text, "What is 2 + 2?")
    held.let_go()
    settled(qtbot)
    assert card.text.toPlainText() == "What is 2 + 2?"
    assert card.taken is None
