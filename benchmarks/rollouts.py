"""The engine's sampler against transformers' `generate`: tokens a second on the bundled lab reasoner, side by side.

Both get the same prompts in the same batches on one thread; what differs is only how they go about it. CPU times,
and rounds take turns, so that a busy machine hardly matters; the ratio is what to
look at. Run: python benchmarks/rollouts.py
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import transformers
from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from sapo_engine.models import load_model
from sapo_engine.rollouts import HfBackend, Request, key_of
from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_studio.config.schema import TaskConfig
from sapo_studio.paths import resources_dir

QUESTIONS = 64
ROUNDS = 3
SAMPLES = (1, 8)
TEMPERATURE = 1.0
TASK = TaskConfig(train_questions=QUESTIONS, development_questions=20, test_questions=20, process_solutions=20)


@dataclass(frozen=True)
class Ground:
    """The reasoner, the prompts of QUESTIONS questions and how long a solution may get."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prompts: Sequence[tuple[int, ...]]
    limit: int
    eos: int
    pad: int

    @classmethod
    def make(cls) -> Ground:
        """Load it."""
        model, tokenizer = load_model(resources_dir() / "models" / "lab")
        task = ArithmeticTask(TASK, seed=0)
        prompts = [tuple(tokenizer(task.prompt(question))["input_ids"]) for question in task.questions("train")]
        eos, pad = cast("int", tokenizer.eos_token_id), cast("int", tokenizer.pad_token_id)
        return cls(model.eval(), tokenizer, prompts, task.max_new_tokens, eos, pad)


def ours(ground: Ground, samples: int, temperature: float) -> tuple[list[list[int]], float]:
    """Completions in the order of the prompts, and seconds of CPU time."""
    backend = HfBackend(ground.model, eos=ground.eos, pad=ground.pad)
    requests = [
        Request(prompt, tuple(key_of("benchmark", number, k) for k in range(samples)), ground.limit)
        for number, prompt in enumerate(ground.prompts)
    ]
    began = time.process_time()
    found = backend.generate(requests, temperature=temperature)
    seconds = time.process_time() - began
    return [list(completion.tokens) for completions in found for completion in completions], seconds


def theirs(ground: Ground, samples: int, temperature: float) -> tuple[list[list[int]], float]:
    """The same by `generate`: one batch, padded on the left, `num_return_sequences` samples a prompt."""
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature:
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    began = time.process_time()
    batch = ground.tokenizer.pad({"input_ids": [list(prompt) for prompt in ground.prompts]}, return_tensors="pt")
    with torch.inference_mode():
        # The stubs of `generate` want a plain attribute where the model has a property (`device`).
        generate = cast("LlamaForCausalLM", ground.model).generate  # pyright: ignore[reportAttributeAccessIssue]
        out = generate(**batch, **sampling, num_return_sequences=samples, max_new_tokens=ground.limit)
    rows = cast("torch.Tensor", out)[:, batch["input_ids"].shape[1] :].tolist()
    seconds = time.process_time() - began
    return [row[: row.index(ground.eos) + 1] if ground.eos in row else row for row in rows], seconds


def compare(ground: Ground, samples: int, temperature: float) -> dict[str, float]:
    """Tokens a second of both of CPU time (median of ROUNDS, after one round to warm up) and their ratio."""
    rates: dict[str, list[float]] = {"ours": [], "generate": []}
    for turn in range(ROUNDS + 1):
        for name, work in (("ours", ours), ("generate", theirs)):
            texts, seconds = work(ground, samples, temperature)
            if turn:
                rates[name].append(sum(map(len, texts)) / seconds)
    mine, other = (statistics.median(rates[name]) for name in ("ours", "generate"))
    return {"tokens_per_second": round(mine), "generate": round(other), "ratio": round(mine / other, 2)}


def main() -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    ground = Ground.make()
    same = ours(ground, 1, 0.0)[0] == theirs(ground, 1, 0.0)[0]
    report: dict[str, Any] = {"greedy_equal": same, "greedy": compare(ground, 1, 0.0)}
    for samples in SAMPLES:
        report[f"samples_{samples}"] = compare(ground, samples, TEMPERATURE)
    print(f"greedy text of {QUESTIONS} questions: {'equal' if same else 'NOT EQUAL'}")
    for name, found in report.items():
        if isinstance(found, dict):
            rates = cast("dict[str, float]", found)
            print(
                f"{name:<10} {rates['tokens_per_second']:>8,.0f} tokens/s, generate {rates['generate']:>8,.0f}:"
                f" {rates['ratio']:.2f} times"
            )
    print(json.dumps(report))
    if not same:
        sys.exit("The sampler's greedy text is not what `generate` writes.")


if __name__ == "__main__":
    main()
