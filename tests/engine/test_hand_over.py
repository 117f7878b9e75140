"""Weights on their way to another process: the same ones, in the format asked for, and gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from sapo_engine.models.loading import load_network
from sapo_engine.models.reasoner import adapter_weights, with_adapter
from sapo_engine.rollouts import hand_over
from sapo_engine.rollouts.hand_over import HandOver
from tests.fixtures.rollout_benches import ADAPTERS, random_network

if sys.platform != "linux":
    pytest.skip("vLLM is for Linux", allow_module_level=True)


@pytest.fixture
def place(tmp_path):
    made = HandOver(tmp_path / "place")
    yield made
    made.close()
    assert not made.folder.exists()


def sizes(place):
    return [os.fstat(number).st_size for number in place.descriptors]


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma2"])
def test_it_is_the_folder_that_transformers_would_have_written(place, tmp_path, family):
    network = random_network(family, 0)
    network.save_pretrained(tmp_path / "saved")
    with place.weights(network, torch.float32) as folder:
        theirs = load_file(tmp_path / "saved" / "model.safetensors")
        ours = load_file(folder / "model.safetensors")
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        told, wanted = (json.loads((at / "config.json").read_text()) for at in (folder, tmp_path / "saved"))
        assert told == wanted
        del ours
        loaded = load_network(folder)
        prompt = torch.tensor([[5, 9, 40]])
        with torch.inference_mode():
            assert torch.equal(loaded(prompt).logits, network(prompt).logits)
        del loaded


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_are_rounded_on_the_way(place, dtype):
    network = random_network("llama", 1)
    with place.weights(network, dtype) as folder:
        found = load_file(folder / "model.safetensors")
        own = network.state_dict()
        assert all(value.dtype == dtype and torch.equal(value, own[name].to(dtype)) for name, value in found.items())
        assert sum(sizes(place)) < 2.1 * sum(value.numel() for value in found.values())
        del found
    assert network.dtype == torch.float32


def test_of_a_network_with_adapters_its_own_weights_go(place):
    plain = {name: value.clone() for name, value in random_network("llama", 2).state_dict().items()}
    reasoner = with_adapter(random_network("llama", 2), ADAPTERS)
    with place.weights(reasoner.network, torch.float32) as folder:
        found = load_file(folder / "model.safetensors")
        assert found.keys() == plain.keys() - {"lm_head.weight"}
        assert all(torch.equal(value, plain[name]) for name, value in found.items())
        del found


def test_an_adapter_is_one_that_peft_reads(place):
    reasoner = with_adapter(random_network("llama", 2), ADAPTERS)
    own = adapter_weights(reasoner.network, reasoner.adapter)
    with torch.no_grad():
        for value in own.values():
            value.normal_()
    folder = place.adapter(reasoner, ADAPTERS)
    found = load_file(folder / "adapter_model.safetensors")
    assert {name.removeprefix("base_model.model."): value.sum() for name, value in found.items()} == {
        name: value.sum() for name, value in own.items()
    }
    assert json.loads((folder / "adapter_config.json").read_text())["r"] == ADAPTERS.rank
    del found
    other = with_adapter(reasoner.network, ADAPTERS)
    assert place.adapter(other, ADAPTERS) != folder
    assert not folder.exists()


def test_nothing_stays_between_two_hand_overs(place):
    network = random_network("llama", 0)
    for _ in range(3):
        with place.weights(network, torch.float32):
            assert sum(sizes(place)) > 2**20
        assert sum(sizes(place)) == 0
    with pytest.raises(RuntimeError, match="vLLM"), place.weights(network, torch.float32):
        raise RuntimeError("vLLM says no")
    assert sum(sizes(place)) == 0


@pytest.mark.parametrize("free", [2**20, 2**40])
def test_where_memory_is_short_they_go_by_the_disk(place, monkeypatch, free):
    monkeypatch.setattr(hand_over, "free_memory", lambda: free)
    with place.weights(random_network("llama", 0), torch.float32) as folder:
        link = (folder / "model.safetensors").readlink()
        assert ("memfd:" in str(link.readlink())) == (free > 2**30)
        # No name, on the disk either.
        assert [file.name for file in place.folder.rglob("*") if not file.is_dir()] == [
            "model.safetensors",
            "config.json",
        ]
        found = load_file(folder / "model.safetensors")
        assert torch.equal(found["model.norm.weight"], torch.ones(128))
        del found


def test_a_full_disk_is_told_of(place, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"), place.weights(random_network("llama", 0), torch.float32):
        pass
    assert sum(sizes(place)) == 0


READER = """
import sys
from safetensors.numpy import load_file
print(sum(value.sum(dtype="float64") for value in load_file(sys.argv[1]).values()))
"""


def test_another_process_reads_what_it_has_inherited(place):
    network = random_network("llama", 3)
    with place.weights(network, torch.float32) as folder:
        command = [sys.executable, "-c", READER, str(folder / "model.safetensors")]
        told = subprocess.run(command, pass_fds=place.descriptors, capture_output=True, text=True, check=True)
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    own = {id(value): value for value in network.parameters()}
    assert float(told.stdout) == pytest.approx(
        sum(float(value.detach().double().sum()) for value in own.values()), abs=1e-6
    )
    assert refused.returncode != 0


TYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.int32, torch.bool]


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.text("abc.", min_size=1, max_size=5),
        st.tuples(st.sampled_from(TYPES), st.lists(st.integers(0, 5), max_size=3)),
        max_size=6,
    )
)
def test_any_tensors_come_out_as_they_went_in(tmp_path_factory, shapes):
    state = {name: (torch.randn(shape) * 3).to(kind) for name, (kind, shape) in shapes.items()}
    state |= {f"{name}-turned": value.T for name, value in state.items() if value.dim() == 2}
    place = hand_over._Nameless(tmp_path_factory.mktemp("nameless"))
    place.fill(dict.fromkeys("longer before", torch.zeros(50)))
    path = place.fill(state)
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == state.keys()
        for name, value in state.items():
            found = file.get_tensor(name)
            assert found.dtype == value.dtype
            assert torch.equal(found, value)
            del found
    place.close()


def test_a_process_of_a_group_has_its_groups_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(hand_over, "CONTROL_GROUP", tmp_path)
    whole = hand_over.free_memory()
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert hand_over.free_memory() > whole / 4
    (tmp_path / "memory.max").write_text("5000\n")
    assert hand_over.free_memory() == 4000
