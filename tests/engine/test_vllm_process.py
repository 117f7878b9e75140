"""The process around a vLLM engine: it is told apart from this one, ends with it, and says why it could not go on.

A module that pretends to be vLLM makes this fast; one test kills the host of a real engine.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import torch

from sapo_engine.rollouts import Completion, Request, VllmBackend, vllm_installed
from sapo_engine.rollouts.hand_over import HandOver
from sapo_engine.rollouts.vllm import PYTHON
from sapo_studio.config.engine_limits import VLLM_CPU_SEQUENCES, VLLM_SEQUENCES
from sapo_studio.errors import EngineError
from tests.fixtures.pretend_vllm import GRAPHS, MODE, PASSING, pretend_vllm
from tests.fixtures.rollout_benches import random_network, write_random

if sys.platform != "linux":
    pytest.skip("vLLM is for Linux", allow_module_level=True)

EOS = 40
FOLDER = Path("model")


@pytest.fixture
def python(tmp_path, monkeypatch):
    """Choose what the engine's Python has."""

    def choose(**options):
        monkeypatch.setenv(PYTHON, str(pretend_vllm(tmp_path, **options)))

    return choose


def engine(**options):
    return VllmBackend(FOLDER, eos=EOS, max_len=100, **options)


def test_answers_come_in_the_order_of_asking(python):
    python()
    requests = [Request((9 * i % 20, 5 + i), tuple(range(i % 3 + 1)), 4 + i) for i in range(8)]
    told = []
    with engine() as backend:
        found = backend.generate(requests, temperature=1.0, tick=told.append)
        assert (backend.version, backend.device) == ("0.32.0", "cpu")
    assert found == [
        [Completion(tuple(range(6 + i, 10 + 2 * i)), False)] * len(request.keys) for i, request in enumerate(requests)
    ]
    assert told == [3] * (sum(told) // 3) + [sum(told) % 3] * (sum(told) % 3 > 0)
    assert sum(told) == sum(len(request.keys) for request in requests) == backend.usage.sequences
    assert backend.usage.prefix_hits == backend.usage.prefill_tokens == backend.usage.sequences


def told_to_vllm(tmp_path):
    return json.loads((tmp_path / "vllm" / "told.json").read_text())


@pytest.mark.parametrize("knows", [PASSING, GRAPHS, frozenset()])
def test_on_a_card_it_writes_many_with_graphs_for_all_of_them(python, tmp_path, knows):
    python(card=True, knows=frozenset(knows))
    with engine() as backend:
        backend.generate([Request((1, 2), (3, 4), 5)], temperature=1.0)
        assert backend.device == "cuda"
        options = backend.options
    told = told_to_vllm(tmp_path)
    assert told["options"] == options
    assert options["max_num_seqs"] == VLLM_SEQUENCES == 1024
    assert PASSING & options.keys() == knows
    # An output for each text, not for each token.
    assert told["params"] == ["whole texts alone"] * 2


def test_on_a_cpu_it_writes_fewer_without_graphs(python, tmp_path):
    python()
    with engine() as backend:
        backend.generate([Request((1, 2), (3,), 5)], temperature=1.0)
    told = told_to_vllm(tmp_path)
    assert told["options"]["max_num_seqs"] == VLLM_CPU_SEQUENCES == 256
    assert told["options"]["enforce_eager"] is True
    assert not GRAPHS & told["options"].keys()
    assert told["params"] == ["whole texts alone"]


def qwen2(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["Qwen2ForCausalLM"]}))
    return folder


