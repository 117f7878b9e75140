"""Reference answers and programs are graded before anything is trained on them."""

import json

import pytest
import torch

from sapo_engine.grading.base import Grade
from sapo_engine.grading.programs import probe
from sapo_engine.service.preview import preview
from sapo_engine.session import RunSession
from sapo_engine.tasks import make_task
from sapo_engine.tasks.golds import check_golds
from sapo_engine.tasks.kinds import KINDS, load_problems
from sapo_studio.config.schema import TaskConfig, parse_config
from sapo_studio.errors import InputError
from tests.fixtures.tiny_models import write_model
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file

SIZES = {"development_questions": 20, "test_questions": 20, "train_questions": 50}
BAD = ("20-ish", "none", "several")


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def school(tmp_path):
    """Sixty questions of GSM8K's form, three of them with an answer that is none."""
    file = gsm8k_file(tmp_path / "train.jsonl", 60)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for k, bad in enumerate(BAD):
        rows[7 * k + 3] |= {"id": f"bad-{k}", "answer": f"I do not know.\n#### {bad}"}
    return write(file, rows)


def asked(task):
    return {q.text for split in ("train", "development", "test") for q in task.questions(split)}


def test_golds_that_are_not_equal_to_themselves_are_named(school):
    kind = KINDS["gsm8k"]
    golds = check_golds(kind, load_problems(kind, str(school)), TaskConfig(kind="gsm8k", **SIZES))
    assert (golds.checked, [gold.problem.id for gold in golds.bad]) == (60, ["bad-0", "bad-1", "bad-2"])
    assert golds.bad[0].reason == "there is no answer"
    assert golds.summary == "3 of 60 reference answers or programs are not graded as right: bad-0, bad-1, bad-2"


def test_a_run_leaves_them_out_and_the_others_stay_where_they_are(school):
    kept = make_task(TaskConfig(kind="gsm8k", train_data=str(school), bad_golds="keep", **SIZES), 3)
    left = make_task(TaskConfig(kind="gsm8k", train_data=str(school), **SIZES), 3)
    assert len(asked(kept)) - len(asked(left)) == 3
    assert len(left.golds.bad) == 3
    for split in ("train", "development", "test"):
        assert set(left.questions(split)) <= set(kept.questions(split))


def test_a_run_that_is_to_refuse_them_does_not_begin(school):
    with pytest.raises(InputError) as caught:
        make_task(TaskConfig(kind="gsm8k", train_data=str(school), bad_golds="refuse", **SIZES), 3)
    assert all(f"bad-{k}" in caught.value.what for k in range(3))
    assert "leave_out" in caught.value.fix


def test_good_golds_change_nothing(tmp_path):
    file = gsm8k_file(tmp_path / "train.jsonl", 60)
    tasks = [
        make_task(TaskConfig(kind="gsm8k", train_data=str(file), bad_golds=how, **SIZES), 3)
        for how in ("keep", "leave_out", "refuse")
    ]
    assert tasks[1].golds.bad == ()
    for split in ("train", "development", "test"):
        assert tasks[0].questions(split) == tasks[1].questions(split) == tasks[2].questions(split)


def test_too_few_left_is_said(tmp_path):
    rows = [{"question": f"How many? {k}", "answer": f"1 + {k} = {k + 1}\n#### about"} for k in range(40)]
    with pytest.raises(InputError, match="Too few questions are left"):
        make_task(TaskConfig(kind="gsm8k", train_data=str(write(tmp_path / "none.jsonl", rows)), **SIZES), 3)


@pytest.mark.parametrize(
    ("answer", "bad"),
    [
        ("5/6", False),
        ("Paris", False),
        (r"\sum_{k=1}^n k", False),
        ("the first line\nthe second", True),
        ("x" * 1200, True),
        ("20\u2013ish", False),
    ],
)
def test_an_answer_of_ones_own_must_be_found_behind_the_mark(tmp_path, answer, bad):
    file = write(tmp_path / "own.jsonl", [{"question": "What?", "answer": answer}])
    kind = KINDS["jsonl"]
    golds = check_golds(kind, load_problems(kind, str(file)), TaskConfig(kind="jsonl", train_data=str(file)))
    assert bool(golds.bad) is bad


@pytest.mark.skipif(probe()[0] == "none", reason="there is no sandbox here")
def test_a_reference_program_that_fails_its_tests_is_named_and_left_out(tmp_path):
    file = mbpp_file(tmp_path / "mbpp.jsonl", 40)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows[4]["code"] = rows[4]["code"].replace("number *", "number +")
    write(file, rows)
    task = make_task(TaskConfig(kind="mbpp", train_data=str(file), **SIZES), 3)
    everything = asked(task)
    assert task.golds.checked == 0  # programs take their time: whoever makes the task asks
    told = []
    golds = task.check_golds(told.append)
    task.close()
    assert [gold.problem.id for gold in golds.bad] == [str(rows[4]["task_id"])]
    assert "test 1 of 3" in golds.bad[0].reason
    assert told[-1] == golds.checked == 40
    assert len(everything - asked(task)) == 1


