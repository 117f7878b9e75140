"""Whole iterations on written tasks: tiny random models of real families, a scripted programmer, and SmolLM2-135M."""

import json
import os
from pathlib import Path

import pytest
import torch

from sapo_engine.grading.programs import probe
from sapo_engine.loop import run
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.rollouts import Completion, Usage
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.schema import parse_config
from sapo_studio.domain.runs import PhaseName, Verb
from sapo_studio.errors import Stopped
from sapo_studio.events.kinds import Labels, Metric, PhaseFinished, PhaseStarted, Questions, Scores, Trajectories
from tests.fixtures.smollm2 import smollm2
from tests.fixtures.tiny_models import write_model
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file

__all__ = ["smollm2"]

CPU = torch.device("cpu")
SHARED = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))

SMALL = {
    "name": "small",
    "iterations": 1,
    "warmup": {"epochs": 1, "batch_size": 8, "stop_at": 1, "learning_rate": 1e-3},
    "sampling": {"questions": 10, "start_questions": 10, "samples": 2},
    "labeling": {"trajectories": 10, "start_trajectories": 10, "rollouts": 2, "wave": 2},
    "verifier": {"base": "shared", "epochs": 1, "batch_size": 8, "max_trajectories": 24, "learning_rate": 1e-3},
    "optimiser": {"eta": 0.0, "max_pairs": 16, "batch_size": 8, "guard": "off", "learning_rate": 1e-4},
    "evaluation": {"samples": 1},
    "runtime": {"rollout_batch": 64},
}


def config_of(task, model, **more):
    sizes = {"train_questions": 50, "development_questions": 20, "test_questions": 20}
    return parse_config(
        {**SMALL, "task": {**sizes, **task}, "model": {"tuning": "lora", "lora_rank": 4, **model}, **more}
    )


def whole_run(config, folder, backend=None):
    """Every phase once; all events, and the metrics of the last iteration."""
    events = []
    session = RunSession(config, folder, CPU)
    if backend is not None:
        session.pool.backend = backend(session)
    try:
        run(RunContext(session, plan(config), events.append))
    finally:
        session.close()
    assert sum(isinstance(event, PhaseFinished) for event in events) == len(plan(config))
    last = {event.name: event.value for event in events if isinstance(event, Metric) and event.iteration == 1}
    return events, last


def rows_of(events, source):
    return [row for event in events if isinstance(event, Trajectories) for row in event.rows if row.source == source]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["qwen2", "gemma2"])
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_tiny_model_of_each_family_goes_through_an_iteration(family, tuning, tmp_path):
    data = gsm8k_file(tmp_path / "train.jsonl", 100)
    folder = write_model(tmp_path / "model", family)
    task = {"kind": "gsm8k", "train_data": str(data), "prompt": "chat", "max_new_tokens": 24}
    base = "shared" if tuning == "lora" else "copy"
    config = config_of(task, {"source": str(folder), "tuning": tuning}, verifier={**SMALL["verifier"], "base": base})
    events, last = whole_run(config, tmp_path / "run")
    assert last["greedy_accuracy"] == 0.0  # it knows nothing
    assert last["labelled"] >= 10
    assert "gap" not in last  # nobody knows a step's truth
    assert rows_of(events, "solution")
    assert any(event.rows for event in events if isinstance(event, Labels) and event.source == "sapo")


class Programmer:
    """Writes the right program or a wrong one, as the key says; goes on rightly from right beginnings alone."""

    def __init__(self, session):
        self.tokenizer = session.tokenizer
        self.eos = session.tokenizer.eos_token_id
        self.usage = Usage()
        self.right = {
            session.prompts.of(question.number): session.builder.solutions([question])[0].tokens
            for split in ("train", "development", "test")
            for question in session.task.questions(split)
        }
        longest = max(map(len, self.right))
        self.find = lambda tokens: next(
            (n for n in range(min(longest, len(tokens)), 0, -1) if tuple(tokens[:n]) in self.right), 0
        )

    def generate(self, requests, *, temperature, tick=None):
        found = []
        for request in requests:
            begin = self.find(request.prompt)
            right = self.right[tuple(request.prompt[:begin])]
            written = tuple(request.prompt[begin:])
            good = right[: len(written)] == written
            wrong = (*self.tokenizer("\n    return 'wrong'")["input_ids"], self.eos)
            found.append(
                [Completion(right[len(written) :] if good and key % 2 else wrong, True) for key in request.keys]
            )
            self.usage.sequences += len(request.keys)
            self.usage.generated_tokens += sum(len(c.tokens) for c in found[-1])
        return found


