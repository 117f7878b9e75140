"""How many token positions are trained on at a time: by free memory, by what turned out to fit, and never of effect on
the result."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from sapo_engine.models.loading import load_network
from sapo_engine.models.reasoner import Adapters, Reasoner, set_checkpointing, with_adapter
from sapo_engine.process_group import Group
from sapo_engine.training import micro_batches
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.micro_batches import micro_tokens
from sapo_engine.training.objectives import SftLoss, sft
from sapo_engine.training.state import training_facts
from sapo_engine.training.trainer import NullCallback, TrainingArgs, train
from sapo_engine.verifier.model import Verifier
from sapo_studio.config.engine_limits import MICRO_TOKENS
from sapo_studio.errors import Stopped
from sapo_studio.forecast.memory import Numerics, micro_tokens_that_fit
from sapo_studio.forecast.model_shape import ModelShape
from tests.fixtures.tiny_models import write_model
from tests.fixtures.trainings import StopAt

MIB = 2**20
TEXTS = [PromptCompletion((5, 6, 7), tuple(range(8, 12 + k % 5))) for k in range(24)]
ARGS = TrainingArgs(learning_rate=1e-3, epochs=2, batch_size=8, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"), "llama")


def card(monkeypatch, free):
    """Stands for a card with so many bytes free."""
    monkeypatch.setattr(micro_batches, "free_bytes", lambda _: free)


class Small(SftLoss):
    """A loss on a device that has room for 34 positions at a time. `seen`: the positions of each part that went
    through."""

    room = 34

    def part(self, indices):
        taken = sum(map(self.positions, indices))
        if taken > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.seen.append(taken)
        return super().part(indices)


def small(network):
    loss = Small(network, TEXTS, 0)
    object.__setattr__(loss, "seen", [])
    return loss


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


LENGTHS = [len(text) for text in TEXTS]


# -- By memory


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_card_is_given_what_the_forecast_says_that_fits(folder, monkeypatch, tuning, checkpointing):
    """By the same formula, with what the network at hand is like."""
    network = set_checkpointing(load_network(folder), checkpointing)
    reasoner = Reasoner(network) if tuning == "full" else with_adapter(network, Adapters(3, 6.0, 0.0))
    card(monkeypatch, 6 * MIB)
    model = reasoner.trainable()
    full = tuning == "full"
    how = Numerics(tuning, 1 if full else 3, "bf16", checkpointing, "" if full else "fp32", copy=full)
    shape = ModelShape.of(network.config.to_dict(), "llama")
    found, why = micro_tokens(model, "bf16", 40)
    assert found == micro_tokens_that_fit(shape, how, 40, 6 * MIB)
    assert 1 < found < 2**16
    assert "6.00 MiB are free, for texts of up to 40" in why
    assert micro_tokens(model, "bf16", 40, plain=True)[0] <= found
    card(monkeypatch, 3 * MIB)
    assert micro_tokens(model, "bf16", 40)[0] < found


def test_a_verifier_is_looked_at_by_its_backbone(folder, monkeypatch):
    network = load_network(folder)
    card(monkeypatch, 6 * MIB)
    Reasoner(network).trainable()
    verifier = Verifier(Reasoner(network), "likelihood")
    assert micro_tokens(verifier, "bf16", 40) == micro_tokens(network, "bf16", 40)


def test_families_of_unknown_shape_have_the_usual_number(monkeypatch):
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=16, n_head=2, vocab_size=40))
    assert micro_tokens(model, "fp32", 40) == (MICRO_TOKENS, "")
    card(monkeypatch, 6 * MIB)
    found, why = micro_tokens(model, "fp32", 40)
    assert found == MICRO_TOKENS
    assert "gpt2 is not known" in why
    assert micro_tokens(nn.Linear(2, 2), "fp32", 40)[0] == MICRO_TOKENS


def test_the_log_says_what_was_chosen_on_a_card_alone(folder, monkeypatch):
    told = StopAt()
    sft(load_network(folder), TEXTS, ARGS, told, pad_id=0)
    assert not told.said
    card(monkeypatch, 6 * MIB)
    sft(load_network(folder), TEXTS, ARGS, told, pad_id=0)
    ((level, line),) = told.said
    assert level == "info"
    assert "token positions (6.00 MiB are free" in line
    assert "runtime.micro_tokens = 0" in line


# -- Where it was too much


def test_memory_that_runs_out_halves_the_parts_and_the_training_goes_on(folder):
    """From the same step, to the same weights as with small parts from the start."""
    told, model = StopAt(), load_network(folder)
    loss = small(model)
    assert train(model, LENGTHS, loss, ARGS, told) == 6
    assert max(loss.seen) <= Small.room
    assert sum(loss.seen) >= 2 * sum(LENGTHS)
    assert told.said
    assert all(level == "warning" and "ran out of memory" in line for level, line in told.said)
    assert len(told.said) <= 3  # it is halved, and stays so
    whole = load_network(folder)
    sft(whole, TEXTS, ARGS, NullCallback(), pad_id=0)
    torch.testing.assert_close(weights(model), weights(whole), rtol=1e-4, atol=1e-6)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_text_that_does_not_fit_alone_ends_the_training(folder, monkeypatch):
    monkeypatch.setattr(Small, "room", 3)
    model = load_network(folder)
    with pytest.raises(torch.OutOfMemoryError):
        train(model, LENGTHS, small(model), ARGS, StopAt())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_training_that_goes_on_keeps_the_smaller_parts(folder, tmp_path):
    file = tmp_path / "state"
    stopped = load_network(folder)
    with pytest.raises(Stopped):
        train(stopped, LENGTHS, small(stopped), ARGS, StopAt(step=2), state_file=file)
    assert training_facts(file)["micro_tokens"] != "[0, 0]"
    told, again = StopAt(), load_network(folder)
    train(again, LENGTHS, small(again), ARGS, told, state_file=file)
    assert not told.said
    # Whoever asks for another number has it.
    asked = load_network(folder)
    loss = small(asked)
    args = TrainingArgs(learning_rate=1e-3, epochs=2, batch_size=8, seed=3, micro_tokens=8)
    train(asked, LENGTHS, loss, args, StopAt(), state_file=file)
    assert max(loss.seen) == max(LENGTHS)
    torch.testing.assert_close(weights(asked), weights(again), rtol=1e-4, atol=1e-6)


class Pair(Group):
    """Another rank beside this one, which does nothing; it runs out of memory once."""

    def __init__(self):
        self.asked = 0

    def total(self, values):
        self.asked += 1
        return {name: value + (self.asked == 1 and name == "again") for name, value in values.items()}


def test_all_ranks_do_a_step_again_where_one_has_to(folder):
    group, model = Pair(), load_network(folder)
    whole = load_network(folder)
    loss = small(model)
    object.__setattr__(loss, "room", 1000)
    args = TrainingArgs(learning_rate=1e-3, epochs=2, batch_size=8, seed=3, group=group)
    assert train(model, LENGTHS, loss, args, StopAt()) == 6
    assert group.asked == 7
    assert len(loss.seen) == 7
    sft(whole, TEXTS, ARGS, NullCallback(), pad_id=0)
    assert torch.equal(weights(model), weights(whole))


@pytest.mark.parametrize("tokens", [1, 17, 40, 10_000])
def test_the_result_is_the_same_however_the_batch_is_divided(folder, tokens):
    model, whole = load_network(folder), load_network(folder)
    args = TrainingArgs(learning_rate=1e-3, epochs=2, batch_size=8, seed=3, micro_tokens=tokens)
    sft(model, TEXTS, args, NullCallback(), pad_id=0)
    sft(whole, TEXTS, ARGS, NullCallback(), pad_id=0)
    torch.testing.assert_close(weights(model), weights(whole), rtol=1e-4, atol=1e-6)
