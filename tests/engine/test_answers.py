"""Final answers: found as people write them, equal as mathematics has it, and never a hang."""

import json
import os
from fractions import Fraction
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_engine.grading.answers import AnswerGrader
from sapo_engine.grading.base import Problem
from sapo_engine.grading.equality import equal_here
from sapo_engine.grading.extract import boxes, final_expression, final_number, number_of

DATA = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data are not there: {DATA}")


def rows(name):
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def mathematics():
    grader = AnswerGrader(final_expression, processes=2, seconds=3.0)
    yield grader
    grader.close()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("She has 3.\n#### 1,234", "1,234"),
        ("The answer is $18.50.", "18.50"),
        ("so the result: 7 apples", "7"),
        (r"thus \boxed{42}.", "42"),
        ("3 + 4 = 7\n7 * 2 = 14", "14"),
        ("A: -3", "-3"),
        ("#### 7 hours 30 minutes", "7 hours 30 minutes"),
        ("The answer is 5 feet and 6 inches.", "5 feet and 6 inches"),
        ("#### 7 hours", "7"),
        ("#### 3 apples 4 pears", "3"),
        ("#### 2 miles 30 minutes", "2"),
        ("#### a dozen", "12"),
        ("#### US$5", "5"),
        ("nothing", ""),
        ("", ""),
    ],
)
def test_the_final_number_is_found(text, number):
    assert final_number(text) == number


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        ("US$5", "5", True),
        (r"US\$5.50", "$5.5", True),
        ("US$5", "6", False),
        ("BUS$5", "5", False),
        ("a dozen", "12", True),
        ("two dozen", "24", True),
        ("twenty-two dozen", "264", True),
        ("a hundred", "100", True),
        ("dozen two", "14", False),
        ("half a dozen", "12", False),
        ("zero dozen", "12", False),
        ("a five", "5", False),
        ("7 hours 30 minutes", "7.5", True),
        ("7 hours 30 minutes", "7", False),
    ],
)
def test_dollars_dozens_and_several_units(answer, reference, same):
    assert bool(equal_here(answer, reference)) is same


def test_a_box_with_braces_inside_is_whole():
    assert boxes(r"so \boxed{\frac{1}{2}}. But then \boxed{\sqrt{\frac{a}{b}}}.") == [r"\sqrt{\frac{a}{b}}"]
    assert boxes("no box") == []
    assert boxes(r"\boxed{never closed") == []


@given(st.integers(-(10**9), 10**9), st.sampled_from(["", "$", "€"]), st.sampled_from(["", ".", " apples", "%", ".0"]))
def test_a_number_is_the_same_however_it_is_written(number, before, after):
    written = f"{before}{number:,}{after}"
    assert number_of(written) == number
    assert equal_here(written, str(number)) is True
    assert equal_here(written, str(number + 1)) is False


@given(st.fractions(max_denominator=1000))
def test_a_fraction_is_the_same_in_each_notation(fraction):
    top, bottom = fraction.numerator, fraction.denominator
    for written in (f"{top}/{bottom}", rf"\frac{{{top}}}{{{bottom}}}", rf"$\dfrac{{{top}}}{{{bottom}}}$"):
        assert number_of(written) == Fraction(top, bottom)


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_whatever_is_written_is_read_without_a_fault(text):
    for find in (final_number, final_expression):
        assert equal_here(find(text), "5") in (True, False, None)


@pytest.mark.parametrize(
    ("answer", "reference", "equal"),
    [
        (r"2\sqrt{2}", r"\sqrt{8}", True),
        ("x^2+2x+1", "(x+1)^2", True),
        (r"\{2,1\}", r"\{1,2\}", True),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3, \dfrac{\pi}{2})", True),
        ("0.5", r"\frac12", True),
        ("x^2", "x^3", False),
        ("+", "5", False),
    ],
)
def test_equal_is_what_mathematics_says(mathematics, answer, reference, equal):
    grade = mathematics.grade([(Problem("m", "", answer=reference), rf"\boxed{{{answer}}}")])[0]
    assert grade.correct is equal
    assert grade.answer == answer
    assert bool(grade.reason) is not equal


@pytest.mark.timeout(240)
def test_what_never_ends_is_stopped_and_the_others_are_graded(mathematics):
    monsters = ["9^{9^{9^{9}}}", "(10^{10^{10}})!", "(" * 400 + "1" + ")" * 400, "x" * 100_000]
    items = [(Problem("m", "", answer="x+1"), rf"\boxed{{{monster}}}") for monster in monsters]
    items += [(Problem("m", "", answer="x+1"), r"\boxed{1+x}")] * 3
    grades = mathematics.grade(items)
    assert [grade.correct for grade in grades] == [False] * 4 + [True] * 3
    assert all(grade.reason for grade in grades[:4])


def told(process):
    """Its command line; nothing where another test's process has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_nothing_is_left_when_the_grader_closes():
    grader = AnswerGrader(final_expression, processes=1, seconds=60.0)
    grader.grade([(Problem("m", "", answer="1000000!"), r"\boxed{999999!}")])
    helpers = [child for child in psutil.Process().children() if "comparing" in told(child)]
    grader.close()
    grader.close()
    assert helpers
    own = [child for child in helpers if not child.is_running()]
    assert own


def test_a_process_that_is_killed_costs_one_verdict():
    grader = AnswerGrader(final_expression, processes=1, seconds=0.2)
    hard, easy = (r"\boxed{1999999!}", "1999998!"), (r"\boxed{1000000!}", r"1000000 \cdot 999999!")
    (killed,) = grader.grade([(Problem("m", "", answer=hard[1]), hard[0])])
    grader.seconds = 60.0
    (right,) = grader.grade([(Problem("m", "", answer=easy[1]), easy[0])])
    grader.close()
    assert not killed.correct
    assert "could not be compared within 0.2 s" in killed.reason
    assert right.correct


@pytest.mark.parametrize("sign", ["\ud800", "\x00", "\x1b[31m", "\x7f", "\u202e", "\udfff\ud800"])
def test_nothing_in_a_verdict_is_obeyed_or_breaks_a_file(sign):
    grader = AnswerGrader(final_expression)
    grades = grader.grade(
        [(Problem("m", "", answer="5"), rf"\boxed{{{sign}6}}"), (Problem("m", "", answer=f"6{sign}"), "#### 5")]
    )
    grader.close()
    for grade in grades:
        assert not grade.correct
        told = f"{grade.answer} {grade.reason}"
        assert told.isprintable()
        assert json.loads(json.dumps(told, ensure_ascii=False).encode("utf-8")) == told
    assert grades[0].answer.startswith("\\")


@needs_data
def test_the_grader_agrees_on_every_model_written_solution():
    grader = AnswerGrader(final_number)
    items, marks = [], []
    for row in rows("gsm8k_model_solutions.jsonl"):
        answer = final_number(row["ground_truth"])
        for written in row.values():
            if isinstance(written, dict):
                items.append((Problem("g", row["question"], answer=answer), written["solution"]))
                marks.append(written["is_correct"])
    grades = grader.grade(items)
    assert len(items) == 800
    assert 100 < sum(marks) < 700
    assert [grade.correct for grade in grades] == marks


@needs_data
def test_every_reference_solution_of_math_is_right(mathematics):
    items = [
        (Problem("m", row["problem"], answer=row["answer"]), row["solution"]) for row in rows("math500_first250.jsonl")
    ]
    assert len(items) == 250
    assert all(grade.correct for grade in mathematics.grade(items))
