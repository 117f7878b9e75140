"""Model files that cannot be a model's: one sentence and exit code 2, before anything is loaded or a run is made."""

from __future__ import annotations

import json
import math
import re
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio import cli
from sapo_studio.app.commands.run import run as command
from sapo_studio.app.set_up.model_check import check_model
from sapo_studio.config.schema import ModelConfig, RunConfig
from sapo_studio.errors import EngineError, InputError
from sapo_studio.forecast import Unknown, check_source, find_shape
from sapo_studio.model_files.folder import check_folder
from sapo_studio.model_files.gguf_file import read_gguf
from sapo_studio.requests.kinds import ModelCheckRequest, TokenizerCheckRequest
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures.odd_models import CONFIG, FAULTS, expected_tensors, spoilt, write_folder, write_gguf, write_tensors

KINDS = 12
"""Kinds of malformed folders that were found by trying; each has brothers here."""
ADAPTER = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "owner/name", "r": 8}


def sapo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["sapo", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0), capsys.readouterr().err


def refusal(source: str | Path, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        check_source(ModelConfig(source=str(source), **more))
    return str(caught.value)


def test_there_are_as_many_brothers_as_kinds():
    assert len(FAULTS) >= 2 * KINDS


def test_a_whole_folder_and_a_whole_gguf_are_taken(tmp_path: Path):
    check_source(ModelConfig(source=str(write_folder(tmp_path / "model"))))
    check_source(ModelConfig(source=str(write_gguf(tmp_path / "model.gguf"))))
    for source in ("fresh", "bundled:lab", "bundled:lab-rest", "hub:owner/name"):
        check_source(ModelConfig(source=source))


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_said_before_a_run_is_made_and_in_the_dry_run(fault: str, tmp_path: Path):
    source = spoilt(fault, tmp_path / "model")
    for dry in (True, False):
        with pytest.raises(InputError) as caught:
            command("lab-smoke", [f"model.source={source}"], dry=dry)
        assert re.search(FAULTS[fault][1], str(caught.value)), str(caught.value)
        assert len(str(caught.value)) < 1000
    shape = find_shape(RunConfig.model_validate({"model": {"source": source}}))
    # The window's review shows what the weights are; the tokenizer is for the run.
    assert isinstance(shape, Unknown) or "tok" in fault or "chat template" in fault


@pytest.mark.parametrize("fault", ["a header that is a list", "10^9 layers", "a FIFO for weights", "a GGUF of zeros"])
@pytest.mark.parametrize("more", [["--dry-run"], [], ["--detach"]])
def test_a_fault_is_three_lines_and_exit_2(
    fault: str, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    source = spoilt(fault, tmp_path / "model")
    code, told = sapo(capsys, monkeypatch, "run", "lab-smoke", "--set", f"model.source={source}", *more)
    assert code == 2
    assert len(told.splitlines()) <= 3
    with Store.open() as store:
        assert not queries.list_runs(store)


@pytest.mark.parametrize("fault", ["a header of 40 MiB", "a configuration of 20 MiB", "a shape without end"])
def test_what_is_refused_takes_little_memory(fault: str, tmp_path: Path):
    source = spoilt(fault, tmp_path / "model")
    tracemalloc.start()
    refusal(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 << 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    """The files of a whole folder, and a whole GGUF file."""
    folder = write_folder(tmp_path_factory.mktemp("whole") / "model")
    write_gguf(folder / "model.gguf")
    return {file: file.read_bytes() for file in sorted(folder.iterdir())}


@given(st.data())
def test_whatever_a_file_holds_is_taken_or_refused_in_words(whole: dict[Path, bytes], data: st.DataObject):
    file = data.draw(st.sampled_from(list(whole)))
    spoiled = bytearray(whole[file])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(spoiled), 6000)))
        spoiled[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    file.write_bytes(spoiled)
    try:
        with suppress(InputError):
            check_source(ModelConfig(source=str(file if file.suffix == ".gguf" else file.parent)))
    finally:
        file.write_bytes(whole[file])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


KEYS = [*CONFIG, "head_dim", "text_config", "layer_types", "rope_scaling", "attention_dropout", "quantization_config"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3))
def test_whatever_config_json_says_is_taken_or_refused_in_words(whole: dict[Path, bytes], told: dict[str, Any]):
    file = next(iter(whole)).with_name("config.json")
    file.write_text(json.dumps(CONFIG | told))
    said = ""
    try:
        check_source(ModelConfig(source=str(file.parent)))
    except InputError as error:
        said = str(error)
    finally:
        file.write_bytes(whole[file])
    assert len(said) < 1000


