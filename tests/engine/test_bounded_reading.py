"""Whatever a model writes is read in a time that grows with its length, and no more."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.grading.equality import equal_here
from sapo_engine.grading.extract import boxed_answer, final_expression, final_number
from sapo_engine.grading.first_answer import goes_on
from sapo_engine.grading.reading import read
from sapo_engine.tasks.math_problems import one_sentence_a_line
from sapo_engine.tasks.segmenters import Pattern, may_backtrack

READERS: tuple[Callable[[str], object], ...] = (
    final_number,
    final_expression,
    boxed_answer,
    goes_on,
    one_sentence_a_line,
)
# One of every class of characters, and what means something to a reader.
SIGNS = (
    " ", "\n", "\r\n", "\t", "\u00a0", "0", "1", "12", "1,", "1 ", "1.", ".", ",", ";", ":", "a", "x", "Z", "\u00e9",
    "\u4e2d", "\u0660", "\u00b2", "\u00bd", "\u2212", "+", "-", "*", "/", "^", "_", "=", "<", ">", "!", "%", "$", "\\$",
    "(", ")", "[", "]", "{", "}", "\\{", "|", "\\", "\\\\", "'", '"', "`", "#", "####", "&", "~", "?", "@",
    "\\frac", "\\frac{", "\\frac{1}{", "\\sqrt", "\\left(", "\\boxed", "\\boxed{", "\\text{", "\\text{a}",
    "\\begin{pmatrix}",
    "\\end{pmatrix}", "\\[", "\\(", "$$", "[asy]", "\\pm", "\\cup", "\\sin", "\\overline{", "answer", "The answer is",
    "the result: ", "Question: ", "<think>", "</think>", "<|im_end|>", "and", "or", "x=", "1/", "1 1/", "f(", "e", "i",
    "\ud800", "\x00", "\x1b", "\u202e", "\u200b",
)  # fmt: skip


@given(st.lists(st.sampled_from(SIGNS), min_size=1, max_size=3), st.sampled_from([1, 40, 400]), st.sampled_from(SIGNS))
@settings(max_examples=100)
def test_no_repetition_of_anything_is_a_fault(signs, times, last):
    text = "".join(signs) * times + last
    for reader in READERS:
        reader(text)
    read(text[:1000])
    assert equal_here(text[:400], "5") in (True, False, None)


def work_of(reader: Callable[[str], object], text: str) -> int:
    """Lines of Python that reading a text takes."""
    count = 0

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        reader(text)
    finally:
        sys.settrace(before)
    return count


@given(st.lists(st.sampled_from(SIGNS), min_size=1, max_size=2), st.sampled_from(READERS))
@settings(max_examples=60, deadline=None)
def test_twice_the_text_is_at_most_twice_the_work(signs, reader):
    once, twice = (work_of(reader, "".join(signs) * times) for times in (150, 300))
    assert twice <= 2.3 * once + 2000


ALL = """
from tests.engine.test_bounded_reading import READERS, SIGNS
for sign in SIGNS:
    for unit in (sign, sign + "1"):
        for reader in READERS:
            reader("The answer is" + unit * (8_000 // len(unit)))
"""


@pytest.mark.slow
def test_long_repetitions_of_every_sign_come_to_an_end():
    # Seconds; what is quadratic anywhere would take a quarter of an hour.
    subprocess.run([sys.executable, "-c", ALL], timeout=250, check=True)


def test_the_answer_is_and_line_breaks():
    text = "The answer is" + "\n" * 2_500 + "5"
    assert final_number(text) == "5"
    assert final_expression(text) == "5"


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*b", r"(\w+\s?)*$", r"(.*)(.*)(.*)x", r"(a)\1*b", r"(?:a+)+b"])
def test_a_users_expression_that_may_take_for_ever_is_looked_for_apart(pattern):
    assert may_backtrack(pattern)


@pytest.mark.parametrize("pattern", [r"Step \d+", r"\d+\.", r"(Step|Case) \d+:", r"\(?[a-z]\)", r"#+ ", r"They are"])
def test_a_plain_one_is_not(pattern):
    assert not may_backtrack(pattern)


def test_an_expression_that_takes_for_ever_begins_no_step(monkeypatch):
    monkeypatch.setattr("sapo_engine.tasks.segmenters.SECONDS", 0.3)
    segmenter = Pattern(r"(a+)+$")
    try:
        assert segmenter.starts(["a" * 40 + "b", "aaa"]) == [False, False]
        assert segmenter.starts(["aaa", "b"]) == [True, False]
    finally:
        segmenter.close()
