"""Sequences at a time: by a card's free memory where the configuration leaves it open, and never of effect on texts."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from sapo_engine.models.loading import load_network
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts import HfBackend, Request, batch_size, key_of
from sapo_engine.rollouts.batch_size import BatchSize
from sapo_engine.session import RunSession
from sapo_studio.config.engine_limits import ROLLOUT_ROWS
from sapo_studio.config.schema import ModelConfig, RunConfig
from sapo_studio.forecast.memory import MOST_ROWS, Generation, Numerics, rows_that_fit, sampling
from sapo_studio.forecast.model_shape import ModelShape
from tests.fixtures.small_run import config
from tests.fixtures.tiny_models import write_model

MIB = 2**20
BIG = ModelShape("big", 49_152, 576, 30, 9, 3, 64, 1536, tied=True)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return load_network(write_model(tmp_path_factory.mktemp("model"), "llama"))


def card(monkeypatch, free):
    """Stands for a card with so many bytes free."""
    monkeypatch.setattr(batch_size, "free_bytes", lambda _: free)


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("free", [700 * MIB, 2000 * MIB, 6000 * MIB])
def test_what_is_chosen_fits_and_twice_as_many_would_not(tuning, precision, free):
    how = Numerics(tuning, 16, precision)
    rows = rows_that_fit(BIG, how, 200, 320, free)
    assert 1 <= rows < MOST_ROWS
    assert rows & (rows - 1) == 0

    def beside(rows):
        peak = sampling("", BIG, how, Generation(rows, rows, 200, 320))
        return sum(part.bytes for part in peak.parts if part.name not in ("weights", "adapters"))

    assert beside(rows) <= free
    assert beside(2 * rows) > 0.9 * free


def test_little_memory_means_one_at_a_time_and_plenty_the_most():
    how = Numerics("full", 16, "bf16")
    assert rows_that_fit(BIG, how, 200, 320, 0) == 1
    assert rows_that_fit(BIG, how, 200, 320, -5e9) == 1
    assert rows_that_fit(BIG, how, 200, 320, 140e9) == MOST_ROWS


def test_longer_texts_are_written_fewer_at_a_time(network, monkeypatch):
    card(monkeypatch, 40 * MIB)
    found = [BatchSize(ModelConfig(), "fp32").of(network, prompt, 3 * prompt) for prompt in (10, 40, 160)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2] >= 1


def test_it_says_what_it_chose_when_that_changes(network, monkeypatch):
    card(monkeypatch, 40 * MIB)
    told = []
    size = BatchSize(ModelConfig(), "fp32")
    size.tell = told.append
    chosen = [size.of(network, prompt, 100) for prompt in (20, 20, 400)]
    assert len(told) == 2
    assert f"{chosen[0]:,} (40.0 MiB are free" in told[0]
    assert f"{chosen[2]:,} (" in told[1]


def test_a_family_of_unknown_shape_has_the_usual_number(monkeypatch):
    card(monkeypatch, 40 * MIB)
    told = []
    size = BatchSize(ModelConfig(), "fp32")
    size.tell = told.append
    assert size.of(GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=16, n_head=2, vocab_size=40)), 20, 20) == ROLLOUT_ROWS
    assert "gpt2 is not known" in told[0]


def test_free_memory_is_the_cards_and_what_torch_holds_unused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5 * MIB, 80 * MIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 30 * MIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 10 * MIB)
    assert batch_size.free_bytes(torch.device("cuda")) == 25 * MIB
    assert batch_size.free_bytes(torch.device("cpu")) is None


def test_on_a_cpu_and_where_it_is_given_nothing_is_chosen(tmp_path):
    assert RunConfig().runtime.rollout_batch == 0
    for given, wanted in ((0, ROLLOUT_ROWS), (7, 7)):
        session = RunSession(config(runtime={"rollout_batch": given}), tmp_path, torch.device("cpu"))
        backend = session.pool.in_process(session.start())
        told = []
        session.pool.batch_size.tell = told.append
        seen = []
        backend.inner.lean = False  # it has a bound of its own
        backend.inner._chunks = lambda requests, batch, seen=seen: seen.append(batch) or []
        backend.generate([Request((5, 6), (1,), 4)], temperature=1.0)
        assert (seen, told) == ([wanted], [])
        session.close()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_texts_do_not_depend_on_how_many_are_written_at_a_time(network, monkeypatch, temperature):
    prompts = [tuple(range(5 + k, 9 + 3 * k)) for k in range(9)]
    requests = [Request(p, tuple(key_of("k", i, s) for s in range(5)), 6 + i) for i, p in enumerate(prompts)]

    def texts(batch):
        backend = HfBackend(Reasoner(network), eos=0, pad=0, batch=batch)
        return backend.generate(requests, temperature=temperature)

    whole = texts(512)
    assert any(not completion.finished for row in whole for completion in row)
    for batch in (1, 3, 5, 11, 44, 45):
        assert texts(batch) == whole
    for free in (1, 2 * MIB, 20 * MIB):
        card(monkeypatch, free)
        assert texts(BatchSize(ModelConfig(), "fp32")) == whole
