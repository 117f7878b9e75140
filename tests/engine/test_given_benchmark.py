"""A process benchmark that came with the data: what its questions are graded by, and what is measured where."""

import json
import unicodedata

import pytest
import torch

from sapo_engine.grading.answers import AnswerGrader
from sapo_engine.grading.base import Problem
from sapo_engine.grading.extract import final_number
from sapo_engine.grading.programs import ProgramGrader, probe
from sapo_engine.loop import run
from sapo_engine.phases.context import RunContext
from sapo_engine.rollouts import Completion, Usage
from sapo_engine.session import RunSession
from sapo_engine.tasks import make_task
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.schema import TaskConfig, parse_config
from sapo_studio.domain.benchmark_coverage import FROM_BEFORE, Coverage, note_of
from sapo_studio.errors import InputError
from sapo_studio.events.kinds import Log, Metric, Questions
from sapo_studio.store.records import MetricValue
from tests.fixtures.command_line import sapo
from tests.fixtures.tiny_models import write_model
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file

SIZES = {"development_questions": 20, "test_questions": 20, "train_questions": 50}


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row_of(problem, **more):
    steps = ["Something is said.", "#### -1"]
    return {"id": "p", "problem": problem, "steps": steps, "final_answer_correct": False, "label": 1, **more}


@pytest.fixture
def school(tmp_path):
    return gsm8k_file(tmp_path / "train.jsonl", 100)


def given(task_file, rows, tmp_path, kind="gsm8k", **more):
    file = write(tmp_path / "process.jsonl", rows)
    task = make_task(TaskConfig(kind=kind, train_data=str(task_file), process_data=str(file), **SIZES, **more), 3)
    try:
        return task, task.process_benchmark()
    finally:
        task.close()


def test_an_answer_comes_with_the_row_or_from_the_same_question_of_the_data(school, tmp_path):
    asked = [json.loads(line) for line in school.read_text().splitlines()]
    known = asked[7]["question"]
    gold = asked[7]["answer"].rpartition("#### ")[2]
    rows = [
        row_of("What is it?", answer="17"),
        row_of("What is it?", answer=18),
        row_of("What is it?", answer="Nine and ten.\n#### 19"),
        row_of(known),
        row_of("  " + known.upper().replace(" ", "\n\t ") + "\n"),
        row_of(known, answer="5"),
        row_of("Nobody knows it."),
        row_of("Nobody knows it.", answer=None, tests=None),
        row_of("What is it?", answer=" "),
        row_of("What is it?", tests=["assert f() == 1"]),
    ]
    _, found = given(school, rows, tmp_path)
    answers = [one.question.answer for one in found]
    assert answers == ["17", "18", "19", gold, gold, "5", "", "", "", ""]
    assert [bool(one.ungraded) for one in found] == [False] * 6 + [True] * 4
    assert "neither an answer nor a test" in found[6].ungraded
    assert "graded by tests, and the task by answers" in found[9].ungraded


def test_texts_are_compared_composed_and_without_case(tmp_path):
    asked = [{"question": f"Zo\u00eb w\u00e4hlt {k} \u00c4pfel.", "answer": f"#### {k}"} for k in range(100)]
    file = write(tmp_path / "train.jsonl", asked)
    rows = [row_of(unicodedata.normalize("NFD", asked[k]["question"]).upper()) for k in (3, 4)]
    _, found = given(file, rows, tmp_path)
    assert [one.question.answer for one in found] == ["3", "4"]
    assert not any(one.ungraded for one in found)


def test_a_question_with_two_answers_in_the_data_is_not_graded(school, tmp_path):
    first = json.loads(school.read_text().splitlines()[0])
    with school.open("a") as file:
        file.write(json.dumps(first) + "\n")  # the same answer again is no other one
    _, (same,) = given(school, [row_of(first["question"])], tmp_path)
    assert not same.ungraded
    with school.open("a") as file:
        file.write(json.dumps({**first, "answer": "#### 123456"}) + "\n")
    _, (other,) = given(school, [row_of(first["question"])], tmp_path)
    assert "different answers" in other.ungraded


