"""`runtime.backend`: slots in a run's pool, who falls back, and what lies on the device meanwhile."""

from __future__ import annotations

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from sapo_engine.loop import run
from sapo_engine.models.placement import Placement
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.context import RunContext
from sapo_engine.rollouts.slots import SlotBackend
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.events import kinds as k
from tests.fixtures.small_run import config

CPU = torch.device("cpu")
FEW = {
    "iterations": 1,
    "warmup": {"epochs": 0},
    "sampling": {"questions": 10, "start_questions": 10, "samples": 2},
    "labeling": {"labeler": "none"},
    "optimiser": {"kind": "sft", "learning_rate": 1e-3, "guard": "off"},
    "evaluation": {"samples": 1},
}


def session(tmp_path, backend):
    made = RunSession(config(**FEW, runtime={"backend": backend}), tmp_path / backend, CPU)
    made.model = made.start()
    return made


def sampled(made):
    questions = made.task.questions("train")[:6]
    return made.sampler.sample(made.model, questions, "sample", 3)


def test_slots_sample_what_the_usual_sampler_does_and_auto_is_that_sampler(tmp_path):
    found, used = {}, {}
    for backend in ("hf", "slots", "auto"):
        made = session(tmp_path, backend)
        found[backend] = sampled(made)
        used[backend] = type(made.pool.backend(made.model).inner).__name__
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
        assert type(made.pool.backend(other).inner).__name__ == "HfBackend"
    (words,) = told
    assert '"hf"' in words
    assert "gpt2" in words
    assert type(made.pool.backend(made.model).inner).__name__ == "SlotBackend"
    assert len(told) == 1
    made.close()


def test_the_card_belongs_to_the_copy_while_it_writes_and_to_training_afterwards(tmp_path, monkeypatch):
    class Moves(Placement):
        """A device whose networks are noted instead of moved."""

        here = ()

        def _only(self, wanted):
            self.here = tuple(wanted)

    made = session(tmp_path, "slots")
    released = []
    real = SlotBackend.release
    monkeypatch.setattr(SlotBackend, "release", lambda self: (released.append(self), real(self))[1])
    moves = made.pool.placement = Moves(CPU)
    moves.give_back = made.pool.release
    first = sampled(made)
    assert moves.here == ()
    backend = made.pool.backend(made.model).inner
    assert backend._table is not None
    moves.place(made.model)
    assert released == [backend]
    assert backend._table is None
    assert moves.here == (made.model.network,)
    assert sampled(made) == first
    made.close()
    made.close()
    assert backend._table is None