@pytest.mark.parametrize("mine", [None, "0"])
def test_its_variables_reach_vllm_unless_the_user_has_set_them(python, tmp_path, monkeypatch, mine):
    folder = qwen2(tmp_path)
    for name in ("VLLM_USE_V2_MODEL_RUNNER", "VLLM_LOGGING_LEVEL", "VLLM_USE_FLASHINFER_SAMPLER"):
        monkeypatch.delenv(name, raising=False)
    if mine is not None:
        monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", mine)
        monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
        monkeypatch.setenv("VLLM_USE_FLASHINFER_SAMPLER", "1")
    python(card=True, version="0.24.0")
    VllmBackend(folder, eos=EOS, max_len=100).close()
    found = told_to_vllm(tmp_path)["environment"]
    assert found["VLLM_USE_V2_MODEL_RUNNER"] == mine or (mine is None and found["VLLM_USE_V2_MODEL_RUNNER"] == "1")
    assert found["VLLM_LOGGING_LEVEL"] == ("DEBUG" if mine else "ERROR")
    assert found["VLLM_USE_FLASHINFER_SAMPLER"] == ("1" if mine else "0")
    assert found["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"


def test_a_card_is_given_back_and_taken_again(python, tmp_path):
    python(card=True)
    with engine() as backend:
        backend.release()
        backend.release()
        assert backend.has_weights
        backend.generate([Request((1, 2), (3,), 5)], temperature=1.0)
        backend.release(weights_follow=True)
        assert not backend.has_weights
        with pytest.raises(EngineError, match="given its weights up"):
            backend.generate([Request((1, 2), (3,), 5)], temperature=1.0)
        with pytest.raises(EngineError, match="given its weights up"):
            backend.load(adapter=Path("adapter"))
        backend.load(Path("others"))
        assert backend.has_weights
        backend.generate([Request((1, 2), (3,), 5)], temperature=1.0)
    # Weights first: while they are read there is no cache yet.
    waking = [["wake", ["weights"]], ["wake", ["kv_cache"]]]
    assert told_to_vllm(tmp_path)["card"] == [["sleep", 1], *waking, ["sleep", 2], *waking]


def test_a_cpu_keeps_its_weights(python, tmp_path):
    python()
    with engine() as backend:
        backend.release(weights_follow=True)
        assert backend.has_weights
        backend.generate([Request((1, 2), (3,), 5)], temperature=1.0)
    assert told_to_vllm(tmp_path)["card"] == []


def test_the_end_of_text_token_finishes(python):
    python()
    with engine() as backend:
        assert backend.generate([Request((37,), (1,), 9)], temperature=0) == [[Completion((38, 39, 40), True)]]


class AtMost:
    """A watch that ends a continuation of more than `most` tokens."""

    def __init__(self, most, told):
        self.left, self.told = most, told

    def ended(self, new):
        self.told.append(len(new))
        self.left -= len(new)
        return self.left < 0


def test_a_watch_ends_its_own_continuation_and_no_other(python):
    python()
    told, ticks = [], []
    requests = [
        Request((40 + number,), (1, 2), 90, (lambda most=most: AtMost(most, told)) if most else None)
        for number, most in enumerate((0, 30, 60, 10, 200))
    ]
    with engine() as backend:
        found = backend.generate(requests, temperature=1.0, tick=ticks.append)
        again = backend.generate([Request((7,), (3,), 20)], temperature=1.0)
        assert backend.usage.generated_tokens == sum(len(c.tokens) for row in found for c in row) + 20
    lengths = [{len(completion.tokens) for completion in row} for row in found]
    # The first 12 are told of at once, then 24 at a time: this engine writes 12 a step, and 16 are to be told of.
    assert lengths == [{90}, {36}, {84}, {36}, {90}]
    for request, row in zip(requests, found, strict=True):
        (text,) = {completion.tokens for completion in row}
        assert text == tuple(range(request.prompt[0] + 1, request.prompt[0] + 1 + len(text)))
        assert not any(completion.finished for completion in row)
    assert set(told) == {36, 24}
    assert sum(ticks) == 10
    assert again == [[Completion(tuple(range(8, 28)), False)]]


def test_log_probabilities_come_for_those_who_ask(python, tmp_path):
    python()
    requests = [
        Request((2,), (1, 2), 5, log_probs=True),
        Request((3,), (3,), 5),
        Request((37,), (4,), 9, log_probs=True),
        Request((41,), (5,), 90, lambda: AtMost(30, []), log_probs=True),
    ]
    with engine() as backend:
        found = backend.generate(requests, temperature=0.5)
    for request, row in zip(requests, found, strict=True):
        for completion in row:
            assert completion.log_probs == tuple(-token / 8 for token in completion.tokens * request.log_probs)
    assert [len(row[0].log_probs) for row in found] == [5, 0, 3, 36]
    told = told_to_vllm(tmp_path)
    assert sorted(told["logprobs"], key=str) == [0, 0, 0, 0, None]
    assert told["options"][MODE] == "raw_logprobs"


def test_closing_ends_the_process_in_good_order(python, capfd):
    python()
    backend = engine()
    process = psutil.Process(backend.pid)
    backend.close()
    assert not process.is_running()
    assert "shut down in good order" in capfd.readouterr().err
    backend.close()
    with pytest.raises(EngineError, match="has been closed"):
        backend.generate([Request((1,), (1,), 1)], temperature=0)


def test_an_engine_that_nobody_holds_any_more_ends(python):
    python()
    backend = engine()
    process = psutil.Process(backend.pid)
    del backend
    assert not process.is_running()


def test_a_launchers_variables_do_not_reach_the_engine(python, monkeypatch):
    python()
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "1")
    engine().close()  # the pretended engine refuses to start with any of them


def test_without_vllm_it_says_how_to_get_it(python):
    python(missing=True)
    with pytest.raises(EngineError, match="vLLM is not installed") as caught:
        engine()
    assert "sapo-studio[vllm]" in caught.value.fix


def test_an_old_vllm_is_refused(python):
    python(version="0.17.3")
    with pytest.raises(EngineError, match="too old") as caught:
        engine()
    assert "0.17.3" in caught.value.why


