"""What the page says where there is nothing to show, or something went wrong."""

from __future__ import annotations

from PySide6.QtCore import Qt

from sapo_studio.requests.play import GiveBack, Load, MemoryGivenBack, Sample
from sapo_ui.services.settings import Settings
from tests.fixtures.scripted_session import choice
from tests.ui.features.playground.test_sampling import NO_ANSWER, RIGHT, ask

LEFT = Qt.MouseButton.LeftButton
NO_ROOM = {
    "why": "It takes 3.1 GB on card 3 by the forecast, and 1.2 GB are left by what big-run holds.",
    "fix": "Wait for it or stop it, or compute on the CPU.",
    "refused": True,
    "run": "big-run-7",
}


def test_without_a_checkpoint_it_says_what_would_make_one(qtbot, lay):
    table = lay([])
    assert "No checkpoint yet" in table.page.none.words.message
    assert table.page.stack.currentWidget() is table.page.none
    qtbot.mouseClick(table.page.none.buttons[0], LEFT)
    assert table.opened == ["new run"]
    table.known = [choice()]
    table.page.read()
    qtbot.waitUntil(lambda: table.page.stack.currentWidget() is not table.page.none)
    assert table.page.choices[0].checkpoint == table.known[0]


def test_no_room_names_the_run_and_offers_another_checkpoint_and_the_cpu(qtbot, table):
    ask(qtbot, table)
    session, panel = table.session, table.page.sides["a"]
    load = session.asked(Load, "a")
    session.fail(load.id, "There is no room for this beside big-run", **NO_ROOM)
    table.hear()
    table.hear()  # that its solutions are given up comes back
    assert "no room for this beside big-run" in panel.message.words.message
    assert "compute on the CPU" in panel.message.words.message
    assert not any(one in session.open for one in (load.id, session.asked(Sample, "a").id))
    another, cpu = panel.message.buttons
    qtbot.mouseClick(another, LEFT)
    assert panel.chooser.checkpoint.popup is not None
    panel.chooser.checkpoint.popup.close()
    qtbot.mouseClick(cpu, LEFT)
    assert table.page.head.cpu.isChecked()
    qtbot.waitUntil(lambda: session.closed)
    assert len(table.sessions) == 2, "what is loaded lies where it was: another engine"
    table.session.load("a")
    table.hear()
    assert "on the CPU" in table.page.head.subtitle.text()


def test_a_checkpoint_that_cannot_be_read_says_why_and_the_other_side_goes_on(qtbot, table):
    ask(qtbot, table)
    session = table.session
    session.fail(session.asked(Load, "a").id, "The folder of M4 is gone", fix="Choose another one.")
    session.load("b")
    request = session.asked(Sample, "b")
    session.finish(session.start(request)[1], RIGHT)
    table.hear()
    assert "The folder of M4 is gone Choose another one." in table.page.sides["a"].message.words.message
    assert table.page.sides["b"].count.text() == "1 of 8"


def test_a_question_that_cannot_be_asked_says_why(qtbot, table):
    ask(qtbot, table)
    session = table.session
    session.load("a")
    session.fail(session.asked(Sample, "a").id, "The question has words that the model does not know")
    table.hear()
    message = table.page.sides["a"].message
    assert "does not know" in message.words.message
    qtbot.mouseClick(message.buttons[0], LEFT)
    qtbot.waitUntil(lambda: bool(table.page.card.where.text()))  # the store knows no such run


def test_an_engine_that_died_keeps_what_it_wrote_and_starts_again(qtbot, table):
    ask(qtbot, table)
    session, page = table.session, table.page
    session.load("a")
    names = session.start(session.asked(Sample, "a"))
    session.finish(names[0], RIGHT)
    session.write(names[1], ["14 * 18 = 252"])
    table.hear()
    session.die()
    table.hear()
    assert page.notice.text == "The engine was killed (SIGKILL). Memory ran out. Ask again."
    assert "has died" in page.head.subtitle.text()
    assert [page.sides["a"].list.rows[name].solution.phase for name in names[:2]] == ["done", "stopped"]
    before = len(session.sent)
    qtbot.mouseClick(page.again, LEFT)
    assert [type(one) for one in session.sent[before:]] == [Load, Load]
    session.load("a")
    session.load("b")
    table.hear()
    assert not page.notice.isVisible()
    assert page.again.isHidden()
    assert page.sides["a"].list.rows[names[0]].solution.phase == "done"


