"""Parts of a batch add up to the batch; precision, frozen weights, dropout, and what a checkpoint keeps."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from sapo_engine.models.reasoner import Adapters, Reasoner, with_adapter
from sapo_engine.process_group import Group
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.micro_batches import divided
from sapo_engine.training.objectives import DpoLoss, OrpoLoss, SftLoss, dpo, orpo, preferences, sft
from sapo_engine.training.trainer import NullCallback, TrainingArgs, train
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.training import StepLoss, VerifierExample
from sapo_studio.errors import Stopped
from tests.fixtures.trainings import StopAt

RECIPE = {"learning_rate": 1e-3, "epochs": 1, "batch_size": 7, "seed": 3}


def network(**more):
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=30,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.2,
        **more,
    )
    return LlamaForCausalLM(shape)


def text(number):
    """Prompts and completions of many lengths, so that a mean of means would be another mean."""
    draw = torch.Generator().manual_seed(number)
    prompt, completion = 2 + number % 3, 2 + 5 * number % 11
    tokens = torch.randint(1, 30, (prompt + completion,), generator=draw).tolist()
    return PromptCompletion(tuple(tokens[:prompt]), tuple(tokens[prompt:]))


TEXTS = [text(k) for k in range(14)]
PAIRS = list(itertools.pairwise(TEXTS[:8]))
EXAMPLES = [
    VerifierExample(
        t, (1, len(t.completion)) if k % 3 else (len(t.completion),), "1?10"[k % 3 : k % 3 + (2 if k % 3 else 1)]
    )
    for k, t in enumerate(TEXTS)
]


def loss_of(kind, model):
    if kind == "sft":
        return SftLoss(model, TEXTS, 0), [len(t) for t in TEXTS]
    if kind == "orpo":
        return OrpoLoss(model, PAIRS, 0, beta=0.3), [max(len(a), len(b)) for a, b in PAIRS]
    if kind == "rpo":
        before = [0.1 * k for k in range(len(PAIRS))]
        return DpoLoss(model, PAIRS, 0, before, beta=0.3, nll=0.5), [max(len(a), len(b)) for a, b in PAIRS]
    return StepLoss(model, EXAMPLES, 0), [len(t) for t in TEXTS]


def model_of(kind):
    model = network()
    if kind != "verifier":
        return model
    torch.manual_seed(1)
    return Verifier(Reasoner(model), "likelihood")


@pytest.fixture
def gradients(monkeypatch):
    """What the gradients of each step were before they were clipped."""
    seen = []
    clip = nn.utils.clip_grad_norm_

    def note(parameters, norm):
        seen.append(torch.cat([p.grad.flatten().clone() for p in parameters if p.grad is not None]))
        return clip(parameters, norm)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", note)
    return seen


class Curves(NullCallback):
    def __init__(self):
        self.points = {}

    def curve(self, name, step, value):
        self.points[name, step] = value


def one_step(kind, **args):
    model = model_of(kind)
    loss, lengths = loss_of(kind, model)
    callback = Curves()
    train(model, lengths[:7], loss, TrainingArgs(**{**RECIPE, **args}), callback)
    return callback.points


@pytest.mark.parametrize("kind", ["sft", "orpo", "rpo", "verifier"])
def test_parts_of_a_batch_add_up_to_the_batch(gradients, kind):
    model = model_of(kind)
    loss, _ = loss_of(kind, model)
    model.train()
    whole = list(range(7))
    value, _ = loss.part(whole)
    (value / loss.weigh(whole)).backward()
    by_hand = torch.cat([p.grad.flatten() for p in _ordered(model) if p.grad is not None])
    curves = [one_step(kind, micro_tokens=size) for size in (0, 1, 20, 1000)]
    assert len(gradients) == 4
    for found in gradients:
        torch.testing.assert_close(found, by_hand, rtol=1e-4, atol=1e-6)
    assert by_hand.abs().max() > 1e-3
    for points in curves:
        assert points == pytest.approx(curves[0], rel=1e-5)
    assert curves[0]["loss", 1] == pytest.approx(float(value.detach()) / loss.weigh(whole), rel=1e-5)


def _ordered(model):
    """As the training loop has them: the head last."""
    named = list(model.named_parameters())
    return [p for n, p in named if not n.startswith("head.")] + [p for n, p in named if n.startswith("head.")]


def test_the_loss_of_texts_is_the_mean_over_all_tokens():
    """By transformers' own loss, which is a mean over the tokens of a batch."""
    model = network().eval()
    loss = SftLoss(model, TEXTS, 0)
    ids = torch.tensor([TEXTS[1].prompt + TEXTS[1].completion])
    labels = ids.clone()
    labels[:, : len(TEXTS[1].prompt)] = -100
    value, _ = loss.part([1])
    assert float(value.detach() / loss.weigh([1])) == pytest.approx(float(model(ids, labels=labels).loss), rel=1e-5)
    assert loss.weigh([0, 1]) == loss.weigh([0]) + loss.weigh([1]) == len(TEXTS[0].completion + TEXTS[1].completion)


