"""What vLLM is started with, by version, device, model and memory: vLLM's `EngineArgs` are known by name alone."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_engine.rollouts.base import CHECK_EVERY
from sapo_engine.rollouts.vllm_options import (
    CardMemory,
    Installed,
    Wanted,
    engine_environment,
    engine_options,
    graph_sizes,
)
from tests.fixtures.pretend_vllm import GRAPHS, PASSING

GIB = 2**30
QWEN = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "vocab_size": 151936,
    "hidden_size": 896,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "intermediate_size": 4864,
    "tie_word_embeddings": True,
}
"""Qwen2.5-0.5B."""
LLAMA_8B = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 128256,
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
}


def installed(version="0.32.0", device="cuda", *, knows=PASSING, triton=True, **environment):
    return Installed(version, device, frozenset({"model", *knows}), triton, environment)


@pytest.fixture
def model(tmp_path):
    def write(config):
        (tmp_path / "config.json").write_text(json.dumps(config))
        return tmp_path

    return write


def test_a_large_card_gets_the_fast_settings(model):
    options = engine_options(installed(), Wanted(model(QWEN), "bf16", 2048), CardMemory(139 * GIB, 140 * GIB))
    assert (options["max_num_seqs"], options["max_num_batched_tokens"]) == (1024, 16384)
    assert options["max_cudagraph_capture_size"] == 1024
    assert options["cudagraph_capture_sizes"] == graph_sizes(1024)
    assert options["gpu_memory_utilization"] == 0.85
    assert options["enable_sleep_mode"] is True
    assert options["dtype"] == "bfloat16"
    assert options["stream_interval"] == CHECK_EVERY
    assert options["trust_remote_code"] is False
    assert "enforce_eager" not in options


def test_what_is_not_known_of_the_card_or_the_model_changes_nothing(model, tmp_path):
    known = engine_options(installed(), Wanted(model(QWEN), "bf16", 512), CardMemory(80 * GIB, 80 * GIB))
    assert engine_options(installed(), Wanted(tmp_path, "bf16", 512)) == known
    (tmp_path / "config.json").write_text("[")
    assert engine_options(installed(), Wanted(tmp_path, "bf16", 512), CardMemory(80 * GIB, 80 * GIB)) == known


@pytest.mark.parametrize(
    ("config", "dtype", "card", "sequences", "tokens"),
    [
        (QWEN, "bf16", 80, 1024, 16384),
        (LLAMA_8B, "bf16", 80, 256, 16384),
        (LLAMA_8B, "bf16", 24, 64, 4096),
        (QWEN, "bf16", 8, 256, 16384),
        (QWEN, "fp32", 8, 128, 4096),
    ],
)
def test_a_small_card_writes_and_reads_less_at_a_time(model, config, dtype, card, sequences, tokens):
    wanted = Wanted(model(config), dtype, 2048)
    options = engine_options(installed(), wanted, CardMemory(card * GIB, card * GIB))
    assert (options["max_num_seqs"], options["max_num_batched_tokens"]) == (sequences, tokens)
    assert options["cudagraph_capture_sizes"][-1] == options["max_cudagraph_capture_size"] == sequences


@pytest.mark.parametrize(("free", "share"), [(79, 0.85), (40, 0.97 * 40 / 80)])
def test_it_takes_no_more_than_others_have_left(model, free, share):
    options = engine_options(installed(), Wanted(model(QWEN), "bf16", 512), CardMemory(free * GIB, 80 * GIB))
    assert options["gpu_memory_utilization"] == pytest.approx(share)


def test_a_text_fits_into_what_is_read_at_a_time(model):
    options = engine_options(installed(), Wanted(model(QWEN), "bf16", 32768), CardMemory(8 * GIB, 8 * GIB))
    assert options["max_num_batched_tokens"] == 32768


@pytest.mark.parametrize("space", ["", "4"])
def test_a_cpu_goes_without_graphs_and_with_the_cache_that_is_asked_for(model, space):
    there = installed(device="cpu", VLLM_CPU_KVCACHE_SPACE=space)
    options = engine_options(there, Wanted(model(QWEN), "fp32", 512))
    assert options["enforce_eager"] is True
    assert options["max_num_seqs"] == 256
    assert options.get("kv_cache_memory_bytes") == (None if space else GIB)
    assert not (GRAPHS | {"enable_sleep_mode", "gpu_memory_utilization", "max_num_batched_tokens"}) & options.keys()
    assert engine_environment(there, Wanted(model(QWEN), "fp32", 512)) == {}


@pytest.mark.parametrize(("rank", "room"), [(0, None), (4, 8), (16, 16), (40, 64), (600, 600)])
def test_adapters_have_the_room_that_vllm_reserves(model, rank, room):
    options = engine_options(installed(), Wanted(model(QWEN), "bf16", 512, lora_rank=rank))
    assert options.get("max_lora_rank") == room
    assert ("enable_lora" in options) == (rank > 0)


@given(st.sets(st.sampled_from(sorted(PASSING))))
def test_an_option_that_a_version_has_dropped_is_left_out(tmp_path_factory, knows):
    wanted = Wanted(tmp_path_factory.getbasetemp(), "bf16", 512)
    assert PASSING & engine_options(installed(knows=knows), wanted).keys() == knows


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("0.18.1", False),
        ("0.22.0", False),
        ("0.23.0", True),
        ("0.24.0+cu130", True),
        ("0.24.1rc1.dev3", True),
        ("0.25.0", False),
        ("0.32.0", False),
        ("1.0.0", False),
    ],
)
def test_runner_v2_is_asked_for_where_vllm_would_not_take_it(model, version, asked):
    wanted = Wanted(model(QWEN), "bf16", 512)
    expected = {"VLLM_USE_V2_MODEL_RUNNER": "1"} if asked else {}
    assert engine_environment(installed(version), wanted) == expected
    # What a user has set stays; without Triton there is no V2; Llama has it anyway.
    assert engine_environment(installed(version, VLLM_USE_V2_MODEL_RUNNER="0"), wanted) == {}
    assert engine_environment(installed(version, triton=False), wanted) == {}
    assert engine_environment(installed(version, device="cpu"), wanted) == {}
    assert engine_environment(installed(version), Wanted(model(LLAMA_8B), "bf16", 512)) == {}


@pytest.mark.parametrize(("version", "release"), [("0.18.1", (0, 18)), ("1.2.3+cpu", (1, 2)), ("dev", (0, 0))])
def test_versions_are_read(version, release):
    assert installed(version).release == release


@given(st.sampled_from([64, 128, 256, 512, 1024]))
def test_graphs_are_few_and_waste_little(sequences):
    sizes = graph_sizes(sequences)
    assert sizes == sorted(set(sizes))
    assert (sizes[0], sizes[-1]) == (1, sequences)
    assert len(sizes) < 30
    # What is padded to the next size is never more than as much again.
    assert all(later <= 2 * sooner for sooner, later in itertools.pairwise(sizes))
