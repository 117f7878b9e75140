"""What each kind of work takes of a card's memory, and of the machine's: which networks are where, and how large the
batches can get."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sapo_studio.config.engine_limits import (
    CARD_READ_POSITIONS,
    MICRO_TOKENS,
    READ_POSITIONS,
    ROLLOUT_ROWS,
    VLLM_CPU_CACHE,
)
from sapo_studio.config.schema import PAIRED, RunConfig
from sapo_studio.forecast.device_plan import Place
from sapo_studio.forecast.lengths import Lengths
from sapo_studio.forecast.memory import (
    CUDA_CONTEXT,
    FRAGMENTS,
    LIBRARIES,
    Batch,
    Generation,
    Numerics,
    activations,
    micro_tokens_on_cpu,
    micro_tokens_that_fit,
    rows_that_fit,
    sampling,
    scores,
    training,
    vllm_least,
)
from sapo_studio.forecast.memory_parts import GIB, Part, Peak
from sapo_studio.forecast.model_shape import ModelShape


@dataclass(frozen=True, slots=True)
class Networks:
    """The models of a run, as far as memory goes."""

    shape: ModelShape
    reasoner: Numerics
    verifier: Numerics
    shared: bool
    verifies: bool

    @property
    def reasoner_bytes(self) -> float:
        """A reasoner's own network."""
        return self.reasoner.base_bytes(self.shape)

    @property
    def verifier_bytes(self) -> float:
        """What a verifier adds that waits: a network of its own, or adapters."""
        if not self.verifies:
            return 0.0
        if self.shared:
            return 4.0 * self.verifier.trained(self.shape)
        return self.verifier.base_bytes(self.shape)

    @property
    def reasoner_adds(self) -> float:
        """What a further reasoner adds beside the one before it."""
        if self.reasoner.tuning == "full":
            return self.reasoner_bytes
        return 4.0 * self.reasoner.trained(self.shape)


def networks(config: RunConfig, shape: ModelShape, precision: str) -> Networks:
    """The models that `config` makes."""
    model = config.model
    copy = model.tuning == "full" and precision == "bf16"
    shards = config.runtime.processes if config.runtime.sharded_training == "on" and model.tuning == "full" else 1
    reasoner = Numerics(
        model.tuning, model.lora_rank, precision, model.gradient_checkpointing, copy=copy, shards=shards
    )
    shared = config.verifier.base == "shared"
    verifier = reasoner
    if shared and model.tuning == "full":
        verifier = replace(reasoner, tuning="lora", frozen="fp32", copy=False, shards=1)
    return Networks(shape, reasoner, verifier, shared, config.labeling.labeler != "none")


TRAININGS = ("Warm-up", "Verifier training", "Alignment")


def shards_training(config: RunConfig, shape: ModelShape | None, place: Place, texts: Lengths, card: float) -> bool:
    """Whether the processes divide what is trained among them. `card`: all bytes of the smallest card, 0 where none is
    known. By itself they do where a card has no room for a whole copy and one text at a time."""
    asked = config.runtime.sharded_training
    if config.model.tuning != "full" or place.precision == "fp16" or place.processes == 1:
        return False
    if asked != "auto" or shape is None or not place.on_cards or not card:
        return asked == "on"
    nets = networks(config, shape, place.precision)
    one_text = config.runtime.model_copy(update={"micro_tokens": 1})
    works = _works(config.model_copy(update={"runtime": one_text}), nets, place, texts)
    whole = [works[use] for use in TRAININGS if use in works and _trained(use, nets).tuning == "full"]
    return any(_on_card(peak, nets, vllm=False).bytes > card for peak in whole)


def _trained(use: str, nets: Networks) -> Numerics:
    """What is trained in a training of this name."""
    return nets.verifier if use == "Verifier training" else nets.reasoner


def settled(
    config: RunConfig, shape: ModelShape | None, place: Place, texts: Lengths, free: float, card: float = 0
) -> RunConfig:
    """`config` with what the engine will generate and train on at a time where it leaves that open, and whether what it
    trains is divided. `free`: bytes of the card with the least, `card`: all bytes of the smallest one, 0 where none is
    known."""
    if shards_training(config, shape, place, texts, card):
        divided = config.runtime.model_copy(update={"sharded_training": "on"})
        config = config.model_copy(update={"runtime": divided})
    known = shape is not None and place.on_cards and free
    update: dict[str, int] = {}
    if not config.runtime.rollout_batch:
        update["rollout_batch"] = _rows(config, shape, place, texts, free) if known and shape else ROLLOUT_ROWS
    if not config.runtime.micro_tokens:
        update["micro_tokens"] = _micro_tokens(config, shape, place, texts, free) if shape else MICRO_TOKENS
    return config.model_copy(update={"runtime": config.runtime.model_copy(update=update)}) if update else config


def _room(shape: ModelShape, how: Numerics, free: float) -> float:
    """Bytes of a card that are free beside a network's weights, or its part of them."""
    room = free - CUDA_CONTEXT - how.base_bytes(shape) / how.shards
    return room if how.tuning == "full" else room - 4.0 * how.trained(shape)


