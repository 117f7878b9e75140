"""What is divided among ranks and what is not; what ranks come to together is in test_group.py."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from sapo_engine.models.loading import load_network
from sapo_engine.models.reasoner import Adapters, Reasoner, with_adapter
from sapo_engine.process_group import ALONE, Group, PeersLostError, peers_at_work
from sapo_engine.training.sharded import obstacle
from sapo_engine.training.sharding_rule import shards_trainings
from sapo_engine.verifier.model import Verifier
from sapo_studio.config.schema import parse_config
from sapo_studio.errors import InputError
from tests.fixtures import ranks
from tests.fixtures.tiny_models import write_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "llama", "llama")


class Two(Group):
    """One of two ranks on like machines."""

    size = 2

    def gather(self, value):
        return [value, value]


def config(**runtime):
    data = {"task": {"kind": "gsm8k", "train_data": "none.jsonl"}, "model": {"source": "somewhere", "tuning": "full"}}
    return parse_config({**data, "runtime": {"processes": 2, **runtime}})


def test_all_weights_of_a_network_are_divided_and_adapters_are_not(llama):
    network = load_network(llama)
    assert obstacle(network, "fp32") == obstacle(network, "bf16") == ""
    assert obstacle(Verifier(Reasoner(network), "scalar"), "bf16") == ""
    assert "fp16" in obstacle(network, "fp16")
    assert "blocks" in obstacle(nn.Linear(2, 2), "fp32")
    network._keep_in_fp32_modules_strict = {"mlp.gate_proj"}
    assert "fp32" in obstacle(network, "bf16")
    assert obstacle(network, "fp32") == ""
    assert "adapters" in obstacle(with_adapter(network, Adapters(2, 4.0, 0.0)).trainable(), "bf16")


def test_a_run_settles_it_when_it_begins(llama, monkeypatch):
    network = load_network(llama)

    def settled(card, device="cuda", group=None, **runtime):
        monkeypatch.setattr("sapo_engine.training.sharding_rule.all_bytes", lambda device: card)
        return shards_trainings(config(**runtime), network, "bf16", torch.device(device), group or Two())

    assert settled(2**20)  # not even what a driver takes
    assert not settled(2**40)
    assert settled(2**40, sharded_training="on")
    assert not settled(2**20, sharded_training="off")
    assert not settled(0, "cpu")
    assert settled(0, "cpu", sharded_training="on")
    assert not settled(2**20, group=ALONE, sharded_training="on")  # all others are gone


def test_what_cannot_be_divided_is_told_at_the_start(llama):
    network = load_network(llama)
    network._keep_in_fp32_modules_strict = {"mlp.gate_proj"}
    with pytest.raises(InputError, match="llama cannot be divided") as told:
        shards_trainings(config(sharded_training="on"), network, "bf16", CPU, Two())
    assert "have to be in fp32" in told.value.why
    assert 'sharded_training = "off"' in told.value.fix


def test_peers_that_are_lost_inside_a_librarys_pass_are_told_from_its_faults():
    for error in (
        torch.distributed.DistBackendError("NCCL communicator was aborted on rank 1."),
        RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer"),
    ):
        with pytest.raises(PeersLostError), peers_at_work():
            raise error
    with pytest.raises(RuntimeError, match="shapes"), peers_at_work():
        raise RuntimeError("shapes do not fit")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="several processes are refused there")
def test_a_rank_that_dies_in_a_divided_training_is_noticed(tmp_path):
    (words, code), (_, dead) = ranks.ended(["lonely_with_parts"], tmp_path)
    assert (code, dead) == (1, 9)
    assert "process_group.PeersLostError: " in words.strip().splitlines()[-1]
