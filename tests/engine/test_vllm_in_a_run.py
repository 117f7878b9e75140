"""A run's pool and its vLLM engine: who has which weights, and what waits where. By a module that pretends to be vLLM,
on a card."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from sapo_engine.models.reasoner import clone
from sapo_engine.rollouts import Request
from sapo_engine.rollouts.vllm import PYTHON
from sapo_engine.session import RunSession
from tests.fixtures.pretend_vllm import pretend_vllm
from tests.fixtures.small_run import config

if sys.platform != "linux":
    pytest.skip("vLLM is for Linux", allow_module_level=True)

WAKE = [["wake", ["weights"]], ["wake", ["kv_cache"]]]
ASKED = [Request((2, 3), (7,), 5)]


@pytest.fixture
def started(tmp_path, monkeypatch):
    """A run's session, its first reasoner, and what vLLM was told once the session is closed."""
    monkeypatch.setenv(PYTHON, str(pretend_vllm(tmp_path, card=True)))
    sessions = []

    def start(**model):
        sessions.append(
            RunSession(config(runtime={"backend": "vllm"}, model=model), tmp_path / "run", torch.device("cpu"))
        )
        return sessions[-1], sessions[-1].start()

    def told():
        for session in sessions:
            session.close()
        assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith("rollouts")]
        return json.loads((tmp_path / "vllm" / "told.json").read_text())["card"]

    (tmp_path / "run").mkdir()
    yield start, told
    for session in sessions:
        session.close()


def write(session, reasoner):
    session.pool.backend(reasoner).generate(ASKED, temperature=1.0)


def test_trained_weights_are_given_up_and_handed_over(started):
    start, told = started
    session, first = start()
    write(session, first)
    write(session, first)
    session.placement.place(first)  # as before it is trained
    trained = clone(first, session.adapters)
    write(session, trained)
    session.placement.place(trained)
    write(session, trained)  # the same again: vLLM has dropped them, so that they have to come once more
    [[read, tensors, size], *after] = told()
    assert (read, tensors) == ("read", len(list(first.network.parameters())))
    assert size == 4 * sum(parameter.numel() for parameter in first.network.parameters())
    loading = [["sleep", 2], WAKE[0], ["read", tensors, size], WAKE[1]]
    assert after == [*loading, *loading]


def test_beside_adapters_the_base_waits(started):
    start, told = started
    session, first = start(tuning="lora", lora_rank=4)
    write(session, first)
    session.placement.place(first)
    write(session, first)  # the same: nothing is handed over
    trained = clone(first, session.adapters)
    session.placement.place(trained)
    write(session, trained)
    files = ["adapter_config.json", "adapter_model.safetensors"]
    [[read, tensors, _], *after] = told()
    own = [name for name, _ in first.network.named_parameters() if ".lora_" not in name]
    assert (read, tensors) == ("read", len(own))
    assert after == [
        ["adapter", files, 1],
        ["sleep", 1],
        *WAKE,
        ["sleep", 1],
        WAKE[0],
        ["adapter gone", 1],
        ["adapter", files, 2],
        WAKE[1],
    ]