def test_memory_that_was_given_back_is_said_quietly(qtbot, table):
    ask(qtbot, table)
    session = table.session
    for side in ("a", "b"):
        session.load(side)
        session.done(session.asked(Sample, side).id)
    table.hear()
    assert "1.9" in table.page.head.subtitle.text()
    session.tell(MemoryGivenBack(freed=1, idle_seconds=300.0))
    table.hear()
    assert "gave its memory back" in table.page.head.subtitle.text()
    assert not table.page.notice.isVisible()
    before = len(session.sent)
    ask(qtbot, table)
    assert [type(one) for one in session.sent[before:]] == [Sample, Sample], "the engine knows what it had"


def test_memory_is_given_back_and_the_engine_ended_from_the_menu(qtbot, table):
    ask(qtbot, table)
    session, page = table.session, table.page
    session.load("a")
    table.hear()
    assert not page.head.give_back.isEnabled(), "it is at work"
    page.head.end.trigger()
    qtbot.waitUntil(lambda: session.closed)
    assert not table.playground.busy
    assert "starts with the first question" in page.head.subtitle.text()
    ask(qtbot, table)
    table.session.load("a")
    table.session.load("b")
    for side in ("a", "b"):
        table.session.done(table.session.asked(Sample, side).id)
    table.hear()
    page.head.give_back.trigger()
    assert isinstance(table.session.sent[-1], GiveBack)
    table.hear()
    assert "gave its memory back" in page.head.subtitle.text()


def test_solutions_without_an_answer_say_so(qtbot, table):
    ask(qtbot, table)
    session = table.session
    session.load("a")
    request = session.asked(Sample, "a")
    names = session.start(request)
    session.finish(names[0], NO_ANSWER)
    session.judge(request, {names[0]: NO_ANSWER})
    table.hear()
    panel = table.page.sides["a"]
    assert "no answer" in panel.list.rows[names[0]].accessibleName()
    assert panel.cards.greedy.answer == "none"


def test_what_was_asked_is_there_after_a_restart(qtbot, lay):
    table = lay()
    card = table.page.card
    card.solutions.setValue(3)
    card.temperature.setValue(0.25)
    card.seed.setValue(11)
    table.page.sides["b"].chooser.choose("")
    table.page._choose_score(2)
    ask(qtbot, table, text="How many\nseats?", answer="252")
    table.page.leave()
    Settings().save()
    again = lay()
    page = again.page
    assert (page.card.text.toPlainText(), page.card.answer.text()) == ("How many\nseats?", "252")
    assert (page.card.solutions.value(), page.card.temperature.value(), page.card.seed.value()) == (3, 0.25, 11)
    assert page.sides["b"].empty
    assert page.sides["a"].which.value == 2


def test_settings_that_cannot_be_read_are_as_at_first(qtbot, lay):
    settings = Settings()
    settings.set_texts("playground", {"how": "{", "first": "[1]", "tests": "3", "by": "x", "second": '"a"'})
    settings.save()
    table = lay()
    assert table.page.card.solutions.value() == 8
    assert [choice.checkpoint.iteration for choice in table.page.choices] == [4, 1]


def test_what_is_written_goes_on_behind_another_page(qtbot, table):
    ask(qtbot, table)
    session = table.session
    session.load("a")
    names = session.start(session.asked(Sample, "a"))
    table.hear()
    first = table.page
    first.leave()
    first.close()
    session.finish(names[0], RIGHT)
    table.hear()
    page = table.new_page()
    qtbot.addWidget(page)
    page.resize(1216, 720)
    page.show()
    assert page.sides["a"].list.rows[names[0]].solution.answer == "252"
    assert page.card.text.toPlainText() == "How many seats?"
    assert page.card.stop.isEnabled()


def test_an_engine_that_died_while_it_was_loading_is_not_waited_for(qtbot, table):
    ask(qtbot, table)
    session, page = table.session, table.page
    session.load("a", part=0.5)
    table.hear()
    session.die()
    table.hear()
    assert not table.playground.busy
    assert "was killed" in page.sides["a"].message.words.message
    qtbot.mouseClick(page.again, LEFT)
    assert table.playground.busy
    session.load("a")
    session.load("b")
    table.hear()
    assert not table.playground.busy
    assert not page.card.stop.isEnabled()
    assert "Nothing was written" in page.sides["a"].message.words.message
    ask(qtbot, table)
    assert table.playground.busy
