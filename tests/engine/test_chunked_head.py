"""The language head a chunk at a time: the numbers and gradients of whole logits, in little memory."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import LlamaConfig, LlamaForCausalLM

from sapo_engine.models.precision import autocast
from sapo_engine.training import chunked_head
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.chunked_head import Head, log_probs
from sapo_engine.training.objectives import OrpoLoss, SftLoss

CPU = torch.device("cpu")
VOCABULARY, WIDTH = 50, 12


class Wrapped(nn.Module):
    """A head of another kind, as a quantised one is."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, states):
        return self.inner(states)


@pytest.fixture(params=[1, 60, 100, 2**20], ids=lambda entries: f"{entries} entries")
def chunk(request, monkeypatch):
    """As many scores at a time: one position, one, two, and all."""
    monkeypatch.setattr(chunked_head, "HEAD_ENTRIES", request.param)


def case(count=5, bias=False):
    torch.manual_seed(0)
    module = nn.Linear(WIDTH, VOCABULARY, bias=bias)
    states = torch.randn(count, WIDTH, requires_grad=True)
    targets = torch.randint(0, VOCABULARY, (count,))
    weights = torch.randn(count)
    return module, states, targets, weights


def by_whole_logits(module, states, targets, scale, cap):
    logits = module(states).float() * scale
    logits = logits if cap is None else cap * torch.tanh(logits / cap)
    return -functional.cross_entropy(logits, targets, reduction="none")


def gradients(value, *parameters):
    return torch.autograd.grad(value, [p for p in parameters if p is not None and p.requires_grad])


@pytest.mark.parametrize("kind", ["trained", "frozen", "wrapped"])
@pytest.mark.parametrize(("scale", "cap", "bias"), [(1.0, None, False), (0.25, None, True), (3.0, 2.0, True)])
@pytest.mark.usefixtures("chunk")
def test_numbers_and_gradients_are_those_of_whole_logits(kind, scale, cap, bias):
    module, states, targets, weights = case(bias=bias)
    module.requires_grad_(kind != "frozen")
    wanted = by_whole_logits(module, states, targets, scale, cap)
    found = log_probs(Head(Wrapped(module) if kind == "wrapped" else module, scale, cap), states, targets)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    mine, theirs = (gradients((v * weights).sum(), states, *module.parameters()) for v in (found, wanted))
    assert len(mine) == (1 if kind == "frozen" else 2 + bias)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("chunk")
def test_a_graph_that_is_kept_gives_its_gradients_again():
    module, states, targets, weights = case()
    value = (log_probs(Head(module), states, targets) * weights).sum()
    once = torch.autograd.grad(value, [states, module.weight], retain_graph=True)
    again = torch.autograd.grad(value, [states, module.weight])
    for one, other in zip(once, again, strict=True):
        assert torch.equal(one, other)


@pytest.mark.usefixtures("chunk")
def test_nothing_to_predict_is_nothing():
    for module in (nn.Linear(WIDTH, VOCABULARY), Wrapped(nn.Linear(WIDTH, VOCABULARY))):
        states = torch.randn(0, WIDTH, requires_grad=True)
        found = log_probs(Head(module), states, torch.zeros(0, dtype=torch.long))
        assert found.shape == (0,)
        found.sum().backward()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9))
def test_every_chunk_size_gives_the_same(count, rows):
    module, states, targets, weights = case(count)
    wanted = by_whole_logits(module, states, targets, 1.0, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked_head, "HEAD_ENTRIES", rows * VOCABULARY)
        found = log_probs(Head(module), states, targets)
        (mine,) = gradients((found * weights).sum(), module.weight)
    (theirs,) = gradients((wanted * weights).sum(), module.weight)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["trained", "frozen"])
def test_in_16_bits_it_is_what_whole_logits_are_in_16_bits(kind, monkeypatch):
    monkeypatch.setattr(chunked_head, "HEAD_ENTRIES", 2 * VOCABULARY)
    module, states, targets, weights = case(40)
    module.requires_grad_(kind != "frozen")
    with autocast(CPU, "bf16"):
        wanted = by_whole_logits(module, states, targets, 1.0, None)
        found = log_probs(Head(module), states, targets)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
    exact = by_whole_logits(module, states, targets, 1.0, None)
    parts = (gradients((v * weights).sum(), states, module.weight) for v in (found, wanted, exact))
    for mine, theirs, right in zip(*parts, strict=True):
        assert torch.isfinite(mine).all()
        assert mine.dtype == right.dtype
        assert (mine - right).norm() <= 1.5 * (theirs - right).norm() + 1e-3 * right.norm()


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that is made inside."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        found = function(*arguments, **(named or {}))
        for value in tree_leaves(found):
            if isinstance(value, torch.Tensor):
                self.numbers = max(self.numbers, value.untyped_storage().nbytes() // value.element_size())
        return found


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("kind", ["sft", "orpo"])
def test_no_tensor_is_larger_than_a_chunk_or_the_head(kind, frozen, monkeypatch):
    vocabulary = 3000
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2
        )
    )
    model.lm_head.requires_grad_(not frozen)
    model.model.embed_tokens.requires_grad_(not frozen)
    texts = [PromptCompletion((1, 2, 3), tuple(range(4, 104))) for _ in range(6)]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    loss = SftLoss(model, texts, 0) if kind == "sft" else OrpoLoss(model, pairs, 0, 0.1)
    count = len(texts) if kind == "sft" else len(pairs)
    loss.part([0])  # the network has been looked at
    chunk = 10 * vocabulary
    monkeypatch.setattr(chunked_head, "HEAD_ENTRIES", chunk)
    with Largest() as seen:
        loss.part(range(count))[0].backward()
    assert seen.numbers <= max(chunk, 8 * vocabulary)
    monkeypatch.setattr(chunked_head, "HEAD_ENTRIES", 2**30)
    with Largest() as seen:
        loss.part(range(count))[0].backward()
    assert seen.numbers == 600 * vocabulary  # what whole logits take, so that the test would see them
