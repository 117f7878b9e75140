"""A solution followed token by token: its pieces make its text, and its steps are those of the whole in the end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.service.playground.following import Follower
from sapo_engine.tasks.typed import Typed, typed_task
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_studio.config.schema import TaskConfig
from tests.fixtures.tiny_models import byte_tokenizer

TOKENIZER = byte_tokenizer()
LINE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
    st.sampled_from(
        ["#### 42", "# first", "for x in y:", "    return x", "def f(x):", "", "The answer is 3.", "x = 1"]
    ),
)
KINDS = {
    kind: TrajectoryBuilder(typed_task(TaskConfig(**told), 0), TOKENIZER)
    for kind, told in {
        "lines": {"kind": "gsm8k"},
        "paragraphs": {"kind": "gsm8k", "steps": "paragraph"},
        "blocks": {"kind": "mbpp"},
    }.items()
}


@settings(max_examples=60)
@given(lines=st.lists(LINE, min_size=1, max_size=6), kind=st.sampled_from(sorted(KINDS)))
def test_pieces_make_the_text_and_steps_come_in_order(lines, kind):
    builder = KINDS[kind]
    text = "\n".join(lines)
    tokens = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    follower = Follower(builder)
    told = ""
    for token in tokens:
        follower.add(token)
        change = follower.change()
        if change is not None:
            told = told[: change.at] + change.text
        assert text.startswith(told)
        follower.new_steps()
        assert len(follower.steps) <= told.count("\n")
    assert told == text
    assert follower.written == len(tokens)
    # With the next line begun, all before it is settled as in the whole.
    whole = builder.cut(tokens)[1]
    assert follower.steps in (whole[: len(follower.steps)], whole)
    assert follower.change() is None


def test_a_step_is_complete_as_soon_as_the_next_one_has_begun():
    follower = Follower(KINDS["lines"])
    seen = []
    for token in TOKENIZER("14 * 18 = 252\nOn Friday 168\n#### 168", add_special_tokens=False)["input_ids"]:
        follower.add(token)
        change = follower.change()
        if follower.new_steps():
            seen.append((follower.steps, change.text))
    # The line with the answer belongs to the step before it: it completes none.
    assert seen == [(("14 * 18 = 252",), " ")]


def test_what_came_after_the_answer_is_taken_back():
    follower = Follower(KINDS["lines"])
    for token in TOKENIZER("#### 42\nQuestion: next", add_special_tokens=False)["input_ids"]:
        follower.add(token)
    follower.change()
    taken = follower.end("#### 42")
    assert (taken.at, taken.text) == (7, "")


def test_typed_questions_are_the_tasks_own():
    task = KINDS["lines"].task
    first = task.ask(Typed("How many?", "3"))
    assert task.ask(Typed("How many?", "3")) is first
    assert task.ask(Typed("How many?")).number != first.number
    assert task.gradable(first)
    assert not task.gradable(task.ask(Typed("How many?")))
    known, unknown = task.grade([(first, "#### 3"), (task.ask(Typed("How many?")), "so it is\n#### 4")])
    assert (known.correct, known.answer) == (True, "3")
    assert unknown.answer == "4"
