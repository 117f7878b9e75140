"""Peaks of memory: of training, of sampling by the program's own sampler, and of vLLM. Pure arithmetic over shapes.

The formulas count what transformers and peft keep for the backward pass, tensor by tensor; benchmarks/forecast.py holds
them against measured peaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sapo_studio.config.engine_limits import (
    CARD_HEAD_ENTRIES,
    HEAD_ENTRIES,
    MICRO_TOKENS,
    VLLM_SEQUENCES,
)
from sapo_studio.forecast.memory_parts import MIB, Part, Peak
from sapo_studio.forecast.model_shape import ModelShape

Tuning = Literal["full", "lora", "qlora"]

WIDTH = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes of a number."""

NF4 = 0.5 + 0.016
"""Bytes of a weight in 4 bits: half a byte, and the scales of blocks of 64, themselves quantised."""

CUDA_CONTEXT = 600 * MIB
"""What a process takes of a card before it has done anything: driver context, kernels, cuBLAS workspaces."""

FRAGMENTS = 0.08
"""Share that torch's allocator on a card holds without using it: pieces of other sizes than asked for."""

LIBRARIES = 700 * MIB
"""Main memory of a worker that has imported torch, transformers and peft, and of its parent."""


@dataclass(frozen=True, slots=True)
class Numerics:
    """What is trained, and what is calculated in. `precision` is settled: not "auto"."""

    tuning: Tuning
    rank: int
    precision: str
    checkpointing: bool = False
    frozen: str = ""
    """What frozen weights are kept in where that is not `precision`."""
    copy: bool = False
    """A copy of all weights in `precision` is calculated with; else autocast casts one by one."""
    shards: int = 1
    """Processes that divide what is trained among them."""
    whole_scores: bool = False
    """Scores over the vocabulary are there of all positions at once, as before chunks were made of them. What was
    measured then is described so."""

    def trained(self, shape: ModelShape) -> int:
        """Weights that are trained."""
        return shape.weights if self.tuning == "full" else shape.adapter_weights(self.rank)

    def base_bytes(self, shape: ModelShape) -> float:
        """A network's weights without adapters."""
        if self.tuning == "full":
            return 4.0 * shape.weights
        if self.tuning == "qlora":
            # The embedding and the norms are not quantised.
            return NF4 * shape.block_weights + 2.0 * (shape.weights - shape.block_weights)
        return float(WIDTH[self.frozen or self.precision] * shape.weights)

    @property
    def divided(self) -> str:
        """Said behind what is divided."""
        return f", a part in each of {self.shards} processes" if self.shards > 1 else ""

    @property
    def base_words(self) -> str:
        """What the weights are kept in."""
        if self.tuning == "full":
            return "all weights in fp32, since they are trained"
        return (
            "frozen, in 4 bits but for the embedding"
            if self.tuning == "qlora"
            else f"frozen, in {self.frozen or self.precision}"
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What one forward pass of training holds: sequences (both sides of a pair count) of `length` tokens, of which
    `shared` are there once for two of them."""

    sequences: int
    length: int
    shared: int = 0

    @property
    def tokens(self) -> int:
        """All positions."""
        return self.sequences * self.length - self.shared


def kept_per_token(shape: ModelShape, how: Numerics, length: float) -> float:
    """Bytes that one block keeps of one token in a sequence of `length` for the backward pass, without checkpointing.

    Per block: both normalisations' inputs (and, trained, their outputs before and after scaling), queries, keys and
    values (repeated for each head) and what attention gives, gate, its activation, up and their product. Where
    attention is calculated whole, its capped scores and their softmax.
    """
    h, q, i, norms = shape.hidden, shape.query, shape.intermediate, shape.norms
    full = how.tuning == "full"
    whole = 8.0 * shape.heads * length if shape.capped else 0.0
    if how.precision == "fp32":
        return whole + 4.0 * ((3 if full else 2) * norms * h + 4 * q + 4 * i)
    if how.copy:
        # A normalisation's input in fp32, and in 16 bits what it gives before and after scaling: the products' input.
        return whole + 8.0 * norms * h + 8.0 * q + 8.0 * i
    # Under autocast normalisations stay in fp32, and each linear layer keeps its own 16-bit copy of its input.
    inputs = 2.0 * 5 * h
    if full:
        return whole + 8.0 * norms * h + inputs + 8.0 * q + 8.0 * i
    return whole + 4.0 * norms * h + inputs + 10.0 * q + 8.0 * i


def backward_per_token(shape: ModelShape, how: Numerics) -> float:
    """Bytes that are alive for a moment while one block's backward pass works on one token."""
    return WIDTH[how.precision] * (3.0 * shape.intermediate + 2.0 * shape.hidden)


TRAINED_ENTRY = 12.0
"""Bytes that one score over the vocabulary takes for a moment in a training: as the head makes it, in fp32, and its
gradient."""
READ_ENTRY = {"fp32": 8.0, "bf16": 10.0, "fp16": 10.0}
"""The same where nothing is trained: as the head makes it, in fp32, and its exponential. By precision."""


def scores(shape: ModelShape, how: Numerics, tokens: int, *, heap: bool, trained: bool = True) -> Part:
    """Scores over the vocabulary of `tokens` positions, as many at a time as the engine makes. `heap`: on a CPU.
    `trained`: whether there is a backward pass."""
    if how.whole_scores:
        each = logits_per_token(shape) / shape.vocab
        words = f"{each:.0f} bytes for each of {shape.vocab:,} entries at each position"
        return Part("scores over the vocabulary", logits_per_token(shape) * tokens, words)
    entries = min(tokens * shape.vocab, HEAD_ENTRIES if heap else CARD_HEAD_ENTRIES)
    each = TRAINED_ENTRY if trained else READ_ENTRY[how.precision]
    words = f"{each:.0f} bytes for each of {entries:,} at a time"
    return Part("scores over the vocabulary", each * entries, words)


def logits_per_token(shape: ModelShape) -> float:
    """Bytes of one token's scores over the vocabulary, at the turn from forward to backward.

    The scores, those of the positions that count in fp32, and their log-softmax; then its output, its gradient and the
    gradient put back in place. Capped scores are there once before and once behind the tanh.
    """
    return (20.0 if shape.capped else 12.0) * shape.vocab


HOLES = 0.12
"""Share of the activations' memory that the C library's heap holds beside them, in pieces of other sizes."""


def holes(shape: ModelShape, how: Numerics, batch: Batch) -> float:
    """Bytes of the heap that a pass on a CPU leaves free and does not give back.

    Measured, not counted: what adapters put out lives for a moment, and what is kept lies scattered between, so that
    with checkpointing too it adds up over the blocks.
    """
    outputs = 2 * shape.hidden + shape.query + 2 * shape.key_value + 2 * shape.intermediate
    moment = WIDTH[how.precision] * outputs if how.tuning != "full" else 0.0
    blocks = 1 if how.checkpointing else shape.layers
    return (HOLES * kept_per_token(shape, how, batch.length) * blocks + moment * shape.layers) * batch.tokens


def activations(shape: ModelShape, how: Numerics, batch: Batch, *, logits: bool, heap: bool) -> tuple[Part, ...]:
    """What a pass over `batch` keeps at its worst moment: blocks, and scores over the vocabulary (`logits`). `heap`: in
    main memory, where what one moment has taken is not there for the next."""
    block = kept_per_token(shape, how, batch.length) * batch.tokens
    width = 4 if (how.tuning == "full" and not how.copy) or how.precision == "fp32" else 2
    words = f"{batch.sequences} sequences of {batch.length} tokens at a time"
    if batch.shared:
        words += f", pairs with their prompt once: {batch.tokens:,} positions"
    head = scores(shape, how, batch.tokens, heap=heap)
    turn = head.bytes if logits else 0.0
    if how.checkpointing:
        kept = float(width) * shape.hidden * shape.layers * batch.tokens
        again = block + backward_per_token(shape, how) * batch.tokens
        words += "; only the blocks' inputs are kept, one block at a time is calculated again"
        # The scores are gone by the time the first block is calculated again.
        if heap:
            blocks = kept + again
        else:
            blocks, turn = (kept + again, 0.0) if again > turn else (kept, turn)
    else:
        blocks = block * shape.layers
        if not logits:
            blocks += backward_per_token(shape, how) * batch.tokens
    parts = [Part("activations", blocks, words)]
    if heap:
        parts.append(Part("holes", holes(shape, how, batch), "freed and not given back by the C library"))
    if turn:
        parts.append(head)
    return tuple(parts)


TOGETHER = "embedding, language head, one block and the next, with their gradients on the way to all processes"


def put_together(shape: ModelShape, how: Numerics) -> float:
    """Bytes that a process of several has of weights that are divided among them, at the worst moment of a pass: what
    is in no block from beginning to end, blocks one after the other, the next one fetched meanwhile. Gradients come in
    the format of the weights and are summed over processes in fp32."""
    block = shape.block_weights / shape.layers
    rest = shape.weights - shape.block_weights
    width = 2.0 if how.copy else 4.0
    return 2 * width * rest + max(2 * width * block + (width + 4) * block, 4.0 * rest)


def lasting(shape: ModelShape, how: Numerics) -> tuple[Part, ...]:
    """What a training allocates beside the weights and keeps to its end."""
    count = how.trained(shape) / how.shards
    parts = [
        Part("gradients", 4.0 * count, f"fp32, of what is trained{how.divided}"),
        Part("optimiser", 8.0 * count, f"AdamW: two moments in fp32{how.divided}"),
    ]
    if how.shards > 1:
        parts.append(Part("weights put together", put_together(shape, how), TOGETHER))
    elif how.tuning == "full" and how.precision != "fp32":
        parts.append(Part("weights once more", 2.0 * count, f"what is calculated with, in {how.precision}"))
    return tuple(parts)


def training(
    use: str,
    shape: ModelShape,
    how: Numerics,
    batch: Batch,
    *,
    logits: bool = True,
    heap: bool = False,
    beside: tuple[Part, ...] = (),
) -> Peak:
    """The peak of a training: AdamW on what is trained, in parts of `batch`.

    `heap`: in main memory. `beside`: what else lies in that memory.
    """
    count = how.trained(shape)
    base = how.base_bytes(shape)
    parts = [Part("weights", base / how.shards, how.base_words + how.divided)]
    if how.tuning != "full":
        parts.append(Part("adapters", 4.0 * count, f"LoRA of rank {how.rank} on every linear layer, in fp32"))
    parts += lasting(shape, how)
    passing = activations(shape, how, batch, logits=logits, heap=heap)
    # On a CPU the step takes square roots of all second moments at once; then there are no activations. On a card one
    # kernel does all of it in place.
    step = Part(
        "optimiser step", 4.0 * count / how.shards if heap else 0.0, "AdamW updates all tensors at a time, in a copy"
    )
    parts += passing if sum(part.bytes for part in passing) >= step.bytes else [step]
    whole = Part("weights", base, "all in fp32, before each process takes its part of them")
    if how.shards > 1 and base > sum(part.bytes for part in parts):
        parts = [whole]
    return Peak(use, (*parts, *beside))


MOST_TOKENS = 2**16
"""The most positions that a card is given at a time: it is at work with a third of them."""
CPU_PASS = 2**31
"""Bytes that a pass takes at most on a CPU, whatever is free there."""
SPARE = 0.85
"""Share of free memory that is given to a part of a batch: what else lives for a moment, and pieces of other sizes."""


def micro_tokens_that_fit(
    shape: ModelShape, how: Numerics, length: int, free: float, *, logits: bool = True, there: float = 0.0
) -> int:
    """How many token positions can be trained on at a time in `free` bytes beside the weights, in texts of up to
    `length`: 1 where there is no room at all.

    `there`: bytes of what the training keeps to its end (`lasting`) that are allocated already.
    """
    still = max(0.0, sum(part.bytes for part in lasting(shape, how)) - there)
    fitting = _positions(shape, how, length, SPARE * (free - still), logits=logits, heap=False)
    return int(max(1.0, min(MOST_TOKENS, fitting)))


def micro_tokens_on_cpu(shape: ModelShape, how: Numerics, length: int, *, logits: bool = True) -> int:
    """The same on a CPU, where it does not go by what is free: other programs come and go."""
    fitting = _positions(shape, how, length, CPU_PASS, logits=logits, heap=True)
    return int(max(1.0, min(MICRO_TOKENS, fitting)))


def _positions(shape: ModelShape, how: Numerics, length: int, room: float, *, logits: bool, heap: bool) -> float:
    """How many positions a pass over texts of `length` can have in `room`."""
    many = Batch(2**10, length)
    each = sum(part.bytes for part in activations(shape, how, many, logits=False, heap=heap)) / many.tokens
    if not logits:
        return room / each
    fitting = room / (each + scores(shape, how, 1, heap=heap).bytes)
    # Above a full chunk of scores there are no more of them at a time.
    full = scores(shape, how, int(fitting), heap=heap).bytes
    return max(fitting, (room - full) / each)


def key_value_bytes(shape: ModelShape, how: Numerics) -> float:
    """Bytes of keys and values of one token in all blocks, in the program's own sampler."""
    # With fp32 weights rotary positions turn 16-bit keys into fp32 ones; values stay.
    keys = 4 if how.tuning == "full" or how.precision == "fp32" else 2
    return float(shape.layers * shape.key_value * (keys + WIDTH[how.precision]))


@dataclass(frozen=True, slots=True)
class Generation:
    """What the sampler has at a time: `rows` sequences of `prompt` tokens of which `prompts` differ, each going on for
    `more` tokens."""

    rows: int
    prompts: int
    prompt: int
    more: int


SAMPLED = 16.0
"""Bytes a row and entry of the vocabulary while a token is drawn: scores, scaled, softmax, cumulative sum; in fp32."""


GROWN = 0.2
"""Share of keys and values that lies in holes which smaller ones before them have left."""


def sampling(use: str, shape: ModelShape, how: Numerics, work: Generation, *, beside: tuple[Part, ...] = ()) -> Peak:
    """The peak of the program's own sampler."""
    length = work.prompt + work.more
    parts = [Part("weights", how.base_bytes(shape), how.base_words)]
    if how.tuning != "full":
        parts.append(Part("adapters", 4.0 * how.trained(shape), f"LoRA of rank {how.rank}, in fp32"))
    elif how.precision != "fp32":
        parts.append(Part("weights once more", 2.0 * shape.weights, f"autocast's copies in {how.precision}"))
    token = key_value_bytes(shape, how)
    # One block at a time is copied when it grows and when sequences that have ended leave.
    cache = token * work.rows * length * (1 + 1 / shape.layers + GROWN)
    draw = SAMPLED * work.rows * shape.vocab
    # Reading the prompts comes before there is much of a cache.
    width = WIDTH[how.precision]
    reading = (
        work.prompts * work.prompt * (width * (3.0 * shape.intermediate + 2.0 * shape.hidden) + 8.0 * shape.hidden)
    )
    read = token * work.prompts * work.prompt + reading
    if read > cache + draw:
        parts.append(Part("prompts", read, f"{work.prompts} prompts of {work.prompt} tokens are read at a time"))
    else:
        parts.append(Part("keys and values", cache, f"{work.rows} sequences of up to {length} tokens"))
        parts.append(
            Part("scores over the vocabulary", draw, f"16 bytes for each of {shape.vocab:,} entries and sequence")
        )
    return Peak(use, (*parts, *beside))


MOST_ROWS = 2048
"""More sequences at a time were hardly faster where it was measured (docs/results/gpu.md)."""


def rows_that_fit(shape: ModelShape, how: Numerics, prompt: int, more: int, free: float) -> int:
    """How many sequences the program's own sampler can write at a time in `free` bytes beside the weights, each of a
    prompt of its own of `prompt` tokens and going on for `more`: a power of two, and 1 where there is no room at all.
    """
    empty = _beside_weights(shape, how, Generation(0, 0, prompt, more))
    row = _beside_weights(shape, how, Generation(1, 1, prompt, more)) - empty
    rows = int(max(1.0, ((1 - FRAGMENTS) * free - empty) / row))
    return min(MOST_ROWS, 1 << (rows.bit_length() - 1))


def _beside_weights(shape: ModelShape, how: Numerics, work: Generation) -> float:
    lasting = ("weights", "adapters")
    return sum(part.bytes for part in sampling("", shape, how, work).parts if part.name not in lasting)


def vllm_least(shape: ModelShape, how: Numerics, length: int) -> float:
    """The least that vLLM can begin with on a card: its weights, room to read 8,192 tokens, one sequence's cache."""
    width = 2 if how.precision != "fp32" else 4
    reading = 8192 * width * (4.0 * shape.intermediate + 4.0 * shape.hidden) + VLLM_SEQUENCES * 8.0 * shape.vocab
    return width * shape.weights + reading + 2.0 * width * shape.layers * shape.key_value * length + CUDA_CONTEXT
