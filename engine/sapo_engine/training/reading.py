"""How a network reads texts in training and scoring: as a pack where it can, padded elsewhere; its language head a
chunk of positions at a time where logits are what the head makes of the last states.

Both are looked at once for each network, on two short texts.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.attention import attends_fully
from sapo_engine.models.precision import product_dtype
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.chunked_head import Head, head_by_configuration, log_prob_sum, log_probs
from sapo_engine.training.losses import next_log_probs
from sapo_engine.training.packed_attention import takes_ends
from sapo_engine.training.packing import Pack, in_packs, pack, positions_of
from sapo_studio.config.engine_limits import CARD_READ_POSITIONS, READ_POSITIONS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """How a network reads. `packed`: its layers take texts end to end. `head`: what makes logits of the last states;
    None: only the network itself knows."""

    packed: bool
    head: Head | None


_ways: WeakKeyDictionary[nn.Module, Way] = WeakKeyDictionary()


def obstacle(network: PreTrainedModel) -> str:
    """Why `network` cannot read texts end to end, in words for the log; "" where nothing speaks against it."""
    config = network.config
    if config._attn_implementation != "sdpa":  # pyright: ignore[reportPrivateUsage]  # transformers has no public name
        return "its attention is not torch's own"
    if not getattr(network, "_supports_attention_backend", False):
        return f"the attention of the architecture {config.model_type} takes no other function"
    if not attends_fully(config):
        return "not all its layers have full attention"
    if "position_ids" not in inspect.signature(network.base_model.forward).parameters:
        return f"the architecture {config.model_type} does not take positions of tokens"
    return ""


def padding_note(network: PreTrainedModel) -> str:
    """For a run's log: that texts are trained on in padded batches, and why; "" where they are not."""
    why = obstacle(network)
    return f"Texts are trained on and scored in padded batches, which takes longer: {why}." if why else ""


def read_at_a_time(
    network: PreTrainedModel, items: Sequence[Sequence[PromptCompletion]], order: Sequence[int], most: int = 0
) -> list[list[int]]:
    """The numbers of `items`, whose texts stay together, in this `order`: those that `network` is to read at a time
    where nothing is trained. As many token positions as suit the device, and no more than `most` (0: no matter), if an
    item has no more."""
    suits = READ_POSITIONS if network.device.type == "cpu" else CARD_READ_POSITIONS
    return in_packs(items, order, min(most or suits, suits), share=way_of(network).packed)


def way_of(network: PreTrainedModel) -> Way:
    """How `network` is to read: looked at once, and remembered."""
    known = _ways.get(network)
    return remember(network, _look(network)) if known is None else known


def remember(network: PreTrainedModel, way: Way) -> Way:
    """Have `network` read in this way from now on."""
    _ways[network] = way
    return way


def pack_for(network: PreTrainedModel, texts: Sequence[PromptCompletion]) -> Pack:
    """`texts` for `network`, on its device. Neighbours with the same prompt have it once, where it can read so."""
    if not way_of(network).packed:
        return pack(texts, network.device, share=False, one_block=True)
    return _packed(network, texts)


def positions_for(network: PreTrainedModel, texts: Sequence[PromptCompletion]) -> int:
    """Token positions that `network` computes for `texts`, neighbours in a pack: a prompt that they have in common once
    where it can read so, elsewhere rows as long as the longest."""
    return positions_of(texts) if way_of(network).packed else len(texts) * max(map(len, texts))


def states(network: PreTrainedModel, batch: Pack, pad_id: int) -> torch.Tensor:
    """The last hidden states of a pack that was made for `network`, shape (N, width)."""
    return _states(network, batch, pad_id, packed=way_of(network).packed)


def token_log_probs(network: PreTrainedModel, batch: Pack, pad_id: int) -> torch.Tensor:
    """log p of the pack's targets, shape (T,), in fp32."""
    head = way_of(network).head
    if head is None:
        return _by_whole_logits(network, batch, pad_id)
    return log_probs(head, states(network, batch, pad_id).index_select(0, batch.where), batch.targets)


def log_likelihood(network: PreTrainedModel, batch: Pack, pad_id: int) -> torch.Tensor:
    """The sum of these."""
    head = way_of(network).head
    if head is None:
        return _by_whole_logits(network, batch, pad_id).sum()
    return log_prob_sum(head, states(network, batch, pad_id).index_select(0, batch.where), batch.targets)


