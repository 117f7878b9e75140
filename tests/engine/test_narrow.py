"""Attention for small models on a CPU: the same as torch's own, and used where it is meant to be."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from sapo_engine.rollouts import HfBackend, Request, key_of
from sapo_engine.rollouts import hf as sampler
from sapo_engine.rollouts.small_model_attention import LEAST_ROWS, attend, is_faster

EOS, PAD = 1, 0
SHAPE = {
    "vocab_size": 40,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "pad_token_id": PAD,
    "eos_token_id": EOS,
    "bos_token_id": None,
}


def model_of(**more):
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**(SHAPE | {"num_key_value_heads": 4} | more))).eval()


@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("mask", [None, "bool", "float"])
@pytest.mark.parametrize("queries", [1, 3])
def test_it_is_torchs_attention(key_heads, mask, queries):
    torch.manual_seed(1)
    module = torch.nn.Module()
    module.num_key_value_groups = 4 // key_heads
    query, key, value = (torch.randn(5, heads, n, 8) for heads, n in ((4, queries), (key_heads, 7), (key_heads, 7)))
    kept = (torch.rand(5, 1, 1, 7) > 0.4).index_fill(3, torch.tensor([6]), True)
    masks = {None: None, "bool": kept, "float": torch.zeros(kept.shape).masked_fill(~kept, -1e9)}
    given = masks[mask] if mask is None else masks[mask].expand(5, 1, queries, 7)
    mine, _ = attend(module, query, key, value, given, scaling=0.3, dropout=0.0)
    usual, _ = sdpa_attention_forward(module, query, key, value, given, scaling=0.3, dropout=0.0)
    torch.testing.assert_close(mine, usual)


def test_it_is_for_small_models_with_full_attention_and_many_rows():
    model = model_of()
    assert is_faster(model, 60, LEAST_ROWS, "fp32")
    assert not is_faster(model, 60, LEAST_ROWS - 1, "fp32")
    assert not is_faster(model, 6000, LEAST_ROWS, "fp32")
    assert not is_faster(model, 60, LEAST_ROWS, "bf16")
    assert not is_faster(model_of(num_key_value_heads=2), 60, LEAST_ROWS, "fp32")
    sliding = MistralForCausalLM(MistralConfig(**SHAPE, num_key_value_heads=4, sliding_window=16))
    assert not is_faster(sliding, 60, LEAST_ROWS, "fp32")


@pytest.fixture(scope="module")
def prompts():
    generator = torch.Generator().manual_seed(1)
    return [tuple(torch.randint(2, 40, (3 + i % 9,), generator=generator).tolist()) for i in range(LEAST_ROWS + 6)]


def test_greedy_equals_generate(prompts):
    model = model_of()
    assert is_faster(model, 11 + 20, len(prompts), "fp32")
    found = HfBackend(model, eos=EOS, pad=PAD).generate([Request(p, (0,), 20) for p in prompts], temperature=0)
    for prompt, (completion,) in zip(prompts, found, strict=True):
        theirs = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=20)[0, len(prompt) :].tolist()
        assert list(completion.tokens) == theirs
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("equal", [True, False], ids=["equal lengths", "padded"])
def test_samples_are_those_of_torchs_attention(prompts, equal, monkeypatch):
    model = model_of()
    chosen = [p for p in prompts if len(p) == 5] if equal else prompts
    requests = [Request(p, tuple(key_of(i, k) for k in range(12)), 20) for i, p in enumerate(chosen)]
    mine = HfBackend(model, eos=EOS, pad=PAD).generate(requests, temperature=1.0)
    monkeypatch.setattr(sampler, "is_faster", lambda *_: False)
    assert mine == HfBackend(model, eos=EOS, pad=PAD).generate(requests, temperature=1.0)
