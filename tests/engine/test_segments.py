# ruff: noqa: E501
"""Where steps begin: a prefix is cut as the whole is, and nothing that was written is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_engine.tasks.segmenters import segmenter_of
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from tests.fixtures.tiny_models import byte_tokenizer

WAYS = [("line", ""), ("paragraph", ""), ("block", ""), ("pattern", r"Step \d+")]
ways = pytest.mark.parametrize(("how", "pattern"), WAYS)
LINES = st.lists(
    st.sampled_from(
        [
            "",
            "Step 1: add",
            "def f(x):",
            "    # first",
            "    y = x + 1",
            "    for i in y:",
            "        z(i)",
            "    return y",
            "#### 4",
            "so 4",
            "é ∑",
        ]
    ),
    max_size=14,
)


class OneTask:
    """A task that only cuts."""

    runs_on = False

    def __init__(self, how, pattern):
        self.segmenter = segmenter_of(how, pattern)


def groups(segmenter, text):
    lines = text.split("\n")
    found = []
    for line, begins in zip(lines, segmenter.starts(lines), strict=True):
        if begins or not found:
            found.append([])
        found[-1].append(line)
    return [segmenter.clean("\n".join(group)) for group in found]


@ways
@given(lines=LINES, cut=st.integers(0, 14))
def test_a_prefix_is_cut_as_the_whole_is(how, pattern, lines, cut):
    segmenter = segmenter_of(how, pattern)
    assert segmenter.starts(lines[:cut]) == segmenter.starts(lines)[:cut]


@ways
@given(lines=LINES)
def test_every_token_belongs_to_one_step_and_no_text_is_lost(how, pattern, lines):
    tokenizer = byte_tokenizer()
    builder = TrajectoryBuilder(OneTask(how, pattern), tokenizer)
    text = "\n".join(lines)
    tokens = (*tokenizer(text)["input_ids"], tokenizer.eos_token_id)
    ends, steps = builder.cut(tokens)
    assert builder.text_of(tokens) == text
    assert ends[-1] == len(tokens)
    assert list(ends) == sorted(set(ends))
    assert len(ends) == len(steps)
    kept = [line.strip() for step in steps for line in step.split("\n") if line.strip()]
    assert kept == [line.strip() for line in lines if line.strip()]
    assert all(steps[1:])  # only a solution with nothing in it has an empty step


@ways
@given(lines=LINES)
def test_the_steps_of_a_prefix_are_the_first_steps_of_the_whole(how, pattern, lines):
    tokenizer = byte_tokenizer()
    builder = TrajectoryBuilder(OneTask(how, pattern), tokenizer)
    tokens = (*tokenizer("\n".join(lines))["input_ids"], tokenizer.eos_token_id)
    ends, steps = builder.cut(tokens)
    for k, end in enumerate(ends[:-1], 1):
        assert builder.cut(tokens[:end])[1] == steps[:k]


def test_the_answer_line_belongs_to_the_step_that_found_it():
    text = "48 / 2 = 24\n48 + 24 = 72\n#### 72"
    assert groups(segmenter_of("line"), text) == ["48 / 2 = 24", "48 + 24 = 72\n#### 72"]


def test_a_program_is_cut_at_its_blocks():
    program = (
        "def f(a):\n    # sort first\n    a = sorted(a)\n    b = a[0]\n    for x in a:\n        if x > b:\n            b = x\n"
        "    c = b\n    return c"
    )
    assert groups(segmenter_of("block"), program) == [
        "def f(a):",
        "    # sort first\n    a = sorted(a)\n    b = a[0]",
        "    for x in a:\n        if x > b:\n            b = x\n    c = b",
        "    return c",
    ]
    body = "    x = 1\n    y = 2\n\n    if x:\n        y = 3\n    return y"
    assert groups(segmenter_of("block"), body) == ["    x = 1\n    y = 2", "    if x:\n        y = 3", "    return y"]
