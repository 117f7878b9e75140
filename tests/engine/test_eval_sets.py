"""Evaluation sets: other questions that a run is measured on, whose solutions are kept and never trained on."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.grading.programs import probe
from sapo_engine.loop import run
from sapo_engine.numbering import SETS
from sapo_engine.phases import evaluate
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.rollouts import Completion, Usage
from sapo_engine.service import data_check
from sapo_engine.session import RunSession
from sapo_studio.config.columns import PARTS
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import parse_toml, to_toml
from sapo_studio.config.schema import parse_config
from sapo_studio.domain.runs import Verb
from sapo_studio.errors import InputError, Stopped
from sapo_studio.events.kinds import Labels, Log, Metric, Pairs, PhaseFinished, Questions, Scores, Trajectories
from sapo_studio.requests.kinds import DataCheckRequest
from tests.fixtures.tiny_models import write_model
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file

CPU = torch.device("cpu")


@pytest.fixture
def ground(tmp_path):
    gsm8k_file(tmp_path / "train.jsonl", 100)
    gsm8k_file(tmp_path / "far.jsonl", 24, seed=4)
    write_model(tmp_path / "model", "llama")
    return tmp_path


def config_of(ground, sets, **more):
    sizes = {"train_questions": 50, "development_questions": 20, "test_questions": 20}
    return parse_config(
        {
            "iterations": 0,
            "task": {"kind": "gsm8k", "train_data": str(ground / "train.jsonl"), "max_new_tokens": 10, **sizes},
            "model": {"source": str(ground / "model")},
            "warmup": {"epochs": 0},
            "sampling": {"questions": 10, "start_questions": 10, "samples": 2},
            "labeling": {"trajectories": 10, "start_trajectories": 10, "rollouts": 1, "wave": 1},
            "verifier": {"epochs": 1, "batch_size": 8, "max_trajectories": 16},
            "optimiser": {"eta": 0.0, "max_pairs": 16, "batch_size": 8, "guard": "off"},
            "evaluation": {"samples": 2, "sets": sets},
            **more,
        }
    )


def far(ground, **more):
    return {"name": "far", "kind": "gsm8k", "data": str(ground / "far.jsonl"), "samples": 3, **more}


class Parrot:
    """Writes answers as the keys say, some right: those of the questions that it is told."""

    def __init__(self, session, answers):
        self.tokenizer, self.answers, self.usage = session.tokenizer, answers, Usage()

    def generate(self, requests, *, temperature, tick=None):
        eos = self.tokenizer.eos_token_id
        found = []
        for request in requests:
            prompt = self.tokenizer.decode(list(request.prompt))
            answer = next((gold for text, gold in self.answers.items() if text in prompt), 0)
            texts = [f"#### {answer if key % 2 or temperature == 0 else -1}" for key in request.keys]
            ids = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
            found.append([Completion((*mine, eos), True) for mine in ids])
        return found


def whole_run(config, folder, answers=None, control=None, done=(), events=None):
    events = [] if events is None else events
    session = RunSession(config, folder, CPU)
    if answers is not None:
        parrot = Parrot(session, answers)
        session.pool.backend = lambda reasoner: parrot
    try:
        session.check_references()
        for note in session.notes:
            events.append(Log(message=note))
        run(RunContext(session, plan(config), events.append, control, done))
    finally:
        session.close()
    return events


def numbers(events):
    return {(e.iteration, e.set, e.name): (e.value, e.n) for e in events if isinstance(e, Metric)}


def rows(events, kind):
    return [row for event in events if isinstance(event, kind) for row in event.rows]


def test_a_set_is_measured_beside_the_own_questions(ground):
    golds = {}
    for line in (ground / "far.jsonl").read_text().splitlines():
        row = json.loads(line)
        golds[row["question"]] = row["answer"].rpartition("#### ")[2]
    known = dict(list(golds.items())[:6])
    events = whole_run(config_of(ground, [far(ground)]), ground / "run", known)
    found = numbers(events)
    assert found[0, "far", "greedy_accuracy"] == (len(known) / len(golds), len(golds))
    assert found[0, "", "greedy_accuracy"] == (0.0, 20)
    asked = {row.number: row for row in rows(events, Questions)}
    solved = [row for row in rows(events, Trajectories) if row.source == "test"]
    written = [row for row in solved if asked[row.question].set]
    right = sum(row.copies for row in written if row.correct and row.sample)
    assert found[0, "far", "sampled_accuracy"][0] == pytest.approx(right / (3 * len(golds)))
    assert sum(row.copies for row in written) == 4 * len(golds)
    assert {asked[row.question].set for row in written} == {"far"}
    assert {asked[row.question].text for row in written} == set(golds)
    assert len({row.number for row in solved}) == len(solved)
    own = [row for row in solved if not asked[row.question].set]
    assert {asked[row.question].split for row in own} == {"test"}
    assert sum(row.copies for row in own) == 3 * 20  # a greedy solution and two samples of each


@pytest.mark.parametrize("how", ["leave_out", "keep"])
def test_references_that_fail_are_counted_of_each_set(ground, how):
    for name, count in (("train", 3), ("far", 2)):
        file = ground / f"{name}.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for row in lines[5 : 5 + count]:
            row["answer"] = "I do not know.\n#### 20-ish"
        file.write_text("".join(json.dumps(row) + "\n" for row in lines))
    config = config_of(ground, [far(ground)])
    task = config.task.model_copy(update={"bad_golds": how, "train_questions": 60})
    events = whole_run(config.model_copy(update={"task": task}), ground / "run", {})
    found = numbers(events)
    warmed_up = next(at for at, one in enumerate(events) if isinstance(one, PhaseFinished))
    early = numbers(events[:warmed_up])
    told = {key: value for key, value in found.items() if "golds" in key[2]}
    counted = [("", 3, 100), ("far", 2, 24)] if how == "leave_out" else []
    assert told == {
        (0, name, key): (value, checked)
        for name, bad, checked in counted
        for key, value in (("bad_golds", bad), ("bad_golds_share", bad / checked))
    }
    assert {key: value for key, value in early.items() if "golds" in key[2]} == told, "nobody waits for an evaluation"


@pytest.mark.slow
def test_nothing_is_trained_on_a_set(ground):
    config = config_of(ground, [far(ground)], iterations=1)
    events = whole_run(config, ground / "run")
    tests = {row.number for row in rows(events, Trajectories) if row.source == "test"}
    assert {row.iteration for row in rows(events, Trajectories) if row.source == "test"} == {0, 1}
    assert not tests & {row.trajectory for row in rows(events, Labels)}
    # Greedy solutions of the run's own test questions are scored, for who looks at them.
    asked = {row.number: row.set for row in rows(events, Questions)}
    own = {
        t.number for t in rows(events, Trajectories) if t.source == "test" and not asked[t.question] and not t.sample
    }
    assert tests & {row.trajectory for row in rows(events, Scores)} == own
    assert not tests & {number for row in rows(events, Pairs) for number in (row.winner, row.loser)}
    test_questions = {row.number for row in rows(events, Questions) if row.split == "test"}
    assert not test_questions & {row.question for row in rows(events, Trajectories) if row.source != "test"}
    without = whole_run(config_of(ground, [], iterations=1), ground / "other")
    assert {key: value for key, value in numbers(events).items() if not key[1] and "seconds" not in key[2]} == {
        key: value for key, value in numbers(without).items() if "seconds" not in key[2]
    }


def test_a_set_beside_it_changes_nothing_in_a_set(ground):
    alone = numbers(whole_run(config_of(ground, [far(ground)]), ground / "one"))
    near = {"name": "near", "kind": "gsm8k", "data": str(ground / "train.jsonl"), "questions": 7, "samples": 1}
    events = whole_run(config_of(ground, [near, far(ground)]), ground / "two")
    both = numbers(events)
    assert {key: value for key, value in both.items() if key[1] != "near"} == alone
    assert both[0, "near", "greedy_accuracy"][1] == 7
    (note,) = [e.message for e in events if isinstance(e, Log) and "stand in the training data" in e.message]
    assert "100 of 100 questions of evaluation set near" in note


@pytest.mark.slow
def test_a_run_that_is_stopped_within_a_set_goes_on_there(ground, monkeypatch):
    monkeypatch.setattr(evaluate, "SET_SHARD", 5)
    config = config_of(ground, [far(ground), far(ground, name="again", samples=1)])
    whole = whole_run(config, ground / "whole")
    control = ControlState()
    seen = []

    class Watch(list):
        def append(self, event):
            seen.append(event)
            if sum(row.question >= SETS for row in rows(seen, Trajectories)) > 20:
                control.take(Verb.STOP)

    with pytest.raises(Stopped):
        whole_run(config, ground / "cut", control=control, events=Watch())
    done = [event.ordinal for event in seen if isinstance(event, PhaseFinished)]
    assert done == [0]
    asked = []
    sample = RunSession.__init__

    def counting(self, *arguments, **more):
        sample(self, *arguments, **more)
        inner = self.sets[0].sampler.sample

        def counted(model, questions, *rest, **others):
            asked.extend(questions)
            return inner(model, questions, *rest, **others)

        self.sets[0].sampler.sample = counted

    monkeypatch.setattr(RunSession, "__init__", counting)
    rest = whole_run(config, ground / "cut", done=done)
    assert 0 < len(asked) < 2 * 24, "what the shards hold was sampled again"
    assert numbers(rest) == numbers(whole)
    assert rows(rest, Trajectories) == rows(whole, Trajectories)
    assert rows(rest, Questions) == rows(whole, Questions)


@pytest.mark.slow
@pytest.mark.skipif(probe()[0] == "none", reason="there is no sandbox here")
def test_programs_can_be_a_set_of_a_run_on_answers(ground):
    file = mbpp_file(ground / "mbpp.jsonl", 12)
    broken = [json.loads(line) for line in file.read_text().splitlines()]
    broken[4]["code"] = "def wrong(): pass"
    file.write_text("".join(json.dumps(row) + "\n" for row in broken))
    one = {"name": "programs", "kind": "mbpp", "data": str(file), "samples": 1}
    events = whole_run(config_of(ground, [one]), ground / "run")
    assert numbers(events)[0, "programs", "greedy_accuracy"] == (0.0, 11)
    (note,) = [e.message for e in events if isinstance(e, Log) and "reference" in e.message]
    assert note.startswith("Evaluation set programs: 1 of 12 reference")
    assert "left out" in note


def test_a_set_has_a_prompt_of_its_own(ground):
    sets = [far(ground, prompt="few-shot", name="examples"), far(ground, instruction="Be quick.")]
    session = RunSession(config_of(ground, sets), ground / "run", CPU)
    try:
        shown, quick = (one.task.prompt(one.task.questions("test")[0]) for one in session.sets)
        assert shown.count("Question: ") == 5  # four examples and the question
        assert len(session.sets[0].task.questions("test")) == 24 - 4
        assert quick.startswith("Be quick.\n\nQuestion: ")
    finally:
        session.close()


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "There is no data file"), ("", "is empty"), ('{"question": "x"}\n', "far.jsonl:1: field 'answer'")],
)
def test_data_that_cannot_be_used_are_told_with_the_set(ground, content, expected):
    file = ground / "far.jsonl"
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError) as caught:
        RunSession(config_of(ground, [far(ground)]), ground / "run", CPU)
    assert expected in str(caught.value)
    assert "Evaluation set far" in caught.value.what


# -- Columns that are called something else


def as_alpaca(file, **change):
    """Rewrite the file's questions with the columns of Alpaca; `change` in the last row."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [
        {"instruction": "Solve it.", "input": row["question"], "output": row["answer"].rpartition("#### ")[2]}
        for row in rows
    ]
    rows[-1] |= change
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