@pytest.mark.parametrize("how", ["leave_out", "keep"])
def test_a_bad_answer_grades_nothing(school, tmp_path, how):
    rows = [json.loads(line) for line in school.read_text().splitlines()]
    rows[3]["answer"] = "I do not know.\n#### 20-ish"
    write(school, rows)
    asked = [row_of(rows[3]["question"]), row_of("Another?", answer="about 7-ish"), row_of(rows[4]["question"])]
    _, found = given(school, asked, tmp_path, bad_golds=how)
    assert ["not graded as right itself" in one.ungraded for one in found] == [True, True, False]


def test_test_questions_beyond_those_that_are_asked_are_known_too(school, tmp_path):
    test = gsm8k_file(tmp_path / "test.jsonl", 60, seed=9)
    asked = [row_of(json.loads(line)["question"]) for line in test.read_text().splitlines()]
    _, found = given(school, asked, tmp_path, test_data=str(test))
    assert not any(one.ungraded for one in found)


@pytest.mark.skipif(probe()[0] == "none", reason="there is no sandbox here")
def test_programs_are_graded_by_the_tests_of_the_row_or_of_the_data(tmp_path):
    file = mbpp_file(tmp_path / "mbpp.jsonl", 60)
    asked = [json.loads(line) for line in file.read_text().splitlines()]
    asked[9]["code"] = "def wrong(): pass"  # it fails its own tests
    write(file, asked)
    rows = [
        row_of(asked[3]["text"]),  # as published: without the test that the reasoner is shown
        row_of(f"{asked[4]['text']}\n{asked[4]['test_list'][0]}"),
        row_of("Write f.", tests="assert f() == 1"),
        row_of("Write f.", answer="1"),
        row_of("Write f.", tests=["", "# nothing"]),
        row_of(asked[9]["text"]),
    ]
    process = write(tmp_path / "process.jsonl", rows)
    task = make_task(TaskConfig(kind="mbpp", train_data=str(file), process_data=str(process), **SIZES), 3)
    try:
        task.check_golds()
        task.check_given()
        found = task.process_benchmark()
        assert [bool(one.ungraded) for one in found] == [False, False, False, True, True, True]
        assert all(asked[k]["test_list"][0] in one.question.text for k, one in zip((3, 4), found, strict=False))
        written = [(found[k].question, asked[k + 3]["code"]) for k in (0, 1)]
        written += [(found[2].question, "def f():\n    return 1"), (found[2].question, "def f():\n    return 2")]
        assert [grade.correct for grade in task.grade(written)] == [True, True, True, False]
        with pytest.raises(InputError, match="to grade solutions of 'p' by"):
            task.grade([(found[3].question, "def f():\n    return 1")])
    finally:
        task.close()


# -- A grade against nothing


def test_no_grader_grades_against_nothing():
    grader = AnswerGrader(final_number)
    for problem in (Problem("a", "b"), Problem("a", "b", answer=" \n"), Problem("a", "b", tests=("assert f()",))):
        with pytest.raises(InputError, match="Nothing is known to grade solutions of 'a' by"):
            grader.grade([(problem, "#### 0")])
    grader.close()


@pytest.mark.skipif(probe()[0] == "none", reason="there is no sandbox here")
def test_no_program_passes_where_nothing_is_tested():
    grader = ProgramGrader(processes=1)
    for problem in (Problem("a", "b"), Problem("a", "b", answer="1"), Problem("a", "b", tests=("assert 1", "# x\n"))):
        with pytest.raises(InputError, match="Nothing is known to grade solutions of 'a' by"):
            grader.grade([(problem, "x = 1")])
    grader.close()


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("gsm8k", {"question": "How many?", "answer": "I do not know.\n####"}),
        ("math", {"problem": "How many?", "answer": "  "}),
        ("mbpp", {"text": "Write f.", "test_list": ["assert f()", " "]}),
        ("mbpp", {"text": "Write f.", "test_list": ["# none"]}),
        ("jsonl", {"question": "Write f.", "tests": ["# none"]}),
    ],
)
def test_sapo_grade_refuses_a_line_without_anything_to_grade_by(kind, row, tmp_path):
    file = write(tmp_path / "written.jsonl", [row | {"completion": "#### 0"}])
    done = sapo("grade", kind, str(file))
    assert done.returncode == 2
    assert "written.jsonl:1" in done.stderr
    assert done.stdout == ""


