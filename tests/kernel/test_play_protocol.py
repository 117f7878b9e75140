"""What a playground and its engine say to each other: whatever can be said comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.errors import InputError
from sapo_studio.requests import limits
from sapo_studio.requests.play import (
    Asking,
    Cancel,
    Checkpoint,
    Close,
    Continue,
    Done,
    Failed,
    GiveBack,
    Load,
    Piece,
    Sample,
    Score,
    Scorer,
    SolutionDone,
    StepScored,
    encode,
    read_answer,
    read_message,
)

# Names of files may hold bytes that are no text (Python has them as half characters).
TEXT = st.text(max_size=20)
SOME = TEXT.filter(str.strip)
PATH = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=12)
IDS = st.from_regex(r"\A[A-Za-z0-9_.-]{1,20}\Z")
NUMBERS = st.floats(0, 1)
ASKING = st.builds(
    Asking,
    text=SOME,
    answer=TEXT,
    tests=st.lists(TEXT, max_size=3).map(tuple),
    setup=TEXT,
    number=st.none() | st.integers(0, 10**9),
)
SIDE = st.sampled_from("ab")
CHECKPOINT = st.one_of(
    st.builds(Checkpoint, run=PATH, iteration=st.integers(0, 30)),
    st.builds(Checkpoint, model=PATH, prompt=st.sampled_from(["auto", "plain", "chat"])),
)
SCORER = st.one_of(st.builds(Scorer, run=PATH, iteration=st.integers(0, 30)), st.builds(Scorer, model=PATH))
WRITING = {
    "id": IDS,
    "side": SIDE,
    "question": ASKING,
    "temperature": st.floats(0, limits.TEMPERATURE.high),
    "max_tokens": st.integers(0, limits.MAX_TOKENS.high),
    "seed": st.integers(0, 2**63),
}
MESSAGES = st.one_of(
    st.builds(Load, id=IDS, side=SIDE, checkpoint=CHECKPOINT, verifier=st.none() | SCORER, lazy=st.booleans()),
    st.builds(Sample, **WRITING, solutions=st.integers(0, limits.SOLUTIONS.high), greedy=st.booleans()),
    st.builds(
        Continue,
        **WRITING,
        steps=st.lists(TEXT, min_size=1, max_size=4).map(tuple),
        rollouts=st.integers(1, limits.ROLLOUTS.high),
    ),
    st.builds(Score, id=IDS, side=SIDE, question=ASKING, text=SOME),
    st.builds(GiveBack, id=IDS),
    st.builds(Cancel, id=st.none() | IDS),
    st.builds(Close),
)
ANSWERS = st.one_of(
    st.builds(Piece, request=IDS, solution=TEXT, at=st.integers(0, 99), text=TEXT, tokens=st.integers(0, 99)),
    st.builds(StepScored, request=IDS, solution=TEXT, step=st.integers(1, 9), score=NUMBERS),
    st.builds(Done, request=IDS, seconds=NUMBERS, tokens=st.integers(0, 9), cancelled=st.booleans()),
    st.builds(Failed, request=IDS, what=TEXT, why=TEXT, fix=TEXT, refused=st.booleans(), run=TEXT),
    st.builds(
        SolutionDone,
        request=IDS,
        solution=TEXT,
        text=TEXT,
        steps=st.lists(TEXT, max_size=3).map(tuple),
        answer=TEXT,
        correct=st.none() | st.booleans(),
        why=TEXT,
        truth=st.none() | st.integers(0, 9),
        scores=st.none() | st.lists(NUMBERS, max_size=3).map(tuple),
        predicted=st.none() | st.integers(1, 3),
        mean=st.none() | NUMBERS,
        min=st.none() | NUMBERS,
        last=st.none() | NUMBERS,
        tokens=st.integers(0, 99),
        finished=st.booleans(),
        seconds=NUMBERS,
    ),
)


@given(MESSAGES)
def test_any_message_comes_back_as_it_was(message):
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert read_message(line) == message


@given(ANSWERS)
def test_any_answer_comes_back_as_it_was(answer):
    assert read_answer(encode(answer)) == answer


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | MESSAGES.map(lambda m: encode(m)[:-9]))
def test_any_other_line_is_refused(line):
    with pytest.raises(InputError):
        read_message(line)
    with pytest.raises(InputError):
        read_answer(line)


@pytest.mark.parametrize(
    "told",
    [
        '{"kind": "load", "id": "r", "checkpoint": {}}',
        '{"kind": "load", "id": "r", "checkpoint": {"run": "a", "model": "b"}}',
        '{"kind": "sample", "id": "r", "question": {"text": ""}}',
        '{"kind": "sample", "id": "r", "question": {"text": "a"}, "temperature": NaN}',
        '{"kind": "sample", "id": "r", "question": {"text": "a"}, "solutions": 65}',
        '{"kind": "sample", "id": "r", "question": {"text": "a"}, "surplus": 1}',
        '{"kind": "sample", "id": "a/b", "question": {"text": "a"}}',
        '{"kind": "continue", "id": "r", "question": {"text": "a"}, "steps": []}',
        '{"kind": "nothing", "id": "r"}',
        "[]",
    ],
)
def test_what_makes_no_sense_is_refused(told):
    with pytest.raises(InputError):
        read_message(told)
