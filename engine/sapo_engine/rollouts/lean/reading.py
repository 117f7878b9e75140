"""Attention within prompts that are read side by side."""

from __future__ import annotations

import torch
from torch.nn import functional

from sapo_engine.rollouts.lean.attention import RowAttention
from sapo_engine.rollouts.lean.weights import LeanWeights


class PromptAttention:
    """Causal attention in prompts of `width` tokens, of which the first `pads` (shape (prompts,)) are padding."""

    def __init__(self, weights: LeanWeights, pads: torch.Tensor, width: int) -> None:
        groups, prompts = weights.heads // weights.key_heads, len(pads)
        self.bias = over_padding(pads, width)
        self._rows = None
        # Many short prompts: token by token, over all prompts at once. Else torch's own, prompt by prompt.
        if prompts >= width:
            self._rows = RowAttention(groups, weights.key_heads, weights.size, width, prompts)
        self._seen = None
        if self.bias is not None:
            causal = torch.full((width, width), torch.finfo(torch.float32).min).triu_(1)
            self._seen = torch.minimum(causal, self.bias.permute(2, 1, 0))[:, None]

    def attend(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, found: torch.Tensor) -> None:
        """`queries`, scaled, and `found`, which is written: shape (groups, key heads, size, width, prompts); `keys`,
        `values`: (width, key heads, size, prompts)."""
        if self._rows is None:
            self._prompt_by_prompt(queries, keys, values, found)
            return
        for at in range(len(keys)):
            seen = slice(at + 1)
            bias = None if self.bias is None else self.bias[seen]
            self._rows.attend(queries[..., at, :], keys[seen], values[seen], bias, found[..., at, :])

    def _prompt_by_prompt(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, found: torch.Tensor
    ) -> None:
        groups = len(queries)
        answer = functional.scaled_dot_product_attention(
            queries.permute(4, 0, 1, 3, 2).flatten(1, 2).contiguous(),
            keys.permute(3, 1, 0, 2).repeat(1, groups, 1, 1),
            values.permute(3, 1, 0, 2).repeat(1, groups, 1, 1),
            attn_mask=self._seen,
            is_causal=self._seen is None,
            scale=1.0,
        )
        found.copy_(answer.unflatten(1, (groups, -1)).permute(1, 2, 4, 3, 0))


def over_padding(pads: torch.Tensor, width: int) -> torch.Tensor | None:
    """What is added to scores of positions where a prompt is padding, shape (width, 1, prompts); None where none is."""
    padding = torch.arange(width)[:, None] < pads
    if not bool(padding.any()):
        return None
    # A finite number: what pads a prompt sees nothing but padding, and would be no number.
    return torch.zeros(padding.shape).masked_fill_(padding, torch.finfo(torch.float32).min)[:, None]
