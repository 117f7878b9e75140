"""Compiled blocks: where that pays, for as long as a training takes, and a training that goes on without."""

from __future__ import annotations

import pytest
import torch
from transformers import AttentionInterface
from transformers.modeling_layers import GradientCheckpointingLayer

from sapo_engine.models.loading import load_network
from sapo_engine.models.reasoner import set_checkpointing
from sapo_engine.training import trainer
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.compiled_body import CompiledBody
from sapo_engine.training.objectives import SftLoss, sft
from sapo_engine.training.packed_attention import attend
from sapo_engine.training.trainer import NullCallback, TrainingArgs
from sapo_studio.errors import Stopped
from sapo_studio.forecast.compiling import COMPILED_FLOPS, compiling_pays
from tests.fixtures.tiny_models import write_model
from tests.fixtures.trainings import StopAt

TEXTS = [PromptCompletion((5, 6, 7 + k), tuple(range(8 + k, 13 + k + k % 4))) for k in range(12)]
ARGS = TrainingArgs(learning_rate=3e-3, epochs=2, batch_size=6, seed=3, precision="bf16", compile=True)


@pytest.fixture
def network(tmp_path):
    return load_network(write_model(tmp_path / "model", "llama"))


class Compiler:
    """Stands for torch.compile: calls through, counts, and fails at a call."""

    def __init__(self, monkeypatch, fails_at=-1, error=None):
        self.compiled, self.calls, self.options = 0, 0, {}
        self.fails_at, self.error = fails_at, error or RuntimeError("no C compiler was found\nand more")
        monkeypatch.setattr(torch, "compile", self)
        monkeypatch.setattr(torch.compiler, "disable", lambda function: function)
        monkeypatch.setattr(torch.compiler, "reset", lambda: None)

    def __call__(self, forward, **options):
        self.compiled += 1
        self.options = options

        def call(*args, **kwargs):
            self.calls += 1
            if self.calls == self.fails_at:
                raise self.error
            return forward(*args, **kwargs)

        return call


@pytest.fixture
def on_a_card(monkeypatch):
    """The trainer takes this for a card, and every training for a long one."""
    monkeypatch.setattr(trainer._Training, "_compiling_pays", lambda training: training.args.compile)


def blocks(network):
    return [module for module in network.modules() if isinstance(module, GradientCheckpointingLayer)]


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def plain(network):
    """Nothing of the compiler is left in it."""
    return all("forward" not in vars(block) for block in blocks(network))


def test_every_block_is_compiled_for_all_sizes_and_let_go_afterwards(network, on_a_card, monkeypatch):
    compiler, told = Compiler(monkeypatch), StopAt()
    assert sft(network, TEXTS, ARGS, told, pad_id=0) == 4
    assert compiler.compiled == len(blocks(network)) == 2
    assert compiler.calls == 2 * 4
    assert compiler.options == {"dynamic": True}
    assert plain(network)
    assert AttentionInterface()["sdpa"] is attend
    assert not told.said


def test_attention_is_left_out(network, monkeypatch):
    Compiler(monkeypatch)
    monkeypatch.setattr(torch.compiler, "disable", lambda function: ("left out", function))
    body = CompiledBody(network, lambda _: None)
    body.begin()
    assert AttentionInterface()["sdpa"] == ("left out", attend)
    body.end()
    assert AttentionInterface()["sdpa"] is attend


@pytest.mark.parametrize("fails_at", [1, 2, 5])
def test_a_compiler_that_fails_is_done_without(network, tmp_path, on_a_card, monkeypatch, fails_at):
    """The step is made again, so that the result is that of a training without it."""
    compiler, told = Compiler(monkeypatch, fails_at), StopAt()
    sft(network, TEXTS, ARGS, told, pad_id=0)
    ((level, line),) = told.said
    assert level == "warning"
    assert "could not be compiled (no C compiler was found)" in line
    assert "runtime.compile = false" in line
    assert compiler.calls == fails_at
    assert plain(network)
    whole = load_network(tmp_path / "model")
    sft(whole, TEXTS, TrainingArgs(3e-3, 2, 6, 3, precision="bf16"), NullCallback(), pad_id=0)
    assert torch.equal(weights(network), weights(whole))


def test_what_fails_without_the_compiler_too_ends_the_training(network, on_a_card, monkeypatch):
    Compiler(monkeypatch)
    part, told = SftLoss.part, StopAt()

    def broken(self, indices):
        part(self, indices)
        raise RuntimeError("a cable is loose")

    monkeypatch.setattr(SftLoss, "part", broken)
    with pytest.raises(RuntimeError, match="cable"):
        sft(network, TEXTS, ARGS, told, pad_id=0)
    assert len(told.said) == 1
    assert plain(network)


def test_memory_that_runs_out_is_not_the_compilers_fault(network, on_a_card, monkeypatch):
    compiler = Compiler(monkeypatch, 3, torch.OutOfMemoryError("CUDA out of memory"))
    told = StopAt()
    sft(network, TEXTS, ARGS, told, pad_id=0)
    ((_, line),) = told.said
    assert "ran out of memory" in line
    assert compiler.calls > 8  # it goes on, in smaller parts


def test_a_training_that_is_stopped_leaves_no_compiled_block(network, on_a_card, monkeypatch):
    Compiler(monkeypatch)
    with pytest.raises(Stopped):
        sft(network, TEXTS, ARGS, StopAt(step=2), pad_id=0)
    assert plain(network)


# -- Where it pays


def training(network, args, lengths):
    loss = SftLoss(network, TEXTS, 0)
    return trainer._Training(network, lengths, loss, args, NullCallback(), None, lengths, None)


def test_nothing_is_compiled_on_a_cpu_or_for_a_short_training(network, monkeypatch):
    compiler = Compiler(monkeypatch)
    sft(network, TEXTS, ARGS, NullCallback(), pad_id=0)
    assert not compiler.compiled
    lengths = [len(text) for text in TEXTS]

    def pays(args=ARGS, device="cuda"):
        made = training(network, args, lengths)
        made.device = torch.device(device)
        return made._compiling_pays()

    assert not pays()
    positions = sum(lengths)
    epochs = COMPILED_FLOPS / 6 / network.num_parameters() / positions
    long = TrainingArgs(3e-3, 1.01 * epochs, 6, 3, precision="bf16", compile=True)
    assert pays(long)
    assert not pays(long, "cpu")
    assert not pays(TrainingArgs(3e-3, 1.01 * epochs, 6, 3, precision="bf16"))
    assert not pays(TrainingArgs(3e-3, 1.01 * epochs, 6, 3, compile=True))
    assert not pays(TrainingArgs(3e-3, 0.99 * epochs, 6, 3, precision="bf16", compile=True))
    set_checkpointing(network, True)
    assert not pays(long)


def test_the_rule_is_in_operations():
    assert compiling_pays(5e8, 1.7e7)
    assert not compiling_pays(5e8, 1.6e7)
    assert not compiling_pays(2e5, 1e9)
