"""Texts end to end, without padding, and a prompt that several of them begin with only once.

Whatever a network does token by token goes over the pack as it lies there; attention alone has to know where a text
begins and ends, and is told by `Rows`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
import torch

from sapo_engine.training.batching import PromptCompletion

Array = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of like length, padded on the right. `take` (rows * width,): where in the pack each position's token is; in
    the padding some token of the row, which nothing that counts looks at."""

    take: torch.Tensor
    rows: int
    width: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The texts of a pack as attention sees them: a row each, from the first token of its prompt on.

    Either padded, as `blocks`; or one after the other (`ends`, shape (rows + 1,), int32, for kernels that take them so,
    the longest of `longest` tokens). There `take` (M,) says which token of the pack is where; None: the rows are the
    pack. `back` (N,): where each token of the pack is in the blocks, or in the rows; None: at its own place.
    """

    blocks: tuple[Block, ...]
    take: torch.Tensor | None
    back: torch.Tensor | None
    ends: torch.Tensor | None = None
    longest: int = 0

    @classmethod
    def padded(cls, rows: Sequence[Array], size: int, device: torch.device, *, one_block: bool) -> Self:
        """Rows given by where in the pack their tokens are, over a pack of `size` tokens. Rows of the same length in
        the pack's own order are looked at where they lie."""
        lengths = [len(row) for row in rows]
        if len(set(lengths)) == 1 and sum(lengths) == size:
            take = torch.arange(size, device=device)
            return cls((Block(take, len(rows), lengths[0]),), None, None)
        back = np.zeros(size, dtype=np.int64)
        blocks: list[Block] = []
        begin = 0
        for group in [range(len(rows))] if one_block else _alike(lengths):
            width = max(lengths[number] for number in group)
            take = np.zeros((len(group), width), dtype=np.int64)
            # From the last one on: what is in several rows is taken from the first of them.
            for place, number in reversed(list(enumerate(group))):
                row = rows[number]
                take[place] = row[0] if len(row) else 0
                take[place, : len(row)] = row
                back[row] = begin + place * width + np.arange(len(row))
            begin += take.size
            blocks.append(Block(torch.from_numpy(take.reshape(-1)).to(device), len(group), width))
        return cls(tuple(blocks), None, torch.from_numpy(back).to(device))

    @classmethod
    def one_after_another(cls, rows: Sequence[Array], size: int, device: torch.device) -> Self:
        """The same for a kernel that knows rows by their ends."""
        lengths = [len(row) for row in rows]
        ends = torch.from_numpy(np.cumsum([0, *lengths], dtype=np.int32)).to(device)
        if sum(lengths) == size:
            return cls((), None, None, ends, max(lengths))
        take = np.concatenate(rows)
        back = np.zeros(size, dtype=np.int64)
        back[take[::-1]] = np.arange(len(take))[::-1]
        return cls((), torch.from_numpy(take).to(device), torch.from_numpy(back).to(device), ends, max(lengths))


LIKE = 1.25
"""By how much the longest row of a block may be longer than its shortest."""


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of rows of like length."""
    order = sorted(range(len(lengths)), key=lambda number: lengths[number])
    group: list[int] = []
    for number in order:
        if group and lengths[number] > LIKE * lengths[group[0]]:
            yield group
            group = []
        group.append(number)
    yield group


@dataclass(frozen=True, slots=True)
class Pack:
    """Texts end to end. `ids` and `positions` (N,): the tokens, and where in its text each stands. `rows`: see Rows.

    What is predicted, text by text: `targets` (T,) follow the tokens at `where` (T,) of the pack, and are the tokens
    `column` (T,) of the completions of the texts `owner` (T,). `counts` (texts,): how many each text has. `begins`
    (texts,): where in the pack each completion begins.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    rows: Rows
    where: torch.Tensor
    targets: torch.Tensor
    owner: torch.Tensor
    column: torch.Tensor
    counts: torch.Tensor
    begins: torch.Tensor

    def __len__(self) -> int:
        return len(self.counts)

    def by_text(self, values: torch.Tensor) -> torch.Tensor:
        """The sums of `values` (T,) over each text's targets, shape (texts,)."""
        return values.new_zeros(len(self)).index_add(0, self.owner, values)

    def table(self, values: torch.Tensor, width: int) -> torch.Tensor:
        """`values` (T,) by text and token of its completion, shape (texts, width), 0 where nothing was predicted."""
        return values.new_zeros(len(self), width).index_put((self.owner, self.column), values)