def test_doctor_names_them_and_what_only_the_same_signs_answer(school):
    found = preview({"kind": "gsm8k", "train_data": str(school)}, 2)
    assert found["golds"]["checked"] == 60
    assert [bad["id"] for bad in found["golds"]["bad"]] == ["bad-0", "bad-1", "bad-2"]
    assert found["graded"] == 50
    assert found["rows"] == 60


@pytest.mark.skipif(probe()[0] == "none", reason="this machine has no sandbox")
def test_a_run_leaves_programs_out_that_fail_their_own_tests(tmp_path):
    file = mbpp_file(tmp_path / "mbpp.jsonl", 60)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows[4]["test_list"].append("assert False")
    write(file, rows)
    settings = parse_config(
        {
            "task": {"kind": "mbpp", "train_data": str(file), "max_new_tokens": 64, **SIZES},
            "model": {"source": str(write_model(tmp_path / "model", "llama"))},
            "sampling": {"questions": 20, "start_questions": 20},
        }
    )
    session = RunSession(settings, tmp_path, torch.device("cpu"))
    try:
        before = asked(session.task)
        session.check_references()
        assert before - asked(session.task) == {q for q in before if q.startswith(rows[4]["text"])}
        assert len(before - asked(session.task)) == 1
        (note,) = [note for note in session.notes if "reference" in note]
        assert note.startswith("1 of 60 reference answer or program is not graded as right: 606")
        assert "left out" in note
    finally:
        session.close()


class Programs:
    """What the reference programs of a task are found to be, by a grader that counts what it grades."""

    def __init__(self, tmp_path, monkeypatch):
        self.folder = tmp_path / "run"
        self.folder.mkdir()
        self.file = mbpp_file(tmp_path / "mbpp.jsonl", 40)
        self.graded = 0
        self.dies_at = 1000
        monkeypatch.setattr("sapo_engine.tasks.golds.grader_for", lambda *_, **__: self)
        monkeypatch.setattr("sapo_engine.grading.programs.probe", lambda: (self.sandbox, ""))
        self.sandbox = "landlock"

    def grade(self, items):
        self.graded += len(items)
        if self.graded > self.dies_at:
            raise KeyboardInterrupt
        return [Grade("times_6" not in text, "", "test 1 of 3") for _, text in items]

    def close(self):
        pass

    def check(self, **more):
        """(those left out, how many programs were run)"""
        task = make_task(TaskConfig(kind="mbpp", train_data=str(self.file), **SIZES, **more), 3)
        self.graded = 0
        everything = asked(task)
        golds = task.check_golds(kept_in=self.folder)
        task.close()
        assert golds.checked == 40
        assert [(gold.problem.id, gold.reason) for gold in golds.bad] == [("606", "test 1 of 3")]
        return everything - asked(task), self.graded


def test_reference_programs_are_run_once_for_a_run(tmp_path, monkeypatch):
    programs = Programs(tmp_path, monkeypatch)
    left_out, run = programs.check()
    assert (len(left_out), run) == (1, 40)
    assert programs.check() == (left_out, 0)


@pytest.mark.parametrize("change", ["rows", "seconds", "sandbox", "damaged", "not ours", "place"])
def test_reference_programs_are_run_again_where_something_has_changed(tmp_path, monkeypatch, change):
    programs = Programs(tmp_path, monkeypatch)
    programs.check()
    kept = programs.folder / "references.json"
    more = {}
    match change:
        case "rows":
            rows = [json.loads(line) for line in programs.file.read_text().splitlines()]
            rows[7]["test_list"].append("assert True")
            write(programs.file, rows)
        case "seconds":
            more = {"test_seconds": 9.0}
        case "sandbox":
            programs.sandbox = "bubblewrap"
        case "damaged":
            kept.write_bytes(kept.read_bytes()[:-9])
        case "not ours":
            kept.write_text("[1]")
        case _:
            kept.write_text(kept.read_text().replace('"bad": [[', '"bad": [[99'))
    assert programs.check(**more)[1] == 40
    assert programs.check(**more)[1] == 0


def test_a_check_that_is_killed_keeps_nothing(tmp_path, monkeypatch):
    programs = Programs(tmp_path, monkeypatch)
    programs.dies_at = 10
    with pytest.raises(KeyboardInterrupt):
        programs.check()
    assert list(programs.folder.iterdir()) == []
    programs.dies_at = 1000
    assert programs.check()[1] == 40
