"""What a vLLM engine is started with: decided from its version, the device, the model and the memory, before it starts.

vLLM 0.18 is the oldest that is used and 0.32 the newest that was read; docs/rollouts.md says what changed between them
in what is used here. An option that a later version has dropped is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sapo_engine.rollouts.base import CHECK_EVERY
from sapo_studio.config.engine_limits import VLLM_CPU_CACHE, VLLM_CPU_SEQUENCES, VLLM_SEQUENCES
from sapo_studio.forecast.model_shape import ModelShape

OLDEST = (0, 18)
"""Before 0.18 vLLM ran code from a model's folder even where it was told not to."""
TOKENS = 16384
"""Tokens that are read at a time on a card: with fewer a batch's prompts take many steps beside few that write."""
LEAST_TOKENS, LEAST_SEQUENCES = 2048, 64
"""What a card with little memory is left with."""
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks that vLLM reserves room for."""
CPU_BLOCK = 32
"""Tokens a block of the prefix cache on a CPU, where vLLM's own 128 would hardly ever find a whole block again."""
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
HEADROOM = 0.97
"""Of what is free on a card, for a vLLM that would not start if it were to take a byte more than that."""

RUNNER = "VLLM_USE_V2_MODEL_RUNNER"
CPU_CACHE = "VLLM_CPU_KVCACHE_SPACE"
# Between these versions runner V2 serves Qwen 2 and is taken for Llama, Mistral and Qwen 3 alone. Before them it cannot
# reload weights; from the later one on it is what every dense model gets.
_V2_TO_BE_ASKED_FOR = ((0, 23), (0, 25))
_V2_SERVES = ("Qwen2ForCausalLM",)


@dataclass(frozen=True, slots=True)
class Installed:
    """The vLLM that is there: `version`, `device` (cpu or cuda), the `options` that it knows, whether there is Triton.

    `environment` is what its process was started with."""

    version: str
    device: str
    options: frozenset[str]
    triton: bool
    environment: Mapping[str, str]

    @property
    def release(self) -> tuple[int, ...]:
        """The two numbers that options depend on: (0, 32) of 0.32.1rc1+cpu."""
        found = re.match(r"(\d+)\.(\d+)", self.version)
        return tuple(int(part) for part in found.groups()) if found else (0, 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be generated with: the model's `folder`, `dtype` (fp32, bf16 or fp16), tokens of the longest text,
    rank of the adapters (0: none), and the part of the card that vLLM may take."""

    folder: Path
    dtype: str
    max_len: int
    lora_rank: int = 0
    seed: int = 0
    memory_share: float = 0.85


@dataclass(frozen=True, slots=True)
class CardMemory:
    """Bytes of the card that vLLM will have."""

    free: int
    total: int


def engine_options(installed: Installed, wanted: Wanted, card: CardMemory | None = None) -> dict[str, Any]:
    """What vLLM's `LLM` is made with. `card` (None: not known) is the memory of the one that it will lie on."""
    options: dict[str, Any] = {
        "model": str(wanted.folder),
        "skip_tokenizer_init": True,
        "trust_remote_code": False,
        "load_format": "safetensors",
        "use_tqdm_on_load": False,
        "dtype": DTYPES.get(wanted.dtype, wanted.dtype),
        "max_model_len": wanted.max_len,
        "seed": wanted.seed,
        "enable_prefix_caching": True,
        # The folder's own sampling defaults and further end-of-text tokens stay out of it.
        "generation_config": "vllm",
        "disable_log_stats": True,
    }
    # Names come and go with vLLM's versions; without these it writes the same texts, slower or with less told of them.
    passing: dict[str, Any] = {
        # Log-probabilities before temperature: the weights' own.
        "logprobs_mode": "raw_logprobs",
        # What is watched is told of so many tokens at a time.
        "stream_interval": CHECK_EVERY,
    }
    if installed.device == "cpu":
        # Compiling takes longer than most of what is done on a CPU.
        options |= {"enforce_eager": True, "block_size": CPU_BLOCK, "max_num_seqs": VLLM_CPU_SEQUENCES}
        if not installed.environment.get(CPU_CACHE):
            options["kv_cache_memory_bytes"] = VLLM_CPU_CACHE
    else:
        sequences, tokens = _at_a_time(wanted, card)
        options |= {
            "enable_sleep_mode": True,
            "gpu_memory_utilization": _share(wanted, card),
            "max_num_seqs": sequences,
            "max_num_batched_tokens": tokens,
        }
        passing |= {"max_cudagraph_capture_size": sequences, "cudagraph_capture_sizes": graph_sizes(sequences)}
    if wanted.lora_rank:
        rank = next((rank for rank in LORA_RANKS if rank >= wanted.lora_rank), wanted.lora_rank)
        options |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": rank}
    return options | {name: value for name, value in passing.items() if name in installed.options}


def engine_environment(installed: Installed, wanted: Wanted) -> dict[str, str]:
    """Environment variables that vLLM is to have besides those that it was started with. None is in `installed`'s
    already: what a user has set stays."""
    first, last = _V2_TO_BE_ASKED_FOR
    # In runner V2 a seed costs nothing; in V1 each seeded text is drawn by itself.
    asked = (
        installed.device == "cuda"
        and installed.triton
        and first <= installed.release < last
        and any(name in _V2_SERVES for name in _told(wanted.folder).get("architectures") or ())
    )
    return {RUNNER: "1"} if asked and RUNNER not in installed.environment else {}


def graph_sizes(sequences: int) -> list[int]:
    """For which batches vLLM is to capture CUDA graphs: up to `sequences`, where its own default ends at 512 and larger
    batches run without; and few, since each takes time at the start and memory."""
    sizes = [1, 2, 4, *range(8, 64, 8), *range(64, 256, 32), *range(256, sequences, 128)]
    return [*(size for size in sizes if size < sequences), sequences]


def _share(wanted: Wanted, card: CardMemory | None) -> float:
    """What part of the card vLLM is to take: as configured, or what others have left of it."""
    return wanted.memory_share if card is None else min(wanted.memory_share, HEADROOM * card.free / card.total)


def _at_a_time(wanted: Wanted, card: CardMemory | None) -> tuple[int, int]:
    """(sequences, tokens) of a step. As many as a large card takes at best; on a small one the cache has to have room
    for the sequences, and reading may take an eighth of what vLLM has."""
    shape = _shape(wanted.folder)
    sequences, tokens = VLLM_SEQUENCES, TOKENS
    if card is not None and shape is not None:
        width = 4 if wanted.dtype == "fp32" else 2
        room = _share(wanted, card) * card.total - width * shape.weights
        a_token = width * 4.0 * (shape.intermediate + shape.hidden)
        while tokens > LEAST_TOKENS and tokens * a_token > room / 8:
            tokens //= 2
        # Half of the longest text: some end early, and who has no room waits for the others.
        a_text = 2.0 * width * shape.layers * shape.key_value * wanted.max_len / 2 + 8.0 * shape.vocab
        while sequences > LEAST_SEQUENCES and sequences * a_text > room - tokens * a_token:
            sequences //= 2
    return sequences, max(tokens, wanted.max_len)


def _shape(folder: Path) -> ModelShape | None:
    """The model's numbers; None where its configuration does not say them in the usual way."""
    try:
        return ModelShape.of(_told(folder), folder.name)
    except (KeyError, TypeError, ValueError):
        return None


def _told(folder: Path) -> dict[str, Any]:
    """The model's configuration. Empty where it cannot be read: vLLM will say why."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
