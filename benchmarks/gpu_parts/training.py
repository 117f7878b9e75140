"""The program's own training: tokens a second, what of the card that is, and memory beside the forecast."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import sdpa_kernel
from transformers import PreTrainedModel

from gpu_parts.check import Case, Check
from gpu_parts.models import PAD, QWEN, network, shape_of, vocabulary
from sapo_engine.models.loading import four_bits, load_network
from sapo_engine.models.precision import DTYPES
from sapo_engine.models.reasoner import Adapters, Reasoner, set_checkpointing, with_adapter
from sapo_engine.rollouts import hf
from sapo_engine.training import objectives
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.trainer import NullCallback, TrainingArgs
from sapo_studio.forecast.memory import Batch, Numerics, Tuning, training

GROUP = "training"
RANK = 16


def length(check: Check) -> int:
    """Tokens of a text; a third of them is its prompt."""
    return 24 if check.dry else 320


def texts(check: Check, count: int, tokens: int) -> list[PromptCompletion]:
    """Texts of a vocabulary of so many tokens, all of one length."""
    generator = torch.Generator().manual_seed(0)
    whole = length(check)
    found: list[PromptCompletion] = []
    for _ in range(count):
        row: list[int] = torch.randint(2, tokens, (whole,), generator=generator).tolist()
        found.append(PromptCompletion(tuple(row[: whole // 3]), tuple(row[whole // 3 :])))
    return found


def micro_batch(check: Check) -> int:
    """Sequences at a time where all weights are trained; adapters take twice as many."""
    return 2 if check.dry else 8


def _reasoner(check: Check, numerics: Numerics) -> Reasoner:
    if numerics.tuning == "full":
        model = network(check, QWEN, torch.float32)
    elif numerics.tuning == "lora":
        model = network(check, QWEN, DTYPES[check.precision])
    else:
        model = _four_bits(check)
    set_checkpointing(model, numerics.checkpointing)
    return Reasoner(model) if numerics.tuning == "full" else with_adapter(model, Adapters(RANK, 32.0, 0.0))


def _four_bits(check: Check) -> PreTrainedModel:
    """bitsandbytes quantises as it loads, so the weights take the way over files."""
    with tempfile.TemporaryDirectory() as name:
        network(check, QWEN, torch.bfloat16).save_pretrained(name)
        return load_network(Path(name), dtype=torch.bfloat16, quantisation=four_bits("bf16", check.device))


def train(check: Check, objective: str, tuning: Tuning, *, checkpointing: bool = False) -> dict[str, Any]:
    """Four micro-batches in two steps at Qwen2.5-0.5B's shape, after as many that are not counted."""
    numerics = Numerics(tuning, RANK, check.precision, checkpointing=checkpointing)
    reasoner = _reasoner(check, numerics)
    model, micro = reasoner.network, micro_batch(check) * (1 if tuning == "full" else 2)
    count = 4 * micro
    paired = objective == "orpo"
    batch = 2 * micro // (2 if paired else 1)
    args = TrainingArgs(1e-5, 1, batch, 0, micro_tokens=micro * length(check), precision=check.precision)
    items = texts(check, count, vocabulary(model))

    def work() -> None:
        if paired:
            pairs = list(zip(items[::2], items[1::2], strict=True))
            objectives.orpo(reasoner.trainable(), pairs, args, NullCallback(), beta=0.1, pad_id=PAD)
        else:
            objectives.sft(reasoner.trainable(), items, args, NullCallback(), pad_id=PAD)

    work()
    began = check.clock()
    work()
    seconds = check.clock() - began
    tokens = count * length(check)
    foreseen = training(
        "",
        shape_of(check, QWEN),
        numerics,
        Batch(micro, length(check)),
        logits=True,
        heap=not check.on_card,
        beside=(),
    )
    row: dict[str, Any] = {
        "tokens_a_second": round(tokens / seconds),
        "tflops": round((6 if tuning == "full" else 4) * reasoner.parameters_in_all() * tokens / seconds / 1e12, 1),
        "gradients_left": sum(p.grad is not None for p in model.parameters()),
        "forecast_gib": round(foreseen.bytes / 2**30, 3),
    }
    if check.on_card:
        row["forecast_over_peak"] = round(foreseen.bytes / torch.cuda.max_memory_allocated(), 2)
    return row


def without_cudnn(check: Check) -> dict[str, Any]:
    with sdpa_kernel(hf.ATTENTION):
        return train(check, "sft", "full")


CASES = (
    Case("train full", GROUP, 20, partial(train, objective="sft", tuning="full")),
    Case("train ORPO", GROUP, 20, partial(train, objective="orpo", tuning="full")),
    Case("train LoRA", GROUP, 20, partial(train, objective="sft", tuning="lora")),
    Case("train QLoRA", GROUP, 30, partial(train, objective="sft", tuning="qlora"), needs=("bitsandbytes",)),
    Case("train full, checkpointing", GROUP, 20, partial(train, objective="sft", tuning="full", checkpointing=True)),
    Case("train full without cuDNN's attention", GROUP, 20, without_cudnn),
)
