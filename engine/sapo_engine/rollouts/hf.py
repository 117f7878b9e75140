"""The program's own sampler: each prompt is read once and shared by its samples, sequences that have ended leave the
batch, and prompts of like length go together. The pass is transformers' own, or the lean one where that is for the
network. Greedy output equals `generate`'s token for token.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedModel

from sapo_engine.models.precision import autocast
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts.base import Completion, Listener, Request, within
from sapo_engine.rollouts.batch_size import BatchSize
from sapo_engine.rollouts.draw import draw, log_probs_of
from sapo_engine.rollouts.forward import Forward
from sapo_engine.rollouts.kept_memory import KeptMemory
from sapo_engine.rollouts.keys import uniforms
from sapo_engine.rollouts.lean import LeanForward, LeanWeights, is_lean
from sapo_engine.rollouts.module_graph import ModuleGraph
from sapo_engine.rollouts.sheet import Sheet
from sapo_studio.config.engine_limits import ROLLOUT_ROWS
from sapo_studio.domain.ledger import Usage

COMPACT_BELOW = 0.8
"""Ended sequences are dropped from the batch once fewer than this share are still going: each drop copies the cache."""

LEAN_ROWS = 256
"""The lean pass has no more sequences at a time: their keys and values no longer fit into a processor's cache."""

ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Not cuDNN's, which a card would choose: it makes a new plan for every length of the keys, that is, at every token."""


class HfBackend:
    """Generates with a transformers causal language model in this process, `batch` sequences at a time: a number, or
    who says it for each call. `listener` hears every token of a call with one request, after each step of decoding."""

    def __init__(
        self,
        model: Reasoner | PreTrainedModel,
        *,
        eos: int,
        pad: int,
        batch: int | BatchSize = ROLLOUT_ROWS,
        precision: str = "fp32",
        listener: Listener | None = None,
        memory: KeptMemory | None = None,
    ) -> None:
        self.reasoner = model if isinstance(model, Reasoner) else Reasoner(model)
        self.precision = precision
        self.eos = eos
        self.pad = pad
        self.batch = batch
        self.listener = listener
        self.memory = memory or KeptMemory()
        self.model = self.reasoner.network
        self.usage = Usage()

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend."""
        work = self._in_chunks(requests, temperature, tick)
        with self._computing():
            while True:
                try:
                    next(work)
                except StopIteration as end:
                    return cast("list[list[Completion]]", end.value)

    def steps(self, requests: Sequence[Request], *, temperature: float) -> Generator[None]:
        """The same one step of decoding at a time, for a `listener`: between two steps another back end may be at work,
        on the same network, too."""
        work = self._in_chunks(requests, temperature, None)
        while True:
            with self._computing():
                try:
                    next(work)
                except StopIteration:
                    return
            yield

    @contextlib.contextmanager
    def _computing(self) -> Generator[None]:
        self.model = self.reasoner.activate()
        if self.model.training:
            self.model.eval()
        with torch.inference_mode(), sdpa_kernel(ATTENTION), autocast(self.model.device, self.precision):
            yield

    def _in_chunks(
        self, requests: Sequence[Request], temperature: float, tick: Callable[[int], None] | None
    ) -> Generator[None, None, list[list[Completion]]]:
        requests = within(
            requests, int(getattr(self.model.config.get_text_config(), "max_position_embeddings", 1 << 20))
        )
        results: list[list[Completion]] = [[] for _ in requests]
        lean = LeanWeights.of(self.reasoner) if is_lean(self.model, self.precision) else None
        for chunk in self._chunks(requests, self._at_a_time(requests, lean)):
            forward = ModuleGraph(self.model, self.pad) if lean is None else LeanForward(lean, self.memory, self.pad)
            answers = yield from self._generate(forward, [requests[i] for i in chunk], temperature)
            for index, completions in zip(chunk, answers, strict=True):
                results[index] = completions
            if tick:
                tick(sum(len(requests[i].keys) for i in chunk))
        return results

    def _at_a_time(self, requests: Sequence[Request], lean: LeanWeights | None) -> int:
        if isinstance(self.batch, int):
            return self.batch if lean is None else min(self.batch, LEAN_ROWS)
        longest = max((len(request.prompt) for request in requests), default=0)
        return self.batch.of(self.model, longest, max((request.max_new_tokens for request in requests), default=0))

    @staticmethod
    def _chunks(requests: Sequence[Request], batch: int) -> Iterator[list[int]]:
        """Indices of requests that run together: like lengths, `batch` sequences at most (or one request)."""
        chunk: list[int] = []
        rows = 0
        for index in sorted(range(len(requests)), key=lambda i: len(requests[i].prompt)):
            if chunk and rows + len(requests[index].keys) > batch:
                yield chunk
                chunk, rows = [], 0
            chunk.append(index)
            rows += len(requests[index].keys)
        if chunk:
            yield chunk

    def _generate(
        self, forward: Forward, requests: Sequence[Request], temperature: float
    ) -> Generator[None, None, list[list[Completion]]]:
        """Comes back after each step of decoding."""
        try:
            sheet = Sheet(requests, self.eos)
            yield from self._write(forward, sheet, requests, temperature)
        finally:
            forward.close()
        found = sheet.completions()
        self.usage.sequences += sum(map(len, found))
        self.usage.generated_tokens += sum(len(completion.tokens) for row in found for completion in row)
        self.usage.prefill_tokens += sum(len(r.prompt) for r in requests)
        self.usage.prefix_hits += sum(len(r.prompt) * (len(r.keys) - 1) for r in requests)
        return found

    def _write(
        self, forward: Forward, sheet: Sheet, requests: Sequence[Request], temperature: float
    ) -> Generator[None]:
        device = self.model.device
        longest = max(r.max_new_tokens for r in requests)
        logits = forward.read([r.prompt for r in requests], [len(r.keys) for r in requests], longest)
        keys = [key for r in requests for key in r.keys]
        noise = uniforms(keys, longest).T.contiguous().to(device) if temperature > 0 else None
        for position in range(longest):
            tokens = draw(logits, temperature, None if noise is None else noise[position])
            if len(asked := sheet.asked):
                rows = torch.from_numpy(asked).to(device)
                sheet.tell(position, asked, log_probs_of(logits[rows], tokens[rows]).cpu().numpy())
            drawn = tokens.cpu().numpy()
            writing = sheet.going.copy()
            sheet.take(position, drawn)
            if self.listener is not None:
                self.listener.heard(*(value[writing].tolist() for value in (sheet.rows, drawn, sheet.going)))
            alive = int(np.count_nonzero(sheet.going))
            if alive == 0:
                break
            if alive < COMPACT_BELOW * len(drawn):
                kept = torch.from_numpy(sheet.leave()).to(device)
                forward.keep(kept)
                tokens = tokens[kept]
                noise = None if noise is None else noise[:, kept]
            logits = forward.step(tokens)
            yield