def test_a_text_without_a_prompt_has_one_token_less_to_predict():
    loss = SftLoss(network(), [PromptCompletion((), (3, 4, 5))], 0)
    assert loss.weigh([0]) == 2


@given(positions=st.lists(st.integers(1, 50), max_size=30), most=st.integers(1, 120))
def test_a_batch_is_divided_by_the_positions_of_its_items(positions, most):
    parts = divided(range(len(positions)), positions.__getitem__, most)
    assert [item for part in parts for item in part] == list(range(len(positions)))
    sizes = [sum(positions[item] for item in part) for part in parts]
    assert all(size <= most or len(part) == 1 for size, part in zip(sizes, parts, strict=True))
    # None is divided without need.
    assert all(size + positions[after[0]] > most for size, after in zip(sizes, parts[1:], strict=False))


def test_parts_hold_as_many_positions_as_they_may(monkeypatch):
    seen = []
    part = OrpoLoss.part

    def note(self, indices):
        seen.append(list(indices))
        return part(self, indices)

    monkeypatch.setattr(OrpoLoss, "part", note)
    loss = OrpoLoss(network(), PAIRS, 0, beta=0.3)
    orpo(loss.model, PAIRS, TrainingArgs(**RECIPE, micro_tokens=40), NullCallback(), beta=0.3, pad_id=0)
    sizes = [sum(map(loss.positions, part)) for part in seen]
    assert sum(map(len, seen)) == len(PAIRS)
    assert max(sizes) <= 40 < sum(sizes)
    assert len(seen) == len(divided([i for part in seen for i in part], loss.positions, 40))


# -- Precision


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("kind", ["sft", "orpo", "verifier"])
def test_losses_are_fp32_and_close_whatever_the_products_are_in(kind, precision):
    model = model_of(kind)
    loss, _ = loss_of(kind, model)
    exact, _ = loss.part([0, 1, 2])
    with torch.autocast("cpu", dtype={"bf16": torch.bfloat16, "fp16": torch.float16}[precision]):
        value, more = loss.part([0, 1, 2])
    assert value.dtype == torch.float32
    assert all(figure.dtype == torch.float32 for figure in more.values())
    assert float(value) == pytest.approx(float(exact), rel=0.05)
    assert float(value) != float(exact)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains_fp32_weights(precision):
    def train_at(precision):
        model, callback = network(), Curves()
        args = TrainingArgs(**{**RECIPE, "epochs": 8, "learning_rate": 1e-2}, precision=precision)
        sft(model, TEXTS, args, callback, pad_id=0)
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        return [value for (name, _), value in callback.points.items() if name == "loss"]

    exact, rough = train_at("fp32"), train_at(precision)
    assert exact[-1] < 0.8 * exact[0]
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.1)


def test_a_step_out_of_fp16s_bounds_is_left_out():
    model = network()
    before = [p.detach().clone() for p in model.parameters()]
    seen = []

    class First(NullCallback):
        def progress(self, done, total, message=""):
            seen.append([torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)])

    args = TrainingArgs(**{**RECIPE, "epochs": 1, "batch_size": 14}, precision="fp16")
    hook = model.lm_head.weight.register_hook(lambda grad: grad * float("inf"))
    train(model, [len(t) for t in TEXTS], SftLoss(model, TEXTS, 0), args, First())
    assert seen == [[True] * len(before)]
    hook.remove()
    train(model, [len(t) for t in TEXTS], SftLoss(model, TEXTS, 0), args, First())
    assert not any(seen[1])


def test_a_rank_without_an_item_in_the_first_batch_goes_on_with_fp16():
    """The second of two ranks, where the first one brings all there is."""

    class Second(Group):
        rank, size = 1, 2

        def gather(self, value):
            assert value == {"again": 0.0}
            return [{"loss": 1.0, "again": 0.0}, value]

        def sum_gradients(self, parameters):
            for parameter in parameters:
                parameter.grad = torch.full_like(parameter, 65536.0)

    model = network()
    before = model.lm_head.weight.detach().clone()
    args = TrainingArgs(**{**RECIPE, "batch_size": 1}, precision="fp16", group=Second())
    train(model, [len(t) for t in TEXTS], SftLoss(model, TEXTS, 0), args, NullCallback())
    assert (model.lm_head.weight < before).all()


def test_the_same_without_a_scaler_ends_the_training():
    model = network()
    model.lm_head.weight.register_hook(lambda grad: grad * float("inf"))
    with pytest.raises(FloatingPointError, match="gradient norm"):
        sft(model, TEXTS, TrainingArgs(**RECIPE), NullCallback(), pad_id=0)


# -- Stopping and going on


def in_pieces(make, args, file):
    """Trained by processes that each make one step and die."""
    while True:
        model = make()
        try:
            sft(model, TEXTS, args, StopAt(1), pad_id=0, state_file=file)
        except Stopped:
            continue
        return model


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters() if p.requires_grad])


def with_dropout():
    model = network(attention_dropout=0.3)
    reasoner = with_adapter(model, Adapters(2, 4.0, 0.4))
    torch.manual_seed(2)
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            parameter.data.normal_(std=0.1)
    return reasoner.trainable()