def test_a_kept_question_without_any_answer_is_still_not_asked(school):
    rows = [json.loads(line) for line in school.read_text().splitlines()]
    rows[3]["answer"] = "I do not know.\n####  "
    write(school, rows)
    task = make_task(TaskConfig(kind="gsm8k", train_data=str(school), bad_golds="keep", **SIZES), 3)
    asked = {q.text for split in ("train", "development", "test") for q in task.questions(split)}
    assert rows[3]["question"] not in asked
    assert [gold.reason for gold in task.golds.bad] == ["there is no answer"]


# -- What a run measures


class Parrot:
    """Writes the same answer, whatever it is asked."""

    def __init__(self, session, answer):
        eos = session.tokenizer.eos_token_id
        self.tokens = (*session.tokenizer(f"\n#### {answer}", add_special_tokens=False)["input_ids"], eos)
        self.usage = Usage()

    def generate(self, requests, *, temperature, tick=None):
        self.usage.sequences += sum(len(request.keys) for request in requests)
        return [[Completion(self.tokens, True) for _ in request.keys] for request in requests]


def measured(school, rows, tmp_path, answer=77):
    """Events of a run of one iteration whose reasoner always answers `answer`, on a benchmark of `rows`."""
    process = write(tmp_path / "process.jsonl", rows)
    model = write_model(tmp_path / "model", "qwen2")
    config = parse_config(
        {
            "iterations": 1,
            "task": {"kind": "gsm8k", "train_data": str(school), "process_data": str(process), **SIZES},
            "model": {"source": str(model), "tuning": "lora", "lora_rank": 4},
            "warmup": {"epochs": 0},
            "sampling": {"questions": 10, "start_questions": 10, "samples": 1},
            "labeling": {"trajectories": 10, "start_trajectories": 10, "rollouts": 1, "wave": 1},
            "verifier": {"base": "shared", "epochs": 1, "batch_size": 8, "max_trajectories": 12},
            "optimiser": {"kind": "sft", "batch_size": 8, "guard": "off"},
            "evaluation": {"samples": 1, "mce_rollouts": 2},
        }
    )
    events = []
    session = RunSession(config, tmp_path / "run", torch.device("cpu"))
    parrot = Parrot(session, answer)
    session.pool.backend = lambda reasoner: parrot
    try:
        run(RunContext(session, plan(config), events.append))
    finally:
        session.close()
    return events


def values(events, iteration):
    return {event.name: event for event in events if isinstance(event, Metric) and event.iteration == iteration}


def test_mce_and_gap_are_measured_where_rollouts_can_be_graded(school, tmp_path):
    steps = ["A.", "B.", "#### 5"]
    rows = [
        row_of("One?", answer="77", steps=steps, label=2),  # every rollout is right: 1, 1, and the last step 0
        row_of("Two?", answer="8", steps=steps, label=2),  # none is: 0, 0, 0
        row_of("Three?", steps=steps, label=0),
        row_of("Four?", steps=steps, label=-1, final_answer_correct=True),
        row_of("Five?", answer="5", steps=steps, label=-1, final_answer_correct=True),
    ]
    events = measured(school, rows, tmp_path)
    for iteration in (0, 1):
        found = values(events, iteration)
        assert found["mce"].value == (3 + 1 + 3) / 9
        assert (found["mce"].n, found["gap"].n) == (3, 3)
        assert (found["mce_solutions"].value, found["mce_left_out"].value) == (3, 2)
        assert found["process_f1"].n == found["first_error_accuracy"].n == 5  # these need no answer
        assert found["verifier_step_accuracy"].n == 5
    (told,) = [event for event in events if isinstance(event, Log) and "MCE and gap" in event.message]
    assert told.level == "warning"
    assert "3 of the 5 solutions" in told.message
    assert "2: there is neither an answer nor a test" in told.message
    sent = {q.text: q.answer for event in events if isinstance(event, Questions) for q in event.rows}
    assert (sent["One?"], sent["Three?"]) == ("77", "")


def test_without_any_answer_there_is_no_mce_and_no_gap(school, tmp_path):
    rows = [row_of(f"{k}?") for k in range(4)] + [row_of("5?", label=-1, final_answer_correct=True)]
    events = measured(school, rows, tmp_path)
    for iteration in (0, 1):
        found = values(events, iteration)
        assert not {"mce", "gap"} & set(found)
        assert (found["mce_solutions"].value, found["mce_left_out"].value) == (0, 5)
        assert found["process_f1"].n == 5
    (told,) = [event for event in events if isinstance(event, Log) and "MCE and gap" in event.message]
    assert "are not measured: none of the 5 solutions" in told.message


