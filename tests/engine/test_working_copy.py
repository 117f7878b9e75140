"""bf16: a copy of the weights is calculated with, and the weights in fp32 are what is trained, kept and given on."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.loading import load_network
from sapo_engine.models.reasoner import Adapters, Reasoner, with_adapter
from sapo_engine.training import at_work, trainer
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import SftLoss, orpo, sft
from sapo_engine.training.trainer import NullCallback, TrainingArgs, adamw
from sapo_engine.training.working_copy import WorkingCopy, works_on_a_copy
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.training import VerifierExample, train_verifier
from sapo_studio.config.schema import VerifierConfig
from sapo_studio.errors import Stopped
from tests.fixtures.tiny_models import write_model
from tests.fixtures.trainings import Curve, StopAt

FAMILIES = ("llama", "qwen2", "gemma2")
TEXTS = [PromptCompletion((5, 6, 7 + k), tuple(range(8 + k, 13 + k + k % 4))) for k in range(12)]
ARGS = TrainingArgs(learning_rate=3e-3, epochs=4, batch_size=6, seed=3, precision="bf16")
BF16, FP32 = torch.bfloat16, torch.float32


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {family: write_model(tmp_path_factory.mktemp("models") / family, family) for family in FAMILIES}


class Looking(SftLoss):
    """Tells `seen` of every part what the network is like then."""

    def part(self, indices):
        self.seen(self.model)
        return super().part(indices)


def looking(network, seen):
    loss = Looking(network, TEXTS, 0)
    object.__setattr__(loss, "seen", seen)
    return loss


def fit(network, args=ARGS, callback=None, seen=lambda _: None, **more):
    loss = looking(network, seen)
    return trainer.train(network, [len(t) for t in TEXTS], loss, args, callback or NullCallback(), **more)


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


# -- While it is trained


@pytest.mark.parametrize("family", FAMILIES)
def test_the_network_is_in_bf16_and_what_needs_fp32_is_not(folders, family):
    network = load_network(folders[family])
    own = dict(network.named_parameters())
    formats, buffers, cast = set(), set(), []

    def seen(network):
        formats.update(p.dtype for p in network.parameters())
        buffers.update((name, b.dtype) for name, b in network.named_buffers() if b.is_floating_point())
        cast.append(torch.is_autocast_enabled("cpu"))
        embedding, head = network.get_input_embeddings().weight, network.get_output_embeddings().weight
        assert embedding is head

    fit(network, seen=seen)
    assert formats == {BF16}
    assert buffers
    assert {dtype for name, dtype in buffers if "inv_freq" in name} == {FP32}
    assert not any(cast)
    # Afterwards it is itself again.
    after = dict(network.named_parameters())
    assert after.keys() == own.keys()
    assert all(after[name] is parameter for name, parameter in own.items())
    assert {parameter.dtype for parameter in own.values()} == {FP32}
    assert all(parameter.grad is None for parameter in own.values())


@pytest.mark.parametrize("family", [*(pytest.param(f, marks=pytest.mark.slow) for f in FAMILIES[:-1]), FAMILIES[-1]])
def test_it_learns_as_with_autocast(folders, family, monkeypatch):
    """But for what bf16 rounds, which is far less than what is learned."""
    copied, cast, exact = Curve(), Curve(), Curve()
    sft(load_network(folders[family]), TEXTS, ARGS, copied, pad_id=0)
    args = TrainingArgs(learning_rate=3e-3, epochs=4, batch_size=6, seed=3)
    sft(load_network(folders[family]), TEXTS, args, exact, pad_id=0)
    with monkeypatch.context() as patch:
        patch.setattr(at_work, "works_on_a_copy", lambda model, precision: False)
        sft(load_network(folders[family]), TEXTS, ARGS, cast, pad_id=0)
    assert copied.losses == pytest.approx(cast.losses, rel=0.02)
    assert copied.losses == pytest.approx(exact.losses, rel=0.02)
    assert copied.losses != cast.losses


@pytest.mark.parametrize("tokens", [0, 20])
def test_the_masters_make_the_steps_that_fp32_makes_of_the_same_gradients(folders, monkeypatch, tokens):
    network = load_network(folders["llama"])
    alone = load_network(folders["llama"])
    groups = [{"params": list(alone.parameters()), "peak": ARGS.learning_rate}]
    optimiser = adamw(groups, ARGS, torch.device("cpu"))
    clip, steps = nn.utils.clip_grad_norm_, []

    def note(parameters, norm):
        parameters = list(parameters)
        assert {p.grad.dtype for p in parameters} == {FP32}
        for mine, theirs in zip(alone.parameters(), parameters, strict=True):
            mine.grad = theirs.grad.clone()
        steps.append(weights(alone))
        return clip(parameters, norm)

    class Beside(NullCallback):
        """Makes the same step beside the training, once its learning rate is known."""

        def poll_control(self, save=None):
            save_rate = training_rate()
            if steps and len(done) < len(steps):
                clip(list(alone.parameters()), trainer.CLIP_NORM)
                for group in optimiser.param_groups:
                    group["lr"] = save_rate
                optimiser.step()
                done.append(1)

    done, rates = [], []

    def training_rate():
        return rates[-1] if rates else 0.0

    schedule = trainer._schedule

    def scheduled(step, total):
        rates.append(ARGS.learning_rate * schedule(step, total))
        return schedule(step, total)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", note)
    monkeypatch.setattr(trainer, "_schedule", scheduled)
    beside = Beside()
    fit(network, TrainingArgs(3e-3, 4, 6, 3, precision="bf16", micro_tokens=tokens), beside)
    beside.poll_control()
    assert len(done) == len(steps) == 8
    assert torch.equal(weights(network), weights(alone))


def test_gradients_of_parts_are_added_up_in_fp32(folders):
    """Each part's is rounded to bf16 once; their sum is not."""
    network = load_network(folders["llama"])
    working, sums = WorkingCopy(network), None
    masters = list(network.parameters())
    working.begin()
    for indices in ([0, 1, 2], [3, 4], [5]):
        value, _ = SftLoss(network, TEXTS, 0).part(indices)
        value.backward()
        plain = copy.deepcopy(network)
        lone, _ = SftLoss(plain, TEXTS, 0).part(indices)
        lone.backward()
        found = [p.grad.float() for p in plain.parameters()]
        sums = found if sums is None else [a + b for a, b in zip(sums, found, strict=True)]
        assert all(p.grad is None for p in network.parameters())
    working.end()
    assert all(torch.equal(master.grad, total) for master, total in zip(masters, sums, strict=True))


