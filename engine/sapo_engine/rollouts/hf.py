"""Rollouts by transformers' own forward pass: each prompt is prefilled once and shared by its samples,
sequences that have ended leave the batch, and prompts of like length go together. Greedy output equals
`generate`'s token for token.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedModel

from sapo_engine.models.precision import autocast
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts.base import CHECK_EVERY, Completion, Listener, Request, Watch, within
from sapo_engine.rollouts.batch_size import BatchSize
from sapo_engine.rollouts.cache import roomy_cache
from sapo_engine.rollouts.draw import draw, log_probs_of
from sapo_engine.rollouts.keys import uniforms
from sapo_engine.rollouts.small_model_attention import is_faster, narrow_attention, narrow_cache
from sapo_studio.config.engine_limits import ROLLOUT_ROWS
from sapo_studio.domain.ledger import Usage

COMPACT_BELOW = 0.8
"""Ended sequences are dropped from the batch once fewer than this share are still going: each drop copies the cache."""

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
    ) -> None:
        self.reasoner = model if isinstance(model, Reasoner) else Reasoner(model)
        self.precision = precision
        self.eos = eos
        self.pad = pad
        self.batch = batch
        self.listener = listener
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
        for chunk in self._chunks(requests, self._at_a_time(requests)):
            answers = yield from self._generate([requests[i] for i in chunk], temperature)
            for index, completions in zip(chunk, answers, strict=True):
                results[index] = completions
            if tick:
                tick(sum(len(requests[i].keys) for i in chunk))
        return results

    def _at_a_time(self, requests: Sequence[Request]) -> int:
        if isinstance(self.batch, int):
            return self.batch
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
        self, requests: Sequence[Request], temperature: float
    ) -> Generator[None, None, list[list[Completion]]]:
        """Comes back after each step of decoding."""
        device = self.model.device
        width = max(len(request.prompt) for request in requests)
        padding = [width - len(request.prompt) for request in requests]
        ids = torch.tensor(
            [[self.pad] * pad + list(r.prompt) for pad, r in zip(padding, requests, strict=True)],
            device=device,
        )
        padded = any(padding)
        pads = torch.tensor(padding, device=device)
        columns = torch.arange(width, device=device)
        mask = (columns[None, :] >= pads[:, None]).long() if padded else None
        positions = (columns[None, :] - pads[:, None]).clamp(min=0) if padded else None

        longest = max(r.max_new_tokens for r in requests)
        narrow = is_faster(self.model, width + longest, sum(len(r.keys) for r in requests), self.precision)
        cache = (narrow_cache if narrow else roomy_cache)(self.model, width + longest)
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        counts = torch.tensor([len(r.keys) for r in requests], device=device)
        share = torch.repeat_interleave(torch.arange(len(requests), device=device), counts)
        cache.batch_select_indices(share)
        logits = cast("torch.Tensor", out.logits)[:, -1][share]
        bias = None
        if narrow and mask is not None:
            # Made once: a mask over the prompt, nothing over what is written.
            bias = torch.zeros(width + longest, len(requests), device=device)
            bias[:width].masked_fill_(mask.T == 0, torch.finfo(bias.dtype).min)
            bias, mask = bias[:, share], None
        if mask is not None:
            mask = mask[share]
        lengths = (width - pads)[share]
        keys = [key for r in requests for key in r.keys]
        limits = torch.tensor([r.max_new_tokens for r in requests for _ in r.keys], device=device)
        noise = uniforms(keys, longest).to(device) if temperature > 0 else None

        total = len(keys)
        written = torch.full((total, longest), self.pad, dtype=torch.long, device=device)
        size = torch.zeros(total, dtype=torch.long, device=device)
        ended = torch.zeros(total, dtype=torch.bool, device=device)
        rows = torch.arange(total, device=device)  # which sequence each row of the batch is
        going = torch.ones(total, dtype=torch.bool, device=device)
        watches = [request.watch() if request.watch else None for request in requests for _ in request.keys]
        watched = any(watches)
        asked = torch.tensor([r.log_probs for r in requests for _ in r.keys], device=device)
        log_probs = torch.zeros(total, longest, device=device) if any(r.log_probs for r in requests) else None
        for position in range(longest):
            token = draw(logits, temperature, noise[rows, position] if noise is not None else None)
            live = rows[going]
            written[live, position] = token[going]
            if log_probs is not None:
                told = going & asked[rows]
                log_probs[rows[told], position] = log_probs_of(logits[told], token[told])
            size[live] += 1
            stop = token == self.eos
            ended[rows[going & stop]] = True
            writing = going
            going = going & ~stop & (limits[rows] > position + 1)
            if watched and (position + 1) % CHECK_EVERY == 0:
                going = going & ~_ended(watches, rows, going, written[:, position + 1 - CHECK_EVERY : position + 1])
            if self.listener is not None:
                self.listener.heard(*(value[writing].tolist() for value in (rows, token, going)))
            alive = int(going.sum())
            if alive == 0:
                break
            if alive < COMPACT_BELOW * len(rows):
                keep = going.nonzero().squeeze(1)
                cache.batch_select_indices(keep)
                rows, token, lengths, going = rows[keep], token[keep], lengths[keep], going[keep]
                mask = mask[keep] if mask is not None else None
                bias = bias[:, keep] if bias is not None else None
            if mask is not None:
                mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            with narrow_attention(self.model) if narrow else contextlib.nullcontext():
                out = self.model(
                    input_ids=token[:, None],
                    attention_mask=mask if bias is None else bias[: width + position + 1].T[:, None, None],
                    position_ids=(lengths + position)[:, None],
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
            logits = cast("torch.Tensor", out.logits)[:, -1]
            yield

        self.usage.sequences += total
        self.usage.generated_tokens += int(size.sum())
        self.usage.prefill_tokens += sum(len(r.prompt) for r in requests)
        self.usage.prefix_hits += sum(len(r.prompt) * (len(r.keys) - 1) for r in requests)
        token_lists = cast("list[list[int]]", written.tolist())
        flat = [
            Completion(tuple(tokens[:n]), finished)
            for tokens, n, finished in zip(token_lists, size.tolist(), ended.tolist(), strict=True)
        ]
        if log_probs is not None:
            for row in cast("list[int]", asked.nonzero().flatten().tolist()):
                mine = cast("list[float]", log_probs[row, : size[row]].tolist())
                flat[row] = replace(flat[row], log_probs=tuple(mine))
        split: list[list[Completion]] = []
        at = 0
        for request in requests:
            split.append(flat[at : at + len(request.keys)])
            at += len(request.keys)
        return split


def _ended(watches: Sequence[Watch | None], rows: torch.Tensor, going: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """Which rows of the batch their watches end. `rows`, `going`: shape (rows,); `new`: the latest tokens of all
    sequences, shape (sequences, CHECK_EVERY)."""
    live = rows[going]
    texts = cast("list[list[int]]", new[live].tolist())
    verdicts = [
        (watch := watches[row]) is not None and watch.ended(tokens)
        for row, tokens in zip(cast("list[int]", live.tolist()), texts, strict=True)
    ]
    found = torch.zeros_like(going)
    found[going] = torch.tensor(verdicts, dtype=torch.bool, device=going.device)
    return found
