"""A playground's session with its engine: asked, cancelled, refused, started again when it has died."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from sapo_studio.app.playground import session as session_module
from sapo_studio.app.playground.endings import how_it_ended
from sapo_studio.app.playground.room import NoRoomError, Spot
from sapo_studio.app.playground.session import PlaygroundSession
from sapo_studio.errors import EngineError, InputError
from sapo_studio.requests.play import (
    Asking,
    Checkpoint,
    Done,
    Ended,
    Failed,
    GiveBack,
    Load,
    Loaded,
    MemoryGivenBack,
    Piece,
    Ready,
    Sample,
)

FAKE = Path(__file__).parents[1] / "fixtures" / "fake_playground.py"
SECONDS = 60.0


@pytest.fixture(autouse=True)
def _fake_engine(monkeypatch):
    monkeypatch.setattr(session_module, "ENGINE_ARGUMENTS", (str(FAKE),))
    monkeypatch.setenv("PYTHONPATH", str(FAKE.parents[2]))


class Client:
    """A session, and what it has said so far."""

    def __init__(self, **options):
        self.session = PlaygroundSession(**options)
        self.answers = self.session.events(SECONDS)

    def until(self, kind, request=None):
        """All answers up to the first of a kind (and of a request)."""
        found = []
        for answer in self.answers:
            found.append(answer)
            if isinstance(answer, kind) and (request is None or answer.request == request):
                return found
        raise AssertionError(found)

    def load(self, name="l", side="a", iteration=1, **more):
        self.session.send(Load(id=name, side=side, checkpoint=Checkpoint(run="run", iteration=iteration), **more))

    def sample(self, name, text="ok", side="a"):
        self.session.send(Sample(id=name, side=side, question=Asking(text=text)))


@pytest.fixture
def client():
    made = Client()
    yield made
    made.session.close()


def test_nothing_is_started_before_something_is_asked(client):
    assert client.session.busy is False
    client.load()
    said = client.until(Done)
    assert [type(answer) for answer in said] == [Ready, Loaded, Done]
    client.sample("s")
    assert client.until(Done)[-1].tokens == 1
    assert client.session.busy is False


def test_cancelled_where_it_is_and_where_it_waits(client):
    client.load()
    client.sample("s", "hang")
    client.until(Piece)
    client.session.cancel("s")
    assert client.until(Done, "s")[-1].cancelled
    client.sample("t", "hang")
    client.until(Piece, "t")
    client.session.cancel()
    assert client.until(Done, "t")[-1].cancelled
    # What is over is cancelled no more.
    client.session.cancel("t")
    client.sample("u")
    assert not client.until(Done, "u")[-1].cancelled


def test_cancelled_while_it_is_looked_whether_there_is_room():
    looking, may_go_on = threading.Event(), threading.Event()

    def room(load, other, pid):
        looking.set()
        assert may_go_on.wait(SECONDS)
        return Spot()

    client = Client(room=room)
    client.load()
    assert looking.wait(SECONDS)
    client.session.cancel("l")
    may_go_on.set()
    assert client.until(Done, "l")[-1].cancelled
    # What a side is to hold stays so, and is loaded with the first question.
    client.sample("s")
    said = client.until(Done, "s")
    assert [answer.request for answer in said if isinstance(answer, Loaded)] == ["s"]
    client.session.close()


def test_each_question_is_for_the_checkpoint_that_was_chosen_before_it():
    may_go_on = threading.Event()

    def room(load, other, pid):
        assert may_go_on.wait(SECONDS)
        return Spot()

    client = Client(room=room)
    for iteration in (1, 2):
        client.load(f"l{iteration}", iteration=iteration)
        client.sample(f"s{iteration}", "ok")
    may_go_on.set()
    pieces = [answer.text for answer in client.until(Done, "s2") if isinstance(answer, Piece)]
    assert pieces == ["ok M1", "ok M2"]
    client.session.close()


def test_an_engine_that_dies_is_told_in_a_sentence_and_another_one_goes_on(client):
    client.load(verifier=None)
    client.until(Done)
    client.sample("s", "die")
    said = client.until(Ended)
    assert (said[-2].request, said[-2].what) == ("s", said[-1].what)
    assert said[-1].what == "The engine was killed (SIGKILL)"
    assert not said[-1].asked
    client.sample("t")
    again = client.until(Done, "t")
    # It is told anew what the side holds, and nothing of that is answered.
    assert [type(answer) for answer in again] == [Ready, Loaded, type(again[2]), Piece, Done]
    assert again[1].request == "t"


def test_what_the_engine_refuses_and_what_it_prints(client):
    client.load()
    client.sample("s", "bad")
    failed = client.until(Failed)[-1]
    assert (failed.what, failed.exit_code) == ("It is bad", 2)
    client.sample("t")
    client.until(Done, "t")


def test_what_nobody_has_thought_of_is_told_to_who_asked():
    def room(load, other, pid):
        raise ZeroDivisionError("by nought")

    client = Client(room=room)
    client.load()
    assert client.until(Failed)[-1].why == "ZeroDivisionError: by nought"
    client.session.close()


def test_without_a_checkpoint_nothing_is_asked(client):
    client.sample("s")
    assert client.until(Failed)[-1].what == "There is no checkpoint to ask"


def test_no_room_is_told_with_the_run_and_the_next_one_is_looked_at_again():
    full = [True]
    asked = []

    def room(load, other, pid):
        asked.append((load.side, other and other.side, pid))
        if full[0]:
            raise NoRoomError("There is no room for this beside lab", why="It takes 3 GiB.", run="lab-1")
        return Spot("cpu", words="the CPU")

    client = Client(room=room)
    client.load()
    failed = client.until(Failed)[-1]
    assert (failed.refused, failed.run) == (True, "lab-1")
    full[0] = False
    client.load("m")
    client.until(Done, "m")
    client.sample("s")
    client.until(Done, "s")
    assert len(asked) == 2  # what lies in memory needs no more room
    client.load("b", side="b")
    client.until(Done, "b")
    assert asked[-1][:2] == ("b", "a")
    assert asked[-1][2] is not None
    client.session.send(GiveBack(id="g"))
    assert client.until(MemoryGivenBack)[-1].freed == 4
    client.until(Done, "g")
    client.sample("t")
    client.until(Done, "t")
    assert len(asked) == 4  # given back, it is looked at again
    client.session.close()


def test_a_request_needs_an_id_of_its_own(client):
    client.load()
    client.sample("s", "hang")
    with pytest.raises(InputError, match="There is a request s already"):
        client.sample("s")
    assert client.session.new_id() != client.session.new_id()


def test_closed_it_leaves_no_process_and_takes_nothing_more():
    heard = []
    with PlaygroundSession(listener=heard.append) as session:
        client = threading.Event()
        session.send(Load(id="l", checkpoint=Checkpoint(model="m")))
        while not any(isinstance(answer, Done) for answer in heard):
            client.wait(0.01)
        pid = next(answer.pid for answer in heard if isinstance(answer, Ready))
        session.send(Sample(id="s", question=Asking(text="hang")))
    assert not psutil.pid_exists(pid)
    with pytest.raises(EngineError):
        session.send(GiveBack(id="g"))
    session.close()


def test_an_engine_of_another_release_is_not_talked_to(monkeypatch):
    monkeypatch.setattr(session_module, "PROTOCOL", 2)
    client = Client()
    client.load()
    ended = client.until(Ended)[-1]
    assert "another release" in ended.what
    client.session.close()


@pytest.mark.parametrize(
    ("status", "said", "what", "fix"),
    [
        (1, ("ModuleNotFoundError: No module named 'torch'",), "by itself, with exit code 1", "pip install"),
        (-9, (), "killed (SIGKILL)", "smaller model"),
        (-99, (), "killed (signal 99)", "Ask again"),
        (2, ('{"error": "InputError", "what": "No card", "why": "", "fix": "Take the CPU."}',), "No card", "the CPU"),
    ],
)
def test_how_an_engine_ended_is_one_sentence(status, said, what, fix):
    ended = how_it_ended(status, said, asked=False)
    assert what in ended.what
    assert fix in ended.fix
    assert "\n" not in ended.what
    assert how_it_ended(status, said, asked=True).asked


def test_while_it_loads_the_engine_is_not_moved():
    spots = iter([Spot("cpu", words="one"), Spot("cpu", words="two"), Spot("cpu", words="three")])
    client = Client(room=lambda *_: next(spots))
    client.load()
    client.load("m", side="b")
    said = client.until(Done, "m")
    assert len([answer for answer in said if isinstance(answer, Ready)]) == 1
    # Once it holds nothing it may go elsewhere.
    client.session.send(GiveBack(id="g"))
    client.until(Done, "g")
    client.sample("s")
    assert any(isinstance(answer, Ready) for answer in client.until(Done, "s"))
    client.session.close()