def test_a_step_that_bf16_cannot_tell_is_not_lost(folders):
    """An eighth of what is between two neighbours in bf16, eight times."""
    network = load_network(folders["llama"])
    working = WorkingCopy(network)
    (name, master), *_ = network.named_parameters()
    working.begin()
    with torch.no_grad():
        master.fill_(1.0)
        for _ in range(8):
            master += 2.0**-10
            working.follow()
    assert dict(network.named_parameters())[name].flatten()[0].item() == 1.0 + 2.0**-7
    working.end()


# -- What others see of it


def test_a_training_in_pieces_is_one_in_one_piece(folders, tmp_path):
    whole = load_network(folders["qwen2"])
    assert fit(whole) == 8
    file, stops = tmp_path / "state", 0
    while True:
        network = load_network(folders["qwen2"])
        try:
            fit(network, callback=StopAt(3), state_file=file)
            break
        except Stopped:
            stops += 1
            assert {parameter.dtype for parameter in network.parameters()} == {FP32}
    assert stops == 2
    assert torch.equal(weights(network), weights(whole))


def test_a_saved_state_has_the_masters(folders, tmp_path):
    from safetensors.torch import load_file

    network = load_network(folders["llama"])
    with pytest.raises(Stopped):
        fit(network, callback=StopAt(3), state_file=tmp_path / "state")
    kept = load_file(tmp_path / "state")
    for index, parameter in enumerate(network.parameters()):
        assert torch.equal(kept[f"model/{index}"], parameter)
        assert kept[f"model/{index}"].dtype == FP32
    assert not torch.equal(network.model.norm.weight, network.model.norm.weight.to(BF16).float())


