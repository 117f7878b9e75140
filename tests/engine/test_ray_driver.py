"""What stands for the workers of a Ray cluster before the parent; Ray and the workers are stood in for."""

from __future__ import annotations

import queue
import threading
from argparse import Namespace
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from sapo_engine.worker.ray_driver import Driver, Orders, Ranks
from sapo_studio.domain.runs import Verb
from sapo_studio.events import Event, decode, encode
from sapo_studio.events.control import Order
from sapo_studio.events.kinds import Finished, Log, PhaseFinished

STOPPED = Finished(complete=False)


class Answer:
    """What Ray gives for a call: to be waited for, and then read."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Actor:
    """Holds a rank's worker that says `chunks`, one after the other, and ends with 0."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = list(chunks)
        self.more = SimpleNamespace(remote=self._more)

    def _more(self, _: float) -> Answer:
        out = self._chunks.pop(0)
        return Answer({"out": out, "errors": b"", "code": None if self._chunks else 0, "last_words": ""})


RAY = SimpleNamespace(
    wait=lambda asked, **_: (asked[:1], []),
    get=lambda answer: answer.value,
    exceptions=SimpleNamespace(RayError=ConnectionError),
)


def followed(*chunks: Sequence[Event], has_room: Sequence[bool], **asked: bool) -> tuple[list[Event], int]:
    """What the parent hears of rank 0 that says `chunks`, and how often it was told to end with its phase. `has_room`:
    whether there is room for all ranks, each time somebody looks. `asked`: what people ask of the run."""
    told, room = bytearray(), iter(has_room)
    orders: Any = SimpleNamespace(**{"stopped": False, "after_phase": False} | asked)
    times: list[None] = []
    orders.end_with_phase = lambda: times.append(None)

    class Growth:
        has_room = property(lambda _: next(room, False))

    growth: Any = Growth()
    driver = Driver(RAY, Namespace(processes=2), orders, told.extend)
    actor = Actor([b"".join(map(encode, chunk)) for chunk in chunks])
    ends = driver._follow(Ranks([actor], []), growth)
    assert [end.code for end in ends.values()] == [0]
    return [decode(line) for line in bytes(told).splitlines()], len(times)


DONE = PhaseFinished(ordinal=3)


def line(verb: Verb) -> bytes:
    return Order(verb=verb).model_dump_json().encode() + b"\n"


def test_to_keep_going_is_about_what_people_asked_for():
    """Somebody takes back a stop after the phase, while the ranks are to end with it for more to come."""
    said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    heard: list[bytes] = []
    over = threading.Event()
    orders = Orders(iter(said.get, b""), over.set)
    said.put(line(Verb.PAUSE))
    orders.send_to(heard.append)
    said.put(line(Verb.STOP_AFTER_PHASE))
    said.put(line(Verb.CHECKPOINT))
    orders.end_with_phase()
    said.put(line(Verb.KEEP_GOING))
    said.put(b"")
    assert over.wait(20)
    ends = [order for order in heard if order in (line(Verb.STOP_AFTER_PHASE), line(Verb.KEEP_GOING))]
    assert ends[-2:] == [line(Verb.KEEP_GOING), line(Verb.STOP_AFTER_PHASE)]
    assert heard.count(line(Verb.PAUSE)) == heard.count(line(Verb.CHECKPOINT)) == 1
    assert not orders.after_phase


def test_ranks_that_are_all_there_are_handed_on_as_they_are():
    told, ended = followed([Log(message="a")], [DONE, STOPPED], has_room=[False])
    assert told == [Log(message="a"), DONE, STOPPED]
    assert ended == 0


def test_with_room_for_all_they_end_with_the_phase_and_start_again():
    told, ended = followed([Log(message="a")], [], [DONE, STOPPED], has_room=[False, True, True])
    assert "has room for all workers again" in next(event.message for event in told[1:] if isinstance(event, Log))
    assert told[-2:] == [DONE, Finished(complete=False, again="The run goes on with 2 workers.")]
    assert ended == 1


@pytest.mark.parametrize("asked", ["stopped", "after_phase"])
def test_who_asked_the_run_to_stop_is_obeyed(asked: str):
    told, _ = followed([], [DONE, STOPPED], has_room=[True], **{asked: True})
    assert told[-1] == STOPPED


def test_a_run_that_was_in_its_last_phase_is_done():
    told, _ = followed([], [DONE, Finished(complete=True)], has_room=[True])
    assert told[-1] == Finished(complete=True)
