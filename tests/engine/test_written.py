"""Tasks over written problems: splits, prompts, faults of the data, and the commands that grade and preview them."""

import json
import os
import subprocess
import sys

import pytest

from sapo_engine.service.grade import CHUNK
from sapo_engine.tasks import make_task
from sapo_engine.tasks.datasets import rows_of
from sapo_engine.tasks.kinds import KINDS, load_problems
from sapo_engine.tasks.math_problems import one_sentence_a_line
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import GradeRequest, PreviewRequest, SandboxProbeRequest
from tests.fixtures.command_line import sapo
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file


@pytest.fixture(scope="module")
def gsm8k(tmp_path_factory):
    return gsm8k_file(tmp_path_factory.mktemp("data") / "train.jsonl", 120)


def task_of(file, **more):
    return make_task(TaskConfig(kind="gsm8k", train_data=str(file), development_questions=20, **more), 3)


def test_no_question_is_in_two_splits_and_the_seed_decides(gsm8k):
    task = task_of(gsm8k, test_questions=30)
    splits = {split: task.questions(split) for split in ("train", "development", "test", "process")}
    assert {split: len(found) for split, found in splits.items()} == {
        "train": 70,
        "development": 20,
        "test": 30,
        "process": 0,
    }
    numbers = [question.number for found in splits.values() for question in found]
    assert len(set(numbers)) == len(numbers) == 120
    again = task_of(gsm8k, test_questions=30)
    assert all(again.questions(split) == found for split, found in splits.items())
    other = make_task(TaskConfig(kind="gsm8k", train_data=str(gsm8k), development_questions=20, test_questions=30), 4)
    assert other.questions("test") != splits["test"]


def test_a_solution_is_its_steps_and_graded_by_its_answer(gsm8k):
    task = task_of(gsm8k)
    question = task.questions("train")[0]
    assert len(question.steps) == 2
    assert "<<" not in task.join(question.steps)
    assert question.steps[-1].endswith(f"#### {question.answer}")
    right, wrong = task.grade([(question, task.join(question.steps)), (question, "I think it is 7.\n#### -1")])
    assert (right.correct, right.answer) == (True, question.answer)
    assert (wrong.correct, wrong.reason) == (False, f"the answer is {question.answer}")
    task.close()


def test_prompts(gsm8k):
    plain = task_of(gsm8k)
    question = plain.questions("train")[0]
    assert plain.prompt(question).endswith(f"Question: {question.text}\nAnswer:\n")
    assert plain.chat(question) is None
    few = task_of(gsm8k, prompt="few-shot", shots=3)
    prompt = few.prompt(few.questions("train")[0])
    assert prompt.count("Question: ") == 4
    assert prompt.count("####") == 4  # three worked examples and the instruction
    shown = {problem.question for problem in few.shots}
    assert not any(q.text in shown for split in ("train", "development", "test") for q in few.questions(split))
    chat = task_of(gsm8k, prompt="chat", instruction="Be brief.").chat(question)
    assert chat == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question.text}]


def test_steps_can_be_cut_otherwise(gsm8k):
    task = task_of(gsm8k, steps="pattern", step_pattern="They are")
    assert [step.split()[0] for step in task.questions("train")[0].steps[1:]] == ["They"]


def test_a_process_benchmark_that_comes_with_the_data(gsm8k, tmp_path):
    file = tmp_path / "process.jsonl"
    row = {"id": "p-1", "generator": "g", "problem": "1 + 1?", "steps": ["1 + 1 = 3", "#### 3"]}
    file.write_text(json.dumps({**row, "final_answer_correct": False, "label": 0}) + "\n")
    (given,) = task_of(gsm8k, process_data=str(file)).process_benchmark()
    assert (given.first_error, given.correct, given.steps) == (1, False, ("1 + 1 = 3", "#### 3"))
    assert given.question.number not in {q.number for q in task_of(gsm8k).questions("train")}


def test_wrong_answers_without_a_wrong_step_are_counted_and_not_trained_on(gsm8k, tmp_path):
    file = tmp_path / "process.json"
    row = {"id": 7, "problem": "1 + 1?", "steps": ["1 + 1 = 3"], "final_answer_correct": False, "label": -1.0}
    file.write_text(json.dumps([row, {**row, "id": "p-2", "label": 0}], indent=1))
    task = task_of(gsm8k, process_data=str(file))
    given = task.process_benchmark()
    assert [(row.name, row.contradicts, row.correct) for row in given] == [("7", True, False), ("p-2", False, False)]
    learnt = {question.text for split in ("train", "development") for question in task.questions(split)}
    assert not learnt & {row.question.text for row in given}


