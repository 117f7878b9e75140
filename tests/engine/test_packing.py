"""Packed texts, shared prompts and the chunked head against padded batches and whole logits."""

from __future__ import annotations

import itertools
import logging

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from sapo_engine.models.attention import set_attention
from sapo_engine.models.precision import autocast
from sapo_engine.models.reasoner import Adapters, Reasoner, set_checkpointing, with_adapter
from sapo_engine.training import objectives, packed_attention, reading
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import DpoLoss, OrpoLoss, SftLoss
from sapo_engine.training.packing import in_packs, pack, positions_of
from sapo_engine.training.reading import obstacle, padding_note, way_of
from sapo_engine.training.trainer import TrainingArgs
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.scoring import score
from sapo_engine.verifier.training import StepLoss, VerifierExample
from tests.fixtures import padded

CPU = torch.device("cpu")
SHAPE = {
    "vocab_size": 40,
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 0,
}
GROUPED = SHAPE | {"num_key_value_heads": 2}


def gemma2():
    config = Gemma2Config(**GROUPED, head_dim=8, query_pre_attn_scalar=8, final_logit_softcapping=4.0)
    set_attention(config)
    return Gemma2ForCausalLM(config)


FAMILIES = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, num_key_value_heads=4)),
    "llama, grouped, tied": lambda: LlamaForCausalLM(LlamaConfig(**GROUPED, tie_word_embeddings=True)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**GROUPED)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**GROUPED, head_dim=8)),
    "phi, with a bias": lambda: PhiForCausalLM(PhiConfig(**SHAPE | {"hidden_size": 32})),
    "granite, scaled": lambda: GraniteForCausalLM(GraniteConfig(**GROUPED, logits_scaling=3.0)),
    "cohere, scaled": lambda: CohereForCausalLM(CohereConfig(**GROUPED, logit_scale=0.3)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=40, n_embd=24, n_layer=2, n_head=4, n_positions=256, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
        )
    ),
    "gemma2": gemma2,
    "phi3, a window": lambda: Phi3ForCausalLM(Phi3Config(**GROUPED, sliding_window=4)),
}
PADDED = {"gemma2", "phi3, a window"}


def network(family="llama, grouped, tied"):
    torch.manual_seed(0)
    return FAMILIES[family]().eval()


def tokens(number, count):
    return tuple(torch.randint(1, 40, (count,), generator=torch.Generator().manual_seed(number)).tolist())


def text(prompt, completion, number=0):
    return PromptCompletion(tokens(number, prompt), tokens(100 + number, completion))


# Long and short, one token, no prompt, and a prompt that comes again.
TEXTS = [text(3, 7, 1), text(0, 5, 2), text(0, 1, 3), text(1, 1, 4), text(9, 30, 5), text(9, 2, 5), text(4, 0, 6)]
PAIRS = [
    (text(5, 8, 1), PromptCompletion(tokens(1, 5), tokens(7, 3))),
    (text(2, 1, 2), PromptCompletion(tokens(2, 2), tokens(8, 20))),
    (text(3, 4, 3), text(6, 5, 4)),
    (text(0, 4, 5), text(0, 2, 6)),
]
EXAMPLES = [
    VerifierExample(text(3, 9, 1), (2, 5, 9), "1?0"),
    VerifierExample(PromptCompletion(tokens(1, 3), tokens(9, 4)), (4,), "1"),
    VerifierExample(text(0, 6, 2), (1, 6), "10"),
    VerifierExample(text(8, 1, 3), (1,), "0"),
]
BEFORE = [0.3, -0.2, 0.1, 0.0]
LOSSES = {
    "sft": lambda m: (SftLoss(m, TEXTS, 0), lambda: padded.sft(m, TEXTS)),
    "orpo": lambda m: (OrpoLoss(m, PAIRS, 0, 0.3), lambda: padded.orpo(m, PAIRS, 0.3)),
    "dpo": lambda m: (DpoLoss(m, PAIRS, 0, BEFORE, 0.3), lambda: padded.dpo(m, PAIRS, BEFORE, 0.3)),
    "rpo": lambda m: (DpoLoss(m, PAIRS, 0, BEFORE, 0.3, 0.5), lambda: padded.dpo(m, PAIRS, BEFORE, 0.3, 0.5)),
    "scalar": lambda m: (StepLoss(m, EXAMPLES, 0), lambda: padded.steps(m, EXAMPLES)),
    "likelihood": lambda m: (StepLoss(m, EXAMPLES, 0), lambda: padded.steps(m, EXAMPLES)),
}

COUNTS = {"sft": len(TEXTS)}


def trained(kind, reasoner):
    """What a loss of this kind trains."""
    if kind not in ("scalar", "likelihood"):
        return reasoner.trainable()
    torch.manual_seed(1)
    verifier = Verifier(reasoner, kind)
    torch.nn.init.normal_(verifier.head.weight, std=0.7)
    reasoner.trainable()
    return verifier


def gradients(module, loss):
    module.zero_grad(set_to_none=True)
    loss.backward()
    found = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    return float(loss.detach()), found