ALPACA = {"question": ["instruction", "input"], "answer": "output"}


def test_a_set_whose_columns_are_called_something_else(ground):
    rows = as_alpaca(ground / "far.jsonl")
    known = {row["input"]: row["output"] for row in rows[:6]}
    one = far(ground, kind="jsonl", fields=ALPACA)
    config = config_of(ground, [one])
    assert parse_toml(to_toml(config))[0] == config
    found = numbers(whole_run(config, ground / "run", known))
    assert found[0, "far", "greedy_accuracy"] == (6 / 24, 24)


def test_leaks_and_data_check_read_the_columns_of_a_set(ground):
    trained = [json.loads(line)["question"] for line in (ground / "train.jsonl").read_text().splitlines()]
    rows = [{"q": {"text": text}, "gold": 1} for text in trained[:3]]
    (ground / "far.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = config_of(ground, [far(ground, kind="jsonl", fields={"question": "q.text", "answer": "gold"})])
    found = data_check.answer(DataCheckRequest(config=config.model_dump(mode="json")))
    assert found["sets"] == [{"name": "far", "rows": 3, "asked": 3, "bad": 0}]
    assert [(one["in"], one["exact"]) for one in found["leaks"]] == [("evaluation set far", 3)]


@pytest.mark.parametrize("how", ["run", "data check"])
@pytest.mark.parametrize("missing", ["outcome", "output.0", "\u2028", "o" * 5000])
def test_a_column_that_a_set_has_not_is_named_with_those_there_are(ground, missing, how):
    as_alpaca(ground / "far.jsonl", note="here alone")
    config = config_of(ground, [far(ground, kind="jsonl", fields=ALPACA | {"answer": missing})])
    asked = DataCheckRequest(config=config.model_dump(mode="json"))
    with pytest.raises(InputError) as caught:
        RunSession(config, ground / "run", CPU) if how == "run" else data_check.answer(asked)
    assert caught.value.what.startswith("Evaluation set far: ")
    lines = caught.value.why.splitlines()
    assert len(lines) == 21  # of 24
    assert "far.jsonl:1: column" in lines[0]
    assert max(map(len, lines)) < 500
    assert "which evaluation.sets.fields names for answer, is missing" in lines[0]
    assert lines[0].endswith("There are: instruction, input, output.")
    assert "evaluation.sets.fields" in caught.value.fix
    assert "task.fields" not in str(caught.value)


PARTS_OR_NOT = st.one_of(st.sampled_from(PARTS), st.text(max_size=5))
COLUMNS = st.one_of(st.text(max_size=3), st.lists(st.text(max_size=3), max_size=2), st.none(), st.integers())


@settings(max_examples=30)
@given(fields=st.one_of(st.dictionaries(PARTS_OR_NOT, COLUMNS, max_size=3), st.text(max_size=5), st.integers()))
def test_the_fields_of_a_set_are_checked_as_those_of_the_task(fields):
    def faults(section):
        data = {"task": {"kind": "jsonl", "train_data": "x"}, "model": {"source": "hub:a/b"}}
        one = {"name": "far", "kind": "jsonl", "data": "y"}
        place = data["task"] if section == "task" else one
        place["fields"] = fields
        data["evaluation"] = {"sets": [one]}
        try:
            return place["fields"] and getattr(parse_config(data), section) and None
        except InputError as error:
            return error.why.replace("evaluation.sets.0.", "task.")

    assert faults("task") == faults("evaluation")


def test_fields_are_for_questions_of_ones_own():
    one = {"name": "far", "kind": "math", "data": "y", "fields": {"question": "q"}}
    data = {"task": {"kind": "gsm8k"}, "model": {"source": "hub:a/b"}, "evaluation": {"sets": [one]}}
    with pytest.raises(InputError) as caught:
        parse_config(data)
    assert 'the set far has fields, which are for kind = "jsonl"' in caught.value.why
    one["field"] = one.pop("fields")
    with pytest.raises(InputError, match=r"did you mean evaluation\.sets\.0\.fields"):
        parse_config(data)