@pytest.mark.parametrize("micro_tokens", [0, 20])
def test_what_dropout_leaves_out_is_the_same_after_going_on(tmp_path, micro_tokens):
    args = TrainingArgs(**{**RECIPE, "epochs": 2}, micro_tokens=micro_tokens)
    whole = with_dropout()
    start = weights(whole).clone()
    sft(whole, TEXTS, args, NullCallback(), pad_id=0)
    assert not torch.equal(weights(whole), start)
    pieces = in_pieces(with_dropout, args, tmp_path / "state")
    assert torch.equal(weights(whole), weights(pieces))


def test_another_peak_learning_rate_begins_the_training_anew(tmp_path):
    """Weights that the old rate may have spoilt are not gone on with."""
    lower = TrainingArgs(**{**RECIPE, "epochs": 2, "learning_rate": RECIPE["learning_rate"] / 4})
    whole, stopped, again = network(), network(), network()
    sft(whole, TEXTS, lower, NullCallback(), pad_id=0)
    with pytest.raises(Stopped):
        sft(stopped, TEXTS, TrainingArgs(**{**RECIPE, "epochs": 2}), StopAt(2), pad_id=0, state_file=tmp_path / "state")
    sft(again, TEXTS, lower, NullCallback(), pad_id=0, state_file=tmp_path / "state")
    assert torch.equal(weights(again), weights(whole))


def test_a_state_of_an_earlier_version_is_gone_on_with(tmp_path):
    """It does not say its rates."""
    args = TrainingArgs(**{**RECIPE, "epochs": 2})
    whole, stopped, again = network(), network(), network()
    sft(whole, TEXTS, args, NullCallback(), pad_id=0)
    file = tmp_path / "state"
    with pytest.raises(Stopped):
        sft(stopped, TEXTS, args, StopAt(2), pad_id=0, state_file=file)
    with safe_open(file, "pt") as kept:
        facts = {name: value for name, value in kept.metadata().items() if name != "rates"}
    save_file(load_file(file), file, metadata=facts)
    steps = []

    class Count(NullCallback):
        def poll_control(self, save=None):
            steps.append(1)

    made = sft(again, TEXTS, args, Count(), pad_id=0, state_file=file)
    assert torch.equal(weights(again), weights(whole))
    assert len(steps) < (made or 99)


def test_the_scale_of_fp16_is_kept(tmp_path):
    args = TrainingArgs(**{**RECIPE, "epochs": 2}, precision="fp16")
    whole = network()
    sft(whole, TEXTS, args, NullCallback(), pad_id=0)
    pieces = in_pieces(network, args, tmp_path / "state")
    assert torch.equal(weights(whole), weights(pieces))
    with safe_open(tmp_path / "state", "pt") as kept:
        assert '"scale": 65536.0' in kept.metadata()["scaler"]
        assert '"_growth_tracker": 3' in kept.metadata()["scaler"]


def test_only_what_is_trained_is_changed_and_kept(tmp_path):
    """LoRA: a checkpoint is as large as the adapter, not as the model."""
    model = with_dropout()
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    assert frozen
    with pytest.raises(Stopped):
        sft(model, TEXTS, TrainingArgs(**RECIPE), StopAt(1), pad_id=0, state_file=tmp_path / "state")
    now = dict(model.named_parameters())
    assert all(torch.equal(now[n], value) for n, value in frozen.items())
    with safe_open(tmp_path / "state", "pt") as kept:
        sizes = sorted(kept.get_tensor(k).numel() for k in kept.keys() if k.startswith("model/"))  # noqa: SIM118
    assert sizes == sorted(p.numel() for p in model.parameters() if p.requires_grad)


def test_preferences_are_what_is_measured_one_pair_at_a_time():
    model = network()
    found = preferences(model, PAIRS, TrainingArgs(**RECIPE, micro_tokens=40), pad_id=0)
    for (winner, loser), value in zip(PAIRS, found, strict=True):
        (alone,) = preferences(model, [(winner, loser)], TrainingArgs(**RECIPE), pad_id=0)
        (turned,) = preferences(model, [(loser, winner)], TrainingArgs(**RECIPE), pad_id=0)
        assert value == pytest.approx(alone, abs=1e-4)
        assert value == pytest.approx(-turned, abs=1e-4)


def test_dpo_begins_without_a_preference_and_learns_one():
    model = network()
    args = TrainingArgs(**{**RECIPE, "epochs": 12})
    before = preferences(model, PAIRS, args, pad_id=0)
    everything = range(len(PAIRS))
    loss, told = DpoLoss(model, PAIRS, 0, before, beta=0.1).part(everything)
    assert float(loss) == pytest.approx(len(PAIRS) * math.log(2), rel=1e-5)
    assert float(told["preference_margin"]) == pytest.approx(0, abs=1e-4)
    dpo(model, PAIRS, args, NullCallback(), before=before, beta=0.1, pad_id=0)
    after = preferences(model, PAIRS, args, pad_id=0)
    assert all(b > a for a, b in zip(before, after, strict=True))