def _rows(config: RunConfig, shape: ModelShape, place: Place, texts: Lengths, free: float) -> int:
    how = replace(networks(config, shape, place.precision).reasoner, shards=1)
    # The longest that is asked for: rollouts from the middle of a solution.
    prompt = texts.longest_prompt + texts.longest_solution // 2
    return rows_that_fit(shape, how, prompt, texts.longest_solution, _room(shape, how, free))


def _micro_tokens(config: RunConfig, shape: ModelShape, place: Place, texts: Lengths, free: float) -> int:
    """The fewest of all trainings."""
    nets, length = networks(config, shape, place.precision), min(texts.longest, shape.positions)

    def fit(how: Numerics, *, logits: bool) -> int:
        if not place.on_cards:
            return micro_tokens_on_cpu(shape, how, length, logits=logits)
        if not free:
            return MICRO_TOKENS
        return micro_tokens_that_fit(shape, how, length, _room(shape, how, (1 - FRAGMENTS) * free), logits=logits)

    found = [fit(nets.reasoner, logits=True)]
    if nets.verifies:
        found.append(fit(nets.verifier, logits=config.verifier.head == "likelihood"))
    return min(found)


def packs(shape: ModelShape) -> bool:
    """Whether the engine puts texts of such a network end to end, and the prompt of a pair there once: attention that
    is calculated whole takes padded rows."""
    return not shape.capped


