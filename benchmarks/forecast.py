"""The forecast against what really happens: peak memory and seconds of real phases on the CPU, each in a process of
its own, beside what `sapo_studio.forecast` says of them.

Models have random weights: what the numbers are changes neither memory nor time. Memory is the peak of resident memory
less what the process had after its imports; time is CPU time on one thread, so that other programs on the
machine hardly matter. Run: python benchmarks/forecast.py [CASE ...] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from sapo_studio.forecast.machine import Machine, measure_core
from sapo_studio.forecast.memory import Batch, Generation, Numerics, sampling, training
from sapo_studio.forecast.memory_parts import Part
from sapo_studio.forecast.memory_use import Networks, scoring
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.model_sources import known_models
from sapo_studio.forecast.throughput import pace_of

SHAPES: dict[str, dict[str, Any]] = {
    "smollm2-135m": known_models()["HuggingFaceTB/SmolLM2-135M"],
    "llama-8m": {
        "model_type": "llama",
        "vocab_size": 8192,
        "hidden_size": 256,
        "intermediate_size": 688,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
    },
    "qwen2-large-vocabulary": {
        "model_type": "qwen2",
        "vocab_size": 151936,
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
    },
    "gemma2-16m": {
        "model_type": "gemma2",
        "vocab_size": 32000,
        "hidden_size": 256,
        "intermediate_size": 1024,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "query_pre_attn_scalar": 64,
        "max_position_embeddings": 2048,
    },
}
STEPS = 4


@dataclass(frozen=True)
class Case:
    """One measurement. `work`: sft, orpo, verifier, score or sample. `timed`: its time says something (16-bit products
    on a CPU without units for them do not)."""

    shape: str
    work: str
    how: Numerics
    sequences: int
    length: int
    shared: bool = False
    more: int = 0
    samples: int = 1
    timed: bool = True


def _cases() -> dict[str, Case]:
    full, lora = Numerics("full", 16, "fp32"), Numerics("lora", 16, "fp32")
    again = replace(full, checkpointing=True)
    bf16 = replace(full, precision="bf16")
    half = replace(lora, precision="bf16")
    return {
        "llama full": Case("llama-8m", "sft", full, 32, 160),
        "llama full, checkpointing": Case("llama-8m", "sft", again, 32, 160),
        "llama lora": Case("llama-8m", "sft", lora, 32, 160),
        "llama verifier, copy": Case("llama-8m", "verifier", full, 32, 160),
        "llama sampling": Case("llama-8m", "sample", full, 256, 60, more=100, samples=8),
        "llama bf16 full": Case("llama-8m", "sft", bf16, 8, 160, timed=False),
        "llama bf16 lora": Case("llama-8m", "sft", half, 8, 160, timed=False),
        "qwen2 full": Case("qwen2-large-vocabulary", "orpo", full, 8, 128),
        "qwen2 scoring": Case("qwen2-large-vocabulary", "score", full, 64, 128),
        "gemma2 full": Case("gemma2-16m", "sft", full, 16, 128),
        "gemma2 lora": Case("gemma2-16m", "sft", lora, 16, 128),
        "smollm2 full": Case("smollm2-135m", "sft", full, 4, 256),
        "smollm2 full, checkpointing": Case("smollm2-135m", "sft", again, 4, 256),
        "smollm2 lora": Case("smollm2-135m", "sft", lora, 4, 256),
        "smollm2 lora, checkpointing": Case("smollm2-135m", "sft", replace(lora, checkpointing=True), 4, 256),
        "smollm2 orpo": Case("smollm2-135m", "orpo", full, 4, 256),
        "smollm2 verifier, copy": Case("smollm2-135m", "verifier", full, 4, 256),
        "smollm2 verifier, shared": Case("smollm2-135m", "verifier", lora, 4, 256, shared=True),
        "smollm2 sampling": Case("smollm2-135m", "sample", full, 48, 100, more=60, samples=8),
        "smollm2 sampling, lora": Case("smollm2-135m", "sample", lora, 48, 100, more=60, samples=8),
    }


CASES = _cases()


# -- What the forecast says


def shape_of(case: Case) -> ModelShape:
    """The model's shape."""
    return ModelShape.of(SHAPES[case.shape], case.shape)


