"""What holds on one card, in one command: `make gpu-check` (or: python benchmarks/gpu.py [--out FOLDER]).

One JSON line a case, written as soon as it is measured, so that a check that is cut off still tells; a case that no
longer fits into the time left is skipped and says so. Everything a rival does is measured in the same process on the
same weights. Models have random weights of real shapes, so nothing has to be fetched; `--model FOLDER` takes real ones
for the samplers. `--dry` runs all of it with tiny sizes on a CPU: then the figures mean nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from gpu_parts import slots
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from sapo_engine.models.loading import load_model
from sapo_engine.models.precision import DTYPES
from sapo_engine.models.reasoner import Adapters, Reasoner, set_checkpointing, with_adapter
from sapo_engine.rollouts import HfBackend, Request, hf, key_of
from sapo_engine.training import objectives
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.trainer import NullCallback, TrainingArgs
from sapo_studio.forecast.memory import Batch, Numerics, training
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.model_sources import known_models

PACKAGES = ("torch", "transformers", "peft", "accelerate", "vllm", "bitsandbytes", "trl")
TINY: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
    "initializer_range": 0.3,
}
PAD = 0


@dataclass
class Check:
    """One run of the check: where it computes, how long it may take, and what has been said."""

    device: torch.device
    dry: bool
    budget: float
    model: Path | None
    out: Path | None
    began: float = field(default_factory=time.monotonic)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds."""
        return self.budget - (time.monotonic() - self.began)

    @property
    def precision(self) -> str:
        """Of matrix products."""
        return "fp32" if self.dry else "bf16"

    def say(self, **row: Any) -> None:
        """A line, at once."""
        row["at"] = round(time.monotonic() - self.began, 1)
        self.rows.append(row)
        line = json.dumps(row)
        print(line, flush=True)
        if self.out is not None:
            with (self.out / "gpu.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def case(self, name: str, need: float, work: Callable[[], dict[str, Any]]) -> None:
        """Measure a case that takes about `need` seconds, if there is time. What fails is a line too."""
        if self.left < need and not self.dry:
            self.say(case=name, skipped=f"{self.left:.0f} s left, {need:.0f} needed")
            return
        self._clean()
        try:
            row: dict[str, Any] = work()
        except Exception as error:  # the other cases are to be measured all the same
            traceback.print_exc()
            row = {"error": f"{type(error).__name__}: {error}"[:400]}
        if self.device.type == "cuda":
            row["peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
        self._clean()
        if self.device.type == "cuda":
            row["left_gib"] = round(torch.cuda.memory_allocated() / 2**30, 3)
        self.say(case=name, **row)

    def _clean(self) -> None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def clock(self) -> float:
        """Now, with everything done that was asked of the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.monotonic()


def network(check: Check, name: str, dtype: torch.dtype) -> PreTrainedModel:
    """A network with random weights of the shape of `name`; of a tiny one when dry."""
    torch.manual_seed(0)
    shape = TINY if check.dry else known_models()[name]
    made = AutoModelForCausalLM.from_config(AutoConfig.for_model(**shape))
    return made.to(device=check.device, dtype=dtype).eval()


@contextmanager
def attention_kernels(*kernels: SDPBackend) -> Generator[None]:
    """Have the sampler choose among these kernels for attention."""
    before, hf.ATTENTION = hf.ATTENTION, list(kernels)
    try:
        yield
    finally:
        hf.ATTENTION = before


# -- Sampling


class Sampling:
    """The program's own sampler and transformers' `generate` on the same prompts. No token ends a text early: every
    sequence goes on to its limit, so that both do the same work."""

    def __init__(self, check: Check) -> None:
        self.check = check
        dtype = torch.float32
        if check.model is not None:
            self.model = load_model(check.model)[0].to(device=check.device, dtype=dtype).eval()  # pyright: ignore[reportArgumentType, reportCallIssue]
        else:
            self.model = network(check, "HuggingFaceTB/SmolLM2-135M", dtype)
        self.limit = 8 if check.dry else 160
        vocabulary = int(self.model.config.get_text_config().vocab_size)
        generator = torch.Generator().manual_seed(1)
        self.prompts: list[tuple[int, ...]] = []
        for _ in range(4 if check.dry else 256):
            length = int(torch.randint(4 if check.dry else 60, 12 if check.dry else 140, (1,), generator=generator))
            self.prompts.append(tuple(torch.randint(2, vocabulary, (length,), generator=generator).tolist()))

    def own(self, rows: int, *, samples: int = 8, precision: str | None = None, temperature: float = 1.0) -> Any:
        """A function that samples `rows` sequences, and how many tokens that is."""
        backend = HfBackend(
            Reasoner(self.model), eos=-1, pad=PAD, batch=rows, precision=precision or self.check.precision
        )
        requests = [
            Request(prompt, tuple(key_of("check", i, k) for k in range(samples)), self.limit)
            for i, prompt in enumerate(self.prompts[: max(1, rows // samples)])
        ]
        return lambda: backend.generate(requests, temperature=temperature)

    def generate(self, prompts: Sequence[tuple[int, ...]], samples: int, *, sample: bool = True) -> list[list[int]]:
        """The same by `generate`, in the check's precision."""
        width = max(map(len, prompts))
        ids = torch.tensor([[PAD] * (width - len(p)) + list(p) for p in prompts], device=self.check.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.check.device)
        how: dict[str, Any] = {"do_sample": sample, "max_new_tokens": self.limit, "pad_token_id": PAD}
        how |= {"top_k": 0, "num_return_sequences": samples} if sample else {}
        self.model.generation_config.eos_token_id = None
        generate: Any = self.model.generate
        with (
            torch.inference_mode(),
            torch.autocast(self.check.device.type, torch.bfloat16, enabled=self.check.precision == "bf16" and sample),
        ):
            found = generate(input_ids=ids, attention_mask=mask, **how)
        return found[:, width:].tolist()

    def rate(self, work: Callable[[], Any], rows: int, rounds: int = 1) -> dict[str, Any]:
        """Tokens a second of `work`, after one round that is not counted."""
        work()
        began = self.check.clock()
        for _ in range(rounds):
            work()
        seconds = (self.check.clock() - began) / rounds
        tokens = rows * self.limit
        return {
            "rows": rows,
            "tokens": tokens,
            "seconds": round(seconds, 2),
            "tokens_a_second": round(tokens / seconds),
        }


def greedy_equality(check: Check) -> dict[str, Any]:
    """Greedy text in fp32, the sampler's against `generate`'s."""
    ground = Sampling(check)
    prompts = ground.prompts[: 4 if check.dry else 16]
    tf32, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, False
    try:
        backend = HfBackend(Reasoner(ground.model), eos=-1, pad=PAD, batch=64, precision="fp32")
        ours = backend.generate([Request(p, (0,), ground.limit) for p in prompts], temperature=0.0)
        theirs = ground.generate(prompts, 1, sample=False)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = tf32
    equal = sum(list(mine.tokens) == other for (mine,), other in zip(ours, theirs, strict=True))
    return {"equal": equal, "of": len(prompts)}


def samplers(check: Check) -> None:
    """Tokens a second at growing batches, beside `generate`; with and without cuDNN's attention."""
    ground = Sampling(check)
    for rows in (32,) if check.dry else (512, 2048):
        check.case(f"sampler, {rows} rows", 40, lambda rows=rows: ground.rate(ground.own(rows), rows))
    rows = 32 if check.dry else 512

    def with_cudnn() -> dict[str, Any]:
        with attention_kernels(SDPBackend.CUDNN_ATTENTION, *hf.ATTENTION):
            return ground.rate(ground.own(rows), rows)

    check.case(f"sampler with cuDNN's attention, {rows} rows", 60, with_cudnn)
    prompts = ground.prompts[: rows // 8]
    check.case(f"generate, {rows} rows", 40, lambda: ground.rate(lambda: ground.generate(prompts, 8), rows))
    slots.cases(check, ground)


# -- Training


def train(
    check: Check, objective: str, tuning: str, micro_batch: int, *, checkpointing: bool = False
) -> dict[str, Any]:
    """Tokens a second and peak memory of a training at Qwen2.5-0.5B's shape, beside the forecast."""
    name = "Qwen/Qwen2.5-0.5B"
    length = 24 if check.dry else 320
    numerics = Numerics("full" if tuning == "full" else "lora", 16, check.precision, checkpointing=checkpointing)
    model = network(check, name, torch.float32 if tuning == "full" else DTYPES[check.precision])
    set_checkpointing(model, checkpointing)
    reasoner = Reasoner(model) if tuning == "full" else with_adapter(model, Adapters(16, 32.0, 0.0))
    count = 4 * micro_batch
    vocabulary = int(model.config.get_text_config().vocab_size)
    generator = torch.Generator().manual_seed(0)

    def text() -> PromptCompletion:
        tokens = torch.randint(2, vocabulary, (length,), generator=generator).tolist()
        return PromptCompletion(tuple(tokens[: length // 3]), tuple(tokens[length // 3 :]))

    paired = objective == "orpo"
    args = TrainingArgs(
        1e-5, 1, 2 * micro_batch // (2 if paired else 1), 0, micro_batch=micro_batch, precision=check.precision
    )

    def work() -> None:
        if paired:
            pairs = [(text(), text()) for _ in range(count // 2)]
            objectives.orpo(reasoner.trainable(), pairs, args, NullCallback(), beta=0.1, pad_id=PAD)
        else:
            objectives.sft(reasoner.trainable(), [text() for _ in range(count)], args, NullCallback(), pad_id=PAD)

    work()
    began = check.clock()
    work()
    seconds = check.clock() - began
    tokens = count * length
    factor = 6 if tuning == "full" else 4
    shape = ModelShape.of(TINY if check.dry else known_models()[name], name)
    foreseen = training(
        "", shape, numerics, Batch(micro_batch, length), logits=True, heap=check.device.type == "cpu", beside=()
    )
    row: dict[str, Any] = {
        "tokens_a_second": round(tokens / seconds),
        "tflops": round(factor * reasoner.parameters_in_all() * tokens / seconds / 1e12, 1),
        "gradients_left": sum(p.grad is not None for p in model.parameters()),
    }
    if check.device.type == "cuda":
        row["forecast_over_peak"] = round(foreseen.bytes / torch.cuda.max_memory_allocated(), 2)
    return row


# -- Whole runs


def whole_run(check: Check, changes: dict[str, Any]) -> dict[str, Any]:
    """The lab's smallest run by the command line, in a home of its own: how it ended, where it computed, its numbers,
    and what of the card is still taken after it."""
    taken = _card_taken(check)
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"SAPO_STUDIO_HOME": home, "HF_HUB_OFFLINE": "1"}
        sets = [part for key, value in changes.items() for part in ("--set", f"{key}={json.dumps(value)}")]
        command = [sys.executable, "-m", "sapo_studio.cli"]
        began = time.monotonic()
        done = subprocess.run(
            [*command, "run", "lab-smoke", "--json", *sets],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        seconds = time.monotonic() - began
        told = subprocess.run(
            [*command, "report", "last", "--json"], capture_output=True, text=True, env=environment, check=False
        )
        logs = [log.read_text(encoding="utf-8", errors="replace") for log in Path(home).rglob("engine.log")]
    row: dict[str, Any] = {"exit": done.returncode, "seconds": round(seconds, 1)}
    if done.returncode:
        row["said"] = (done.stderr.strip() or "".join(logs).strip())[-1500:]
        return row
    report = json.loads(told.stdout)
    row["metrics"] = _numbers(report)
    if check.device.type == "cuda":
        row["card_taken_gib"] = round(_card_taken(check) - taken, 2)
    return row


def _numbers(report: dict[str, Any]) -> dict[str, list[float]]:
    """Headline numbers by iteration, as far as the report has them."""
    names = ("greedy_accuracy", "sampled_accuracy", "verifier_step_accuracy", "mce", "gap")
    found: dict[str, list[float]] = {}
    for iteration in report.get("iterations", []):
        metrics = iteration.get("metrics", iteration)
        for name in names:
            value = metrics.get(name)
            value = value.get("value") if isinstance(value, dict) else value
            if value is not None:
                found.setdefault(name, []).append(round(float(value), 3))
    return found


def _card_taken(check: Check) -> float:
    """GiB of the card that are taken, by whomever."""
    if check.device.type != "cuda":
        return 0.0
    free, total = torch.cuda.mem_get_info()
    return (total - free) / 2**30


# -- All of it


def run(check: Check) -> None:
    """Every case, the most telling ones first."""
    versions: dict[str, str] = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    card = torch.cuda.get_device_name() if check.device.type == "cuda" else "CPU"
    check.say(case="machine", card=card, cores=os.cpu_count(), python=sys.version.split()[0], **versions)
    on_card: dict[str, Any] = {} if check.dry else {"runtime.device": "cuda:0"}
    check.case("lab-smoke", 60, lambda: whole_run(check, on_card))
    check.case("greedy text equal to generate's", 20, lambda: greedy_equality(check))
    samplers(check)
    micro = 2 if check.dry else 8
    check.case("train full", 30, lambda: train(check, "sft", "full", micro))

    def without_cudnn() -> dict[str, Any]:
        with sdpa_kernel(hf.ATTENTION):
            return train(check, "sft", "full", micro)

    check.case("train full without cuDNN's attention", 30, without_cudnn)
    check.case("train full, checkpointing", 30, lambda: train(check, "sft", "full", micro, checkpointing=True))
    check.case("train ORPO", 30, lambda: train(check, "orpo", "full", micro))
    check.case("train LoRA", 30, lambda: train(check, "sft", "lora", 2 * micro))
    lora = {"model.tuning": "lora", "model.lora_rank": 8}
    check.case("lab-smoke by LoRA", 60, lambda: whole_run(check, on_card | lora))
    if find_spec("bitsandbytes") and not check.dry:
        check.case("lab-smoke by QLoRA", 60, lambda: whole_run(check, on_card | lora | {"model.tuning": "qlora"}))
    if find_spec("vllm") and not check.dry:
        looks = {"runtime.backend": "vllm", "warmup.epochs": 1, "warmup.stop_at": 0.99}
        check.case("lab-smoke by vLLM, with development checks", 150, lambda: whole_run(check, on_card | looks))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="tiny sizes on a CPU")
    parser.add_argument("--model", type=Path, help="a model's folder, for the samplers")
    parser.add_argument("--seconds", type=float, default=520, help="when to stop beginning new cases")
    parser.add_argument("--out", type=Path, help="a folder for gpu.jsonl")
    given = parser.parse_args()
    if not given.dry and not torch.cuda.is_available():
        print("There is no CUDA card here. --dry tries the check itself on a CPU.", file=sys.stderr)
        return 2
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cpu" if given.dry else "cuda:0")
    check = Check(device, given.dry, given.seconds, given.model, given.out)
    run(check)
    failed = [row["case"] for row in check.rows if "error" in row or row.get("exit")]
    check.say(case="end", failed=failed, left=round(check.left))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
