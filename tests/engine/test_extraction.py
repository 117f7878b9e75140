# ruff: noqa: RUF001
"""Where the answer is in what a model wrote, and where its first complete answer ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_engine.grading.equality import equal_here
from sapo_engine.grading.extract import boxed_answer, boxes, final_expression, final_number
from sapo_engine.grading.first_answer import goes_on

OWN_QUESTION = "\n\nQuestion: A crate holds 12 jars. How many do 3 hold?\nAnswer: 12 * 3 = 36\n#### 36"

# What was written, what it answers, and what it only seems to answer (empty: nothing).
NUMBERS = [
    ("The answer is 3!", "3", "6"),
    ("The answer is 3! Nice.", "3", "6"),
    ("The answer is $3$!", "3", "6"),
    ("The answer is not 7", "", "7"),
    ("The answer is not 7. It is 8.", "8", "7"),
    ("#### 6 apples and 3 pears", "6", "9"),
    ("#### 10 (8 + 2)", "10", "100"),
    ("#### 60 minutes = 1 hour", "60", "1"),
    ("#### 2 1/2", "2.5", "2"),
    (r"#### $2\frac{1}{2}$", "2.5", "2"),
    ("#### 3 1/2", "7/2", "3"),
    ("#### 7\n#### The work is done.", "7", ""),
    ("#### 20–ish", "", "20"),
    ("#### 20-ish", "", "20"),
    ("#### 3 or 4", "", "3"),
    ("#### 3 or 4.", "", "4"),
    ("#### 20-30", "", "20"),
    ("#### 5x", "", "5"),
    ("#### 7e", "", "7"),
    ("#### 5kg", "5", ""),
    ("#### 5m", "5", ""),
    ("#### 25m²", "25", ""),
    ("#### five", "5", ""),
    ("#### more than 5", "", "5"),
    ("#### at least $5", "", "5"),
    ("#### 5 or more", "", "5"),
    ("#### 5 hundredths", "", "5"),
    ("#### 2 thirds", "", "2"),
    ("#### 5 squared", "", "5"),
    ("#### 5 x", "", "5"),
    ("#### 2020-05-05", "", "2020"),
    ("#### 3,5", "3.5", "3"),
    ("3,5 altogether.", "3.5", "35"),
    ("#### 1,5 hours", "1.5", "1"),
    ("#### 12,00", "12", "1200"),
    ("#### €3,50", "3.5", "350"),
    ("#### 1.234,56", "1234.56", "1.234"),
    ("#### 3,1416", "3.1416", "31416"),
    ("#### 1,234", "1234", "1.234"),
    ("#### 3, 5", "", "3.5"),
    ("#### 3,5,7", "", "3.5"),
    ("#### (3,5)", "", "3.5"),
    ("#### 2,5 or 3", "", "2.5"),
    ("The answer is 3,5.", "3.5", "5"),
    ("It costs 3,5 dollars.", "3.5", "5"),
    ("It is one of 3,4,5 or 6", "", "4.5"),
    ("#### 5 million", "5000000", "5"),
    ("#### 5 and a half hours", "5.5", "5"),
    ("#### 7x2=14", "14", "7"),
    ("#### 14!", "", "14"),
    ("#### 7%", "7", ""),
    ("#### 5 * 3 = 15", "15", "5"),
    (r"#### 5 \times 3 = 15", "15", "5"),
    ("#### 5 + 3", "8", "5"),
    ("#### 2^5", "32", "2"),
    ("#### 5!", "120", "5"),
    ("#### 4 * (3 + 1)", "16", "4"),
    ("#### 1 000", "1000", "1"),
    ("#### 1 000", "1000", "1"),
    ("#### $1,000.00", "1000", "1"),
    ("#### 1.5e3", "1500", "1.5"),
    ("#### −3", "-3", "3"),
    ("From 2 it falls by 5.\n#### -3", "-3", "3"),
    ("#### -$5", "-5", "5"),
    ("#### 1 / 2", "0.5", "1"),
    ("#### 12:30", "12:30", "12"),
    ("####\n5", "5", ""),
    ("#### **5**", "5", ""),
    ("Half of 10 is 5.\r\n#### 5\r\n", "5", "10"),
    ("2+40=42\n#### 42\n" + " and this agrees with what was computed above." * 10, "42", ""),
    ("#### 48" + OWN_QUESTION, "48", "36"),
    ("The answer is 48." + OWN_QUESTION, "48", "36"),
    ("Answer: m+n = 256+37 = 293", "293", "256"),
    ("Result: 100 + 50 = $150.", "150", "100"),
    ("The answer is: 8 (because 2 x 4 = 8)", "8", "2"),
    ("The answer is 8 (because 2 + 4 = 6)", "8", "6"),
    ("The answer is $1,234.00", "1234", "1"),
    ("**Final Answer**\n\n5", "5", ""),
    ("Final Answer: The largest n is 34.", "34", ""),
    ("The total is 72 clips, altogether.", "72", ""),
    ("She makes $18 every day at the farmers’ market.", "18", ""),
    ("H2O has 3 atoms.", "3", "2"),
    ("I cannot tell. It could be 3, 4 or 5.", "", "5"),
    ("<think>maybe\n#### 4</think> I give up.", "", "4"),
    ("<think>maybe\n#### 4", "", "4"),
    (r"so \boxed{5", "", "5"),
]
EXPRESSIONS = [
    ("The answer is 3!", "3", "6"),
    ("The answer is $3!$.", "6", "3"),
    ("The answer is 3! = 6.", "6", "3"),
    ("The answer is $3$!", "3", "6"),
    ("The answer is not 7", "", "7"),
    ("Answer: m+n = 256+37 = 293", "293", "256"),
    ("Answer: E: the last one", "E", "D"),
    ("The correct answer is (E).", "E", "D"),
    (r"First \boxed{1} is tried, which fails. Hence \boxed{2}.", "2", "1"),
    (r"reasoning \boxed{1}###Response\boxed{2}###Response\boxed{42}", "42", "2"),
    (r"\(\boxed{1}\) and \(\boxed{-2}\).", "-2,1", "-2"),
    ("It must be \\boxed{840}., but to be sure:\n\n**Final Answer**\n\\boxed{840}", "840", ""),
    (r"<think>maybe \boxed{5}</think> I give up.", "", "5"),
    (r"It is \boxed{5", "", "5"),
    (r"\boxed 5", "5", ""),
    (r"The final answer is $\frac{1}{2}$. I hope it is correct.", r"\frac12", "1"),
    ("The answer is $12$ and $13$.", "12, 13", "13"),
    ("It could be $3$ or $4$.", "", "4"),
    ("I cannot tell. It could be 3, 4, 5 or 6.", "", "6"),
    ("The answer is 2/3 because of symmetry.", "2/3", "2"),
    ("The answer is x = 5.", "5", ""),
    ("Thus the number is **73**.\n\n---\n\nFinal Answer: **73**", "73", ""),
    ("Answer:\n$$\\frac{1}{3}$$", "1/3", "1"),
    ("#### 7 apples", "7", ""),
    ("#### 10 (8 + 2)", "10", "100"),
    ("#### 60 minutes = 1 hour", "60", "1"),
    ("#### 2 1/2", "2.5", "2"),
    ("#### Paris.", "Paris", "London"),
    ("#### 7\n#### The work is done.", "7", ""),
    ("#### 48" + OWN_QUESTION, "48", "36"),
    (rf"So \boxed{{48}}.{OWN_QUESTION}", "48", "36"),
    (r"\[ x = 5 \]", "5", ""),
    (r"\boxed{\frac{3}{5} = 0.6}", "3/5", "3"),
    (r"\boxed{2\sqrt{2} \approx 2.83}", r"2\sqrt2", "2.83"),
    ("I think the answer is 16. No wait. The answer is 17.", "17", "16"),
    (r"\boxed{A. 5}", "A", "B"),
    ("So we get \\(5\\).", "5", ""),
]


@pytest.mark.parametrize(
    ("find", "text", "right", "wrong"),
    [(final_number, *row) for row in NUMBERS] + [(final_expression, *row) for row in EXPRESSIONS],
)
def test_the_answer_is_found_and_nothing_that_only_looks_like_it(find, text, right, wrong):
    found = find(text)
    if right:
        assert equal_here(found, right) is True
    if wrong:
        assert equal_here(found, wrong) is False


def test_boxes():
    assert boxes(r"\boxed{1} and \boxed{2}") == ["1", "2"]
    assert boxed_answer(r"$\boxed{1}$ and $\boxed{2}$") == "1, 2"
    assert boxed_answer(r"\boxed{1}" + "\n\n" + r"\boxed{1}") == "1"
    assert boxed_answer(r"\boxed{\boxed{3}}") == "3"
    assert boxed_answer("none") is None


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        ("#### 48", "\n\nQuestion: How many jars?\nAnswer: 36\n#### 36"),
        ("12 * 4 = 48\n#### 48", "\nQ: Next\nA: 36"),
        ("#### 48", "\n\n**Question 2:** What is 3 * 12?\n#### 36"),
        ("#### 48", "\n\n### Problem\nWhat is 3 * 12?\n#### 36"),
        ("#### 48", "\nProblem 2. What is 3 * 12?\n#### 36"),
        ("#### 48", "\n\nProblem 2\nWhat is 3 * 12?\n#### 36"),
        ("#### 48", " Question: What is 3 * 12? #### 36"),
        ("#### 48", "\n\n2. A crate holds 12 jars. How many jars do 3 crates hold?\n#### 36"),
        ("#### 48", "\n\nNext question: what is 3 * 12?\n#### 36"),
        ("#### 48", "<|im_end|>\n<|im_start|>user\nAnd 3 * 12?\n#### 36"),
        ("#### 48", "\nHuman: and 3 * 12?\nAssistant: 36\n#### 36"),
        ("#### 48", "\n\nA crate holds 12 jars and there are 3 crates. How many jars are there?\n#### 36"),
        ("The answer is 48.", "\n\nQuestion: How many jars?\nThe answer is 36."),
        (r"So \boxed{48}.", "\n\nQuestion: How many jars?\n\\boxed{36}"),
        ("<think>Question: what?</think>\n#### 48", "\n\nQuestion: How many jars?\n#### 36"),
    ],
)
def test_a_completion_that_goes_on_with_its_own_question_ends_at_its_first_answer(answer, rest):
    end = goes_on(answer + rest)
    assert end is not None
    assert (answer + rest)[:end].removesuffix("<|im_end|>") == answer
    assert equal_here(final_number(answer + rest), "48") is True
    assert equal_here(final_expression(answer + rest), "48") is True


@pytest.mark.parametrize(
    "text",
    [
        "#### 48",
        "#### 48\n#### The work is done.",
        "Question: How many jars?\nAnswer: 12 * 3 = 36\n#### 36",
        "We ask the question: how many?\n#### 36",
        "#### 48\n\nWait, is that right for 12 crates and 3 jars in each of them?\n12 * 3 = 36\n#### 36",
        "#### 48\nThis answers the question: how many jars are there?",
        "First, Problem: we have no answer yet.\n#### 5",
        "<think>#### 3\nQuestion: what?</think>\n#### 48",
        "<think>#### 3\nQuestion: what?",
    ],
)
def test_a_completion_that_stays_with_its_question_is_read_whole(text):
    assert goes_on(text) is None


@given(st.text(max_size=200), st.sampled_from(["\nQuestion: ", "\n\nQ: ", "\n### Problem\n"]), st.text(max_size=200))
def test_the_first_answer_of_a_growing_text_stays_where_it_is(before, label, after):
    text = f"{before}\n#### 48{label}{after}"
    end = goes_on(text)
    assert end is not None
    assert goes_on(f"{text}\n#### 36{label}more") == end
    assert goes_on(text[:end]) is None
