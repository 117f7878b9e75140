"""Where models come from, and what is refused, with the reason."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

from sapo_engine.models import loading
from sapo_engine.models.loading import load_model, start_model
from sapo_engine.models.sources import find_folder, gguf_folder
from sapo_engine.preflight import check_tuning
from sapo_engine.text.prompts import chat_prompts, plain_prompt
from sapo_studio.config.schema import ModelConfig, RunConfig
from sapo_studio.errors import InputError
from tests.fixtures.smollm2 import smollm2
from tests.fixtures.tiny_models import byte_tokenizer, write_model

__all__ = ["smollm2"]

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    return write_model(tmp_path / "model", "qwen2")


def refusal(call, *arguments, **more):
    with pytest.raises(InputError) as caught:
        call(*arguments, **more)
    return f"{caught.value.what} | {caught.value.why} | {caught.value.fix}"


def test_a_model_folder_is_loaded_in_the_precision_that_its_weights_are_kept_in(folder, tmp_path):
    for tuning, dtype in (("full", torch.float32), ("lora", torch.bfloat16)):
        config = ModelConfig(source=str(folder), tuning=tuning, precision="bf16")
        network, tokenizer = start_model(config, None, 0, CPU, tmp_path)
        assert network.dtype == dtype
        assert tokenizer.pad_token_id is not None


def test_the_tensors_of_one_shape_are_compared_once_and_others_of_it_still_refused(tmp_path, monkeypatch):
    compared = []
    real = loading.check_headers
    monkeypatch.setattr(loading, "check_headers", lambda where, *more: (compared.append(where), real(where, *more))[1])
    first, second, short = (tmp_path / name for name in ("first", "second", "short"))
    torch.manual_seed(0)
    shape = GPT2Config(n_embd=24, n_layer=1, n_head=2, vocab_size=61, bos_token_id=0, eos_token_id=0)
    for folder in (first, second, short):
        GPT2LMHeadModel(shape).save_pretrained(folder)
    tensors = load_file(short / "model.safetensors")
    del tensors["transformer.ln_f.weight"]
    save_file(tensors, short / "model.safetensors", {"format": "pt"})
    mine, other = loading.load_network(first), loading.load_network(second)
    assert compared == [first]
    assert not torch.equal(mine.lm_head.weight, other.lm_head.weight)
    with pytest.raises(InputError, match="ln_f"):
        loading.load_network(short)
    assert compared == [first, short]


def test_what_wants_to_run_code_is_refused(folder):
    config = folder / "config.json"
    data = json.loads(config.read_text())
    config.write_text(json.dumps({**data, "auto_map": {"AutoModelForCausalLM": "evil.Model"}}))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    assert "requires remote code (auto_map), which is disabled" in refusal(load_model, folder)
    config.write_text(json.dumps({**data, "model_type": "evil", "auto_map": {"AutoConfig": "evil.Config"}}))
    assert "requires remote code (auto_map), which is disabled" in refusal(load_model, folder)


def test_pickled_weights_are_refused(folder):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (folder / "exploded",))

    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    assert "Only safetensors are read" in refusal(load_model, folder)
    assert not (folder / "exploded").exists()


def test_what_is_no_model_is_told_clearly(folder, tmp_path):
    def sought(source):
        return refusal(find_folder, ModelConfig(source=source), tmp_path)

    assert "hub:Qwen/Qwen2.5-0.5B" in sought("Qwen/Qwen2.5-0.5B")
    assert "It is a file" in sought(str(folder / "config.json"))
    assert "There is no file" in sought(str(tmp_path / "absent.gguf"))
    (tmp_path / "empty").mkdir()
    assert "no config.json" in refusal(load_model, tmp_path / "empty")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert "tokenizer" in refusal(load_model, folder)


def test_a_file_that_is_no_gguf_is_told_clearly_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(200))
    assert "is not a GGUF file that can be read" in refusal(gguf_folder, file)
    assert not [p for p in (tmp_path / "home").rglob("*") if p.is_file()]


def test_qlora_and_fp16_are_refused_on_a_cpu_with_the_reason():
    assert "needs a CUDA card" in refusal(check_tuning, ModelConfig(tuning="qlora"), CPU)
    assert "not for a CPU" in refusal(check_tuning, ModelConfig(precision="fp16"), CPU)


def test_qlora_wants_a_shared_verifier():
    with pytest.raises(ValueError, match=r'verifier\.base = "shared"'):
        RunConfig(model={"tuning": "qlora"}, verifier={"base": "copy"})


def test_a_plain_prompt_never_ends_with_the_end_of_text():
    tokenizer = byte_tokenizer()
    assert tokenizer.decode(plain_prompt(tokenizer, "1 + 1?\n")) == "1 + 1?\n"


@pytest.mark.slow
def test_a_real_gguf_is_converted_once(smollm2):
    folder = gguf_folder(smollm2)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert gguf_folder(smollm2) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    network, tokenizer = load_model(folder)
    assert network.num_parameters() == 134_515_008
    prompt = chat_prompts(tokenizer, [[{"role": "user", "content": "What is the capital of France?"}]])[0]
    ids = network.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=12)[0, len(prompt) :]
    assert "Paris" in tokenizer.decode(ids)
