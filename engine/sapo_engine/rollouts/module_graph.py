"""The sampler's pass by transformers' own modules: any architecture, format and device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from transformers import DynamicCache, PreTrainedModel

from sapo_engine.rollouts.cache import roomy_cache
from sapo_engine.rollouts.forward import padded


class ModuleGraph:
    """Implements Forward for `network`. Prompts are padded on the left with `pad`."""

    def __init__(self, network: PreTrainedModel, pad: int) -> None:
        self.network = network
        self.pad = pad
        self._cache: DynamicCache | None = None
        self._mask: torch.Tensor | None = None
        self._positions = torch.empty(0)

    def read(self, prompts: Sequence[tuple[int, ...]], counts: Sequence[int], more: int) -> torch.Tensor:
        """See Forward."""
        device = self.network.device
        ids, pads = padded(prompts, self.pad, device)
        width = ids.shape[1]
        columns = torch.arange(width, device=device)
        mask = positions = None
        if any(len(prompt) < width for prompt in prompts):
            mask = (columns[None, :] >= pads[:, None]).long()
            positions = (columns[None, :] - pads[:, None]).clamp(min=0)
        self._cache = roomy_cache(self.network, width + more)
        logits = self._logits(ids, mask, positions)
        share = torch.repeat_interleave(torch.arange(len(prompts)), torch.tensor(counts)).to(device)
        self._cache.batch_select_indices(share)
        self._mask = None if mask is None else mask[share]
        self._positions = (width - pads)[share]
        return logits[share]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """See Forward."""
        if self._mask is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        logits = self._logits(tokens[:, None], self._mask, self._positions[:, None])
        self._positions = self._positions + 1
        return logits

    def keep(self, sequences: torch.Tensor) -> None:
        """See Forward."""
        cast("DynamicCache", self._cache).batch_select_indices(sequences)
        self._positions = self._positions[sequences]
        if self._mask is not None:
            self._mask = self._mask[sequences]

    def close(self) -> None:
        """See Forward."""
        self._cache = None

    def _logits(self, ids: torch.Tensor, mask: torch.Tensor | None, positions: torch.Tensor | None) -> torch.Tensor:
        out = self.network(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cast("torch.Tensor", out.logits)[:, -1]