# -- What is said of it


def test_what_is_said_beside_the_numbers():
    def run_of(**values):
        return {0: {name: MetricValue(float(value)) for name, value in values.items()}}

    assert Coverage(5, 0).note == ""
    assert "39 of the 150" in note_of(run_of(mce=0.5, mce_solutions=39, mce_left_out=111), supplied=True)
    assert "not measured" in note_of(run_of(mce_solutions=0, mce_left_out=150), supplied=True)
    assert note_of(run_of(mce=0.5, mce_solutions=5, mce_left_out=0), supplied=True) == ""
    assert note_of(run_of(mce=0.5), supplied=True) == FROM_BEFORE
    assert note_of(run_of(mce=0.5), supplied=False) == ""
    assert note_of({}, supplied=True) == ""


def test_doctor_and_dry_run_say_how_much_can_be_graded(school, tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    known = json.loads(school.read_text().splitlines()[0])["question"]
    process = write(tmp_path / "process.jsonl", [row_of(known), row_of("One?", answer="1"), row_of("Two?")])
    done = sapo("doctor", "--task", "gsm8k", "--data", str(school), "--benchmark", str(process))
    assert done.returncode == 0, done.stderr
    assert "2 of 3 solutions of the process benchmark can be graded" in done.stdout
    assert "1 cannot: there is neither an answer nor a test" in done.stdout
    source = write_model(tmp_path / "model", "llama")
    file = tmp_path / "run.toml"
    task = f'kind = "gsm8k"\ntrain_data = {json.dumps(str(school))}\nprocess_data = {json.dumps(str(process))}'
    sizes = "train_questions = 50\n[sampling]\nquestions = 20\nstart_questions = 20"
    file.write_text(f"[task]\n{task}\n{sizes}\n[model]\nsource = {json.dumps(str(source))}\n")
    done = sapo("run", str(file), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "2 of 3 solutions of the process benchmark can be graded" in done.stdout
    told = json.loads(sapo("run", str(file), "--dry-run", "--json").stdout)
    assert (told["benchmark"]["solutions"], told["benchmark"]["graded"]) == (3, 2)
    write(process, [row_of("One?", label=7)])
    done = sapo("run", str(file), "--dry-run")
    assert done.returncode == 2
    assert "process.jsonl:1 is not ProcessBench" in done.stderr


def test_sets_and_leaks_are_told_before_a_run(school, tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    asked = [json.loads(line) for line in school.read_text().splitlines()]
    far = gsm8k_file(tmp_path / "far.jsonl", 12, seed=5)
    far.write_text(far.read_text() + json.dumps(asked[3] | {"question": asked[3]["question"].upper()}) + "\n")
    source = write_model(tmp_path / "model", "llama")
    file = tmp_path / "run.toml"
    text = (
        f'[task]\nkind = "gsm8k"\ntrain_data = {json.dumps(str(school))}\ntrain_questions = 50\n'
        f"[sampling]\nquestions = 20\nstart_questions = 20\n[model]\nsource = {json.dumps(str(source))}\n"
        '[[evaluation.sets]]\nname = "far"\nkind = "gsm8k"\ndata = "far.jsonl"\n'
    )
    file.write_text(text)
    monkeypatch.chdir(tmp_path)
    done = sapo("run", "run.toml", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Evaluation set far: 13 of 13 questions" in done.stdout
    assert "1 of 13 questions of evaluation set far stand in the training data" in done.stdout
    assert "row 13 is training row 4" in done.stdout
    done = sapo("doctor", "--task", "gsm8k", "--data", str(school), "--test-data", str(far))
    assert "1 of 13 questions of the test questions stand in the training data" in done.stdout
    for fault, told in (
        (text.replace("far.jsonl", "gone.jsonl"), "There is no data file"),
        (text.replace('"far"', '""'), "must be some words"),
        (text + '[[evaluation.sets]]\nname = "far"\nkind = "math"\n', "two sets are called far"),
        (text.replace('kind = "gsm8k"\ndata', 'kind = "maths"\ndata'), "evaluation.sets.0.kind"),
    ):
        file.write_text(fault)
        for more in (("--dry-run",), ()):
            done = sapo("run", "run.toml", *more)
            assert done.returncode == 2
            assert told in done.stderr
            assert "Traceback" not in done.stderr
    assert sapo("runs", "--json").stdout == ""