def _by_whole_logits(network: PreTrainedModel, batch: Pack, pad_id: int) -> torch.Tensor:
    way = way_of(network)
    if way.packed:
        logits = network(**_end_to_end(batch), logits_to_keep=batch.where).logits[0]
    else:
        at = batch.where if batch.rows.back is None else batch.rows.back[batch.where]
        logits = network(**_in_rows(batch, pad_id)).logits.flatten(0, 1)[at]
    return next_log_probs(logits, batch.targets)


def _states(network: PreTrainedModel, batch: Pack, pad_id: int, *, packed: bool) -> torch.Tensor:
    body = network.base_model
    if packed:
        return body(**_end_to_end(batch)).last_hidden_state[0]
    found = body(**_in_rows(batch, pad_id)).last_hidden_state.flatten(0, 1)
    return found if batch.rows.back is None else found.index_select(0, batch.rows.back)


def _end_to_end(batch: Pack) -> dict[str, object]:
    # A mask of four dimensions is taken as it is: none is made of the whole pack, which would have a place for every
    # pair of tokens. The attention that is told of `packed` does not look at it.
    mask = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=batch.ids.device)
    return {
        "input_ids": batch.ids[None],
        "position_ids": batch.positions[None],
        "attention_mask": mask,
        "use_cache": False,
        "packed": batch.rows,
    }


def _in_rows(batch: Pack, pad_id: int) -> dict[str, object]:
    (block,) = batch.rows.blocks
    shape = (block.rows, block.width)
    if batch.rows.back is None:
        ids = batch.ids.view(shape)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
    there = torch.zeros(block.rows * block.width, dtype=torch.bool, device=batch.ids.device)
    there[batch.rows.back] = True
    ids = batch.ids[block.take].masked_fill(~there, pad_id)
    return {"input_ids": ids.view(shape), "attention_mask": there.view(shape).long(), "use_cache": False}


def _packed(network: PreTrainedModel, texts: Sequence[PromptCompletion]) -> Pack:
    config = network.config.get_text_config()
    size = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    quiet = not (network.training and getattr(config, "attention_dropout", 0.0))
    ends = quiet and takes_ends(network.device, product_dtype(network.device, network.dtype), size)
    return pack(texts, network.device, by_ends=ends)


# -- Looking

PROMPT, COMPLETIONS = (1, 3), ((2, 0), (3, 1, 2))
"""Tokens that every vocabulary has."""


def _look(network: PreTrainedModel) -> Way:
    if network.device.type == "meta":  # there is nothing to compare
        return Way(False, None)
    module, config = network.get_output_embeddings(), network.config.get_text_config()
    head = None if module is None else head_by_configuration(cast("nn.Module", module), config)
    texts = [PromptCompletion(PROMPT, completion) for completion in COMPLETIONS]
    with _as_it_is(network):
        apart = pack(texts, network.device, share=False, one_block=True)
        before = _states(network, apart, 0, packed=False)
        if head is not None:
            own = network(**_in_rows(apart, 0)).logits.flatten(0, 1)[apart.rows.back]
            if not _alike(head.logits(before), own):
                log.warning("%s makes logits its own way: they are made whole.", type(network).__name__)
                head = None
        packed = not obstacle(network)
        if packed:
            together = _packed(network, texts)
            after = _states(network, together, 0, packed=True)
            own_prompts = len(PROMPT) + len(COMPLETIONS[0])
            packed = _alike(after, torch.cat([before[:own_prompts], before[own_prompts + len(PROMPT) :]]))
            if not packed:
                log.warning("%s does not read texts end to end: they are padded.", type(network).__name__)
    return Way(packed, head)


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two ways of calculating the same differ by rounding alone."""
    dtype = product_dtype(one.device, other.dtype)
    tolerance = 1e-4 if dtype == torch.float32 and other.dtype == torch.float32 else 0.03
    return float((one.float() - other.float()).norm()) <= tolerance * float(other.float().norm())


@contextmanager
def _as_it_is(network: PreTrainedModel) -> Generator[None]:
    """Nothing is trained inside, nothing drawn, and nothing left behind: autocast would keep weights in another format
    that no gradient goes through."""
    training, keeps = network.training, torch.is_autocast_cache_enabled()
    network.eval()
    torch.set_autocast_cache_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_autocast_cache_enabled(keeps)
        network.train(training)