def _batch(config: RunConfig, place: Place, size: int, length: int, *, pairs: bool = False, shared: int = 0) -> Batch:
    """What one process trains on at a time of a batch of `size` texts of `length`, or of pairs of them that have
    `shared` tokens in common."""
    mine = -(-size // place.processes)
    sides = 2 if pairs else 1
    items = min(mine, max(1, (config.runtime.micro_tokens or MICRO_TOKENS) // (sides * length - shared)))
    return Batch(sides * items, length, items * shared)


def _works(config: RunConfig, nets: Networks, place: Place, texts: Lengths) -> dict[str, Peak]:
    """Each kind of work with the networks that it itself needs, by its name."""
    shape, heap = nets.shape, not place.on_cards
    length = min(texts.longest, shape.positions)
    found: dict[str, Peak] = {}
    if config.warmup.epochs:
        # Solutions of the data, not samples, which may go on to the limit.
        usual = min(length, texts.longest_prompt + 2 * texts.solution)
        batch = _batch(config, place, config.warmup.batch_size, usual)
        found["Warm-up"] = training("Warm-up", shape, nets.reasoner, batch, heap=heap)
    found["Sampling"] = max(
        (sampling("Sampling", shape, nets.reasoner, work) for work in _generations(config, texts)),
        key=lambda peak: peak.bytes,
    )
    if nets.verifies:
        logits = config.verifier.head == "likelihood"
        batch = _batch(config, place, config.verifier.batch_size, length)
        found["Verifier training"] = training(
            "Verifier training", shape, nets.verifier, batch, logits=logits, heap=heap
        )
        found["Scoring"] = scoring(nets, length, logits=logits, heap=heap)
    pairs = config.optimiser.kind in PAIRED
    shared = min(texts.longest_prompt, length) if pairs and packs(shape) else 0
    batch = _batch(config, place, config.optimiser.batch_size, length, pairs=pairs, shared=shared)
    found["Alignment"] = training("Alignment", shape, nets.reasoner, batch, heap=heap)
    return found


def _generations(config: RunConfig, texts: Lengths) -> list[Generation]:
    """What the sampler may have to do at a time: sampling, greedy answers, rollouts from prefixes."""
    rows = config.runtime.rollout_batch or ROLLOUT_ROWS
    samples, wave = config.sampling.samples, config.labeling.wave
    return [
        Generation(max(rows, samples), max(1, rows // samples), texts.longest_prompt, texts.longest_solution),
        Generation(rows, rows, texts.longest_prompt, texts.longest_solution),
        Generation(
            max(rows, wave),
            max(1, rows // wave),
            texts.longest_prompt + texts.longest_solution // 2,
            texts.longest_solution,
        ),
    ]


def scoring(nets: Networks, length: int, *, logits: bool, heap: bool, most: int = 0) -> Peak:
    """The peak while a verifier reads sequences of `length`, `most` at a time at most (0: as many as it does): one
    block works at a time and keeps nothing, and the language head makes a chunk of its scores at a time."""
    rows = max(1, (READ_POSITIONS if heap else CARD_READ_POSITIONS) // length)
    batch = Batch(min(rows, most) if most else rows, length)
    how = replace(nets.verifier, checkpointing=False)
    one = replace(nets.shape, layers=1)
    passing = list(activations(one, how, batch, logits=False, heap=heap))
    if logits:
        passing.append(scores(nets.shape, how, batch.tokens, heap=heap, trained=False))
    base = nets.verifier.base_bytes(nets.shape)
    return Peak("Scoring", (Part("weights", base, how.base_words), *passing))


def card_peaks(config: RunConfig, shape: ModelShape, place: Place, texts: Lengths, total: int) -> tuple[Peak, ...]:
    """The peaks on a card of `total` bytes (0: unknown): what waits for its turn waits in main memory."""
    nets = networks(config, shape, place.precision)
    found = _works(config, nets, place, texts)
    if config.runtime.backend == "vllm":
        least = vllm_least(shape, nets.reasoner, texts.longest_prompt + texts.longest_solution)
        share = config.runtime.vllm_memory * total
        words = f"vLLM takes {config.runtime.vllm_memory:.0%} of the card and needs {least / GIB:.1f} GiB at least"
        found["Sampling"] = Peak("Sampling", (Part("vLLM", max(least, share), words),))
    return tuple(_on_card(peak, nets, vllm=config.runtime.backend == "vllm") for peak in found.values())


def _on_card(peak: Peak, nets: Networks, *, vllm: bool) -> Peak:
    parts = list(peak.parts)
    if peak.use != "Sampling" or not vllm:
        if nets.shared and nets.verifies and peak.use != "Warm-up":
            parts.append(Part("the other adapters", nets.verifier_bytes, "on the same network"))
        parts.append(Part("fragments", FRAGMENTS * peak.bytes, "8 % that torch's allocator cannot use"))
    parts.append(Part("driver", CUDA_CONTEXT, "600 MiB for CUDA's context"))
    return Peak(peak.use, tuple(parts))


def memory_peaks(config: RunConfig, shape: ModelShape, place: Place, texts: Lengths) -> tuple[Peak, ...]:
    """The peaks in main memory, of all processes together."""
    nets = networks(config, shape, place.precision)
    return tuple(_in_memory(peak, config, nets, place) for peak in _works(config, nets, place, texts).values())


CHECKPOINT = "checkpoint"


def _in_memory(peak: Peak, config: RunConfig, nets: Networks, place: Place) -> Peak:
    parts: list[Part] = [] if place.on_cards else list(peak.parts)
    waiting = _waiting(peak.use, nets)
    width = 4 if nets.reasoner.precision == "fp32" else 2
    if place.on_cards and peak.use == "Sampling" and config.runtime.backend in ("slots", "vllm"):
        waiting = [*waiting, Part("the reasoner", nets.reasoner_bytes, "while its copy has the card")]
    elif not place.on_cards and peak.use == "Sampling" and config.runtime.backend == "vllm":
        parts = [
            Part("weights", nets.reasoner_bytes, nets.reasoner.base_words),
            Part("vLLM's weights", float(width * nets.shape.weights), f"in {nets.reasoner.precision}"),
            Part("vLLM's keys and values", float(VLLM_CPU_CACHE), "1 GiB on a CPU"),
            Part("vLLM's libraries", 2.0 * LIBRARIES, "a process of its own"),
        ]
    elif not place.on_cards and peak.use == "Sampling" and config.runtime.backend == "slots":
        parts.append(Part("the sampler's weights", float(width * nets.shape.weights), "a copy to write with"))
    parts += waiting
    if peak.use in TRAININGS:
        how = _trained(peak.use, nets)
        if how.shards > 1:
            parts.append(Part("the model itself", how.base_bytes(nets.shape), "whole, while parts of it are trained"))
        saved = 12.0 * how.trained(nets.shape)
        # Between two steps there are no activations, so that on a CPU this takes their place as far as it goes.
        passing = 0.0 if place.on_cards else _passing(peak)
        if saved > passing:
            words = "a copy of what is trained and its moments, while one process writes the position down"
            parts.append(Part(CHECKPOINT, saved - passing, words))
    parts.append(Part("libraries", float(LIBRARIES), "torch, transformers and peft"))
    times = place.processes
    if times > 1:
        words = f"{times} processes, each with all of it; "
        parts = [
            part if part.name == CHECKPOINT else Part(part.name, times * part.bytes, words + part.assumption)
            for part in parts
        ]
    return Peak(peak.use, tuple(parts))


def _passing(peak: Peak) -> float:
    names = ("activations", "holes", "scores over the vocabulary", "optimiser step")
    return sum(part.bytes for part in peak.parts if part.name in names)


def _waiting(use: str, nets: Networks) -> list[Part]:
    """Networks that wait for their turn while `use` goes on."""
    if use == "Warm-up":
        return []
    found: list[Part] = []
    if use in ("Verifier training", "Scoring") and not nets.shared:
        found.append(Part("the reasoner", nets.reasoner_bytes, nets.reasoner.base_words))
    if use == "Alignment":
        found.append(Part("the reasoner before", nets.reasoner_adds, "kept beside the one that is trained"))
    if use != "Scoring" and nets.verifies:
        found.append(Part("the verifier", nets.verifier_bytes, "adapters" if nets.shared else "a model of its own"))
    return found
