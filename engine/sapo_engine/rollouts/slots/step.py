"""The two things that are computed: a step, which writes one token in every slot, and the reading of new prompts.

A step asks the device for nothing and has shapes that depend on a `Shape` alone: it can be captured as a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from sapo_engine.rollouts.draw import draw, log_probs_of
from sapo_engine.rollouts.keys import uniforms
from sapo_engine.rollouts.slots.table import SlotTable

WIDTH_STEP = 16
"""Prompts are padded to a multiple of this."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What makes a step another graph: slots that are written in, columns that are looked at, and how tokens are
    drawn."""

    rows: int
    columns: int
    temperature: float
    log_probs: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A text that begins: its slot, which of the prompts it continues, its key, and its most new tokens."""

    slot: int
    prompt: int
    key: int
    limit: int


def step(network: PreTrainedModel, table: SlotTable, eos: int, shape: Shape) -> None:
    """One token more in each of the first `shape.rows` slots. A slot without a text goes through the motions: its
    token is not counted, and what it writes it has written over when it is refilled."""
    rows, place = shape.rows, table.place
    place.columns = shape.columns
    at = place.at[:rows]
    torch.clamp(table.length[:rows], max=table.columns - 1, out=at)
    unseen = table.column[: shape.columns] > at[:, None]
    dtype = network.dtype
    bias = torch.zeros(rows, shape.columns, dtype=dtype, device=at.device)
    bias.masked_fill_(unseen, torch.finfo(dtype).min)  # once a step, not once a layer
    out = network(
        input_ids=table.token[:rows, None],
        attention_mask=bias[:, None, None],
        position_ids=at[:, None],
        past_key_values=table.cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits = cast("torch.Tensor", out.logits)[:, -1]
    live, done = table.alive[:rows], table.done[:rows]
    noise = None
    if shape.temperature > 0:
        noise = table.noise[:rows].gather(1, done.clamp(max=table.new - 1)[:, None]).squeeze(1)
    token = draw(logits, shape.temperature, noise)
    table.token[:rows].copy_(token)
    table.outbox[:rows].index_copy_(1, table.turn, token[:, None].int())
    if shape.log_probs:
        table.log_probs[:rows].index_copy_(1, table.turn, log_probs_of(logits, token)[:, None])
    table.turn.add_(1)
    table.length[:rows].add_(live)
    done.add_(live)
    stop = token == eos
    table.ended[:rows].logical_or_(live & stop)
    live.logical_and_(~stop & (done < table.limit[:rows]))


class Reader:
    """Reads prompts into slots, each once for all the texts that go on from it, and draws their first tokens.

    `shape`: prompts at a time and their width, always; None: as many and as wide as they come."""

    def __init__(
        self, network: PreTrainedModel, table: SlotTable, eos: int, pad: int, shape: tuple[int, int] | None = None
    ) -> None:
        self.network, self.table, self.eos, self.pad, self.shape = network, table, eos, pad, shape

    def read(self, prompts: Sequence[Sequence[int]], entries: Sequence[Entry], shape: Shape) -> None:
        """Begin `entries` with the prompts that they name."""
        table = self.table
        logits, cache = self._last_logits(prompts)
        owner = table.index([entry.prompt for entry in entries])
        slot = table.index([entry.slot for entry in entries])
        filled = cast("list[DynamicLayer]", cache.layers)
        for layer, states in zip(table.layers, filled, strict=True):
            layer.take(slot, owner, cast("torch.Tensor", states.keys), cast("torch.Tensor", states.values))
        noise = None
        if shape.temperature > 0:
            numbers = uniforms([entry.key for entry in entries], table.new).to(slot.device)
            table.noise.index_copy_(0, slot, numbers)
            noise = numbers[:, 0]
        logits = logits.index_select(0, owner)
        token = draw(logits, shape.temperature, noise)
        table.outbox[:, :1].index_copy_(0, slot, token[:, None].int())
        if shape.log_probs:
            table.log_probs[:, :1].index_copy_(0, slot, log_probs_of(logits, token)[:, None])
        limit = table.index([entry.limit for entry in entries])
        stop = token == self.eos
        table.token.index_copy_(0, slot, token)
        table.length.index_copy_(0, slot, table.index([len(prompts[entry.prompt]) for entry in entries]))
        table.done.index_copy_(0, slot, torch.ones_like(token))
        table.limit.index_copy_(0, slot, limit)
        table.ended.index_copy_(0, slot, stop)
        table.alive.index_copy_(0, slot, ~stop & (limit > 1))

    def _last_logits(self, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, DynamicCache]:
        """Scores behind each prompt, shape (prompts or more, vocabulary), and the keys and values up to there."""
        lengths = [len(prompt) for prompt in prompts]
        rows, width = self.shape or (len(prompts), min(self.table.columns, _up(max(lengths), WIDTH_STEP)))
        padded = [[*prompt, *[self.pad] * (width - len(prompt))] for prompt in prompts]
        padded += [[self.pad] * width] * (rows - len(prompts))
        cache = DynamicCache(config=self.network.config)
        # Padded on the right: what is read has nothing unwanted before it, and what is behind is written over.
        body: Any = self.network.base_model
        out = body(input_ids=self.table.index(padded), past_key_values=cache, use_cache=True)
        lasts = self.table.index([length - 1 for length in lengths] + [0] * (rows - len(prompts)))
        hidden = out.last_hidden_state[torch.arange(rows, device=lasts.device), lasts]
        head: Any = self.network.get_output_embeddings()
        return cast("torch.Tensor", head(hidden)), cache


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
