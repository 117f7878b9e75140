"""How long work takes: matrix products by a device's operations a second, everything else by the bytes that it moves,
and a fixed price for each call. Pure arithmetic; benchmarks/forecast.py holds it against measured times.
"""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.memory import SAMPLED, WIDTH, Numerics, kept_per_token, key_value_bytes, logits_per_token
from sapo_studio.forecast.model_shape import ModelShape

CPU_SHARE = 0.9
"""Share of a core's speed at one product, done over and over, that a model's many different ones reach."""
CARD_SHARE = 0.35
"""The same of a card's nominal speed: what training a model of 0.5 to 2 billion weights in eager mode reaches."""
CARD_BANDWIDTH = 0.7
THREADS = 0.75
"""What each core after the first adds."""
CPU_CALL = 0.45e-3
"""Seconds that one block's forward pass costs on a CPU however little there is to do: Python, some forty operations."""
CARD_CALL = 0.3e-3
CARD_TRAINING_CALL = 0.7e-3
"""The same in training on a card, where autograd and the copies of autocast come to it."""
CARD_CACHE = 18.0
"""How often the program's own sampler moves its keys and values on a card for each token: they are copied as they grow,
cast, and repeated for the heads that share them. Fitted, like the calls, to tests/fixtures/card_measured.json."""
COPY_CALLS = 0.7
"""Share of the calls of a training that are left where a copy of the weights in 16 bits spares autocast's casts. As the
next two, estimated by counting the operations of a block: no card has measured them."""
COMPILED_CALLS = 0.4
COMPILED_MOVES = 0.6
"""Share of the calls, and of the bytes that are moved between products, where blocks are compiled."""
GRAPH_CALL = 0.02e-3
"""The same where the calls are recorded and played back (vLLM)."""
TOUCHED = 3.0
"""How often a tensor kept for the backward pass is moved: written, read, and its gradient."""
TOUCHED_LOGITS = 6.0
"""The same of scores over the vocabulary: the softmax reads and writes them over and over. Half of it where nothing is
trained."""
STEP_BYTES = 60.0
"""Bytes that AdamW and the clipping of gradients move for each trained weight."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A device at work: operations and bytes a second, seconds a call of one block, without and in training, and how
    often keys and values are moved for each token."""

    matrix: float
    bandwidth: float
    call: float
    training_call: float
    words: str
    cache: float = 1.0

    def forward(self, shape: ModelShape, how: Numerics, sequences: float, length: float, *, logits: bool) -> float:
        """Seconds of a pass that keeps nothing: reading prompts, scoring."""
        tokens = sequences * length
        moved = kept_per_token(shape, how, length) * shape.layers * tokens
        moved += TOUCHED_LOGITS * logits_per_token(shape) * tokens / 2 if logits else 0.0
        return self._products(shape, tokens, length, logits) + moved / self.bandwidth + self.call * shape.layers

    def _products(self, shape: ModelShape, tokens: float, length: float, logits: bool) -> float:
        weights = shape.multiplied if logits else shape.block_weights
        attention = 4.0 * shape.layers * shape.query * length
        return tokens * (2.0 * weights + attention) / self.matrix

    def step(
        self,
        shape: ModelShape,
        how: Numerics,
        sequences: int,
        length: float,
        parts: int,
        *,
        logits: bool,
        compiled: bool = False,
    ) -> float:
        """Seconds of one training step over `sequences`, done in `parts`. `compiled`: with compiled blocks."""
        tokens = sequences * length
        forward = self._products(shape, tokens, length, logits)
        # Backward costs twice the forward pass, once where the weights themselves get no gradient.
        passes = (3.0 if how.tuning == "full" else 2.0) + (1.0 if how.checkpointing else 0.0)
        moved = TOUCHED * kept_per_token(shape, how, length) * shape.layers * tokens
        moved += TOUCHED_LOGITS * logits_per_token(shape) * tokens if logits else 0.0
        calls = self.training_call * shape.layers * parts * (passes + 1) * (1.0 if how.tuning == "full" else 1.7)
        calls *= COMPILED_CALLS if compiled else COPY_CALLS if how.copy else 1.0
        moved *= COMPILED_MOVES if compiled else 1.0
        if how.tuning != "full":
            forward += tokens * 2.0 * how.trained(shape) / self.matrix
        return passes * forward + (moved + STEP_BYTES * how.trained(shape) / how.shards) / self.bandwidth + calls

    def write(
        self, shape: ModelShape, how: Numerics, rows: float, prompt: float, tokens: float, longest: float
    ) -> float:
        """Seconds in which `rows` sequences write `tokens` each in the mean, the longest of them `longest`."""
        products = rows * tokens * 2.0 * shape.multiplied / self.matrix
        weights = WIDTH[how.precision] * shape.multiplied * longest
        cache = self.cache * key_value_bytes(shape, how) * rows * tokens * (prompt + tokens / 2)
        drawn = SAMPLED * shape.vocab * rows * tokens
        return products + (weights + cache + drawn) / self.bandwidth + self.call * shape.layers * longest


def pace_of(machine: Machine, threads: int, card: int | None, precision: str) -> Pace:
    """The pace of one worker: on card number `card`, or (None) on `threads` cores (0: all)."""
    if card is None:
        cores = min(threads or machine.cores, machine.cores)
        share = 1 + THREADS * (cores - 1)
        words = f"{cores} core{'s' if cores > 1 else ''}, {machine.words}"
        return Pace(CPU_SHARE * machine.matrix * share, machine.bandwidth * share, CPU_CALL, CPU_CALL, words)
    found = machine.cards[card]
    # fp32 products run on the same units in TF32 at best, which torch does not use by itself.
    slow = 8.0 if precision == "fp32" else 1.0
    return Pace(
        CARD_SHARE * found.matrix / slow,
        CARD_BANDWIDTH * found.bandwidth,
        CARD_CALL,
        CARD_TRAINING_CALL,
        f"{found.name}, {found.words}",
        cache=CARD_CACHE,
    )