def foreseen(case: Case, machine: Machine) -> tuple[float, float]:
    """Bytes and seconds that the formulas give for the case. Seconds of training are those of one step."""
    shape, how = shape_of(case), case.how
    pace = pace_of(machine, 1, None, how.precision)
    nets = Networks(shape, how, how, case.shared, True)
    logits = True
    if case.work == "sample":
        prompts = case.sequences // case.samples
        peak = sampling("", shape, how, Generation(case.sequences, prompts, case.length, case.more))
        seconds = pace.write(shape, how, case.sequences, case.length, case.more, case.more)
        return peak.bytes, seconds + pace.forward(shape, how, prompts, case.length, logits=False)
    if case.work == "score":
        peak = scoring(nets, case.length, logits=logits, heap=True, most=case.sequences)
        return peak.bytes, pace.forward(shape, how, case.sequences, case.length, logits=logits)
    beside: tuple[Part, ...] = ()
    if case.work == "verifier" and not case.shared:
        beside = (Part("the reasoner", nets.reasoner_bytes, ""),)
    peak = training("", shape, how, Batch(case.sequences, case.length), logits=logits, heap=True, beside=beside)
    return peak.bytes, pace.step(shape, how, case.sequences, case.length, 1, logits=logits)


# -- What happens


class Clock:
    """Watches a training: CPU time at the beginning of each step. Implements training.TrainingCallback."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def progress(self, done: int, total: int, message: str = "") -> None:
        """See TrainingCallback."""

    def curve(self, name: str, step: int, value: float) -> None:
        """See TrainingCallback."""

    def log(self, message: str, level: str = "info") -> None:
        """See TrainingCallback."""

    def poll_control(self, save: Callable[[], None] | None = None) -> None:
        """A step begins."""
        self.at.append(time.process_time())

    @property
    def step(self) -> float:
        """Seconds of a step: the shortest one. The first makes the moments and is left out."""
        return min(after - before for before, after in zip(self.at[1:], self.at[2:], strict=False))


def measure(case: Case) -> dict[str, float]:
    """Do the case's work in this process. Bytes above what was there after the imports, and seconds."""
    import torch
    from peft import LoraConfig
    from transformers import AutoConfig, AutoModelForCausalLM

    from sapo_engine.models.precision import DTYPES
    from sapo_engine.models.reasoner import Adapters, Reasoner, set_checkpointing, with_adapter
    from sapo_engine.rollouts import HfBackend, Request, key_of
    from sapo_engine.training import objectives as optimisers
    from sapo_engine.training.batching import PromptCompletion
    from sapo_engine.training.trainer import TrainingArgs
    from sapo_engine.verifier.model import fresh_verifier
    from sapo_engine.verifier.scoring import score
    from sapo_engine.verifier.training import VerifierExample, train_verifier
    from sapo_studio.config.schema import VerifierConfig

    del LoraConfig  # imported so that its modules are there before memory is looked at
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Whatever is loaded on first use is loaded now.
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "vocab_size": 64}
    small |= {"num_attention_heads": 2, "num_key_value_heads": 1}
    make: Callable[..., Any] = AutoConfig.for_model
    adapters = Adapters(case.how.rank, 32.0, 0.0)
    warm = AutoModelForCausalLM.from_config(make(**{**SHAPES[case.shape], **small}))
    with_adapter(warm, adapters)
    ids = torch.arange(16)[None]
    warm(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.sum().backward()
    del warm
    before = _resident()

    network = AutoModelForCausalLM.from_config(make(**SHAPES[case.shape]))
    if case.how.tuning != "full":
        network.to(DTYPES[case.how.precision])
    set_checkpointing(network, case.how.checkpointing)
    own = Reasoner(network)
    reasoner = own if case.how.tuning == "full" else with_adapter(network, adapters)
    generator = torch.Generator().manual_seed(0)
    vocabulary = shape_of(case).vocab

    def text(length: int) -> PromptCompletion:
        tokens = torch.randint(3, vocabulary, (length,), generator=generator).tolist()
        return PromptCompletion(tuple(tokens[: length // 3]), tuple(tokens[length // 3 :]))

    clock = Clock()
    verifier_config = VerifierConfig(base="shared" if case.shared else "copy", batch_size=case.sequences, epochs=1)
    count = STEPS * case.sequences
    ends = tuple(range(case.length // 6, 2 * case.length // 3 + 1, case.length // 6))
    seconds = 0.0
    match case.work:
        case "sft":
            args = TrainingArgs(1e-4, 1, case.sequences, 0, precision=case.how.precision)
            texts = [text(case.length) for _ in range(count)]
            optimisers.sft(reasoner.trainable(), texts, args, clock, pad_id=0)
        case "orpo":
            args = TrainingArgs(1e-4, 1, case.sequences // 2, 0, precision=case.how.precision)
            pairs = [(text(case.length), text(case.length)) for _ in range(count // 2)]
            optimisers.orpo(reasoner.trainable(), pairs, args, clock, beta=0.1, pad_id=0)
        case "verifier":
            verifier = fresh_verifier(reasoner, verifier_config, adapters, seed=0, precision=case.how.precision)
            rows = [VerifierExample(text(case.length), ends, "1" * len(ends)) for _ in range(count)]
            train_verifier(verifier, rows, verifier_config, clock, seed=0, pad_id=0)
        case "score":
            shared = VerifierConfig(base="shared")
            verifier = fresh_verifier(reasoner, shared, Adapters(1, 1.0, 0.0), seed=0, precision=case.how.precision)
            texts = [text(case.length) for _ in range(case.sequences)]
            for _ in range(3):
                began = time.process_time()
                score(verifier, texts, [ends] * len(texts), pad_id=0)
                seconds = min(seconds or 1e9, time.process_time() - began)
        case _:
            # No token ends a text: every sequence goes on to its limit.
            backend = HfBackend(reasoner, eos=-1, pad=0, batch=case.sequences, precision=case.how.precision)
            requests = [
                Request(
                    tuple(text(case.length).prompt + text(case.length).completion)[: case.length],
                    tuple(key_of("forecast", number, k) for k in range(case.samples)),
                    case.more,
                )
                for number in range(case.sequences // case.samples)
            ]
            for _ in range(2):
                began = time.process_time()
                backend.generate(requests, temperature=1.0)
                seconds = min(seconds or 1e9, time.process_time() - began)
    return {"bytes": float(_peak() - before), "seconds": seconds or clock.step}


def _peak() -> int:
    """Most bytes of memory that this process has held. Linux's ru_maxrss would count what our parent held too, from
    between fork and exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


# -- Side by side


@dataclass
class Row:
    """A case's figures; ratios are forecast over measurement."""

    name: str
    measured_bytes: float
    forecast_bytes: float
    measured_seconds: float | None = None
    forecast_seconds: float | None = None
    memory_ratio: float = field(init=False)
    time_ratio: float | None = field(init=False)

    def __post_init__(self) -> None:
        self.memory_ratio = self.forecast_bytes / self.measured_bytes
        self.time_ratio = None
        if self.measured_seconds and self.forecast_seconds:
            self.time_ratio = self.forecast_seconds / self.measured_seconds


def run_case(name: str) -> dict[str, float]:
    """Measure a case in a process of its own, and the core's speed before and after it: other programs slow it."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1"}
    before = measure_core()
    told = subprocess.run(
        [sys.executable, __file__, "--inside", name], capture_output=True, text=True, env=environment, check=False
    )
    if told.returncode:
        sys.exit(f"{name}: {told.stderr[-2000:]}")
    after = measure_core()
    found = cast("dict[str, float]", json.loads(told.stdout.splitlines()[-1]))
    return found | {"matrix": (before[0] + after[0]) / 2, "bandwidth": (before[1] + after[1]) / 2}


def compare(found: Mapping[str, Mapping[str, float]]) -> list[Row]:
    """What was measured, and what is forecast for a core of the speed that was there: the median of all looks at it, as
    other programs come and go."""
    rows: list[Row] = []
    matrix, bandwidth = (statistics.median(one[what] for one in found.values()) for what in ("matrix", "bandwidth"))
    machine = Machine(1, 0, 0, matrix=matrix, bandwidth=bandwidth)
    for name, measured in found.items():
        case = CASES[name]
        space, seconds = foreseen(case, machine)
        timed = (measured["seconds"], seconds) if case.timed else (None, None)
        rows.append(Row(name, measured["bytes"], space, *timed))
        _print(rows[-1])
    return rows


def _print(row: Row) -> None:
    line = f"{row.name:<30} {row.measured_bytes / 2**20:>8,.0f} MiB, forecast {row.memory_ratio:.2f} of it"
    if row.time_ratio is not None and row.measured_seconds is not None:
        line += f"; {row.measured_seconds:>7.3f} s, forecast {row.time_ratio:.2f}"
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help=f"of: {', '.join(CASES)}")
    parser.add_argument("--json", type=Path, help="write what was measured into this file")
    parser.add_argument("--known", type=Path, help="what --json wrote: only what is not in it is measured")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(measure(CASES[options.inside])))
        return
    found: dict[str, dict[str, float]] = {}
    if options.known:
        found = json.loads(options.known.read_text(encoding="utf-8"))
    for name in options.cases or list(found or CASES):
        if name not in found:
            found[name] = run_case(name)
            print(f"measured: {name}", flush=True)
        if options.json:  # after each: all of them take half an hour
            options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    rows = compare(found)
    off = [row.name for row in rows if not 1 / 1.3 <= row.memory_ratio <= 1.3]
    late = [row.name for row in rows if row.time_ratio is not None and not 1 / 1.3 <= row.time_ratio <= 1.3]
    print(f"memory within 30 %: {len(rows) - len(off)} of {len(rows)}" + (f", not: {', '.join(off)}" if off else ""))
    timed = sum(row.time_ratio is not None for row in rows)
    print(f"time within 30 %: {timed - len(late)} of {timed}" + (f", not: {', '.join(late)}" if late else ""))


if __name__ == "__main__":
    main()
