"""`sapo publish`: what others load from the folder is what the run computed with, and the card's own lines show it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    GenerationConfig,
    Olmo2Config,
    Olmo2ForCausalLM,
)

from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.scoring import score
from sapo_studio import paths
from sapo_studio.files import new_folder
from sapo_studio.model_files.gguf_header import read_header
from tests.fixtures.command_line import said
from tests.fixtures.kept_models import CPU, LAB, KeptModels, on_words, printed, snippet
from tests.fixtures.small_disk import FILLER, SmallDisk, can_mount
from tests.fixtures.tiny_models import SHAPE, byte_tokenizer

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return KeptModels(tmp_path_factory.mktemp("lab"), LAB)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    home = tmp_path_factory.mktemp("words")
    return KeptModels(home, on_words(home))


def published(run, monkeypatch, *arguments):
    """`sapo publish` of the run with --json: what it told."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(run.home))
    code, out, err = said("publish", run.run_id, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def refused(run, monkeypatch, *arguments):
    """The same where it is refused: its exit code and what it said."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(run.home))
    code, _, err = said("publish", run.run_id, *arguments)
    return code, " ".join(err.split())


def run_scores(run):
    """The verifier's scores of the run's own samples, as the run computes them."""
    texts = [run.session.text(t) for t in run.samples]
    return score(run.verifier, texts, [t.ends for t in run.samples], pad_id=run.session.pad_id)


def test_a_reasoner_is_what_the_run_samples_with(lab, monkeypatch, tmp_path):
    folder = tmp_path / "out"
    told = published(lab, monkeypatch, "--iteration", "0", "--out", folder)
    assert (told["iteration"], told["dtype"], told["rounding"]) == (0, "fp32", None)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    asked = lab.session.task.questions("test")[0]
    text = lab.session.task.prompt(asked)
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.inference_mode():
        assert torch.equal(model(ids).logits, lab.logits(text))
    told = GenerationConfig.from_pretrained(folder)
    assert (told.temperature, told.top_k, told.max_new_tokens) == (0.7, 0, lab.session.task.max_new_tokens)
    assert told.eos_token_id == lab.session.tokenizer.eos_token_id
    card = (folder / "README.md").read_text()
    assert printed(snippet(card), folder) == lab.greedy(asked.text)


def test_a_verifier_scores_as_the_runs_own(lab, monkeypatch, tmp_path):
    folder = tmp_path / "out"
    told = published(lab, monkeypatch, "--verifier", "--out", folder)
    assert told["head"] == "likelihood"
    assert told["apart"] < 1e-5
    classifier = Classifier(folder, CPU)
    for t, wanted in zip(lab.samples, run_scores(lab), strict=True):
        question = lab.session.questions[t.question].text
        assert classifier.score(question, t.steps) == pytest.approx(wanted, abs=1e-5)
    model = AutoModelForTokenClassification.from_pretrained(folder)
    assert model.config.num_labels == model.config.vocab_size + 1
    code = snippet((folder / "README.md").read_text())
    assert "sapo" not in re.sub(r"sapo_verifier|kept-lab", "", code)
    assert json.loads(printed(code, folder)) == pytest.approx(scores_shown(lab, code), abs=1e-5)


def scores_shown(run, code):
    """The run's own scores of the solution that a card's lines have as their example."""
    example = ast.literal_eval(re.search(r"^steps = (.*)$", code, re.MULTILINE)[1])
    (shown,) = [scores for t, scores in zip(run.samples, run_scores(run), strict=True) if list(t.steps) == example]
    return shown


@pytest.mark.slow
def test_the_cards_lines_run_in_a_process_that_knows_nothing_of_this_program(lab, monkeypatch, tmp_path):
    folder = tmp_path / "out"
    published(lab, monkeypatch, "--verifier", "--out", folder)
    code = snippet((folder / "README.md").read_text())
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | OFFLINE
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(scores_shown(lab, code), abs=1e-5)


def test_evaluate_finds_the_same_of_the_folder_and_of_the_run(lab, monkeypatch, tmp_path):
    published(lab, monkeypatch, "--verifier", "--out", tmp_path / "out")
    rows = [
        {
            "id": str(t.number),
            "problem": lab.session.questions[t.question].text,
            "steps": list(t.steps[:cut]),
            "final_answer_correct": cut == t.n,
            "label": -1 if cut == t.n else cut - 1,
        }
        for t in lab.samples
        for cut in (t.n - 1, t.n)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [
        json.loads(said("evaluate", *which, "--benchmark", file, "--json")[1])["benchmark"]
        for which in ((lab.run_id, "--verifier", "0"), ("--verifier", tmp_path / "out"))
    ]
    assert found[0]["solutions"] == len(rows)
    for one in found:
        del one["thresholds"]  # one of them is put between scores, and equal ones part at the eighth digit
    assert rounded(found[1]) == rounded(found[0])


def rounded(value):
    """Numbers to four digits: scores agree to the seventh."""
    if isinstance(value, dict):
        return {key: rounded(held) for key, held in value.items()}
    if isinstance(value, list):
        return [rounded(held) for held in value]
    return round(value, 4) if isinstance(value, float) else value


@pytest.mark.parametrize("head", [pytest.param("scalar", marks=pytest.mark.slow), "likelihood"])
def test_a_verifier_of_adapters_is_one_model(head, monkeypatch, tmp_path):
    settings = on_words(tmp_path, "llama", prompt="chat")
    run = KeptModels(tmp_path / "home", settings | {"verifier": {"base": "shared", "head": head}})
    folder = tmp_path / "out"
    told = published(run, monkeypatch, "--verifier", "--out", folder)
    assert (told["head"], told["adapter"]) == (head, False)
    code = snippet((folder / "README.md").read_text())
    example = ast.literal_eval(re.search(r"^steps = (.*)$", code, re.MULTILINE)[1])
    places = [place for place, t in enumerate(run.samples) if list(t.steps) == example]
    given = json.loads(printed(code, folder))
    (t,) = [run.samples[place] for place in places]
    wanted = run_scores(run)[places[0]]
    # The run's own solution ends as it was written; laid out again from its steps, only their joints may differ.
    again = Classifier(folder, CPU).score(run.session.questions[t.question].text, t.steps)
    assert given == pytest.approx(again, abs=1e-5)
    assert given == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("prompt", ["plain", "chat", pytest.param("few-shot", marks=pytest.mark.slow)])
def test_an_adapter_is_published_merged(prompt, monkeypatch, tmp_path):
    run = KeptModels(tmp_path / "home", on_words(tmp_path, prompt=prompt))
    folder = tmp_path / "out"
    told = published(run, monkeypatch, "--out", folder)
    assert told["rounding"]["largest"] < 1e-3
    assert told["rounding"]["changed"] == 0
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = run.session.tokenizer("Tom has 3", return_tensors="pt").input_ids
    with torch.inference_mode():
        torch.testing.assert_close(model(ids).logits, run.logits("Tom has 3"), atol=1e-4, rtol=1e-4)
    asked = run.session.task.questions("test")[0]
    assert printed(snippet((folder / "README.md").read_text()), folder) == run.greedy(asked.text)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if prompt != "chat":
        laid_out = tokenizer.apply_chat_template([{"role": "user", "content": asked.text}], tokenize=False)
        assert laid_out == run.session.task.prompt(asked)


def test_an_adapter_stays_one_where_it_is_asked_for(words, monkeypatch, tmp_path):
    folder = tmp_path / "out"
    told = published(words, monkeypatch, "--adapter", "--out", folder)
    assert told["adapter"]
    (tmp_path / "out" / "tiny-base").symlink_to(words.config.model.source)
    asked = words.session.task.questions("test")[0]
    card = (folder / "README.md").read_text()
    assert printed(snippet(card), folder) == words.greedy(asked.text)
    base = AutoModelForCausalLM.from_pretrained(words.config.model.source)
    model = PeftModel.from_pretrained(base, folder)
    ids = words.session.tokenizer("Tom has 3", return_tensors="pt").input_ids
    with torch.inference_mode():
        torch.testing.assert_close(model(ids).logits, words.logits("Tom has 3"), atol=1e-5, rtol=1e-5)
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny-base"
    assert "* `model.safetensors`, SHA-256 `" in card  # the digest of the base that it belongs to


def test_another_format_is_measured(lab, monkeypatch, tmp_path):
    told = published(lab, monkeypatch, "--dtype", "bf16", "--out", tmp_path / "out")
    assert told["dtype"] == "bf16"
    rounding = told["rounding"]
    assert 0 < rounding["mean"] < rounding["largest"] < 2
    assert 0 < rounding["kl"] < 0.1
    assert f"{rounding['largest']:.3g}" in (tmp_path / "out" / "README.md").read_text()
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto").dtype == torch.bfloat16


@pytest.mark.slow
def test_another_format_of_a_verifier_and_of_merged_adapters_is_measured(lab, words, monkeypatch, tmp_path):
    told = published(lab, monkeypatch, "--verifier", "--dtype", "bf16", "--out", tmp_path / "judge")
    assert 0 < told["apart"] < 0.1
    assert AutoModelForTokenClassification.from_pretrained(tmp_path / "judge", dtype="auto").dtype == torch.bfloat16
    told = published(words, monkeypatch, "--dtype", "bf16", "--out", tmp_path / "merged")
    assert 0 < told["rounding"]["largest"] < 0.2
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype="auto").dtype == torch.bfloat16


def test_nothing_of_this_machine_is_in_the_folder(words, monkeypatch, tmp_path):
    for name, options in (("whole", ()), ("adapter", ("--adapter",)), ("judge", ("--verifier",))):
        folder = tmp_path / name
        published(words, monkeypatch, *options, "--out", folder)
        for file in folder.iterdir():
            if file.suffix in (".json", ".md", ".jinja"):
                text = file.read_text()
                for told in (str(words.home), str(Path.home()) + "/", str(tmp_path), '_name_or_path": "/', "/tmp/"):
                    assert told not in text, (file.name, told)


def test_the_card_has_what_the_hub_reads(words, monkeypatch, tmp_path):
    published(words, monkeypatch, "--verifier", "--out", tmp_path / "out")
    data = ModelCard.load(tmp_path / "out" / "README.md").data
    assert (data.license, data.license_name) == ("other", "unknown")  # the base says nothing of one
    assert data.library_name == "transformers"
    assert "process-reward-model" in data.tags
    (result,) = data.eval_results
    assert result.metric_value == 0.75
    assert "65.0 % to 85.0 %" in result.metric_name
    card = (tmp_path / "out" / "README.md").read_text()
    assert "n = 10" in card
    assert "Not measured: " in card


def test_what_cannot_be_published_is_refused(lab, words, monkeypatch, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine").write_text("kept")
    (tmp_path / "file").write_text("kept")
    cases = [
        (lab, (), "no place to publish to"),
        (lab, ("--out", taken), "exists already"),
        (lab, ("--out", tmp_path / "file"), "exists already"),
        (lab, ("--out", tmp_path / "file" / "x"), "Give the path of a folder."),
        (lab, ("--out", tmp_path / "x", "--iteration", "7"), "no model of iteration 7 There are: 0."),
        (lab, ("--out", tmp_path / "x", "--verifier", "--iteration", "7"), "no verifier of iteration 7"),
        (lab, ("--out", tmp_path / "x", "--adapter"), "trains no adapters"),
        (words, ("--out", tmp_path / "x", "--verifier", "--adapter"), "published as a whole model"),
        (words, ("--out", tmp_path / "x", "--adapter", "--dtype", "bf16"), "--dtype is for whole models"),
        (lab, ("--out", tmp_path / "x", "--public"), "are for the Hub"),
        (lab, ("--out", tmp_path / "x", "--verifier", "--gguf"), "cannot be written as GGUF"),
    ]
    before = sorted(one.name for one in tmp_path.rglob("*"))
    for run, options, told in cases:
        code, err = refused(run, monkeypatch, *options)
        assert (options, code) == (options, 2), err
        assert told in err
    assert sorted(one.name for one in tmp_path.rglob("*")) == before
    (tmp_path / "free").mkdir()
    published(lab, monkeypatch, "--out", tmp_path / "free")  # an empty folder is one to publish to
    assert (tmp_path / "free" / "README.md").is_file()


def test_a_model_that_is_cut_off_is_not_published(lab, monkeypatch, tmp_path):
    (weights,) = lab.folder.glob("artefacts/*-sft-0/model/*.safetensors")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:5000])
    try:
        code, err = refused(lab, monkeypatch, "--out", tmp_path / "x")
    finally:
        weights.write_bytes(whole)
    assert (code, "The model of iteration 0 is not whole any more" in err) == (1, True), err
    assert list(tmp_path.iterdir()) == []


CONVERTER = """
import argparse, pathlib, sys
from gguf import GGUFWriter
import numpy
asked = argparse.ArgumentParser()
asked.add_argument("folder")
asked.add_argument("--outfile")
asked.add_argument("--outtype")
told = asked.parse_args()
if not (pathlib.Path(told.folder) / "model.safetensors").is_file() or FAILS:
    sys.exit("BPE pre-tokenizer was not recognized")
made = GGUFWriter(told.outfile, "llama")
made.add_name(told.outtype)
made.add_tensor("token_embd.weight", numpy.zeros((4, 4), dtype=numpy.float32))
made.write_header_to_file()
made.write_kv_data_to_file()
made.write_tensors_to_file()
made.close()
"""


def test_gguf_is_the_converters(lab, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SAPO_LLAMA_CPP", raising=False)
    code, told = refused(lab, monkeypatch, "--gguf", "--out", tmp_path / "out")
    assert code == 2
    assert "git clone https://github.com/ggml-org/llama.cpp" in told
    cpp = tmp_path / "llama.cpp"
    monkeypatch.setenv("SAPO_LLAMA_CPP", str(cpp))
    code, told = refused(lab, monkeypatch, "--gguf", "--out", tmp_path / "out")
    assert code == 2
    assert f"There is no convert_hf_to_gguf.py at {cpp}" in told
    cpp.mkdir()
    (cpp / "convert_hf_to_gguf.py").write_text(CONVERTER.replace("FAILS", "True"))
    code, told = refused(lab, monkeypatch, "--gguf", "--out", tmp_path / "out")
    assert code == 2
    assert "BPE pre-tokenizer was not recognized" in told
    assert [one.name for one in tmp_path.iterdir()] == ["llama.cpp"]
    (cpp / "convert_hf_to_gguf.py").write_text(CONVERTER.replace("FAILS", "False"))
    told = published(lab, monkeypatch, "--gguf", "--dtype", "bf16", "--out", tmp_path / "out")
    file = tmp_path / "out" / told["gguf"]
    assert read_header(file).facts["general.name"] == "bf16"
    assert f"`{file.name}` is the same model" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.skipif(not can_mount(), reason="only root may mount a disk of its own")
def test_a_full_disk_leaves_no_half_folder(lab, words, monkeypatch, tmp_path):
    with SmallDisk.mounted(tmp_path / "disk", megabytes=1) as disk:
        disk.fill(but=100_000)
        for run, options in ((lab, ()), (lab, ("--dtype", "bf16")), (lab, ("--verifier",)), (words, ())):
            code, told = refused(run, monkeypatch, *options, "--out", disk.folder / "out")
            assert code == 1, told
            assert "No space left" in told or "os error 28" in told
            assert [one.name for one in disk.folder.iterdir()] == [FILLER]


def test_killed_in_the_middle_it_leaves_nothing_under_its_name(tmp_path):
    code = (
        "import os, pathlib, sys; from sapo_studio.files import FolderDraft;"
        "draft = FolderDraft(pathlib.Path(sys.argv[1]));"
        "(draft.partial / 'half').write_text('h'); os.kill(os.getpid(), 9)"
    )
    target = tmp_path / "model"
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -9
    assert not target.exists()
    (left,) = tmp_path.iterdir()
    assert re.fullmatch(r"model\.[0-9a-f]{8}\.partial", left.name)
    with new_folder(target) as partial:  # and is in nobody's way
        (partial / "whole").write_text("w")
    assert [one.name for one in target.iterdir()] == ["whole"]


@pytest.mark.parametrize("head", ["scalar", pytest.param("likelihood", marks=pytest.mark.slow)])
def test_without_a_classifier_of_its_architecture_the_head_is_told(head, monkeypatch, tmp_path):
    base = tmp_path / "olmo"
    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    Olmo2ForCausalLM(Olmo2Config(vocab_size=len(tokenizer), eos_token_id=0, pad_token_id=0, **SHAPE)).save_pretrained(
        base
    )
    tokenizer.save_pretrained(base)
    settings = on_words(tmp_path) | {"verifier": {"base": "shared", "head": head}}
    settings["model"] |= {"source": str(base)}
    run = KeptModels(tmp_path / "home", settings)
    folder = tmp_path / "out"
    told = published(run, monkeypatch, "--verifier", "--out", folder)
    assert (told["classifier"], told["architecture"]) == (False, "Olmo2ForCausalLM")
    assert told["apart"] < 1e-4
    code = snippet((folder / "README.md").read_text())
    example = ast.literal_eval(re.search(r"^steps = (.*)$", code, re.MULTILINE)[1])
    (wanted,) = [scores for t, scores in zip(run.samples, run_scores(run), strict=True) if list(t.steps) == example]
    assert json.loads(printed(code, folder)) == pytest.approx(wanted, abs=1e-4)


def test_merged_out_of_four_bits_it_is_what_was_trained(monkeypatch, tmp_path):
    pytest.importorskip("bitsandbytes")
    from transformers import BitsAndBytesConfig

    from sapo_engine.models.loading import load_network
    from sapo_engine.models.reasoner import Adapters, adapter_weights, with_adapter
    from sapo_engine.publishing.merging import merged, save_weights
    from sapo_engine.publishing.rounding import compare, last_logits
    from tests.fixtures import tiny_models

    monkeypatch.setattr(tiny_models, "SHAPE", tiny_models.SHAPE | {"hidden_size": 128, "intermediate_size": 256})
    base = tiny_models.write_model(tmp_path / "base", "llama")
    packed = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    network = load_network(base, dtype=torch.bfloat16, quantisation=(packed, CPU))
    reasoner = with_adapter(network, Adapters(4, 8.0, 0.0))
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in adapter_weights(network, reasoner.adapter).values():
            weight.add_(torch.randn_like(weight), alpha=0.05)
    save_weights(merged(reasoner, torch.bfloat16), network, torch.bfloat16, tmp_path / "out")
    texts = [tuple(range(5, 40)), tuple(range(50, 90))]
    # Behind the merging: on a processor the first pass packs the weights in another way.
    before = last_logits(reasoner.activate(), texts, "bf16")
    apart = compare(before, last_logits(load_network(tmp_path / "out", dtype=torch.bfloat16), texts))
    unchanged = compare(before, last_logits(load_network(base, dtype=torch.bfloat16), texts))
    assert apart.largest < 0.3
    assert apart.kl < 0.01 < unchanged.kl


def test_four_bits_need_a_package(monkeypatch):
    from sapo_engine.publishing import merging
    from sapo_studio.errors import InputError

    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(InputError, match="cannot be merged without") as told:
        merging.check_four_bits()
    assert "pip install 'sapo-studio[qlora]'" in told.value.fix
