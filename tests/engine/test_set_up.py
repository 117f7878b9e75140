"""What a network is besides its weights - formats, buffers, checkpointing, attention - is the same on every way to it:
loaded, adapted, copied, saved and loaded again, moved."""

import pytest
import torch
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
)

from sapo_engine.models.loading import load_network
from sapo_engine.models.placement import Placement, move_to
from sapo_engine.models.reasoner import (
    Adapters,
    Reasoner,
    adapter_weights,
    clone,
    load_adapter,
    own_network,
    save_adapter,
    with_adapter,
)
from sapo_engine.phases.codecs import reasoner_codec, verifier_codec
from sapo_engine.session import RunSession
from sapo_engine.training import objectives
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.verifier.model import fresh_verifier
from sapo_studio.config.schema import VerifierConfig
from tests.fixtures.small_run import config
from tests.fixtures.tiny_models import SHAPE, byte_tokenizer, write_model

CPU = torch.device("cpu")
ADAPTERS = Adapters(4, 8.0, 0.0)
MORE = {**SHAPE, "vocab_size": 260, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": 0}
FEW = {key: value for key, value in MORE.items() if key != "num_key_value_heads"}
SPREAD = {"rope_theta": 10_000.0, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}
SPREAD |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}
FAMILIES = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**MORE)),
    "llama3": lambda: LlamaForCausalLM(LlamaConfig(**MORE, rope_parameters=SPREAD)),
    "dynamic": lambda: LlamaForCausalLM(
        LlamaConfig(**MORE, rope_parameters={"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 4.0})
    ),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**MORE, head_dim=8, query_pre_attn_scalar=8)),
    "granite": lambda: GraniteForCausalLM(GraniteConfig(**MORE, embedding_multiplier=12.0, residual_multiplier=0.22)),
    "phi3": lambda: Phi3ForCausalLM(Phi3Config(**MORE)),
    "cohere": lambda: CohereForCausalLM(CohereConfig(**MORE)),
    "neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**FEW)),
}
FIRST = ("llama", "dynamic", "gemma3")
"""Those that tell soonest: plain, with a buffer that is made anew as texts grow, and with two of them."""
# Far down a text, where a rounded frequency has turned a position by whole radians.
TEXT = PromptCompletion(tuple(range(3, 250)) * 2, tuple(range(20, 60)))


def formats(network):
    parts = [*network.named_parameters(), *network.named_buffers()]
    return {name.replace(".base_layer.", "."): value.dtype for name, value in parts if ".lora_" not in name}


def buffers(network):
    return {name.replace(".base_layer.", "."): value.clone() for name, value in network.named_buffers()}


def log_probs(reasoner):
    (found,) = objectives.log_probs(reasoner.activate(), [TEXT], pad_id=0)
    return torch.tensor(found)


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name not in FIRST)) for name in FAMILIES])
def folder(request, tmp_path):
    torch.manual_seed(0)
    FAMILIES[request.param]().save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_every_copy_of_a_network_has_its_formats_its_buffers_and_its_numbers(folder, dtype):
    loaded = load_network(folder, dtype=dtype)
    wanted, held, said = formats(loaded), buffers(loaded), log_probs(Reasoner(loaded))
    assert dtype in wanted.values()
    assert all(value.dtype == torch.float32 for name, value in held.items() if "inv_freq" in name)
    adapted = with_adapter(load_network(folder, dtype=dtype), ADAPTERS)
    ways = {
        "with an adapter": adapted,
        "a copied verifier's": fresh_verifier(adapted, VerifierConfig(base="copy"), ADAPTERS, seed=0).base,
        "a network of its own": clone(adapted, ADAPTERS, share=False),
        "the copy of a copy": Reasoner(own_network(Reasoner(own_network(adapted)))),
        "moved": Reasoner(move_to(own_network(adapted), CPU)),
    }
    for way, reasoner in ways.items():
        assert formats(reasoner.network) == wanted, way
        found = buffers(reasoner.network)
        assert found.keys() == held.keys(), way
        assert all(torch.equal(found[name], value) for name, value in held.items()), way
        assert torch.equal(log_probs(reasoner), said), way


def test_an_adapter_is_in_the_mode_of_its_network(folder, tmp_path):
    """With dropout on, what is read back would sample otherwise than what was written."""
    dropping = Adapters(2, 4.0, 0.5)
    written = with_adapter(load_network(folder), dropping)
    with torch.no_grad():
        for parameter in adapter_weights(written.network, written.adapter).values():
            parameter.normal_()
    written.network.eval()
    save_adapter(written, dropping, tmp_path / "adapter")
    again = load_adapter(load_network(folder), dropping, tmp_path / "adapter")
    assert not again.network.training
    for reasoner in (again, clone(written, dropping), with_adapter(load_network(folder).train(), dropping)):
        assert {module.training for module in reasoner.network.modules()} == {reasoner.network.training}


