"""Evaluating verifiers: a run's own and models from elsewhere, on real (small) runs and files."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification, LlamaForTokenClassification

from sapo_engine.evaluation import best_of
from sapo_engine.phases import codecs
from sapo_engine.service import evaluate
from sapo_engine.verifier import model as verifiers
from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain.metrics import step_hits
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import EvaluateRequest
from sapo_studio.requests.wire import read_progress
from tests.fixtures.small_run import config, finished_run
from tests.fixtures.tiny_models import SHAPE, byte_tokenizer, write_model

KINDS = {"token": LlamaForTokenClassification, "sequence": LlamaForSequenceClassification}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs") / "small-1", config())


def classifier(folder, kind, classes=2):
    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    shape = LlamaConfig(**SHAPE, vocab_size=len(tokenizer), num_labels=classes, pad_token_id=0, eos_token_id=0)
    KINDS[kind](shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def bench_file(tmp_path):
    rows = [
        {"id": "a", "generator": "x", "problem": "1 + 1 + 1?", "steps": ["1 + 1 = 2", "2 + 1 = 4"], "label": 1},
        {"id": "b", "generator": "x", "problem": "2 + 2?", "steps": ["2 + 2 = 4"], "label": -1},
    ]
    file = tmp_path / "bench.jsonl"
    file.write_text("".join(json.dumps(row | {"final_answer_correct": row["label"] < 0}) + "\n" for row in rows))
    return file


def evaluated(**fields):
    return json.loads(json.dumps(evaluate.answer(EvaluateRequest(**fields))))


def assert_told_to_the_end(capsys):
    """It was told how far the engine is, in rising steps, up to all of it."""
    told = [done for line in capsys.readouterr().err.splitlines() if (done := read_progress(line)) is not None]
    assert len(told) > 1
    assert told == sorted(set(told))
    assert told[-1] == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_solution_that_is_too_long_is_told_before_any_is_scored(tmp_path, bench_file, capsys, kind):
    """Else it would be told where it is met, after hours of the others."""
    last = {"id": "c", "generator": "x", "problem": "long?", "steps": ["1 " * 9999], "label": -1}
    with bench_file.open("a") as file:
        file.write(json.dumps(last | {"final_answer_correct": True}) + "\n")
    with pytest.raises(InputError, match="too long for the verifier") as told:
        evaluated(verifier=classifier(tmp_path / "prm", kind), benchmark=bench_file)
    assert "long?" in told.value.why
    assert "progress" not in capsys.readouterr().err


def test_a_runs_verifier_agrees_with_what_the_run_measured(folder):
    found = evaluated(run=folder, verifier=1)
    one = found["benchmark"]
    assert found["verifier"] == 1
    assert one["solutions"] == 20
    assert sum(point["n"] for point in one["reliability"]) == one["steps"]
    assert 0 <= one["ece"] <= 1
    run = evaluate.SavedRun(config(), folder, torch.device("cpu"))
    written = run.benchmark()
    scores = predict(run.session, run.verifier(1), written)
    hits = [step_hits(scores[t.number][0], t.truth) for t in written]
    assert one["step_accuracy"]["value"] == pytest.approx(sum(h for h, _ in hits) / sum(n for _, n in hits))
    assert one["steps"] == sum(n for _, n in hits)


def test_a_verifier_with_a_network_of_its_own_is_loaded_without_its_reasoner(folder, monkeypatch):
    run = evaluate.SavedRun(config(), folder, torch.device("cpu"))
    run.session  # noqa: B018 - what the run starts from is loaded here
    loaded = []
    real = codecs.load_network
    for module in (codecs, verifiers):
        monkeypatch.setattr(
            module, "load_network", lambda place, **how: (loaded.append(place.name), real(place, **how))[1]
        )
    run.verifier(1)
    assert loaded == ["verifier"]
    run.close()


def test_choosing_among_samples(folder, capsys):
    found = evaluated(run=folder, best_of=8, questions=12)
    assert_told_to_the_end(capsys)
    best = found["best_of"]
    assert best["n"] == [1, 2, 4, 8]
    assert best["questions"] == 12
    first = {name: best[name][0]["value"] for name in best_of.CHOICES}
    assert len(set(first.values())) == 1  # of one sample there is nothing to choose
    for name in best_of.CHOICES:
        for k in range(4):
            assert best[name][k]["value"] <= best["pass_at_n"][k]["value"]


def test_every_verifier_with_every_reasoner(folder, capsys):
    found = evaluated(run=folder, matrix=True, trajectories=12)
    assert_told_to_the_end(capsys)
    pairs = [(one["verifier"], one["reasoner"]) for one in found["matrix"]]
    assert pairs == [(i, j) for j in (1, 2) for i in (0, 1, 2)]
    assert all(0 <= one["error"]["value"] <= 1 for one in found["matrix"])
    assert evaluated(run=folder, matrix=True, trajectories=12) == found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [1, 2])
def test_a_classifier_is_read_where_its_steps_end(tmp_path, kind, classes):
    """Against the model asked by hand: the text up to each step's line break, one forward pass each."""
    folder = classifier(tmp_path / "prm", kind, classes)
    found = Classifier(folder, torch.device("cpu")).score("1 + 1 + 1?", ["1 + 1 = 2", "2 + 1 = 3"])
    model = KINDS[kind].from_pretrained(folder).eval()
    tokenizer = byte_tokenizer()
    for score, text in zip(found, ["1 + 1 + 1?1 + 1 = 2\n", "1 + 1 + 1?1 + 1 = 2\n2 + 1 = 3\n"], strict=True):
        with torch.inference_mode():
            logits = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits
        logits = logits[0, -1] if kind == "token" else logits[0]
        wanted = torch.sigmoid(logits[0]) if classes == 1 else logits.softmax(-1)[1]
        assert score == pytest.approx(wanted.item(), abs=1e-5)


