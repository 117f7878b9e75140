"""Questions that somebody types: the lab's are worked out, programs run their tests, what cannot be held is named."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_engine.models.loading import load_tokenizer
from sapo_engine.models.same_weights import same_model
from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_engine.tasks.lab_question import amounts_of
from sapo_engine.tasks.typed import Typed, typed_task
from sapo_engine.tasks.written import WrittenTask
from sapo_engine.text.vocabulary import unknown_words
from sapo_studio.config.schema import TaskConfig
from sapo_studio.model_files.sources import bundled_folder
from tests.fixtures.tiny_models import byte_tokenizer
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file

FEW = {"train_questions": 60, "development_questions": 20, "test_questions": 20, "process_solutions": 20}


def config(**task):
    return TaskConfig(**task)


@pytest.mark.parametrize("asks", ["amount", "rest"])
def test_the_lab_works_out_its_own_problems(asks):
    task, lab = ArithmeticTask(config(asks=asks, **FEW), 3), typed_task(config(asks=asks), 3)
    for question in task.questions("train"):
        asked = lab.ask(Typed(f"  {question.text} "))
        assert (asked.text, asked.answer) == (question.text, question.answer)
        assert lab.first_error(asked, question.steps) == 0
        wrong = [*question.steps[:-1], "1 + 1 = 3"]
        assert lab.first_error(asked, wrong) == task.first_error(question, wrong) == len(wrong)


@pytest.mark.parametrize(
    "text",
    [
        *("How many?", "Finn has stamps. How many?", "Finn has 4 stamps, steals 3. How many?", "Finn has 4 stamps"),
        *("Finn has 4 stamps, sells 9. How many?", "Finn has 5 stamps, halves. How many?"),
        "Finn has 4 stamps, doubles 3. How many?",
    ],
)
def test_what_is_no_problem_of_the_lab_has_no_answer(text):
    assert amounts_of(text) is None
    lab = typed_task(config(), 0)
    assert not lab.gradable(lab.ask(Typed(text)))
    assert lab.gradable(lab.ask(Typed(text, answer="4")))


@given(st.text(max_size=60))
def test_any_text_is_a_question_or_none(text):
    assert amounts_of(text) is None or amounts_of(text)[0] >= 0


def test_the_words_that_a_tokenizer_cannot_hold():
    lab = load_tokenizer(bundled_folder("bundled:lab"))
    assert unknown_words(lab, "Finn has 44 stamps, sells 9. How many?") == []
    # What its pattern leaves out would be dropped without a word.
    assert unknown_words(lab, "Finn has 44 stamps!") == ["!"]
    assert unknown_words(lab, "Finn has 440 stamps, steals 9. How many?") == ["440", "steals 9"]
    assert unknown_words(byte_tokenizer(), "\u00e9\u4e00 anything!") == []


def test_a_question_of_the_runs_own_is_graded_by_its_own_tests(tmp_path):
    task = config(kind="mbpp", train_data=str(mbpp_file(tmp_path / "mbpp.jsonl", 40)))
    own = WrittenTask(task.model_copy(update={"bad_golds": "keep"}), 5)
    question = own.questions("test")[0]
    problem = own.problem(question.number)
    typed = typed_task(task, 5, tmp_path)
    asked = typed.ask(Typed(question.text, number=question.number))
    assert typed.gradable(asked)
    assert [g.correct for g in typed.grade([(asked, problem.solution), (asked, "def nothing():\n    pass")])] == [
        True,
        False,
    ]
    # Changed, it is another question, and nobody knows its tests.
    assert not typed.gradable(typed.ask(Typed(question.text + " Or so.", number=question.number)))
    typed.close()
    own.close()


def test_a_typed_program_runs_the_tests_that_are_given():
    task = typed_task(config(kind="mbpp"), 0)
    asked = task.ask(Typed("Write a function f that doubles.", tests=("assert f(2) == 4",)))
    # As in the data set, the first test is shown: it names the function.
    assert asked.text == "Write a function f that doubles.\nassert f(2) == 4"
    right, wrong = task.grade([(asked, "def f(x):\n    return 2 * x"), (asked, "def f(x):\n    return x")])
    assert (right.correct, wrong.correct) == (True, False)
    task.close()


def test_worked_examples_are_the_runs_own(tmp_path):
    task = config(kind="gsm8k", train_data=str(gsm8k_file(tmp_path / "gsm8k.jsonl", 60)), prompt="few-shot", shots=2)
    own, typed = WrittenTask(task, 5), typed_task(task, 5, tmp_path)
    question = own.questions("test")[0]
    assert typed.prompt(typed.ask(Typed(question.text, question.answer))) == own.prompt(question)


def test_equal_models_are_told_from_others(tmp_path):
    one = bundled_folder("bundled:lab")
    other = shutil.copytree(one, tmp_path / "lab")
    assert same_model(one, other)
    weights = other / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    weights.write_bytes(data)
    assert not same_model(one, other)
    assert not same_model(one, bundled_folder("bundled:lab-rest"))
    assert not same_model(tmp_path, one)
