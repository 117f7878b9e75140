"""The window's playground: answers taken in batches, and an engine that ends when it is to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.requests.play import Asking, Done, Loaded, Piece, Sample, SolutionDone, Started, StepDone, StepScored
from sapo_ui.services import playground
from sapo_ui.services.playground import IDLE_MS, MOST, TICK_MS, Playground, Sampling, SideChoice
from sapo_ui.services.playground_state import Board
from tests.fixtures.scripted_session import ScriptedSession, choice

ASKING = Asking(text="How many?")


@pytest.fixture
def made(qapp):
    sessions: list[ScriptedSession] = []

    def make(listener, on_cpu, say_where):
        sessions.append(ScriptedSession(listener))
        return sessions[-1]

    one = Playground(make)
    one.sessions = sessions
    yield one
    one.end()


def ask(one, sides="a", **how):
    checkpoint = choice()
    one.sample(ASKING, [SideChoice(side, checkpoint, checkpoint.verifier) for side in sides], Sampling(**how))
    return one.sessions[-1]


def test_a_flood_of_pieces_is_taken_a_batch_at_a_time_and_shown_once_a_look(made):
    session = ask(made, solutions=1)
    session.load("a")
    request = session.asked(Sample, "a")
    name = session.start(request)[1]
    made.listen()
    shown = []
    made.changed.connect(shown.append)
    for at in range(MOST + 10):
        session.tell(Piece(request=request.id, solution=name, at=at, text="x", tokens=at + 1))
    made.listen()
    assert len(shown[0].solution(name).text) == MOST
    assert len(shown) == 1
    made.listen()
    assert len(shown[1].solution(name).text) == MOST + 10


def test_it_looks_often_while_something_is_asked_and_seldom_otherwise(made):
    session = ask(made, solutions=1)
    made.listen()
    assert made._timer.interval() == TICK_MS
    session.load("a")
    session.done(session.asked(Sample, "a").id)
    made.listen()
    assert made._timer.interval() == IDLE_MS
    made.end()
    assert not made._timer.isActive()
    assert session.closed


def test_what_an_ended_engine_still_says_means_nothing_to_the_next_one(qtbot, made):
    first = ask(made, solutions=1)
    first.load("a")
    request = first.asked(Sample, "a")
    name = first.start(request)[1]
    made.listen()
    made.end_engine()
    qtbot.waitUntil(lambda: first.closed)
    assert made.board["a"].solution(name).phase == "stopped"
    second = ask(made, solutions=1)
    assert second is not first
    assert second.asked(Sample, "a").id != request.id
    first.write(name, ["late"])
    made.listen()
    assert made.board["a"].solution(name) is None


def test_the_window_has_one_and_another_after_it_was_closed(qapp):
    one = playground.of_window()
    assert playground.of_window() is one
    playground.end_of_window()
    other = playground.of_window()
    assert other is not one
    playground.end_of_window()


TEXTS = st.lists(st.text(alphabet="ab \n=", max_size=12), max_size=5)


@given(TEXTS, st.data())
def test_pieces_in_any_cut_come_to_the_text_that_was_written(steps, data):
    """Whatever was taken back in between; and the end has the last word."""
    board, request = Board(), Sample(id="w1", question=ASKING, solutions=1, greedy=False)
    board.ask_sample(request)
    name, now = "w1/0", 0.0
    board.take([Started(request="w1", solutions=(name,))], now)
    text = ""
    for number, step in enumerate(steps, start=1):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + step
        board.take([Piece(request="w1", solution=name, at=at, text=step, tokens=number)], now)
        one = board["a"].solution(name)
        assert one.text == text
        assert one.tail == text.lstrip()
    whole = tuple(step for step in steps if step)
    for number, step in enumerate(whole, start=1):
        board.take([StepDone(request="w1", solution=name, step=number, text=step)], now)
        board.take([StepScored(request="w1", solution=name, step=number, score=0.5)], now)
    one = board["a"].solution(name)
    assert (one.steps, one.scores) == (whole, (0.5,) * len(whole))
    end = SolutionDone(
        **{"request": "w1", "solution": name, "text": text, "steps": whole, "answer": "", "correct": None, "why": ""},
        **{"truth": None, "scores": None, "predicted": None, "mean": None, "min": None, "last": None},
        **{"tokens": 9, "finished": True, "seconds": 1.0},
    )
    board.take([end, Done(request="w1", seconds=3.0)], now)
    one = board["a"].solution(name)
    assert (one.phase, one.text, one.steps, one.scores) == ("done", text, whole, (None,) * len(whole))
    assert board["a"].speed == 3.0
    assert not board["a"].going


def test_a_score_that_comes_before_its_step_waits_for_it():
    board = Board()
    board.ask_sample(Sample(id="w1", question=ASKING, solutions=1, greedy=False))
    board.take([StepScored(request="w1", solution="w1/0", step=2, score=0.25)], 0.0)
    one = board["a"].solution("w1/0")
    assert one.scores == (None, 0.25)
    board.take([StepDone(request="w1", solution="w1/0", step=1, text="a")], 0.0)
    assert board["a"].solution("w1/0").steps == ("a",)


def test_answers_of_requests_that_were_dropped_change_nothing():
    board = Board()
    board.ask_sample(Sample(id="w1", question=ASKING, solutions=1, greedy=False))
    board.ask_sample(Sample(id="w2", question=ASKING, solutions=1, greedy=False))
    before = board["a"]
    assert board.take([Piece(request="w1", solution="w1/0", at=0, text="x", tokens=1)], 0.0) == set()
    assert board["a"] is before
    loaded = Loaded(
        **{"request": "w0", "side": "b", "device": "cpu", "parameters": 1, "memory": 1, "shared": False},
        **{"verifier": True, "graded_by": "answer", "task": "gsm8k", "max_tokens": 8, "context": 64, "seconds": 1.0},
    )
    assert board.take([loaded], 0.0) == {"b"}