@pytest.mark.parametrize(("place", "why"), [("nowhere", "It is not a folder."), ("", "There is no config.json in it.")])
def test_what_is_no_verifier_is_said_to_be_none(tmp_path, place, why):
    with pytest.raises(InputError, match="is not a verifier's folder") as told:
        Classifier(tmp_path / place, torch.device("cpu"))
    assert told.value.why == why
    assert "hub:" not in told.value.fix


def test_a_classifier_on_a_file_without_a_run(tmp_path, bench_file, capsys):
    folder = classifier(tmp_path / "prm", "token")
    found = evaluated(verifier=folder, benchmark=bench_file)
    assert_told_to_the_end(capsys)
    assert found["verifier"] == str(folder)
    assert found["benchmark"]["solutions"] == 2
    assert found["benchmark"]["steps"] == 3


def test_a_classifier_on_a_runs_benchmark(folder, tmp_path):
    found = evaluated(run=folder, verifier=classifier(tmp_path / "prm", "token"))
    assert found["benchmark"]["solutions"] == 20


def test_a_language_model_is_no_verifier(tmp_path, bench_file):
    folder = write_model(tmp_path / "lm", "llama")
    with pytest.raises(InputError) as told:
        evaluated(verifier=folder, benchmark=bench_file)
    assert "LlamaForCausalLM" in told.value.why


def test_three_classes_are_refused(tmp_path):
    with pytest.raises(InputError, match="3 classes"):
        Classifier(classifier(tmp_path / "prm", "token", 3), torch.device("cpu"))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({}, "nothing to evaluate"),
        ({"run": "{folder}", "verifier": 7}, "no verifier V_7"),
        ({"run": "{folder}", "benchmark": "{file}"}, "maps this task's text"),
        ({"verifier": "{file}", "benchmark": "{file}"}, "is not a verifier's folder"),
    ],
)
def test_bad_input_is_told(folder, bench_file, fields, what):
    known = {"{folder}": folder, "{file}": bench_file}
    with pytest.raises(InputError, match=what):
        evaluated(**{name: known.get(value, value) for name, value in fields.items()})


def test_a_file_with_a_fault_names_the_line(tmp_path):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "a"}\n')
    folder = classifier(tmp_path / "prm", "token")
    with pytest.raises(InputError, match=r"bad\.jsonl:1"):
        evaluated(verifier=folder, benchmark=file)
