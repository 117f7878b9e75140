"""`runtime.backend`: slots in a run's pool, who falls back, and what lies on the device meanwhile."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from sapo_engine.loop import run
from sapo_engine.models.reasoner import Reasoner, clone
from sapo_engine.phases.context import RunContext
from sapo_engine.rollouts import pool
from sapo_engine.rollouts.choice import choice
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.events import kinds as k
from tests.fixtures.small_run import config
from tests.fixtures.stand_in_cards import stand_in_cards

CPU, CARD = torch.device("cpu"), torch.device("cuda:1")
FULL_CARD = 6 * 2**20
"""Bytes of a card on which there is no room for a network that is not needed."""
FEW = {
    "iterations": 1,
    "warmup": {"epochs": 0},
    "sampling": {"questions": 10, "start_questions": 10, "samples": 2},
    "labeling": {"labeler": "none"},
    "optimiser": {"kind": "sft", "learning_rate": 1e-3, "guard": "off"},
    "evaluation": {"samples": 1},
}


def session(tmp_path, backend, device=CPU):
    made = RunSession(config(**FEW, runtime={"backend": backend}), tmp_path / backend, device)
    made.model = made.start()
    return made


def writer(made, model):
    """Who writes, without those who place, count and divide."""
    return type(made.pool.backend(model).inner.inner).__name__


def sampled(made):
    questions = made.task.questions("train")[:6]
    return made.sampler.sample(made.model, questions, "sample", 3)


def test_slots_sample_what_the_usual_sampler_does_and_auto_is_that_sampler(tmp_path):
    found, used = {}, {}
    for backend in ("hf", "slots", "auto"):
        made = session(tmp_path, backend)
        found[backend] = sampled(made)
        used[backend] = writer(made, made.model)
        made.close()
    assert found["hf"] == found["slots"] == found["auto"]
    assert used == {"hf": "HfBackend", "slots": "SlotBackend", "auto": "HfBackend"}


def test_memory_of_the_usual_sampler_is_kept_until_something_else_gets_the_place(tmp_path):
    made = session(tmp_path, "hf")
    sampled(made)
    assert made.pool.memory.bytes > 0
    made.placement.place(made.model)
    assert made.pool.memory.bytes == 0
    sampled(made)
    made.close()
    assert made.pool.memory.bytes == 0


def test_a_run_by_slots_comes_to_the_same_numbers(tmp_path):
    numbers = {}
    for backend in ("hf", "slots"):
        settings = config(**FEW, runtime={"backend": backend})
        events = []
        made = RunSession(settings, tmp_path / backend, CPU)
        try:
            run(RunContext(made, plan(settings), events.append))
        finally:
            made.close()
        numbers[backend] = {
            (e.iteration, e.name): e.value
            for e in events
            if isinstance(e, k.Metric) and ("accuracy" in e.name or "gap" in e.name or "tokens" in e.name)
        }
    gaps = [value for (_, name), value in numbers["slots"].items() if name == "sampler_trainer_logprob_gap"]
    assert len(gaps) == 2
    assert max(gaps) < 1e-4  # it wrote with the weights that had just been trained
    for numbers_of in numbers.values():
        for key in [key for key in numbers_of if key[1] == "sampler_trainer_logprob_gap"]:
            del numbers_of[key]
    assert numbers["slots"] == numbers["hf"]
    assert len(numbers["hf"]) >= 4


def test_what_slots_cannot_write_is_written_as_usual_and_named_once(tmp_path):
    made = session(tmp_path, "slots")
    told = []
    made.pool.tell = told.append
    other = Reasoner(GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64)))
    for _ in range(2):
        assert writer(made, other) == "HfBackend"
    (words,) = told
    assert '"hf"' in words
    assert "gpt2" in words
    assert writer(made, made.model) == "SlotBackend"
    assert len(told) == 1
    made.close()


def test_the_card_belongs_to_the_copy_while_it_writes_and_to_training_afterwards(tmp_path):
    with stand_in_cards() as cards:
        made = session(tmp_path, "slots", CARD)
        made.placement.place(made.model)
        network = cards.left(CARD)
        first = sampled(made)
        assert cards.left(CARD) > 2 * network
        made.placement.place(made.model)
        assert cards.left(CARD) == network
        assert sampled(made) == first
        made.close()
        made.close()
        assert cards.left(CARD) == 0


@pytest.mark.parametrize("backend", ["slots", pytest.param("hf", marks=pytest.mark.slow)])
def test_a_back_end_goes_on_with_its_own_weights_after_others_had_the_device(backend, tmp_path):
    with stand_in_cards(FULL_CARD) as cards:
        made = session(tmp_path, backend, CARD)
        other = clone(made.model, made.adapters)
        with torch.no_grad():
            for parameter in other.network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        requests = [made.sampler.request(q.number, [1]) for q in made.task.questions("train")[:4]]
        mine, others = (made.pool.backend(model) for model in (made.model, other))
        first = mine.generate(requests, temperature=0.0)
        assert others.generate(requests, temperature=0.0) != first
        made.placement.place(other)
        assert mine.generate(requests, temperature=0.0) == first
        made.placement.place(other)
        taken = [*other.network.parameters(), *other.network.buffers()]
        assert cards.left(CARD) == sum({t.untyped_storage()._cdata: t.nbytes for t in taken}.values())
        made.close()


@pytest.mark.parametrize(
    ("device", "billions", "by_slots", "vllm", "chosen"),
    [
        ("cuda:1", 0.1, True, True, "slots"),
        ("cuda", 3.0, True, True, "slots"),
        ("cuda", 3.1, True, True, "vllm"),
        ("cuda", 3.1, True, False, "slots"),
        ("cuda", 0.1, False, True, "vllm"),
        ("cuda", 0.1, False, False, "hf"),
        ("cpu", 0.1, True, True, "hf"),
    ],
)
def test_what_auto_chooses_once_a_card_has_shown_that_it_may(device, billions, by_slots, vllm, chosen):
    for shown, name in ((True, chosen), (False, "hf")):
        found = choice(torch.device(device), round(billions * 1e9), by_slots=by_slots, vllm=vllm, shown=shown)
        assert found == name


def test_auto_is_the_same_rule_in_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "choice", partial(choice, shown=True))
    with stand_in_cards():
        made = session(tmp_path, "auto", CARD)
        assert writer(made, made.model) == "SlotBackend"
        other = Reasoner(GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64)))
        assert writer(made, other) == "HfBackend"
        made.close()
