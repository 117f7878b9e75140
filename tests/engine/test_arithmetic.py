"""The lab's questions, tokenizer, grader and step oracle."""

from __future__ import annotations

import itertools

import pytest

from sapo_engine.grading.base import Grade
from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_studio.config.schema import TaskConfig

SMALL = TaskConfig(
    min_steps=3,
    max_steps=6,
    train_questions=200,
    development_questions=50,
    test_questions=50,
    process_solutions=50,
)


REST = SMALL.model_copy(update={"asks": "rest"})


@pytest.fixture(scope="module", params=[SMALL, REST], ids=["amount", "rest"])
def task(request):
    return ArithmeticTask(request.param, seed=3)


def everything(task):
    return [q for split in ("train", "development", "test", "process") for q in task.questions(split)]


def test_no_question_is_in_two_splits(task):
    questions = everything(task)
    assert len({q.steps for q in questions}) == len(questions) == 350
    assert len({q.number for q in questions}) == 350


def test_every_reference_solution_is_right_at_every_step(task):
    for question in everything(task):
        assert SMALL.min_steps <= len(question.steps) <= SMALL.max_steps
        assert task.first_error(question, question.steps) == 0
        assert task.grade([(question, task.join(question.steps))]) == [Grade(True, question.answer)]
        for before, after in itertools.pairwise(question.steps):
            assert before.split(" = ")[1] == after.split(" ")[0]


def test_same_seed_same_questions():
    assert everything(ArithmeticTask(SMALL, 7)) == everything(ArithmeticTask(SMALL, 7))
    assert everything(ArithmeticTask(SMALL, 7)) != everything(ArithmeticTask(SMALL, 8))


def test_oracle_names_the_first_wrong_step(task):
    question = task.questions("train")[0]
    right = list(question.steps)
    for at in range(len(right)):
        left, result = right[at].split(" = ")
        wrong = [*right[:at], f"{left} = {int(result) + 1}", *right[at + 1 :]]
        assert task.first_error(question, wrong) == at + 1
    assert task.first_error(question, right[:-1]) == len(right) - 1  # ends too early
    assert task.first_error(question, [*right, "1 + 1 = 2"]) == len(right) + 1  # goes on too long
    assert task.first_error(question, ["nonsense"]) == 1


def test_another_true_calculation_counts_as_right(task):
    question = next(q for q in everything(task) if " * 2 = " in q.steps[0])
    left, result = question.steps[0].split(" * 2 = ")
    assert task.first_error(question, [f"{left} + {left} = {result}", *question.steps[1:]]) == 0


def test_text_survives_the_tokenizer(task):
    tokenizer = task.build_tokenizer()
    builder = TrajectoryBuilder(task, tokenizer)
    for question in everything(task):
        ids = tokenizer(task.join(question.steps))["input_ids"]
        ends, steps = builder.cut([*ids, tokenizer.eos_token_id])
        assert steps == question.steps
        assert ends[-1] == len(ids) + 1
        assert len(ids) == 4 * len(question.steps) - 1
        assert tokenizer.unk_token_id not in tokenizer(task.prompt(question))["input_ids"]


def test_a_rest_is_asked_for_in_the_question_and_found_in_the_last_step():
    for question in everything(ArithmeticTask(REST, seed=3)):
        pack = int(question.text.rpartition("Packed in ")[2].split("s, ")[0])
        amount = int(question.steps[-2].split(" = ")[1])
        assert question.steps[-1] == f"{amount} % {pack} = {amount % pack}"
        assert question.answer == str(amount % pack)


def test_a_wrong_step_may_come_to_the_right_rest():
    """A grader of answers does not see it, the oracle does."""
    task = ArithmeticTask(REST, seed=3)
    question = task.questions("train")[0]
    *before, last = question.steps
    left, amount = before[-1].split(" = ")
    pack = last.split(" ")[2]
    more = int(amount) + int(pack)
    steps = [*before[:-1], f"{left} = {more}", f"{more} % {pack} = {question.answer}"]
    assert task.grade([(question, task.join(steps))])[0].correct
    assert task.first_error(question, steps) == len(before)


def test_equal_completions_are_graded_once(monkeypatch):
    task = ArithmeticTask(SMALL, seed=3)
    tokenizer = task.build_tokenizer()
    one, other = task.questions("train")[:2]
    ids = [tokenizer(task.join(q.steps))["input_ids"] for q in (one, other)]
    asked = [(one, ids[0]), (one, tuple(ids[1])), (one, tuple(ids[0])), (other, ids[0]), (one, ids[1])]
    graded = []
    grade = task.grade
    monkeypatch.setattr(task, "grade", lambda items: graded.extend(items) or grade(items))
    verdicts = TrajectoryBuilder(task, tokenizer).grade(asked)
    assert [verdict.correct for verdict in verdicts] == [True, False, True, False, False]
    assert len(graded) == 3