def test_a_network_that_is_moved_keeps_its_formats(folder):
    copied = Reasoner(own_network(with_adapter(load_network(folder, dtype=torch.bfloat16), ADAPTERS)))
    wanted = formats(copied.network)
    Placement(torch.device("meta")).place(copied)  # stands for a card
    assert copied.device.type == "meta"
    moved = formats(copied.network)  # tied weights come apart there
    assert {name: moved[name] for name in wanted} == wanted


# -- A run that goes on is set up as one that was never stopped


def set_up(network):
    """Everything that decides how a network computes, but its weights and its mode, which whoever uses it sets."""
    return {
        "formats": formats(network),
        "attention": network.config._attn_implementation,
        "checkpointing": {n: m.gradient_checkpointing for n, m in network.named_modules() if is_block(m)},
        "quantised": getattr(network, "is_quantized", False),
        "writes": network.generation_config.to_dict(),
        "device": network.device,
    }


def is_block(module):
    return hasattr(module, "gradient_checkpointing")


def trained(reasoner):
    network = reasoner.trainable()
    marker = f".{reasoner.adapter}." if reasoner.adapter else "."
    return {name.replace(marker, "."): p.dtype for name, p in network.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("family", "tuning", "base", "checkpointing"),
    [
        ("qwen2", "full", "copy", True),
        pytest.param("qwen2", "full", "shared", True, marks=pytest.mark.slow),
        pytest.param("qwen2", "full", "copy", False, marks=pytest.mark.slow),
        pytest.param("qwen2", "lora", "copy", True, marks=pytest.mark.slow),
        ("qwen2", "lora", "shared", True),
        pytest.param("gemma2", "full", "copy", True, marks=pytest.mark.slow),
        ("gemma2", "lora", "copy", False),
    ],
)
def test_a_resumed_training_is_set_up_as_a_fresh_one(tmp_path, family, tuning, base, checkpointing):
    write_model(tmp_path / "model", family)
    (tmp_path / "model" / "generation_config.json").write_text('{"do_sample": true, "top_p": 0.8, "eos_token_id": [0]}')
    settings = config(
        task={"kind": "gsm8k", "train_data": str(questions(tmp_path))},
        model={
            "source": str(tmp_path / "model"),
            "tuning": tuning,
            "precision": "bf16",
            "gradient_checkpointing": checkpointing,
        },
        verifier={"base": base},
    )

    def session():
        return RunSession(settings, tmp_path, CPU)

    def verifier_of(session, reasoner):
        return fresh_verifier(reasoner, settings.verifier, session.adapters, seed=1, precision=session.precision)

    first = session()
    start = first.start()
    reasoner = clone(start, first.adapters)
    fresh = verifier_of(first, reasoner)
    for codec, value in ((reasoner_codec(first), reasoner), (verifier_codec(first, reasoner), fresh)):
        (tmp_path / type(value).__name__).mkdir()
        codec.save(value, tmp_path / type(value).__name__)

    second = session()
    again = reasoner_codec(second).load(tmp_path / "Reasoner")
    verifier = verifier_codec(second, again).load(tmp_path / "Verifier")
    pairs = {
        "the start": (start, second.start()),
        "a reasoner": (reasoner, again),
        "its copy": (clone(reasoner, first.adapters), clone(again, second.adapters)),
        "a verifier": (fresh.base, verifier.base),
        "the next verifier": (verifier_of(first, reasoner).base, verifier_of(second, again).base),
    }
    for what, (ours, theirs) in pairs.items():
        assert set_up(theirs.network) == set_up(ours.network), what
        assert bool(ours.adapter) == bool(theirs.adapter), what
        assert trained(ours) == trained(theirs), what
        assert all(set_up(theirs.network)["checkpointing"].values()) == checkpointing, what
        assert torch.equal(log_probs(ours), log_probs(theirs)), what
    assert set_up(reasoner.network) == set_up(start.network)
    assert start.network.generation_config.top_p == 0.8
    assert (verifier.precision, verifier.kind) == (fresh.precision, fresh.kind)


def questions(folder):
    file = folder / "train.jsonl"
    row = '{"question": "How much is %d and 1?", "answer": "%d and 1 is %d.\\n#### %d"}\n'
    file.write_text("".join(row % (k, k, k + 1, k + 1) for k in range(160)))
    return file