def assert_same(module, loss, reference, indices):
    mine, my_gradients = gradients(module, loss.part(indices)[0])
    theirs, their_gradients = gradients(module, reference())
    assert mine == pytest.approx(theirs, rel=1e-5, abs=1e-5)
    assert my_gradients.keys() == their_gradients.keys()
    size = torch.cat([g.flatten() for g in their_gradients.values()]).norm()
    assert size > 1e-3
    for name, gradient in their_gradients.items():
        assert float((my_gradients[name] - gradient).norm()) <= 1e-5 * float(size), name


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_are_those_of_padded_batches(family, kind):
    model = network(family)
    module = trained(kind, Reasoner(model))
    loss, reference = LOSSES[kind](module)
    assert_same(module, loss, reference, range(COUNTS.get(kind, len(PAIRS))))
    assert way_of(model).packed == (family not in PADDED)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_made_in_chunks_where_the_head_is_known(family):
    model = network(family)
    head = way_of(model).head
    assert head is not None
    states = torch.randn(3, model.config.hidden_size)
    assert (head.scale, head.cap) == {
        "granite, scaled": (1 / 3, None),
        "cohere, scaled": (0.3, None),
        "gemma2": (1.0, 4.0),
    }.get(family, (1.0, None))
    assert head.logits(states).shape == (3, 40)


def test_a_network_that_makes_its_logits_its_own_way_makes_them_itself(caplog):
    class Odd(LlamaForCausalLM):
        def forward(self, *args, **kwargs):
            found = super().forward(*args, **kwargs)
            found.logits = found.logits * 2 + 1 / (1 + found.logits**2)
            return found

    torch.manual_seed(0)
    model = Odd(LlamaConfig(**GROUPED)).eval()
    with caplog.at_level(logging.WARNING):
        for kind in ("sft", "orpo"):
            loss, reference = LOSSES[kind](model)
            assert_same(model, loss, reference, range(COUNTS.get(kind, len(PAIRS))))
    assert way_of(model).head is None
    assert way_of(model).packed
    assert len(caplog.messages) == 1
    assert "Odd" in caplog.text


def test_a_network_that_loses_sight_of_where_texts_begin_is_padded(caplog):
    class Deaf(LlamaForCausalLM):
        """Its layers are not told what a caller says."""

        def __init__(self, config):
            super().__init__(config)
            forward = self.model.forward

            def deaf(input_ids=None, attention_mask=None, position_ids=None, **_):
                return forward(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids)

            self.model.forward = deaf

    torch.manual_seed(0)
    model = Deaf(LlamaConfig(**GROUPED)).eval()
    assert not obstacle(model)
    with caplog.at_level(logging.WARNING):
        loss, reference = LOSSES["orpo"](model)
        assert_same(model, loss, reference, range(len(PAIRS)))
    assert not way_of(model).packed
    assert "Deaf" in caplog.text


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["sft", "orpo", "dpo"])
def test_a_loss_tells_the_positions_that_the_network_computes(kind, family):
    model = network(family)
    loss, _ = LOSSES[kind](model)
    computed = []
    model.get_input_embeddings().register_forward_hook(lambda _, ids, __: computed.append(ids[0].numel()))
    way_of(model)
    for index in range(COUNTS.get(kind, len(PAIRS))):
        computed.clear()
        loss.part([index])
        assert computed == [loss.positions(index)]


@pytest.mark.parametrize("family", ["gemma2", "phi3, a window"])
def test_a_run_says_why_its_texts_are_padded(family):
    assert "padded" in padding_note(network(family))
    assert padding_note(network()) == ""


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("kind", ["sft", "orpo", "likelihood"])
def test_adapters_and_checkpointing(kind, checkpointing):
    model = set_checkpointing(network(), checkpointing)
    reasoner = with_adapter(model, Adapters(4, 8.0, 0.0))
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.2)
    module = trained(kind, reasoner)
    module.train()
    loss, reference = LOSSES[kind](module)
    assert_same(module, loss, reference, range(COUNTS.get(kind, len(PAIRS))))


def by_rows(query, key, value, ends, key_ends, longest, longest_key, *, scale, window_size):
    """What torch's attention over rows known by their ends does, row by row."""
    assert torch.equal(ends, key_ends)
    assert ends.dtype == torch.int32
    assert longest == longest_key == int(ends.diff().max())
    assert window_size == (-1, 0)
    assert query.shape == key.shape == value.shape
    found = []
    for begin, end in itertools.pairwise(ends.tolist()):
        row = [state[begin:end].transpose(0, 1) for state in (query, key, value)]
        found.append(functional.scaled_dot_product_attention(*row, is_causal=True, scale=scale).transpose(0, 1))
    return torch.cat(found)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("kind", LOSSES)