@pytest.mark.skipif(probe()[0] == "none", reason="there is no sandbox here")
def test_programs_of_a_scripted_reasoner_are_judged_in_the_sandbox(tmp_path):
    data = mbpp_file(tmp_path / "mbpp.jsonl", 100)
    folder = write_model(tmp_path / "model", "qwen2")
    config = config_of(
        {"kind": "mbpp", "train_data": str(data), "max_new_tokens": 300}, {"source": str(folder)}, warmup={"epochs": 0}
    )

    def scripted(session):
        programmer = Programmer(session)
        return lambda reasoner: programmer

    events, last = whole_run(config, tmp_path / "run", scripted)
    samples = rows_of(events, "sample")
    right = [row for row in samples if row.correct]
    assert right
    assert len(samples) > len(right)
    for row in samples:
        assert row.correct == ("wrong" not in "\n".join(row.steps))
        assert row.correct or "before the tests" in row.answer or "test 1 of 3" in row.answer or "not run" in row.answer
    assert all(len(row.steps) >= 3 for row in right)  # header, comment block, loop, return
    assert last["pairs_used"] > 0
    assert 0 < last["sampled_accuracy"] < 1


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_smollm2_goes_through_an_iteration_on_gsm8k(smollm2, tmp_path):
    train = SHARED / "gsm8k_train.jsonl"
    data = str(train) if train.is_file() else str(gsm8k_file(tmp_path / "train.jsonl", 200))
    task = {"kind": "gsm8k", "train_data": data, "prompt": "chat", "max_new_tokens": 48, "train_questions": 50}
    config = config_of(
        task,
        {"source": str(smollm2), "lora_rank": 8},
        warmup={**SMALL["warmup"], "epochs": 0.32},
        verifier={**SMALL["verifier"], "max_trajectories": 10, "head": "scalar"},
        optimiser={**SMALL["optimiser"], "max_pairs": 10, "history": "current"},
        runtime={"rollout_batch": 32, "micro_tokens": 2000, "threads": 1},
    )
    events, last = whole_run(config, tmp_path / "run")
    assert 0 <= last["greedy_accuracy"] <= 1
    assert last["labelled"] > 0
    samples = rows_of(events, "sample")
    assert sum(len(row.steps) > 1 for row in samples) > len(samples) / 4  # it writes steps
    adapters = sorted((tmp_path / "run" / "artefacts").glob("*align-1/adapter/adapter_model.safetensors"))
    assert len(adapters) == 1
    assert adapters[0].stat().st_size < 30 * 2**20


def until_measured(config, folder):
    """The events of a run that stops once it has been measured for the first time."""
    events, orders = [], ControlState()
    (first,) = (p.ordinal for p in plan(config) if (p.name, p.iteration) == (PhaseName.EVALUATE, 0))

    def hear(event):
        events.append(event)
        if isinstance(event, PhaseStarted) and event.ordinal == first:
            orders.take(Verb.STOP_AFTER_PHASE)

    session = RunSession(config, folder, CPU)
    with pytest.raises(Stopped):
        run(RunContext(session, plan(config), hear, orders))
    session.close()
    return events


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(not (SHARED / "processbench_gsm8k.json").is_file(), reason=f"the shared data are not in {SHARED}")
def test_the_gap_of_smollm2_on_processbench_comes_of_graded_rollouts(smollm2, tmp_path):
    known = {json.loads(line)["question"] for line in (SHARED / "gsm8k_test.jsonl").read_text().splitlines()}
    published = json.loads((SHARED / "processbench_gsm8k.json").read_text())
    incorrect = [row for row in published if row["problem"] in known and not row["final_answer_correct"]]
    # Short ones with a late error: so small a model comes to an answer from there, now and then.
    joined = sorted(incorrect, key=lambda row: (len(row["steps"]), -row["label"]))[:3]
    chosen = [*joined, next(row for row in published if row["problem"] not in known)]
    process = tmp_path / "process.json"
    process.write_text(json.dumps(chosen))
    files = {"train_data": "gsm8k_train.jsonl", "test_data": "gsm8k_test.jsonl"}
    task = {"kind": "gsm8k", "prompt": "chat", "process_data": str(process), "max_new_tokens": 64}
    task |= {key: str(SHARED / name) for key, name in files.items()}
    config = config_of(
        task,
        {"source": str(smollm2), "lora_rank": 8},
        warmup={"epochs": 0},
        sampling={"questions": 10, "start_questions": 10, "samples": 1},
        labeling={"trajectories": 10, "start_trajectories": 10, "rollouts": 1},
        verifier={**SMALL["verifier"], "max_trajectories": 10, "head": "scalar"},
        evaluation={"samples": 1, "mce_rollouts": 4},
        runtime={"rollout_batch": 64, "micro_tokens": 2000, "threads": 1},
    )
    events = until_measured(config, tmp_path / "run")
    found = {event.name: event.value for event in events if isinstance(event, Metric)}
    assert (found["mce_solutions"], found["mce_left_out"]) == (3, 1)
    answers = {q.text: q.answer for event in events if isinstance(event, Questions) for q in event.rows}
    assert [bool(answers[row["problem"]]) for row in chosen] == [True] * 3 + [False]
    # The ceiling by hand, from the labels that the rollouts gave.
    (artefact,) = (tmp_path / "run" / "artefacts").glob("*-evaluate-0")
    labels = json.loads((artefact / "data.json").read_text())["labels"]
    assert ["?" in mine for mine in labels] == [False] * 3 + [True]
    assert any("1" in mine for mine in labels[:3]), "no rollout of an incorrect solution came to the correct answer"
    # The verifier beside it, from the scores of the same solutions.
    rows = rows_of(events, "process")
    assert [list(row.steps) for row in rows] == [row["steps"] for row in chosen]
    scored = {row.trajectory: row.scores for event in events if isinstance(event, Scores) for row in event.rows}
    scores = [scored[row.number] for row in rows[:3]]
    hits = beside = steps = 0
    for row, mine, seen in zip(joined, labels[:3], scores, strict=True):
        for k in range(row["label"] + 1):
            good = k < row["label"]
            steps += 1
            hits += (mine[k] == "1") == good
            beside += (seen[k] >= 0.5) == good
    assert found["mce"] == pytest.approx(hits / steps)
    assert found["gap"] == pytest.approx((hits - beside) / steps)
