"""The lean pass: the tokens of transformers' modules, with weights as they are now, in memory that is kept and given
back. What every back end promises is in test_rollout_contract.py."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GemmaConfig, GemmaForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from sapo_engine.models.reasoner import Adapters, Reasoner, adapter_weights, with_adapter
from sapo_engine.rollouts import HfBackend, Request
from sapo_engine.rollouts import kept_memory as kept
from sapo_engine.rollouts.kept_memory import KeptMemory
from sapo_engine.rollouts.lean import attention as rows
from sapo_engine.rollouts.lean import forward as passes
from sapo_engine.rollouts.lean import lean_rows, support
from sapo_engine.rollouts.lean.attention import RowAttention
from tests.fixtures.steady_models import COMMON, EOS, NAMES, PAD, asked, made


@pytest.fixture(scope="module", params=[*NAMES, "llama with biases", "llama, linear positions", "llama 3 positions"])
def model(request):
    return network(request.param).eval()


@pytest.fixture(scope="module")
def llama():
    return made("llama grouped").eval()


def network(name):
    torch.manual_seed(4)
    heads = COMMON | {"num_attention_heads": 4, "num_key_value_heads": 2}
    rope = {"rope_theta": 1e4, "factor": 3.0}
    match name:
        case "llama, linear positions":
            return LlamaForCausalLM(LlamaConfig(**heads, rope_parameters=rope | {"rope_type": "linear"}))
        case "llama 3 positions":
            kind = {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0}
            kind["original_max_position_embeddings"] = 32
            return LlamaForCausalLM(LlamaConfig(**heads, rope_parameters=rope | kind))
        case "llama with biases":
            made_now = made("qwen2")
            for name, parameter in made_now.named_parameters():
                if name.endswith("bias"):
                    torch.nn.init.normal_(parameter)
            return made_now
        case _:
            return made(name)


def by_modules(network, requests, temperature, **how):
    return HfBackend(network, eos=EOS, pad=PAD, lean=False, **how).generate(requests, temperature=temperature)


def lean(network, requests, temperature, **how):
    """By the lean pass, or not at all."""

    def never(*_, **__):
        raise AssertionError("transformers' modules were called")

    network = network.network if isinstance(network, Reasoner) else network
    handle = network.register_forward_pre_hook(never)
    try:
        return HfBackend(how.pop("reasoner", network), eos=EOS, pad=PAD, **how).generate(
            requests, temperature=temperature
        )
    finally:
        handle.remove()


def tokens(found):
    return [[(completion.tokens, completion.finished) for completion in row] for row in found]


@pytest.mark.parametrize("temperature", [pytest.param(0, marks=pytest.mark.slow), 1.2])
def test_the_modules_tokens_on_every_architecture(model, temperature):
    requests = [replace(request, log_probs=number % 3 == 0) for number, request in enumerate(asked())]
    wanted = by_modules(model, requests, temperature)
    found = lean(model, requests, temperature)
    assert tokens(found) == tokens(wanted)
    if temperature:
        assert {completion.finished for row in wanted for completion in row} == {True, False}
    for mine, theirs in zip(itertools.chain(*found), itertools.chain(*wanted), strict=True):
        assert mine.log_probs == pytest.approx(theirs.log_probs, abs=2e-5)


@pytest.mark.parametrize("batch", [1, 5, 64])
@pytest.mark.parametrize("length", [0, 3, 30], ids=["any length", "short", "long"])
def test_the_modules_tokens_whatever_is_together(llama, batch, length, monkeypatch):
    requests = asked(10, seed=7)
    if length:  # of one length: nothing is padded
        requests = [replace(r, prompt=(*r.prompt, *range(2, 2 + length))[:length]) for r in requests]
    wanted = tokens(by_modules(llama, requests, 0.9))
    assert tokens(lean(llama, requests, 0.9, batch=batch)) == wanted
    monkeypatch.setattr(passes, "READ", 40)  # prompts in several groups
    monkeypatch.setattr(rows, "BLOCK", 300)  # keys in several blocks
    assert tokens(lean(llama, requests[::-1], 0.9, batch=batch)[::-1]) == wanted


def test_requests_without_keys_or_room(llama):
    requests = [Request((5, 6), (), 4), Request((5, 6), (1, 2), 3), Request((7,), (3,), 0)]
    found = lean(llama, requests, 1.0)
    assert [[len(c.tokens) for c in row] for row in found][0::2] == [[], [0]]
    assert found == by_modules(llama, requests, 1.0)
    assert lean(llama, requests[:1], 1.0) == [[]]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(1, 7), st.integers(0, 2**31)
)
def test_it_is_attention(groups, key_heads, size, positions, count, seed):
    generator = torch.Generator().manual_seed(seed)
    queries = torch.randn(groups, key_heads, size, count, generator=generator)
    keys, values = (torch.randn(positions, key_heads, size, count, generator=generator) for _ in range(2))
    hidden = torch.rand(positions, 1, count, generator=generator) > 0.6
    hidden[-1] = False
    bias = torch.zeros(hidden.shape).masked_fill_(hidden, torch.finfo(torch.float32).min)
    scores = torch.einsum("ghsr,phsr->ghpr", queries, keys).masked_fill(hidden[:, 0], -torch.inf)
    wanted = torch.einsum("ghpr,phsr->ghsr", torch.softmax(scores, 2), values)
    for block in (1, 40, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rows, "BLOCK", block)
            found = torch.full_like(queries, torch.nan)
            RowAttention(groups, key_heads, size, positions + 2, count).attend(queries, keys, values, bias, found)
        torch.testing.assert_close(found, wanted)


def rows_for(network, precision="fp32", positions=60, sequences=64):
    return lean_rows(network, precision, positions, sequences)


def test_what_it_is_for(monkeypatch):
    heads = COMMON | {"num_attention_heads": 4, "num_key_value_heads": 4}
    small = made("llama")
    assert rows_for(small) == 64
    assert rows_for(small, sequences=5000) == support.MOST_ROWS
    assert rows_for(small, "bf16") == 0
    assert rows_for(made("llama").to(torch.bfloat16)) == 0
    assert rows_for(made("llama").to("meta")) == 0
    # Long texts: fewer at a time, as long as that is not too few.
    assert support.LEAST_ROWS <= rows_for(small, positions=300, sequences=5000) < support.MOST_ROWS
    assert rows_for(small, positions=20_000, sequences=2) == 2
    assert rows_for(small, positions=20_000) == 0
    others = [
        GemmaForCausalLM(GemmaConfig(**heads, head_dim=8)),
        MistralForCausalLM(MistralConfig(**heads, sliding_window=16)),
        LlamaForCausalLM(LlamaConfig(**heads, mlp_bias=True)),
        LlamaForCausalLM(LlamaConfig(**heads, attention_bias=True)),  # on what attention has found, too
        LlamaForCausalLM(LlamaConfig(**heads, hidden_act="gelu")),
        LlamaForCausalLM(
            LlamaConfig(**heads, rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0})
        ),
    ]
    assert [rows_for(other) for other in others] == [0] * len(others)
    monkeypatch.setattr(support, "LARGEST", sum(p.numel() for p in small.parameters()) - 1)
    assert rows_for(small) == 0


def test_others_are_written_by_their_modules():
    torch.manual_seed(0)
    sliding = MistralForCausalLM(
        MistralConfig(**COMMON, num_attention_heads=4, num_key_value_heads=4, sliding_window=16)
    ).eval()
    requests = asked(6)
    found = HfBackend(sliding, eos=EOS, pad=PAD).generate(requests, temperature=1.0)
    assert found == by_modules(sliding, requests, 1.0)


def test_weights_are_those_of_now_whoever_changed_them():
    network = made("qwen3").eval()
    backend = HfBackend(network, eos=EOS, pad=PAD)
    requests = asked(8)
    before = backend.generate(requests, temperature=0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    after = backend.generate(requests, temperature=0)
    assert tokens(after) == tokens(by_modules(network, requests, 0))
    assert after != before


def test_adapters_are_written_with_and_stay_beside_the_network():
    network = made("llama grouped").eval()
    base = Reasoner(network)
    taught = [with_adapter(network, Adapters(4, 8.0, 0.0)) for _ in range(2)]
    generator = torch.Generator().manual_seed(5)
    for reasoner in taught:
        with torch.no_grad():
            for weight in adapter_weights(network, reasoner.adapter).values():
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.4)
    requests = asked(8)
    texts = []
    for reasoner in (base, *taught):
        found = tokens(lean(network, requests, 0, reasoner=reasoner))
        assert found == tokens(by_modules(reasoner, requests, 0))
        texts.append(found)
    assert len({str(text) for text in texts}) == 3


class Watched(KeptMemory):
    """Notes what it lends."""

    def __init__(self):
        super().__init__()
        self.lent = []

    def take(self, count):
        self.lent.append(super().take(count))
        return self.lent[-1]


def test_memory_is_used_again_from_chunk_to_chunk_and_call_to_call(llama):
    memory = Watched()
    requests = [Request((5, 6, 7), tuple(range(n, n + 8)), 12) for n in range(0, 64, 8)]
    for _ in range(2):
        lean(llama, requests, 1.0, batch=16, memory=memory)
    assert len(memory.lent) == 8
    assert len({block.data_ptr() for block in memory.lent}) == 1
    # Keys and values of 16 sequences of 15 positions in two layers, and one part more that is free.
    assert memory.bytes == 4 * 5 * 15 * 2 * 8 * 16
    memory.clear()
    assert memory.bytes == 0


class Heard:
    def __init__(self):
        self.tokens = []

    def heard(self, sequences, tokens, going):
        self.tokens += tokens


def test_calls_that_take_turns_do_not_share_memory(llama):
    memory = Watched()
    requests = [Request(request.prompt, request.keys[:1], 20) for request in asked(6, seed=2) if request.keys][:3]
    calls = []
    for request in requests:
        backend = HfBackend(llama, eos=EOS, pad=PAD, listener=Heard(), memory=memory)
        calls.append((backend, backend.steps([request], temperature=1.0)))
    for _ in itertools.zip_longest(*(steps for _, steps in calls)):
        pass
    assert len({block.data_ptr() for block in memory.lent}) == len(requests)
    for request, (backend, _) in zip(requests, calls, strict=True):
        ((alone,),) = by_modules(llama, [request], 1.0)
        assert tuple(backend.listener.tokens) == alone.tokens


def test_a_call_that_is_given_up_gives_its_memory_back(llama):
    memory = KeptMemory()
    steps = HfBackend(llama, eos=-1, pad=PAD, memory=memory).steps([Request((5, 6), (1,), 9)], temperature=1.0)
    next(steps)
    assert memory.bytes == 0
    steps.close()
    assert memory.bytes > 0


def test_what_is_kept_is_bounded_and_the_largest(monkeypatch):
    memory = KeptMemory()
    small, large = memory.take(100), memory.take(300)
    memory.give(large)
    memory.give(small)
    assert memory.bytes == large.nbytes
    assert memory.take(200) is large
    monkeypatch.setattr(kept, "MOST", large.nbytes - 1)
    memory.give(large)
    assert memory.bytes == 0