def test_rows_known_by_their_ends_as_a_card_takes_them(kind, checkpointing, monkeypatch):
    calls = []

    def counted(*arguments, **named):
        calls.append(named)
        return by_rows(*arguments, **named)

    monkeypatch.setattr(packed_attention, "VARLEN", counted)
    monkeypatch.setattr(reading, "takes_ends", lambda *_: True)
    model = set_checkpointing(network(), checkpointing).train()
    module = trained(kind, Reasoner(model))
    loss, reference = LOSSES[kind](module)
    assert_same(module, loss, reference, range(COUNTS.get(kind, len(PAIRS))))
    assert len(calls) == 2 * 2 + 2 * checkpointing  # each layer as the network is looked at, forward, and once more


def test_a_card_takes_rows_by_their_ends_in_16_bits_alone(monkeypatch):
    card = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert packed_attention.takes_ends(card, torch.bfloat16, 64) == (packed_attention.VARLEN is not None)
    assert not packed_attention.takes_ends(card, torch.float32, 64)
    assert not packed_attention.takes_ends(card, torch.bfloat16, 300)
    assert not packed_attention.takes_ends(CPU, torch.bfloat16, 64)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert not packed_attention.takes_ends(card, torch.bfloat16, 64)


@pytest.mark.parametrize("kind", LOSSES)
def test_in_bf16_everything_stays_finite_and_near(kind):
    model = network()
    module = trained(kind, Reasoner(model))
    loss, reference = LOSSES[kind](module)
    indices = range(COUNTS.get(kind, len(PAIRS)))
    exact, wanted = gradients(module, reference())
    if isinstance(module, Verifier):
        module.precision = "bf16"
    with autocast(CPU, "bf16"):
        value = loss.part(indices)[0]
    found, mine = gradients(module, value)
    assert found == pytest.approx(exact, rel=0.05, abs=0.05)
    size = torch.cat([g.flatten() for g in wanted.values()]).norm()
    for name, gradient in wanted.items():
        assert torch.isfinite(mine[name]).all()
        assert float((mine[name] - gradient).norm()) <= 0.1 * float(size), name


def test_dropout_in_attention_leaves_packs_as_they_are():
    """It is drawn differently, so only what does not hang on it is held against padded batches."""
    model = LlamaForCausalLM(LlamaConfig(**GROUPED, attention_dropout=0.4))
    loss, reference = LOSSES["orpo"](model)
    model.train()
    torch.manual_seed(0)
    once = float(loss.part(range(4))[0].detach())
    torch.manual_seed(0)
    assert float(loss.part(range(4))[0].detach()) == once
    assert float(loss.part(range(4))[0].detach()) != once
    assert_same(model.eval(), loss, reference, range(4))


TEXT = st.builds(
    lambda prompt, completion: PromptCompletion(tuple(prompt), tuple(completion)),
    st.lists(st.integers(1, 39), max_size=6),
    st.lists(st.integers(1, 39), min_size=1, max_size=12),
)
LIKE_IT = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LIKE_IT
@given(st.lists(TEXT, min_size=1, max_size=7), st.booleans())
def test_texts_of_any_lengths(texts, share_one):
    if share_one:
        texts = [PromptCompletion(texts[0].prompt, text.completion) for text in texts]
    model = network("llama")
    with torch.no_grad():
        mine = SftLoss(model, texts, 0).part(range(len(texts)))[0]
        each = sum(padded.sft(model, [text]) for text in texts)
    assert float(mine) == pytest.approx(float(each), rel=1e-5, abs=1e-4)


@LIKE_IT
@given(st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=9), st.integers(1, 60), st.booleans())
def test_packs_hold_every_item_once_and_no_more_than_they_may(items, most, share):
    found = in_packs(items, range(len(items)), most, share=share)
    assert [number for part in found for number in part] == list(range(len(items)))
    for part in found:
        texts = [text for number in part for text in items[number]]
        size = positions_of(texts) if share else len(texts) * max(map(len, texts))
        assert size <= most or len(part) == 1
        if share:
            assert len(pack(texts, CPU).ids) == size


def test_a_loss_says_how_many_positions_an_item_computes():
    assert [OrpoLoss(network(), PAIRS, 0, 0.1).positions(i) for i in range(4)] == [16, 23, 18, 6]
    assert SftLoss(None, TEXTS, 0).positions(4) == 39
    assert StepLoss(None, EXAMPLES, 0).positions(3) == 9


def test_what_is_read_together_is_what_is_read_alone(monkeypatch):
    model = network("qwen3")
    texts = [t for t in TEXTS if t.prompt]
    args = TrainingArgs(1e-3, 1, 4, 0)
    verifier = trained("likelihood", Reasoner(model)).eval()
    scored = [example.text for example in EXAMPLES], [example.ends for example in EXAMPLES]

    def read():
        return [
            *(value for row in objectives.log_probs(model, texts, pad_id=0) for value in row),
            *objectives.preferences(model, PAIRS, args, pad_id=0),
        ]

    together = read()
    scores = score(verifier, *scored, pad_id=0)
    monkeypatch.setattr(reading, "READ_POSITIONS", 1)
    assert read() == pytest.approx(together, abs=1e-5)
    alone = score(verifier, *scored, pad_id=0, most=1)
    assert [len(row) for row in alone] == [3, 1, 2, 1]
    for one, other in zip(alone, scores, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
