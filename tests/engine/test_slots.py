"""The slot loop: the usual sampler's tokens whatever its sizes, a step that waits for nothing, weights at addresses
that stay. What every back end promises is in test_rollout_contract.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
)

from sapo_engine.models.reasoner import Adapters, Reasoner, adapter_weights, with_adapter
from sapo_engine.rollouts import HfBackend, Request, key_of
from sapo_engine.rollouts.base import CHECK_EVERY
from sapo_engine.rollouts.slots import SlotBackend, obstacle
from sapo_engine.rollouts.slots import step as steps
from sapo_engine.rollouts.slots.step import Entry, Reader, Shape
from sapo_engine.rollouts.slots.table import SlotTable
from sapo_engine.rollouts.slots.weights import Weights
from tests.fixtures.steady_models import COMMON, CONTEXT, EOS, NAMES, PAD, asked, made


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    return made(request.param).eval()


@pytest.fixture(scope="module")
def llama():
    return made("llama grouped").eval()


def slots(model, **how):
    return SlotBackend(model, eos=EOS, pad=PAD, **how)


def usual(model, requests, temperature):
    return HfBackend(model, eos=EOS, pad=PAD, batch=32).generate(requests, temperature=temperature)


SIZES = (
    {"batch": 3, "look_every": 1},
    {"batch": 8, "look_every": 3},
    {"batch": 16, "look_every": 8},
    {"batch": 64, "look_every": 5},
    {"batch": 16, "strict": True, "positions": CONTEXT},
)


@pytest.mark.parametrize("temperature", [pytest.param(0, marks=pytest.mark.slow), 1.2])
def test_the_usual_samplers_tokens_on_every_architecture(model, temperature):
    requests = asked()
    wanted = usual(model, requests, temperature)
    if temperature:
        assert {completion.finished for row in wanted for completion in row} == {True, False}
    assert slots(model, batch=8, look_every=5).generate(requests, temperature=temperature) == wanted


@pytest.mark.parametrize("how", SIZES, ids=str)
def test_the_usual_samplers_tokens_whatever_the_sizes(llama, how):
    requests = asked(6)
    backend = slots(llama, **how)
    for temperature in (0, 0.6):
        mixed = requests[::-1] if temperature else requests
        assert backend.generate(mixed, temperature=temperature) == usual(llama, mixed, temperature)


def test_one_slot_is_enough(llama):
    requests = asked(4)
    assert slots(llama, batch=1).generate(requests, temperature=1.2) == usual(llama, requests, 1.2)


def test_watches_end_texts_where_the_usual_sampler_ends_them(llama):
    class Ends:
        def __init__(self, most):
            self.most, self.seen = most, 0

        def ended(self, new):
            assert len(new) == CHECK_EVERY
            self.seen += len(new)
            return self.seen >= self.most

    requests = [
        replace(
            r,
            max_new_tokens=min(60, CONTEXT - len(r.prompt)),
            watch=(lambda i=i: Ends(16 * (i % 4))) if i % 3 else None,
        )
        for i, r in enumerate(asked(8))
    ]
    wanted = usual(llama, requests, 1.3)
    assert any(len(c.tokens) in (16, 32, 48) and not c.finished for row in wanted for c in row)
    for look in (7, 20):
        assert slots(llama, batch=9, look_every=look).generate(requests, temperature=1.3) == wanted


def test_nothing_to_write(llama):
    backend = slots(llama, batch=4)
    assert backend.generate([Request((5, 6), (), 9)], temperature=1.0) == [[]]
    (found,) = backend.generate([Request((5, 6), (1, 2), 0)], temperature=1.0)
    assert [completion.tokens for completion in found] == [(), ()]
    assert backend.usage.generated_tokens == backend.usage.prefill_tokens == 0


def test_each_prompt_is_read_once_for_as_many_samples_as_fit(llama):
    prompt = tuple(range(2, 12))
    for batch, reads in ((16, 1), (4, 2), (1, 7)):
        backend = slots(llama, batch=batch)
        backend.generate([Request(prompt, tuple(range(7)), 5)], temperature=1.0)
        assert backend.usage.prefill_tokens == reads * len(prompt)
        assert backend.usage.prefix_hits == (7 - reads) * len(prompt)


# -- A text does not know who else is written


def logits_of(model, requests, key, monkeypatch):
    """The scores that the text of `key` was drawn from, by its token's number, when `requests` are written."""
    backend = slots(model, batch=16, strict=True, positions=CONTEXT)
    numbers = {float(u): t for t, u in enumerate(steps.uniforms([key], CONTEXT)[0])}
    found = {}
    real = steps.draw

    def spy(logits, temperature, noise):
        for row, u in enumerate(noise.tolist()):
            if u in numbers:
                found.setdefault(numbers[u], logits[row].clone())
        return real(logits, temperature, noise)

    with monkeypatch.context() as patch:
        patch.setattr(steps, "draw", spy)
        (tokens,) = [
            c.tokens
            for r, row in zip(requests, backend.generate(requests, temperature=1.3), strict=True)
            for k, c in zip(r.keys, row, strict=True)
            if k == key
        ]
    return [found[t] for t in range(len(tokens))]