def test_what_follows_from_other_tensors_may_be_there_or_not(tmp_path: Path):
    tied = write_folder(tmp_path / "tied", CONFIG | {"tie_word_embeddings": True})
    check_folder(tied)
    shapes = dict(expected_tensors(CONFIG))
    shapes["model.layers.0.self_attn.rotary_emb.inv_freq"] = (4,)
    write_tensors(tied / "model.safetensors", shapes)  # with the head that it shares with the embedding
    check_folder(tied)
    bare = {name.removeprefix("model."): shape for name, shape in shapes.items()}
    write_tensors(tied / "model.safetensors", bare)  # saved without its language head
    check_folder(tied)


def test_an_added_token_that_no_text_has_may_lie_beyond_the_vocabulary(tmp_path: Path):
    folder = write_folder(tmp_path / "model")
    told = json.loads((folder / "tokenizer.json").read_text())
    told["added_tokens"].append(told["added_tokens"][0] | {"content": "<image>", "id": 260})
    (folder / "tokenizer.json").write_text(json.dumps(told))
    check_folder(folder)


def test_bundled_names_no_path():
    for name in ("../../x", "..", "", ".", "lab/", "/etc", "lab/../lab", "LAB", "lab\0", "lab\x1b[31m", "x" * 100_000):
        told = refusal(f"bundled:{name}")
        assert "There is no bundled model" in told
        assert "bundled:lab" in told
        assert len(told) < 500
        assert "\x1b" not in told


def test_the_hub_is_asked_for_names_and_revisions_only():
    for name in ("../x", "a/b/c", "/etc/passwd", "", "a/", "a//b", "owner/na me", "owner/..", "owner/name\n"):
        assert "not the name of a model of the Hub" in refusal(f"hub:{name}")
    for revision in ("../../x", "/dev/zero", "..", "a//b", "a b", "-x"):
        assert "not a revision" in refusal("hub:owner/name", revision=revision)
    for revision in ("main", "refs/pr/1", "v1.0", "0123456789abcdef"):
        check_source(ModelConfig(source="hub:owner/name", revision=revision))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_model_name_or_path": "/root/autodl-tmp/models/qwythos-9b"}, ["/root/autodl-tmp", "another machine"]),
        ({"base_model_name_or_path": "C:\\models\\x"}, ["C:", "another machine"]),
        ({"base_model_name_or_path": "owner/name"}, ["owner/name", "missing here"]),
        ({"base_model_name_or_path": None}, ["does not say which model"]),
        ({"base_model_name_or_path": 7}, ["does not say which model"]),
        ({"task_type": "SEQ_2_SEQ_LM"}, ["SEQ_2_SEQ_LM", "causal language model"]),
        ({"task_type": "TOKEN_CLS"}, ["TOKEN_CLS", "causal language model"]),
        ({"base_model_name_or_path": "unsloth/qwen2.5-7b-instruct-unsloth-bnb-4bit"}, ["quantised", "full precision"]),
        ({"base_model_name_or_path": "owner/name-GPTQ-Int4"}, ["quantised"]),
        ({"peft_type": "IA3"}, ["IA3", "only LoRA"]),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_an_adapter_says_what_is_missing(changes: dict[str, Any], words: list[str], whole: bool, tmp_path: Path):
    folder = tmp_path / "adapter"
    if whole:  # beside a whole model it is as unclear which is meant
        write_folder(folder)
    else:
        folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(ADAPTER | changes))
    told = refusal(folder)
    assert "holds an adapter, not a whole model" in told
    assert "adapter_model.safetensors" in told
    assert all(word in told for word in words)


def test_a_base_that_is_here_is_not_called_missing(tmp_path: Path):
    base = write_folder(tmp_path / "base")
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(ADAPTER | {"base_model_name_or_path": str(base)}))
    (folder / "adapter_model.safetensors").write_bytes(b"")
    assert "missing" not in refusal(folder)
    (base / "config.json").write_text(json.dumps(CONFIG | {"quantization_config": {"load_in_4bit": True}}))
    assert "quantised" in refusal(folder)


def test_what_is_said_of_a_file_is_cut_and_cannot_steer_a_terminal(tmp_path: Path):
    folder = write_folder(tmp_path / "model")
    (folder / "config.json").write_text(json.dumps(CONFIG | {"hidden_size": "\x1b[31m" + "x" * 100_000}))
    told = refusal(folder)
    assert "\x1b" not in told
    assert len(told) < 1000