def predicted(text: PromptCompletion) -> int:
    """How many tokens of a text are predicted: a first token without a prompt before it is not."""
    return len(text.completion) - (not text.prompt and bool(text.completion))


def pack(
    texts: Sequence[PromptCompletion],
    device: torch.device,
    *,
    share: bool = True,
    one_block: bool = False,
    by_ends: bool = False,
) -> Pack:
    """The pack of `texts` on `device`. None of them may be empty.

    `share`: texts that stand next to each other and have the same prompt have it once. `one_block` and `by_ends`: how
    attention is to see them, see Rows.
    """
    parts: list[tuple[int, ...]] = []
    positions: list[Array] = []
    rows: list[Array] = []
    where: list[Array] = []
    begins: list[int] = []
    size, prompt_at = 0, 0
    before: PromptCompletion | None = None
    for text in texts:
        prompt, completion = len(text.prompt), len(text.completion)
        if not (share and before is not None and before.prompt and text.prompt == before.prompt):
            prompt_at = size
            parts.append(text.prompt)
            positions.append(np.arange(prompt))
            size += prompt
        begin = size
        parts.append(text.completion)
        positions.append(np.arange(prompt, prompt + completion))
        size += completion
        own = np.arange(begin, size)
        rows.append(np.concatenate([np.arange(prompt_at, prompt_at + prompt), own]))
        where.append(rows[-1][max(0, prompt - 1) : -1] if completion else own)
        begins.append(begin)
        before = text
    counts = np.array([predicted(text) for text in texts])
    ids = np.fromiter(chain.from_iterable(parts), dtype=np.int64, count=size)
    owner = np.repeat(np.arange(len(texts)), counts)
    column = np.concatenate([np.arange(len(t.completion) - predicted(t), len(t.completion)) for t in texts])
    targets = ids[np.asarray(begins)[owner] + column]
    arrays = (ids, np.concatenate(positions), np.concatenate(where), targets, owner, column, counts, np.asarray(begins))
    ids_, positions_, *rest = (torch.from_numpy(array).to(device) for array in arrays)
    seen = (
        Rows.one_after_another(rows, size, device) if by_ends else Rows.padded(rows, size, device, one_block=one_block)
    )
    return Pack(ids_, positions_, seen, *rest)


def positions_of(texts: Sequence[PromptCompletion], before: PromptCompletion | None = None) -> int:
    """Token positions of `texts` in a pack that shares prompts, behind the text `before`."""
    size = 0
    for text in texts:
        shared = before is not None and text.prompt == before.prompt
        size += len(text.completion) + (0 if shared else len(text.prompt))
        before = text
    return size


def in_packs(
    items: Sequence[Sequence[PromptCompletion]], order: Sequence[int], most: int, *, share: bool
) -> list[list[int]]:
    """The numbers of `items`, whose texts stay together, in this `order`: as many at a time as are at most `most`
    positions, and at least one. `share`: in packs that share prompts; otherwise in padded rows."""
    found: list[list[int]] = []
    before: PromptCompletion | None = None
    filled = rows = longest = 0
    for number in order:
        texts = items[number]
        size = filled + positions_of(texts, before)
        width = max(longest, *map(len, texts))
        if not share:
            size = (rows + len(texts)) * width
        if not found or size > most:
            found.append([])
            rows, width = 0, max(map(len, texts))
            size = positions_of(texts)
        found[-1].append(number)
        before, filled, longest, rows = texts[-1], size, width, rows + len(texts)
    return found
