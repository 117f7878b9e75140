"""Models by themselves in the playground: a folder with a chat template, questions with answers, programs to test."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForTokenClassification

from sapo_engine.grading.programs import probe
from sapo_engine.rollouts import HfBackend
from sapo_engine.service.playground import server, streaming
from sapo_engine.service.playground.models import Models
from sapo_engine.service.playground.writing import Put, keys, rollout
from sapo_studio.requests.play import (
    Asking,
    Cancel,
    Checkpoint,
    Done,
    Load,
    Loaded,
    Piece,
    Sample,
    Scorer,
    SolutionDone,
    Verdicts,
)
from tests.engine.test_playground import Bench, every, one, text_of
from tests.fixtures.smollm2 import smollm2
from tests.fixtures.tiny_models import SHAPE, byte_tokenizer, write_model

__all__ = ["smollm2"]

CPU = torch.device("cpu")


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.setattr(streaming, "PIECE_SECONDS", -1.0)
    made = Bench()
    yield made
    made.server.close()


def test_a_folder_is_asked_by_its_chat_template(bench, tmp_path):
    folder = write_model(tmp_path / "qwen", "qwen2")
    models = Models(CPU)
    told: dict[str, str] = {}
    for prompt in ("auto", "plain"):
        writer = models.writer(Checkpoint(model=folder, prompt=prompt), lambda *_: None)
        put = Put.of(Asking(text="How many?"), writer, None)
        told[prompt] = put.desk.tokenizer.decode(put.prompt)
    assert "<|im_start|>user\nHow many?<|im_end|>" in told["auto"]
    assert "im_start" not in told["plain"]
    loaded = one(bench.ask(Load(id="l", checkpoint=Checkpoint(model=folder))), Loaded)
    assert (loaded.task, loaded.graded_by, loaded.verifier) == ("jsonl", "answer", False)


def test_bytes_of_letters_are_streamed_as_letters(bench, tmp_path):
    folder = write_model(tmp_path / "llama", "llama")
    bench.ask(Load(id="l", checkpoint=Checkpoint(model=folder)))
    request = Sample(id="s", question=Asking(text="How many?", answer="3"), solutions=3, temperature=1.5, max_tokens=40)
    answers = bench.ask(request)
    for done in every(answers, SolutionDone):
        assert text_of(answers, done.solution) == done.text
        assert (done.correct, done.finished) == (False, done.tokens < 40)
    # A letter that is half there waits for its other half.
    assert not any(piece.text.endswith("\ufffd") for piece in every(answers, Piece) if piece.tokens < 40)


@pytest.mark.skipif(probe()[0] == "none", reason="there is no sandbox here")
def test_a_program_is_graded_by_the_tests_that_come_with_the_question(bench, tmp_path):
    folder = write_model(tmp_path / "llama", "llama")
    bench.ask(Load(id="l", checkpoint=Checkpoint(model=folder)))
    question = Asking(text="Write f.", tests=("assert f(1) == 2",))
    answers = bench.ask(Sample(id="s", question=question, solutions=1, greedy=False, max_tokens=8))
    done = one(answers, SolutionDone)
    assert (done.correct, done.answer) == (False, "")
    # Programs have no answer to vote by.
    assert every(answers, Verdicts)[-1].majority is None


def test_a_classification_model_scores_the_steps(bench, tmp_path):
    folder = write_model(tmp_path / "llama", "llama")
    judge = tmp_path / "judge"
    tokenizer = byte_tokenizer()
    shape = {"vocab_size": len(tokenizer), "num_labels": 2, "pad_token_id": 0, **SHAPE}
    LlamaForTokenClassification(LlamaConfig(**shape)).save_pretrained(judge)
    tokenizer.save_pretrained(judge)
    bench.ask(Load(id="l", checkpoint=Checkpoint(model=folder), verifier=Scorer(model=judge)))
    request = Sample(id="s", question=Asking(text="How many?"), solutions=3, temperature=1.5, max_tokens=20)
    done = [one for one in every(bench.ask(request), SolutionDone) if any(one.steps)]
    assert done
    for solution in done:
        assert len(solution.scores) == len(solution.steps)
    # Nothing was written: there is nothing to score, and nothing to keep the others from it.
    assert all(one.scores is None for one in every(bench.said, SolutionDone) if not any(one.steps))


# -- A real one


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_smollm2_streams_what_it_writes_unheard_and_ends_in_the_middle(smollm2, monkeypatch):
    monkeypatch.setattr(streaming, "PIECE_SECONDS", -1.0)
    # All cores for so large a model are for a process of its own. Here others have them, and the threads would stay.
    monkeypatch.setattr(server, "_threads", lambda _: 1)
    question = Asking(text="A cinema has 14 rows of 18 seats. How many seats are there?", answer="252")
    checkpoint = Checkpoint(model=smollm2)

    def cancel(answer):
        if isinstance(answer, Piece) and answer.request == "c" and answer.tokens >= 10:
            bench.server.take(Cancel(id="c"))

    bench = Bench(cancel)
    bench.ask(Load(id="l", checkpoint=checkpoint))
    request = Sample(id="s", question=question, solutions=3, temperature=1.0, max_tokens=20, greedy=False)
    answers = bench.ask(request)
    put = Put.of(question, bench.server._models.writer(checkpoint, lambda *_: None), None)
    backend = HfBackend(put.writer.reasoner, eos=put.desk.eos, pad=put.desk.pad, precision=put.writer.precision)
    (plain,) = backend.generate([rollout(put, keys(request, 3), 20)], temperature=1.0)
    for number, completion in enumerate(plain):
        whole = put.desk.builder.text_of(put.desk.builder.first_answer(completion.tokens))
        assert text_of(answers, f"s/{number}") == whole
    long = bench.ask(Sample(id="c", question=question, solutions=4, max_tokens=2000))
    assert isinstance(long[-1], Done)
    assert long[-1].cancelled
    assert max(piece.tokens for piece in every(long, Piece)) < 60
    bench.server.close()
