"""Adapters beside a shared network, and networks of their own: nobody's weights change but those that are trained."""

import warnings

import pytest
import torch
from safetensors.torch import load_file

from sapo_engine.models.loading import load_network, save_model
from sapo_engine.models.reasoner import (
    Adapters,
    Reasoner,
    clone,
    load_adapter,
    plain_state,
    save_adapter,
    set_checkpointing,
    with_adapter,
)
from sapo_engine.rollouts import HfBackend, Request
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import sft
from sapo_engine.training.trainer import NullCallback, TrainingArgs
from tests.fixtures.tiny_models import byte_tokenizer, write_model

ADAPTERS = Adapters(4, 8.0, 0.0)
IDS = torch.arange(3, 43)[None]
families = pytest.mark.parametrize("family", ["llama", pytest.param("qwen2", marks=pytest.mark.slow), "gemma2"])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {family: write_model(root / family, family) for family in ("llama", "qwen2", "gemma2")}


def logits(reasoner):
    with torch.inference_mode():
        return reasoner.activate().eval()(input_ids=IDS).logits.clone()


def teach(reasoner, seed=0):
    rng = torch.Generator().manual_seed(seed)
    texts = [PromptCompletion((5, 6), tuple(torch.randint(3, 250, (12,), generator=rng).tolist())) for _ in range(8)]
    sft(reasoner.trainable(), texts, TrainingArgs(1e-2, 4, 8, 0), NullCallback(), pad_id=0)


@families
def test_training_an_adapter_leaves_the_network_and_other_adapters_alone(folders, family):
    network = load_network(folders[family])
    plain = Reasoner(network)
    at_first = logits(plain)
    frozen = {name: value.clone() for name, value in plain_state(network).items()}
    first = with_adapter(network, ADAPTERS)
    assert torch.equal(logits(first), at_first)  # a fresh adapter changes nothing
    teach(first)
    taught = logits(first)
    second = clone(first, ADAPTERS)
    assert second.network is network
    assert torch.equal(logits(second), taught)
    teach(second, seed=1)
    assert not torch.allclose(logits(second), taught, atol=1e-3)
    assert torch.equal(logits(first), taught)
    assert torch.equal(logits(plain), at_first)
    assert all(torch.equal(value, frozen[name]) for name, value in plain_state(network).items())
    assert not torch.allclose(taught, at_first, atol=1e-3)


@families
def test_a_full_clone_is_a_network_of_its_own(folders, family):
    reasoner = Reasoner(load_network(folders[family]))
    with_adapter(reasoner.network, ADAPTERS)  # a verifier shares it: the clone must not carry its adapter
    before = logits(reasoner)
    other = clone(reasoner, ADAPTERS)
    assert other.network is not reasoner.network
    assert torch.equal(logits(other), before)
    trainable = [p for p in other.trainable().parameters() if p.requires_grad]
    assert sum(p.numel() for p in trainable) == other.network.num_parameters() == reasoner.parameters_in_all()
    teach(other)
    assert torch.equal(logits(reasoner), before)
    assert not torch.allclose(logits(other), before, atol=1e-3)


def test_a_saved_adapter_is_what_peft_loads(folders, tmp_path):
    from peft import PeftModel

    network = load_network(folders["qwen2"])
    reasoner = with_adapter(network, ADAPTERS)
    teach(reasoner)
    save_adapter(reasoner, ADAPTERS, tmp_path)
    mine = logits(reasoner)
    again = load_adapter(load_network(folders["qwen2"]), ADAPTERS, tmp_path)
    assert torch.equal(logits(again), mine)
    theirs = PeftModel.from_pretrained(load_network(folders["qwen2"]), str(tmp_path)).eval()
    with torch.inference_mode():
        assert torch.allclose(theirs(input_ids=IDS).logits, mine, atol=1e-5)


def test_a_network_is_saved_without_the_adapters_beside_it(folders, tmp_path):
    network = load_network(folders["llama"])
    plain = logits(Reasoner(network))
    teach(with_adapter(network, ADAPTERS))
    save_model(network, byte_tokenizer(), tmp_path)
    assert set(load_file(tmp_path / "model.safetensors")) == set(load_file(folders["llama"] / "model.safetensors"))
    assert torch.equal(logits(Reasoner(load_network(tmp_path))), plain)


@families
def test_the_sampler_writes_what_generate_writes(folders, family):
    network = load_network(folders[family]).eval()
    prompts = [tuple(range(10, 10 + n)) for n in (5, 90, 23)]  # longer than gemma's sliding window, too
    backend = HfBackend(Reasoner(network), eos=0, pad=0)
    found = backend.generate([Request(p, (1,), 24) for p in prompts], temperature=0)
    for prompt, (mine,) in zip(prompts, found, strict=True):
        theirs = network.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=24)[0, len(prompt) :]
        assert list(mine.tokens) == theirs.tolist()


def test_checkpointing_is_switched_on_without_a_warning(folders):
    for on in (True, False):
        network = load_network(folders["llama"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert set_checkpointing(network, on) is network
        layers = {m.gradient_checkpointing for m in network.modules() if hasattr(m, "gradient_checkpointing")}
        assert layers == {on}


def test_an_older_transformers_is_asked_by_its_own_name():
    class Older:
        def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs=None):
            self.told = gradient_checkpointing_kwargs

    assert set_checkpointing(Older(), True).told == {"use_reentrant": False}


@families
def test_bf16_and_checkpointing_train_as_well(folders, family):
    network = load_network(folders[family])
    set_checkpointing(network, True)
    reasoner = with_adapter(network, ADAPTERS)
    before = logits(reasoner)
    texts = [PromptCompletion((5, 6), tuple(range(20, 40)))] * 4
    sft(
        reasoner.trainable(),
        texts,
        TrainingArgs(1e-2, 2, 4, 0, micro_tokens=44, precision="bf16"),
        NullCallback(),
        pad_id=0,
    )
    assert not torch.allclose(logits(reasoner), before, atol=1e-3)