def test_who_looks_at_the_network_in_between_sees_the_masters_and_may_move_them(folders):
    def enough(step):
        assert {parameter.dtype for parameter in network.parameters()} == {FP32}
        assert not network.model.norm.weight.to(BF16).equal(network.model.norm.weight)
        for parameter in network.parameters():  # to another device and back: they lie elsewhere then
            parameter.data = parameter.data.clone()
        return False

    network, whole = load_network(folders["llama"]), load_network(folders["llama"])
    fit(network, enough=enough, check_every=2, cool_down=2)
    fit(whole)
    assert torch.equal(weights(network), weights(whole))


def test_a_training_that_fails_leaves_the_network_as_it_is_in_fp32(folders):
    def seen(network):
        if next(turns) == 2:
            raise RuntimeError("a cable is loose")

    network, turns = load_network(folders["llama"]), iter(range(9))
    with pytest.raises(RuntimeError, match="cable"):
        fit(network, seen=seen)
    assert {parameter.dtype for parameter in network.parameters()} == {FP32}
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_verifiers_head_stays_in_fp32_and_both_are_trained(folders):
    network = load_network(folders["llama"])
    verifier = Verifier(Reasoner(network), "likelihood", "bf16")
    assert works_on_a_copy(verifier, "bf16")
    before = [p.detach().clone() for p in verifier.parameters()]
    seen = set()
    verifier.head.register_forward_hook(lambda head, given, found: seen.update((head.weight.dtype, found.dtype)))
    examples = [VerifierExample(text, (2, len(text.completion)), "10") for text in TEXTS]
    train_verifier(verifier, examples, VerifierConfig(epochs=1, batch_size=6), NullCallback(), seed=0, pad_id=0)
    assert seen == {FP32}
    assert {parameter.dtype for parameter in verifier.parameters()} == {FP32}
    changed = [not torch.equal(a, b) for a, b in zip(before, verifier.parameters(), strict=True)]
    assert all(changed)


def test_pairs_are_trained_on_in_bf16(folders):
    pairs = [(TEXTS[k], TEXTS[k + 1]) for k in range(0, 12, 2)]
    network, callback = load_network(folders["gemma2"]), Curve()
    orpo(network, pairs, ARGS, callback, beta=0.3, pad_id=0)
    exact = Curve()
    args = TrainingArgs(learning_rate=3e-3, epochs=4, batch_size=6, seed=3)
    orpo(load_network(folders["gemma2"]), pairs, args, exact, beta=0.3, pad_id=0)
    assert callback.losses == pytest.approx(exact.losses, rel=0.03)


# -- Where there is none


def test_only_a_network_whose_every_weight_is_trained_has_a_copy(folders):
    network = load_network(folders["llama"])
    assert works_on_a_copy(network, "bf16")
    assert not works_on_a_copy(network, "fp32")
    assert not works_on_a_copy(network, "fp16")
    assert not works_on_a_copy(nn.Linear(2, 2), "bf16")
    adapted = with_adapter(network, Adapters(2, 4.0, 0.0))
    assert not works_on_a_copy(adapted.trainable(), "bf16")
    assert not works_on_a_copy(load_network(folders["llama"], dtype=BF16), "bf16")


def test_weights_that_an_architecture_wants_in_fp32_stay_so(folders):
    network: PreTrainedModel = load_network(folders["llama"])
    network._keep_in_fp32_modules_strict = {"mlp.gate_proj"}
    working = WorkingCopy(network)
    working.begin()
    kept = {name for name, parameter in network.named_parameters() if parameter.dtype == FP32}
    assert kept == {f"model.layers.{k}.mlp.gate_proj.weight" for k in range(2)}
    working.end()
