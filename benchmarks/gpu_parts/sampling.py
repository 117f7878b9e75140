"""The program's own sampler, beside transformers' `generate` and vLLM: how fast, and whether what it writes is right.

No token ends a text early: every sequence goes on to its limit, so that all do the same work.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.nn.attention import SDPBackend

from gpu_parts.check import Case, Check
from gpu_parts.models import PAD, sampled_network, vocabulary
from gpu_parts.waits import count_waits
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts import Completion, HfBackend, Request, hf, key_of

GROUP = "sampling"
SAMPLES = 8
"""Of a prompt."""


class Ground:
    """A model, prompts, and the ways to go on from them."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.model = sampled_network(check)
        self.limit = 8 if check.dry else 160
        generator = torch.Generator().manual_seed(1)
        low, high = (4, 12) if check.dry else (60, 140)
        self.prompts: list[tuple[int, ...]] = []
        for _ in range(4 if check.dry else 256):
            length = int(torch.randint(low, high, (1,), generator=generator))
            tokens: list[int] = torch.randint(2, vocabulary(self.model), (length,), generator=generator).tolist()
            self.prompts.append(tuple(tokens))

    def requests(self, rows: int, samples: int = SAMPLES) -> list[Request]:
        """So many sequences, `samples` of each prompt."""
        return [
            Request(prompt, tuple(key_of("check", i, k) for k in range(samples)), self.limit)
            for i, prompt in enumerate(self.prompts[: max(1, rows // samples)])
        ]

    def backend(self, rows: int, precision: str = "") -> HfBackend:
        """The program's own, `rows` sequences at a time."""
        return HfBackend(Reasoner(self.model), eos=-1, pad=PAD, batch=rows, precision=precision or self.check.precision)

    def generate(self, prompts: Sequence[tuple[int, ...]], samples: int, *, sample: bool = True) -> list[list[int]]:
        """The same by `generate`, in the check's precision where it samples and in fp32 where it does not."""
        width = max(map(len, prompts))
        device = self.check.device
        ids = torch.tensor([[PAD] * (width - len(p)) + list(p) for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        how: dict[str, Any] = {"do_sample": sample, "max_new_tokens": self.limit, "pad_token_id": PAD}
        how |= {"top_k": 0, "num_return_sequences": samples} if sample else {}
        settings: Any = self.model.generation_config
        settings.eos_token_id = None
        generate: Any = self.model.generate
        sixteen = self.check.precision == "bf16" and sample
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=sixteen):
            found = generate(input_ids=ids, attention_mask=mask, **how)
        return found[:, width:].tolist()


def rate(check: Check, rows: int, tokens: int, work: Callable[[], object]) -> dict[str, Any]:
    """Tokens a second of `work`, after one round that is not counted."""
    work()
    began = check.clock()
    work()
    seconds = check.clock() - began
    return {"rows": rows, "tokens": tokens, "seconds": round(seconds, 2), "tokens_a_second": round(tokens / seconds)}


@contextmanager
def exact() -> Generator[None]:
    """fp32 products in fp32, not in TF32."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


@contextmanager
def attention_kernels(*kernels: SDPBackend) -> Generator[None]:
    """Have the sampler choose among these kernels for attention."""
    before, hf.ATTENTION = hf.ATTENTION, list(kernels)
    try:
        yield
    finally:
        hf.ATTENTION = before


def greedy_equality(check: Check) -> dict[str, Any]:
    """Greedy text in fp32, the sampler's against `generate`'s."""
    ground = check.ground(Ground)
    prompts = ground.prompts[:16]
    with exact():
        ours = ground.backend(64, "fp32").generate([Request(p, (0,), ground.limit) for p in prompts], temperature=0.0)
        theirs = ground.generate(prompts, 1, sample=False)
    equal = sum(list(mine.tokens) == other for (mine,), other in zip(ours, theirs, strict=True))
    return {"equal": equal, "of": len(prompts)}


def company(check: Check, *, precision: str = "") -> dict[str, Any]:
    """How many texts are the same whether their prompt is alone or among others."""
    ground = check.ground(Ground)
    backend = ground.backend(128, precision)
    requests = ground.requests(16 * SAMPLES)

    def write(some: Sequence[Request]) -> list[list[Completion]]:
        return backend.generate(some, temperature=1.0)

    with exact():
        together = write(requests)[:4]
        alone = [write([request])[0] for request in requests[:4]]
    pairs = [pair for one, other in zip(together, alone, strict=True) for pair in zip(one, other, strict=True)]
    return {"equal": sum(one == other for one, other in pairs), "of": len(pairs)}


def waits(check: Check) -> dict[str, Any]:
    """How often the host waits for the device while texts are written, for each of their tokens."""
    ground = check.ground(Ground)
    backend = ground.backend(64)
    requests = ground.requests(64)
    backend.generate(requests, temperature=1.0)
    found = count_waits(check.device, lambda: backend.generate(requests, temperature=1.0))
    return {"waits": found, "steps": ground.limit, "waits_a_step": round(found / ground.limit, 2)}


def own(check: Check, rows: int) -> dict[str, Any]:
    ground = check.ground(Ground)
    backend, requests = ground.backend(rows), ground.requests(rows)
    count = SAMPLES * len(requests)
    return rate(check, count, count * ground.limit, lambda: backend.generate(requests, temperature=1.0))


def own_with_cudnn(check: Check, rows: int) -> dict[str, Any]:
    with attention_kernels(SDPBackend.CUDNN_ATTENTION, *hf.ATTENTION):
        return own(check, rows)


def generate(check: Check, rows: int) -> dict[str, Any]:
    ground = check.ground(Ground)
    prompts = ground.prompts[: rows // SAMPLES]
    count = SAMPLES * len(prompts)
    return rate(check, count, count * ground.limit, lambda: ground.generate(prompts, SAMPLES))


CASES = (
    Case("greedy text equal to generate's", GROUP, 20, greedy_equality),
    Case("text alone and in company, fp32", GROUP, 20, partial(company, precision="fp32")),
    Case("text alone and in company", GROUP, 15, company),
    Case("waits in a token step", GROUP, 15, waits),
    Case("sampler, 512 rows", GROUP, 25, partial(own, rows=512)),
    Case("sampler, 2048 rows", GROUP, 45, partial(own, rows=2048)),
    Case("generate, 512 rows", GROUP, 25, partial(generate, rows=512)),
    Case("sampler with cuDNN's attention, 512 rows", GROUP, 30, partial(own_with_cudnn, rows=512)),
)
