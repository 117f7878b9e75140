"""The sampler: equal to `generate`, and to itself whatever the batch looks like."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers import (
    AutoConfig,
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from sapo_engine.rollouts import HfBackend, Request, key_of
from sapo_engine.rollouts.support import check_written
from sapo_studio.errors import InputError

EOS, PAD = 1, 0
COMMON = {
    "vocab_size": 40,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "pad_token_id": PAD,
    "eos_token_id": EOS,
    "bos_token_id": None,
}


@pytest.fixture(
    scope="module",
    params=[
        (LlamaConfig, LlamaForCausalLM),
        (Qwen2Config, Qwen2ForCausalLM),
        (GemmaConfig, GemmaForCausalLM),
    ],
    ids=["llama", "qwen2", "gemma"],
)
def model(request):
    config, kind = request.param
    torch.manual_seed(0)
    extra = {"head_dim": 8} if config is GemmaConfig else {}
    return kind(config(**COMMON, **extra)).eval()


@pytest.fixture(scope="module")
def prompts():
    generator = torch.Generator().manual_seed(1)
    lengths = [3, 9, 5, 5, 14, 2, 7, 9]
    return [tuple(torch.randint(2, 40, (n,), generator=generator).tolist()) for n in lengths]


def backend(model, batch=512):
    return HfBackend(model, eos=EOS, pad=PAD, batch=batch)


def test_greedy_equals_generate(model, prompts):
    ours = backend(model).generate([Request(p, (0,), 24) for p in prompts], temperature=0)
    for prompt, (completion,) in zip(prompts, ours, strict=True):
        theirs = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=24)[0, len(prompt) :].tolist()
        assert list(completion.tokens) == theirs
        assert completion.finished == (theirs[-1] == EOS)


def test_a_sample_depends_on_its_key_alone(model, prompts):
    requests = [Request(p, tuple(key_of("k", i, s) for s in range(3)), 20) for i, p in enumerate(prompts)]
    together = backend(model).generate(requests, temperature=1.0)
    apart = [backend(model).generate([request], temperature=1.0)[0] for request in requests]
    small = backend(model, batch=4).generate(requests[::-1], temperature=1.0)[::-1]
    assert together == apart == small


def test_limits_are_each_requests_own(model, prompts):
    requests = [Request(p, (5, 6), 2 + i) for i, p in enumerate(prompts)]
    found = backend(model).generate(requests, temperature=1.5)
    for request, completions in zip(requests, found, strict=True):
        for completion in completions:
            assert 1 <= len(completion.tokens) <= request.max_new_tokens
            assert completion.finished == (completion.tokens[-1] == EOS)
            assert EOS not in completion.tokens[:-1]


def test_sampling_follows_the_model(model, prompts):
    """The first token's frequencies over many keys match the softmax."""
    prompt = prompts[1]
    count = 4000
    keys = tuple(key_of("f", k) for k in range(count))
    found = backend(model).generate([Request(prompt, keys, 1)], temperature=0.8)[0]
    with torch.inference_mode():
        expected = torch.softmax(model(torch.tensor([prompt])).logits[0, -1].float() / 0.8, dim=-1)
    seen = torch.bincount(torch.tensor([c.tokens[0] for c in found]), minlength=40) / count
    assert float((seen - expected).abs().sum()) / 2 < 0.06


def test_usage_counts_what_was_generated(model, prompts):
    mine = backend(model)
    found = mine.generate([Request(p, (1, 2), 10) for p in prompts], temperature=1.0)
    assert mine.usage.sequences == 2 * len(prompts)
    assert mine.usage.generated_tokens == sum(len(c.tokens) for cs in found for c in cs)
    assert mine.usage.prefill_tokens == sum(len(p) for p in prompts)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("mamba", {"num_hidden_layers": 2}),
        ("qwen3_next", {"num_hidden_layers": 4}),
        ("falcon_h1", {"num_hidden_layers": 2}),
        ("lfm2", {"num_hidden_layers": 2, "full_attn_idxs": [1]}),
    ],
)
def test_layers_that_remember_by_other_states_are_refused_unless_vllm_writes(kind, more):
    network = SimpleNamespace(config=AutoConfig.for_model(kind, **more))
    with pytest.raises(InputError, match=f"cannot write with the architecture {kind}") as told:
        check_written(network, "auto")
    assert "vllm" in told.value.fix
    check_written(network, "vllm")


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gemma3_text", "mistral", "gpt2", "opt", "phi3", "gpt_neox"])
def test_keys_and_values_are_what_the_sampler_can_write_with(kind):
    check_written(SimpleNamespace(config=AutoConfig.for_model(kind)), "hf")