def fault(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return f"{caught.value.what}\n{caught.value.why}\n{caught.value.fix}"


def test_every_faulty_line_and_field_is_named(tmp_path):
    file = tmp_path / "own.jsonl"
    lines = [
        {"question": "1 + 1?", "answer": 2},
        {"question": "1 + 1?"},
        {"question": "  ", "answer": "2"},
        {"question": "Write f.", "tests": ["assert f() == 1", 3]},
        {"question": "Write f.", "tests": "assert f() == 1", "solution": "def f(): return 1"},
        {"question": ["x"], "answer": "2"},
    ]
    file.write_text("\ufeff" + "\r\n\r\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    told = fault(load_problems, KINDS["jsonl"], str(file))
    for number, field in ((3, "'answer' or 'tests'"), (5, "'question' is empty"), (7, "'tests'"), (11, "'question'")):
        assert any(f"own.jsonl:{number}:" in line and field in line for line in told.split("\n")), (number, told)
    assert "own.jsonl:1:" not in told
    assert "own.jsonl:9:" not in told


def test_what_cannot_be_read_is_told(tmp_path):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"question": "x", "answer": "#### 1"}\n{"question": \n')
    assert "bad.jsonl:2 is not JSON" in fault(rows_of, str(file))
    file.write_text("[1, 2]\n")
    assert "bad.jsonl:1 is not a JSON object" in fault(rows_of, str(file))
    file.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in fault(rows_of, str(file))
    file.write_text("")
    assert "is empty" in fault(load_problems, KINDS["gsm8k"], str(file))
    assert "There is no data file" in fault(rows_of, str(tmp_path / "absent.jsonl"))
    assert "hub:openai/gsm8k" in fault(rows_of, "openai/gsm8k")
    assert "no address" in fault(rows_of, "hub:nothing")
    file.write_text('{"question": "x", "answer": "no mark"}\n')
    assert "bad.jsonl:1: field 'answer'" in fault(load_problems, KINDS["gsm8k"], str(file))
    assert "too few questions" in fault(task_of, gsm8k_file(tmp_path / "few.jsonl", 12))


@pytest.mark.parametrize(
    ("kind", "row", "field"),
    [
        ("jsonl", {"question": "a \ud800 b", "answer": "1"}, "question"),
        ("jsonl", {"question": "ab", "answer": "1\x00"}, "answer"),
        ("jsonl", {"question": "ab", "answer": "1", "solution": "\x1b[2J#### 1"}, "solution"),
        ("jsonl", {"question": "ab", "answer": "1", "id": "\x9b1"}, "id"),
        ("jsonl", {"question": "ab", "tests": ["assert f()", "assert '\udfff'"]}, "test 2"),
        ("gsm8k", {"question": "ab", "answer": "\x08inom\n#### 1"}, "solution"),
        ("math", {"problem": "ab", "solution": "\\boxed{\x07}"}, "solution"),
        ("mbpp", {"text": "a\x01", "code": "x", "test_list": ["assert 1"]}, "question"),
        ("humaneval", {"prompt": "\x02", "entry_point": "f", "test": "x", "task_id": "1"}, "question"),
    ],
)
def test_signs_that_no_text_has_are_refused_with_line_and_field(kind, row, field, tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text("\n" + json.dumps(row) + "\n")
    told = fault(load_problems, KINDS[kind], str(file))
    assert "data.jsonl:2" in told
    assert f"{field} has" in told
    assert "".join(told.split("\n")).isprintable()


def test_line_breaks_and_tabs_are_text(tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text(json.dumps({"question": "a\r\n\tb", "answer": "1"}) + "\n")
    assert load_problems(KINDS["jsonl"], str(file))[0].question == "a\r\n\tb"


@pytest.mark.parametrize(
    "content",
    [
        "question,answer\n".encode("utf-16"),
        '{"question": "Größe"}'.encode("latin-1"),
        b"\x00" * 5000,
        bytes(range(256)) * 8,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"question": ' + b"7" * 5_000 + b"}",
        b'"' + b"x" * 200_000 + b'"',
        json.dumps({"x" * 100_000: 1, "question": ["y" * 100_000], "answer": "1"}).encode(),
        json.dumps({f"field {k}": 1 for k in range(5_000)}).encode(),
    ],
)
def test_whatever_a_file_holds_is_told_in_a_few_words(content, tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_bytes(content)
    told = fault(load_problems, KINDS["jsonl"], str(file))
    assert "data.jsonl" in told
    assert len(told) < 2_000
    assert "".join(told.split("\n")).isprintable()


def test_a_line_that_does_not_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sapo_engine.tasks.datasets.LONGEST_LINE", 1_000)
    file = tmp_path / "data.jsonl"
    file.write_bytes(b'{"question": "x", "answer": "1"}\n' + b"x" * 1_001)
    assert "data.jsonl:2 is longer" in fault(load_problems, KINDS["jsonl"], str(file))
    assert "cannot be used as a path" in fault(load_problems, KINDS["jsonl"], "x" * 100_000)


def test_a_mathematical_solution_is_one_sentence_a_line():
    text = "We have $x = 1. $ Then\n\\[y = 2.\\]Hence $z$ is 3.  Therefore, the answer is $\\boxed{3}.$"
    assert one_sentence_a_line(text).split("\n") == [
        "We have $x = 1. $ Then \\[y = 2.\\]Hence $z$ is 3.",
        "Therefore, the answer is $\\boxed{3}.$",
    ]


def test_sapo_grade_gives_one_verdict_a_line_in_order(tmp_path):
    data = mbpp_file(tmp_path / "mbpp.jsonl", 3)
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    written = [
        {**rows[0], "completion": rows[0]["code"]},
        {"task_id": 603, "completion": "def times_3(numbers): return numbers * 3"},
        {"task_id": 604, "completion": f"```python\n{rows[2]['code']}\n```"},
    ]
    text = "\n".join(json.dumps(row) for row in written)
    done = sapo("grade", "mbpp", "-", "--data", data, given=text)
    if "Programs cannot be graded" in done.stderr:
        pytest.skip("there is no sandbox here")
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [(v["task_id"], v["correct"]) for v in verdicts] == [("602", True), ("603", False), ("604", True)]
    assert verdicts[1]["reason"] == "test 1 of 3: assert times_3([1, 2]) == [3, 6] (got [1, 2, 1, 2, 1, 2])"
    assert "2 of 3 are right" in done.stderr


def test_one_completion_of_odd_signs_costs_no_other_verdict():
    odd = ["#### 1", "\ud800 #### 1", "#### \ud83d", "\x00#### 1", "\x1b]0;x\x07#### 2", "#### 1"]
    rows = [{"question": "1?", "answer": "#### 1", "completion": completion} for completion in odd]
    done = sapo("grade", "gsm8k", "-", given="\n".join(map(json.dumps, rows)))
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [verdict["correct"] for verdict in verdicts] == [True, True, False, True, False, True]
    assert "".join(done.stdout.splitlines()).isprintable()


@pytest.mark.parametrize("content", ["x".encode("utf-16"), b"\xff\xfe", b"\x00", b"[" * 90_000, b"7" * 5_000])
def test_sapo_grade_refuses_what_is_no_data_in_one_message(content, tmp_path):
    file = tmp_path / "answers.jsonl"
    file.write_bytes(content)
    done = sapo("grade", "gsm8k", file)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "answers.jsonl" in done.stderr
    piped = sapo("grade", "gsm8k", "-", given=content)
    assert piped.returncode == 2
    assert "Traceback" not in piped.stderr
    assert "standard input" in piped.stderr


def test_sapo_grade_names_the_line_and_field_at_fault(gsm8k):
    done = sapo(
        "grade", "gsm8k", "-", given='{"question": "x", "answer": "#### 1", "completion": "1"}\n{"question": "x"}\n'
    )
    assert done.returncode == 2
    assert "standard input:2" in done.stderr
    assert "'completion'" in done.stderr
    chess = sapo("grade", "chess", "-", given="")
    assert (chess.returncode, "There is no task 'chess' to grade" in chess.stderr) == (2, True)
    unknown = sapo("grade", "gsm8k", "-", "--data", gsm8k, given='{"task_id": "none", "completion": "1"}\n')
    assert unknown.returncode == 2
    assert "there is no problem 'none'" in unknown.stderr


def test_sapo_doctor_previews_a_task(gsm8k):
    done = sapo("doctor", "--task", "gsm8k", "--data", gsm8k, "--json")
    found = json.loads(done.stdout)
    assert (found["rows"], found["graded"], found["wrong"]) == (120, 50, [])
    assert len(found["solutions"][0]["steps"]) == 2
    shown = sapo("doctor", "--task", "gsm8k", "--data", gsm8k)
    assert "50 of 50 reference solutions are graded as right" in shown.stdout
    assert "120 of 120 reference answers are equal to themselves" in shown.stdout
    assert sapo("doctor", "--task", "gsm8k", "--data", "absent.jsonl").returncode == 2
    chess = sapo("doctor", "--task", "chess", "--data", gsm8k)
    assert (chess.returncode, "There is no task 'chess' to preview" in chess.stderr) == (2, True)


def test_verdicts_come_while_completions_are_still_being_written():
    """The first chunk's verdicts are there before standard input ends."""
    row = json.dumps({"question": "1 + 1?", "answer": "#### 2", "completion": "#### 2"}) + "\n"
    command = [sys.executable, "-m", "sapo_studio.cli", "grade", "gsm8k", "-", "--processes", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as grading:
        grading.stdin.write(row * CHUNK)
        grading.stdin.flush()
        first = [json.loads(grading.stdout.readline()) for _ in range(CHUNK)]
        grading.stdin.write(row)
        grading.stdin.close()
        assert len(grading.stdout.readlines()) == 1
        assert grading.stderr.read() == f"{CHUNK + 1} of {CHUNK + 1} are right\n"
    assert all(verdict["correct"] for verdict in first)


def test_grading_previews_and_the_sandboxs_probe_need_no_torch(gsm8k, tmp_path):
    file = tmp_path / "completions.jsonl"
    file.write_text(json.dumps({"question": "1 + 1?", "answer": "#### 2", "completion": "#### 2"}) + "\n")
    requests = (
        GradeRequest(task="gsm8k", file=str(file)),
        PreviewRequest(task="gsm8k", data=str(gsm8k)),
        SandboxProbeRequest(),
    )
    code = (
        "import sys; from sapo_engine.service.__main__ import main\n"
        "codes = [main([request]) for request in sys.argv[1:]]\n"
        "print(codes, [name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, *(request.to_json() for request in requests)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[0, 0, 0] []"