def test_a_strict_text_is_bit_for_bit_the_same_alone_and_in_company(model, monkeypatch):
    requests = asked(10, seed=4)
    long = max((r for r in requests if r.keys and len(r.prompt) < 30), key=lambda r: r.max_new_tokens)
    key = long.keys[0]
    alone = logits_of(model, [replace(long, keys=(key,))], key, monkeypatch)
    company = logits_of(model, requests, key, monkeypatch)
    assert len(alone) == len(company) > 3
    assert all(torch.equal(a, b) for a, b in zip(alone, company, strict=True))


# -- A step waits for nothing


class Waits(TorchDispatchMode):
    """Notes what makes a host wait for its card: values read, shapes that depend on values."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "item", "is_nonzero", "_unique2", "equal")

    def __init__(self):
        super().__init__()
        self.found, self.count = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix("aten::")
        self.count += 1
        if name in self.NAMES:
            self.found.append(name)
        indices = args[1] if name.startswith("index") and isinstance(args[1], (list, tuple)) else ()
        if any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices):
            self.found.append(f"{name} by a mask")
        return func(*args, **(kwargs or {}))


def test_what_waits_is_noticed():
    values = torch.arange(4)
    for wait in (
        values[1].item,
        lambda: bool(values[1] > 0),
        lambda: values[values > 1],
        values.nonzero,
        lambda: values.masked_select(values > 1),
        lambda: values.__setitem__(values > 1, torch.zeros(2, dtype=torch.long)),
    ):
        with Waits() as seen:
            wait()
        assert seen.found


def begun(model, rows=8, log_probs=True):
    """A table in which prompts have been read, and the shape of its next step."""
    weights = Weights(model.device, "fp32")
    weights.load(Reasoner(model))
    table = SlotTable(weights.network, rows, 64, 12, 8)
    shape = Shape(rows, 64, 1.0, log_probs)
    entries = [Entry(slot, slot % 2, key_of("begun", slot), 12) for slot in range(rows)]
    Reader(weights.network, table, EOS, PAD).read([(5, 6, 7), (8, 9)], entries, shape)
    return weights.network, table, shape


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_a_step_waits_for_nothing_and_looks_only_at_its_shape(model, temperature):
    network, table, shape = begun(model)
    shape = replace(shape, temperature=temperature)
    with torch.inference_mode(), Waits() as seen:
        for _ in range(3):
            steps.step(network, table, EOS, shape)
    assert not seen.found
    assert seen.count > 100
    assert table.done.max() == 4


def test_nothing_is_read_back_and_no_shape_depends_on_values(model):
    """On the meta device there is nothing to read, so that whoever waits for a value fails."""
    weights = Weights(torch.device("meta"), "bf16")
    weights.load(Reasoner(model))
    table = SlotTable(weights.network, 8, 64, 12, 8)
    shape = Shape(8, 64, 1.0, log_probs=True)
    entries = [Entry(slot, slot % 2, slot, 12) for slot in range(8)]
    with torch.inference_mode():
        Reader(weights.network, table, EOS, PAD).read([(5, 6, 7), (8, 9)], entries, shape)
        steps.step(weights.network, table, EOS, shape)
        table.stop([1])
        table.compact([0, 2, 3])
        with pytest.raises(NotImplementedError, match="meta"):
            table.look(8)


def test_a_step_does_the_same_whatever_is_written(llama):
    class Shapes(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.seen = []

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.seen.append((func.name(), [tuple(a.shape) for a in args if isinstance(a, torch.Tensor)]))
            return func(*args, **(kwargs or {}))

    network, table, shape = begun(llama)
    seen = []
    for dead in ([], [0, 3, 4], list(range(8))):
        table.stop(dead)
        with torch.inference_mode(), Shapes() as shapes:
            steps.step(network, table, EOS, shape)
        seen.append(shapes.seen)
    assert seen[0] == seen[1] == seen[2]


class Recording(TorchDispatchMode):
    """What a CUDA graph is, for a CPU: operations noted down, done again on the same memory, without the program that
    called them."""

    made = 0

    def __init__(self, work):
        super().__init__()
        type(self).made += 1
        self._done = []
        with self:
            work()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        self._done.append((func, args, kwargs or {}, found))
        return found

    def replay(self):
        for func, args, kwargs, found in self._done:
            again = func(*args, **kwargs)
            given = {address(value) for value in tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)}
            for old, new in zip(tree_leaves(found), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor) and address(old) not in given:  # else it is part of what was given
                    old.copy_(new)


def address(tensor):
    return tensor.untyped_storage().data_ptr()


def test_captured_steps_outlive_weights_and_requests(llama):
    Recording.made = 0
    backend = slots(llama, batch=8, capture=lambda work: Recording(work).replay)
    requests = asked(6)
    for temperature in (0, 1.0):
        assert backend.generate(requests, temperature=temperature) == usual(llama, requests, temperature)
    made_first = Recording.made
    assert made_first >= 2
    other = Reasoner(made("llama grouped").eval())
    with torch.no_grad():
        for parameter in other.network.parameters():
            parameter.mul_(1.2)
    backend.use(other)
    mixed = asked(6, seed=8)
    for again in (requests, mixed):
        assert backend.generate(again, temperature=1.0) == usual(other, again, 1.0)
    assert Recording.made <= made_first + 1  # the other requests may look at more columns


def test_a_look_is_one_copy(llama, monkeypatch):
    _, table, _ = begun(llama)
    copies = []
    for name in ("cpu", "tolist", "item", "numpy"):
        real = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda self, name=name, real=real: (copies.append(name), real(self))[1])
    found = table.look(8)
    assert copies == ["cpu", "numpy"]  # the second is on the host
    assert found.tokens.shape == (8, 9)


# -- Weights


def adapted(model, seed):
    reasoner = with_adapter(model, Adapters(2, 4.0, 0.0))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapter_weights(model, reasoner.adapter).values():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return reasoner


def addresses(backend):
    network, table = backend.weights.network, backend._table
    held = [*network.parameters(), *network.buffers(), *table.changing, table.noise, table.place.at]
    return [value.data_ptr() for value in held] + [s.data_ptr() for layer in table.layers for s in layer.stores]


def test_new_weights_are_written_over_the_old_ones():
    network = made("qwen2").eval()
    other = Reasoner(made("qwen2").eval())
    requests = asked(10)
    backend = slots(Reasoner(network), batch=16)
    first = backend.generate(requests, temperature=1.0)
    held = addresses(backend)
    with torch.no_grad():
        for parameter in other.network.parameters():
            parameter.mul_(1.1)
    backend.use(other)
    second = backend.generate(requests, temperature=1.0)
    assert second == usual(other, requests, 1.0) != first
    # Trained in place, without a word to the back end but by the key.
    with torch.no_grad():
        for parameter in other.network.parameters():
            parameter.mul_(0.9)
    assert backend.generate(requests, temperature=1.0) == second
    other.weights_changed()
    third = backend.generate(requests, temperature=1.0)
    assert third == usual(other, requests, 1.0) != second
    assert addresses(backend) == held
    assert all(
        a.data_ptr() != b.data_ptr()
        for a, b in zip(backend.weights.network.parameters(), other.network.parameters(), strict=True)
    )


def test_adapters_are_merged_into_the_copy_and_leave_the_network_alone():
    network = made("llama grouped").eval()
    plain = Reasoner(network)
    requests = asked(10)
    backend = slots(plain, batch=16)
    texts = [backend.generate(requests, temperature=0.6)]
    held = addresses(backend)
    for reasoner in (adapted(network, 1), adapted(network, 2), plain):
        before = {name: value.clone() for name, value in network.state_dict().items()}
        backend.use(reasoner)
        texts.append(backend.generate(requests, temperature=0.6))
        assert texts[-1] == usual(reasoner, requests, 0.6)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert texts[3] == texts[0]
    assert texts[0] != texts[1] != texts[2]
    assert addresses(backend) == held


def test_the_copy_holds_all_that_the_network_does_and_shares_what_it_shares(model):
    weights = Weights(model.device, "fp32")
    weights.load(Reasoner(model))
    mine, theirs = weights.network, model
    for held in ("named_parameters", "named_buffers"):
        copied, wanted = dict(getattr(mine, held)()), dict(getattr(theirs, held)())
        assert copied.keys() == wanted.keys()
        assert all(torch.equal(value, wanted[name]) for name, value in copied.items())
        assert not {value.data_ptr() for value in copied.values()} & {value.data_ptr() for value in wanted.values()}


def test_positions_stay_in_fp32_where_the_rest_is_not(llama):
    weights = Weights(llama.device, "bf16")
    weights.load(Reasoner(llama))
    assert {p.dtype for p in weights.network.parameters()} == {torch.bfloat16}
    assert {b.dtype for n, b in weights.network.named_buffers() if "inv_freq" in n} == {torch.float32}
    assert llama.dtype == torch.float32
    found = slots(llama, precision="bf16", batch=8).generate(asked(6), temperature=1.0)
    assert [len(row) for row in found] == [len(r.keys) for r in asked(6)]


# -- Memory


def test_memory_is_kept_between_calls_and_grows_only_for_longer_texts(llama):
    backend = slots(llama, batch=16)
    short = [Request((5, 6), (1, 2), 6)]
    first = backend.generate(short, temperature=1.0)
    table = backend._table
    assert backend.generate(short, temperature=1.0) == first
    assert backend._table is table
    backend.generate([Request(tuple(range(2, 60)), (1,), 30)], temperature=1.0)
    assert backend._table is not table
    larger = backend._table
    assert backend.generate(short, temperature=1.0) == first
    assert backend._table is larger
    backend.release()
    assert backend._table is None
    assert backend.generate(short, temperature=1.0) == first
    backend.close()
    backend.close()


def test_slots_are_as_many_as_memory_has_room_for(llama):
    class Room:
        asked = ()

        def of(self, model, prompt, more):
            self.asked = (prompt, more)
            return 4

    room = Room()
    backend = slots(llama, batch=room)
    requests = asked(12)
    assert backend.generate(requests, temperature=1.0) == usual(llama, requests, 1.0)
    assert backend._table.rows == 4
    longest = max(len(r.prompt) for r in requests)
    assert room.asked == (longest, backend._table.columns - longest)


def test_a_call_that_is_broken_off_leaves_nothing_behind(llama):
    def stop(_):
        raise InterruptedError

    requests = asked(12)
    backend = slots(llama, batch=8)
    with pytest.raises(InterruptedError):
        backend.generate(requests, temperature=1.0, tick=stop)
    other = asked(12, seed=9)
    assert backend.generate(other, temperature=1.0) == usual(llama, other, 1.0)


# -- Who is refused


def test_what_slots_cannot_write_is_named():
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    assert not any(obstacle(made(name)) for name in NAMES)
    gemma = Gemma2ForCausalLM(Gemma2Config(**COMMON, **heads, head_dim=16, sliding_window=8))
    assert "architecture gemma2" in obstacle(gemma)
    mixtral = MixtralForCausalLM(MixtralConfig(**COMMON, **heads, num_local_experts=2))
    assert "architecture mixtral" in obstacle(mixtral)
    sliding = MistralForCausalLM(MistralConfig(**COMMON, **heads, sliding_window=8))
    assert "full attention" in obstacle(sliding)
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
    dynamic = LlamaForCausalLM(LlamaConfig(**COMMON, **heads, rope_parameters=rope))
    assert "dynamic" in obstacle(dynamic)
    quantised = made("llama")
    quantised.is_quantized = True
    assert "quantised" in obstacle(quantised)