def test_the_engine_is_asked_where_only_it_knows_the_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[ModelCheckRequest | TokenizerCheckRequest] = []
    trouble: list[Exception] = []

    def ask(request: ModelCheckRequest | TokenizerCheckRequest, *, seconds: float) -> dict[str, Any]:
        asked.append(request)
        if trouble:
            raise trouble[0]
        return {"weights": 1}

    monkeypatch.setattr("sapo_studio.requests.client.ask", ask)
    folder = write_folder(tmp_path / "model")
    check_model(ModelConfig(source=str(folder)))
    assert [type(request) for request in asked] == [TokenizerCheckRequest]
    trouble.append(EngineError("The engine could not do this", why="It ended with status -6."))
    with pytest.raises(InputError, match=r"tokenizer.*cannot be loaded"):
        check_model(ModelConfig(source=str(folder)))
    trouble.clear()
    asked.clear()
    (folder / "config.json").write_text(json.dumps(CONFIG | {"model_type": "gpt_neox"}))
    check_model(ModelConfig(source=str(folder)))
    assert [(type(request), request.folder) for request in asked] == [(ModelCheckRequest, folder)]
    trouble.append(InputError("The weights lack the tensor x"))
    with pytest.raises(InputError, match="lack the tensor x"):
        check_model(ModelConfig(source=str(folder)))
    trouble[0] = EngineError("there is no engine here")
    check_model(ModelConfig(source=str(folder)))


ODD_TOKENIZERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown normalizer": lambda told: told.update(normalizer={"type": "Nonsense"}),
    "broken regex": lambda told: told.update(
        pre_tokenizer={"type": "Split", "pattern": {"Regex": "(["}, "behavior": "Isolated", "invert": False}
    ),
    "merges of unknown tokens": lambda told: told["model"].update(merges=[["x", "y"]]),
    "unknown model": lambda told: told["model"].update(type="Nonsense"),
}


@pytest.mark.parametrize("fault", ODD_TOKENIZERS)
def test_a_tokenizer_is_loaded_before_a_run_and_in_the_dry_run(fault: str, tmp_path: Path):
    pytest.importorskip("tokenizers")
    folder = write_folder(tmp_path / "model")
    told = json.loads((folder / "tokenizer.json").read_text())
    ODD_TOKENIZERS[fault](told)
    (folder / "tokenizer.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=r"tokenizer.*tokenizer\.json cannot be loaded"):
        check_model(ModelConfig(source=str(folder)))


def test_a_whole_tokenizer_passes(tmp_path: Path):
    check_model(ModelConfig(source=str(write_folder(tmp_path / "model"))))


@pytest.mark.parametrize("kind", ["F16", "BF16", "F32", "F64"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_weights_that_are_no_numbers(kind: str, value: str, tmp_path: Path):
    folder = write_folder(tmp_path / "model")
    width = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8}[kind]
    number = {"F16": "<e", "BF16": "<f", "F32": "<f", "F64": "<d"}[kind]
    held = struct.pack(number, float(value))[-width:]
    shapes = expected_tensors(CONFIG)
    header: dict[str, Any] = {}
    body = b""
    for name, shape in shapes.items():
        data = bytes(math.prod(shape) * width)
        if name == "model.norm.weight":
            data = bytes(width) + held + data[2 * width :]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + body)
    assert "model.norm.weight" in refusal(folder)
    assert "NaN" in refusal(folder)


def test_values_that_real_models_have_are_taken(tmp_path: Path):
    for number, changed in enumerate(
        (
            {"pad_token_id": -1, "eos_token_id": [0, 7], "torch_dtype": "bfloat16", "hidden_act": "gelu_pytorch_tanh"},
            {"rope_theta": 1_000_000, "rope_scaling": None, "attention_dropout": 0, "sliding_window": None},
            {
                "rope_scaling": {
                    "rope_type": "llama3",
                    "factor": 32.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 8192,
                }
            },
            {"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}},
            {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}, "dtype": "float32"},
            {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}}},
        )
    ):
        check_folder(write_folder(tmp_path / str(number), CONFIG | changed))


def test_a_gguf_that_is_right_but_not_like_llama_is_left_to_the_engine(tmp_path: Path):
    file = write_gguf(tmp_path / "x.gguf")
    file.write_bytes(file.read_bytes().replace(b"llama", b"other"))
    assert read_gguf(file)[1]["num_hidden_layers"] == 2
