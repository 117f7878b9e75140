"""Loading: a model comes whole or not at all, and nothing in its folder decides what is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    VaultGemmaConfig,
    VaultGemmaForCausalLM,
)
from transformers.activations import ACT2CLS
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from sapo_engine.models.end_tokens import end_token_note
from sapo_engine.models.loading import load_config, load_model, load_network, load_tokenizer, save_model, start_model
from sapo_engine.models.reasoner import Adapters, Reasoner, load_adapter, own_network, save_adapter, with_adapter
from sapo_engine.models.sources import find_folder, gguf_folder
from sapo_engine.phases.codecs import ModelCodec
from sapo_engine.service.__main__ import answer
from sapo_engine.text.prompts import end_turns
from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.model import fresh_verifier, load_verifier, save_verifier
from sapo_studio.config.schema import ModelConfig, VerifierConfig
from sapo_studio.errors import InputError
from sapo_studio.model_files.config_values import ACTIVATIONS, DTYPES, POSITIONS
from sapo_studio.model_files.llama_tensors import FAMILIES, expected_tensors, is_tied
from sapo_studio.requests.kinds import ModelCheckRequest
from tests.fixtures.odd_models import CONFIG, FAULTS, spoilt, write_folder, write_gguf
from tests.fixtures.tiny_models import CHAT, SHAPE, byte_tokenizer, write_model

CPU = torch.device("cpu")
ADAPTERS = Adapters(4, 8.0, 0.0)
SHARED = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
UP = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("llama") / "model", "llama")


@pytest.fixture
def folder(llama, tmp_path):
    return Path(shutil.copytree(llama, tmp_path / "model"))


@pytest.fixture
def offline(monkeypatch):
    """No way out: whoever tries fails in its own words, not in ours."""

    def refuse(*_):
        raise AssertionError("something wanted to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def refusal(call, *arguments, **more):
    with pytest.raises(InputError) as caught:
        call(*arguments, **more)
    return str(caught.value)


def change(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def retensor(folder, change):
    held = load_file(folder / "model.safetensors")
    change(held)
    save_file({k: v.contiguous() for k, v in held.items()}, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_a_folder_is_refused_when_it_is_loaded(fault, tmp_path, monkeypatch, offline):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    source = spoilt(fault, tmp_path / "model")
    told = refusal(lambda: load_model(find_folder(ModelConfig(source=source), tmp_path)))
    assert len(told) < 1000
    if "tok" not in fault:  # loaded, a tokenizer may show its fault in transformers' words
        assert re.search(FAULTS[fault][1], told), told


def test_the_whole_folder_is_what_transformers_loads(tmp_path):
    network, tokenizer = load_model(write_folder(tmp_path / "model"))
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == expected_tensors(CONFIG)
    assert tokenizer.eos_token_id == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tensors_of_a_family_are_those_of_transformers(family):
    small = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "pad_token_id": 0}
    small |= {"num_attention_heads": 4, "num_key_value_heads": 2}
    # Where a bias can be asked for, transformers heeds the key.
    biases = {} if family in ("phi3", "mistral", "qwen2") else {"attention_bias": True, "mlp_bias": True}
    for more in ({}, biases, {"tie_word_embeddings": True}, {"tie_word_embeddings": False}, {"head_dim": 16}):
        config = AutoConfig.for_model(family, **small, **more)
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(config)
        told = config.to_dict()
        wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        if told["tie_word_embeddings"]:
            del wanted["lm_head.weight"]
        assert expected_tensors(told) == wanted
        if not more:
            assert is_tied({k: v for k, v in told.items() if k != "tie_word_embeddings"}) == told["tie_word_embeddings"]
            if "head_dim" in told:
                without = {k: v for k, v in told.items() if k != "head_dim"}
                assert expected_tensors(without) == wanted


# -- Every loader


def test_a_family_without_a_table_is_refused_by_name_as_well(tmp_path):
    config = AutoConfig.for_model(
        "gpt2", vocab_size=260, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=0
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    load_network(tmp_path)
    whole = load_file(tmp_path / "model.safetensors")
    for changed, words in (
        (lambda h: h.pop("transformer.h.1.mlp.c_fc.weight"), "lack the tensor transformer.h.1.mlp.c_fc.weight"),
        (lambda h: h.update(foo=torch.zeros(3)), "no place for: foo"),
        (lambda h: h.update({"transformer.ln_f.weight": torch.zeros(31)}), "transformer.ln_f.weight"),
        (lambda h: h.update({"transformer.ln_f.weight": torch.zeros(64)}), "transformer.ln_f.weight"),
    ):
        save_file(whole, tmp_path / "model.safetensors", metadata={"format": "pt"})
        retensor(tmp_path, changed)
        assert words in refusal(load_network, tmp_path)
    save_file(whole, tmp_path / "model.safetensors", metadata={"format": "pt"})
    for sizes in ({"n_embd": 64}, {"n_embd": 10**6}, {"n_layer": 9000}, {"n_inner": 2**24}, {"vocab_size": 2**27}):
        told = json.loads((tmp_path / "config.json").read_text())
        change(tmp_path / "config.json", **sizes)
        assert re.search("has the shape|lack the tensor|config.json says", refusal(load_network, tmp_path))
        (tmp_path / "config.json").write_text(json.dumps(told))


def test_the_engine_says_whether_a_model_can_be_loaded(folder):
    assert answer(ModelCheckRequest(folder=folder)) == {"weights": load_network(folder).num_parameters()}
    retensor(folder, lambda h: h.pop(UP))
    assert f"lack the tensor {UP}" in refusal(answer, ModelCheckRequest(folder=folder))


def test_what_is_absent_for_good_reasons_is_fine(folder):
    whole = load_network(folder)
    retensor(folder, lambda h: h.update({"lm_head.weight": h["model.embed_tokens.weight"].clone()}))
    retensor(folder, lambda h: h.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}))
    again = load_network(folder)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())


def test_an_adapter_comes_whole_or_not_at_all(folder, tmp_path):
    network = load_network(folder)
    save_adapter(with_adapter(network, ADAPTERS), ADAPTERS, tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    whole = load_file(file)
    load_adapter(network, ADAPTERS, tmp_path)
    name = next(iter(whole))
    for held, words in (
        ({k: v for k, v in whole.items() if k != name}, f"lack the tensor {name}"),
        (whole | {"foo": torch.zeros(3)}, "no place for: foo"),
        (whole | {name: torch.zeros(1)}, name),  # which would be broadcast
    ):
        save_file(held, file)
        assert words in refusal(load_adapter, network, ADAPTERS, tmp_path)
    file.write_bytes(b"garbage" * 10)
    assert "safetensors" in refusal(load_adapter, network, ADAPTERS, tmp_path)
    file.unlink()
    assert "no file" in refusal(load_adapter, network, ADAPTERS, tmp_path)


@pytest.mark.parametrize("base", ["copy", "shared"])
def test_a_verifier_comes_whole_or_not_at_all(base, folder, tmp_path):
    network, tokenizer = load_model(folder)
    config = VerifierConfig(base=base)
    reasoner = with_adapter(network, ADAPTERS) if base == "shared" else Reasoner(network)
    save_verifier(fresh_verifier(reasoner, config, ADAPTERS, seed=0), tokenizer, tmp_path / "v", ADAPTERS)

    def load():
        return load_verifier(tmp_path / "v", reasoner=reasoner, config=config, adapters=ADAPTERS)

    load()
    head = tmp_path / "v" / "head.safetensors"
    whole = load_file(head)
    for held, words in (
        ({"weight": whole["weight"]}, "lack the tensor bias"),
        (whole | {"foo": torch.zeros(3)}, "no place for: foo"),
        (whole | {"weight": torch.zeros(1, 3)}, "weight"),
    ):
        save_file(held, head)
        assert words in refusal(load)
    save_file(whole, head)
    (tmp_path / "v" / "head.json").write_text("[]")
    assert "head.json is not a JSON object" in refusal(load)


def test_a_saved_reasoner_comes_whole_or_not_at_all(folder, tmp_path):
    network, tokenizer = load_model(folder)
    codec = ModelCodec(tokenizer, None, ADAPTERS)
    codec.save(Reasoner(network), tmp_path)
    codec.load(tmp_path)
    retensor(tmp_path / "model", lambda h: h.pop(UP))
    assert f"lack the tensor {UP}" in refusal(codec.load, tmp_path)


@pytest.mark.parametrize(
    ("kind", "head"), [(LlamaForTokenClassification, "score.weight"), (LlamaForSequenceClassification, "score.weight")]
)
def test_a_classifier_comes_whole_or_not_at_all(kind, head, tmp_path):
    config = LlamaConfig(**SHAPE, vocab_size=260, pad_token_id=0, num_labels=2)
    kind(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    Classifier(tmp_path, CPU)
    whole = load_file(tmp_path / "model.safetensors")
    for name in (head, UP):
        retensor(tmp_path, lambda h, name=name: h.pop(name))
        assert f"lack the tensor {name}" in refusal(Classifier, tmp_path, CPU)
        save_file(whole, tmp_path / "model.safetensors", metadata={"format": "pt"})
    retensor(tmp_path, lambda h: h.update(foo=torch.zeros(3)))
    assert "no place for: foo" in refusal(Classifier, tmp_path, CPU)


def test_a_gguf_of_which_transformers_misses_a_tensor_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sapo_engine.models.sources.read_gguf", lambda _: None)  # a family that it does not know
    file = spoilt("a GGUF without a projection", tmp_path / "model")
    assert "odd.gguf" in refusal(gguf_folder, Path(file))
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_a_gguf_beside_an_adapter_is_refused(tmp_path, offline):
    file = write_gguf(tmp_path / "model.gguf")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/name"}))
    assert "holds an adapter" in refusal(gguf_folder, file)


# -- Adapter folders as they lie around


def odd_adapters():
    return sorted((SHARED / "odd_models").glob("adapter_config.*.json"))


@pytest.mark.skipif(not odd_adapters(), reason=f"the shared data are not there: {SHARED}")
@pytest.mark.parametrize("file", odd_adapters(), ids=lambda file: file.name)
def test_adapters_as_they_lie_around_say_what_is_missing_and_download_nothing(file, folder, tmp_path, offline):
    alone = tmp_path / "alone"
    alone.mkdir()
    for place in (alone, folder):
        shutil.copyfile(file, place / "adapter_config.json")
        for load in (load_model, load_network, load_config):
            told = refusal(load, place)
            assert "holds an adapter" in told
            assert json.loads(file.read_text())["base_model_name_or_path"] in told
            assert "missing" in told


# -- Attention


def log_probs(network, ids):
    with torch.no_grad():
        return network(input_ids=ids).logits.float().log_softmax(-1)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (Gemma2ForCausalLM, Gemma2Config),
        (VaultGemmaForCausalLM, VaultGemmaConfig),
        (Gemma3ForCausalLM, Gemma3TextConfig),
    ],
)
def test_capped_scores_are_calculated_as_eager_attention_has_them(kind, config, tmp_path):
    torch.manual_seed(0)
    more = {**SHAPE, "initializer_range": 0.5, "vocab_size": 260, "pad_token_id": 0, "bos_token_id": None}
    shape = config(**more, head_dim=8, query_pre_attn_scalar=8, attn_logit_softcapping=2.0, eos_token_id=0)
    kind(shape).save_pretrained(tmp_path)
    ids = torch.randint(1, 260, (3, 60))
    loaded = load_network(tmp_path)
    eager = kind.from_pretrained(tmp_path, attn_implementation="eager")
    assert (log_probs(loaded, ids) - log_probs(eager, ids)).abs().max() < 1e-2
    assert (log_probs(own_network(Reasoner(loaded)), ids) - log_probs(eager, ids)).abs().max() < 1e-2
    save_model(loaded, byte_tokenizer(), tmp_path / "again")
    assert (log_probs(load_network(tmp_path / "again"), ids) - log_probs(eager, ids)).abs().max() < 1e-2
    if kind is not Gemma3ForCausalLM:  # which does not heed the cap
        uncapped = kind.from_pretrained(tmp_path, attn_implementation="eager")
        for module in uncapped.modules():
            if hasattr(module, "attn_logit_softcapping"):
                module.attn_logit_softcapping = None
        assert (log_probs(uncapped, ids) - log_probs(eager, ids)).abs().max() > 1e-2


@pytest.mark.parametrize(
    "told",
    [
        {"attn_implementation": "flash_attention_2"},
        {"attn_implementation": "owner/kernel"},
        {"attn_implementation": {"": "eager"}},
        {"attn_implementation": 5},
        {"_attn_implementation": "flex_attention"},
        {"_attn_implementation_internal": "owner/kernel"},
        {"experts_implementation": "owner/kernel", "_experts_implementation": "owner/kernel"},
    ],
)
def test_a_folder_does_not_say_how_attention_is_calculated(told, folder, offline):
    usual = load_network(folder).config._attn_implementation
    change(folder / "config.json", **told)
    assert load_network(folder).config._attn_implementation == usual


# -- End tokens and templates


def test_where_end_tokens_differ_the_prompts_stop_and_it_is_said(folder):
    network, tokenizer = load_model(folder)
    assert not end_token_note(network, tokenizer)
    change(folder / "config.json", eos_token_id=2)
    change(folder / "generation_config.json", eos_token_id=[2, 0, 99_999])
    network, tokenizer = load_model(folder)
    told = end_token_note(network, tokenizer)
    assert "config.json has '<|im_end|>' (2)" in told
    assert "generation_config.json has '<|im_end|>' (2), '<|endoftext|>' (0), 99999" in told
    assert "end at '<|endoftext|>' (0) alone" in told
    end_turns(tokenizer)
    assert "end at '<|im_end|>' (2) alone" in end_token_note(network, tokenizer)


def test_what_is_saved_ends_where_its_chats_end(folder, tmp_path):
    network, tokenizer = load_model(folder)
    end_turns(tokenizer)
    save_model(network, tokenizer, tmp_path / "saved")
    assert network.generation_config.eos_token_id == 0
    again, its = load_model(tmp_path / "saved")
    assert (its.eos_token_id, again.generation_config.eos_token_id) == (2, [2, 0])


def test_a_chat_template_in_its_own_file_travels(folder, tmp_path):
    settings = folder / "tokenizer_config.json"
    told = json.loads(settings.read_text())
    told.pop("chat_template", None)
    settings.write_text(json.dumps(told))
    for name, text in (("chat_template.jinja", CHAT), ("chat_template.json", json.dumps({"chat_template": CHAT}))):
        for other in folder.glob("chat_template.*"):
            other.unlink()
        assert load_tokenizer(folder).chat_template is None
        (folder / name).write_text(text)
        network, tokenizer = load_model(folder)
        assert tokenizer.chat_template == CHAT
        save_model(network, tokenizer, tmp_path / name)
        assert load_tokenizer(tmp_path / name).chat_template == CHAT
        codec = ModelCodec(tokenizer, network, ADAPTERS)
        (tmp_path / f"{name}-adapter").mkdir()
        codec.save(with_adapter(load_network(folder), ADAPTERS), tmp_path / f"{name}-adapter")
        assert (tmp_path / f"{name}-adapter" / "adapter" / "chat_template.jinja").read_text() == CHAT


def test_the_names_that_config_json_may_have_are_those_of_transformers():
    assert set(ACT2CLS) <= ACTIVATIONS
    assert set(ROPE_INIT_FUNCTIONS) <= set(POSITIONS)
    assert all(isinstance(getattr(torch, name), torch.dtype) for name in DTYPES - {"auto"})


@pytest.mark.parametrize(
    ("told", "field"),
    [({"tie_word_embeddings": "maybe"}, "tie_word_embeddings"), ({"mlp_bias": [1]}, "mlp_bias")],
)
def test_what_is_wrong_with_config_json_is_not_called_the_tokenizers(told, field, tmp_path):
    """As a run starts: also for what the kernel's own look lets through (there is no table of all fields)."""
    folder = write_folder(tmp_path / "model", CONFIG | told)
    with pytest.raises(InputError) as caught:
        start_model(ModelConfig(source=str(folder)), None, 0, torch.device("cpu"), tmp_path)
    assert field in str(caught.value)
    assert "okenizer" not in str(caught.value)


def test_a_field_that_only_transformers_knows_is_named(tmp_path):
    folder = write_folder(tmp_path / "model", CONFIG | {"layer_types": ["odd", "odd"]})
    with pytest.raises(InputError) as caught:
        start_model(ModelConfig(source=str(folder)), None, 0, torch.device("cpu"), tmp_path)
    assert "layer_types" in str(caught.value)
    assert "okenizer" not in str(caught.value)