def test_a_python_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv(PYTHON, str(tmp_path / "python"))
    with pytest.raises(EngineError, match="cannot be started") as caught:
        engine()
    assert str(tmp_path) in caught.value.why


def test_what_vllm_says_of_its_failure_is_passed_on(python):
    python()
    with pytest.raises(EngineError, match="vLLM failed") as caught:
        engine(dtype="fp8")
    assert "no such dtype here" in caught.value.why


def test_after_a_failure_the_engine_is_gone(python):
    python()
    backend = engine()
    process = psutil.Process(backend.pid)
    with pytest.raises(EngineError, match="vLLM failed") as caught:
        backend.load(Path("broken"))
    assert "weights are broken" in caught.value.why
    assert not process.is_running()


def test_an_engine_that_was_killed_is_reported_with_the_signal(python):
    python()
    backend = engine()
    psutil.Process(backend.pid).kill()
    with pytest.raises(EngineError, match="engine ended") as caught:
        backend.generate([Request((1,), (1,), 1)], temperature=0)
    assert "SIGKILL" in caught.value.why


def be_host(doing, scratch, say, end):
    """A host of an engine, in a process of its own. `say` tells its number, and what it hands over; until something
    comes by `end`, or its other side is closed, it is busy."""
    hand_over = HandOver(scratch)
    backend = engine(hand_over=hand_over)
    if "forked" in doing and os.fork() == 0:
        # Holds the pipe to the engine open, as a grader forked by the host would.
        os.read(end, 1)
        os._exit(0)
    say(backend.pid)
    if doing == "handing over":
        with hand_over.weights(random_network("llama", 0), torch.float32) as folder:
            say(folder)
            os.read(end, 1)
    if "generating" in doing:
        backend.generate([Request((1,), (1,), 5)], temperature=0)
    os.read(end, 1)


@contextmanager
def host_of_engine(doing, scratch):
    """A host and its engine's process, while the host is `doing`, and the lines that it says besides. It is forked: to
    import torch once more takes seconds."""
    (hear, said), (end, close) = os.pipe(), os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.close(close)
            be_host(doing, scratch, lambda what: os.write(said, f"{what}\n".encode()), end)
        except BaseException:  # it is a process's end, not the test's
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(said)
    os.close(end)
    host = psutil.Process(pid)
    with os.fdopen(hear) as lines:
        try:
            process = psutil.Process(int(lines.readline()))
            assert process.is_running()
            yield host, process, lines
        finally:
            with suppress(psutil.NoSuchProcess):
                host.kill()
                host.wait()
            os.close(close)


def kill_host_of_engine(doing, scratch):
    """The engine's process once its host, killed while `doing`, is gone."""
    with host_of_engine(doing, scratch) as (host, process, _):
        others = [child for child in psutil.Process(host.pid).children() if child != process]
        assert len(others) == ("forked" in doing)
        host.kill()
        host.wait()
        process.wait(20)
        assert all(other.is_running() for other in others)
    return process


@pytest.mark.parametrize(
    "doing",
    ["idle", "generating", "forked", "forked and generating"],
)
def test_killing_the_host_leaves_no_engine(python, tmp_path, doing):
    python(hang="generating" in doing)
    assert not kill_host_of_engine(doing, tmp_path / "scratch").is_running()


def holders(inode):
    """Processes that hold a file that has no name."""
    found = []
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if descriptor.stat().st_ino == inode and "memfd:" in str(descriptor.readlink()):
                found.append(int(descriptor.parts[2]))
    return found


@pytest.mark.parametrize("both", [False, True])
def test_a_kill_while_weights_are_handed_over_leaves_nothing(python, tmp_path, both):
    python()
    scratch = tmp_path / "scratch"
    with host_of_engine("handing over", scratch) as (host, process, lines):
        folder = Path(lines.readline().strip())
        assert folder.parent == scratch
        number = (folder / "model.safetensors").readlink().name
        weights = Path(f"/proc/{process.pid}/fd/{number}").stat()
        assert weights.st_size > 2**20
        assert set(holders(weights.st_ino)) == {host.pid, process.pid}
        if both:
            process.suspend()
        host.kill()
        host.wait()
        if both:
            process.kill()
        process.wait(20)
    assert holders(weights.st_ino) == []
    # Only with both at once, and then the model's description alone, for who takes the folder over.
    # The link to the weights is no file of its own: where it leads, another process may be by now.
    left = [file for file in scratch.rglob("*") if file.is_file() and not file.is_symlink()]
    assert [file.name for file in left] == ["config.json"] * both
    HandOver(scratch).close()
    assert not scratch.exists()


@pytest.mark.skipif(not vllm_installed(), reason="vLLM is not installed; `make test-vllm` runs this")
def test_killing_the_host_leaves_no_real_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "FOLDER", write_random(tmp_path / "model", "llama", 0))
    assert not kill_host_of_engine("generating", tmp_path / "scratch").is_running()
