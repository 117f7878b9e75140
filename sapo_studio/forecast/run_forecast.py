"""What a run will take, before it is started: memory of each device, time of each phase, and what labeling costs.

Nothing is refused here. Every figure says in words what it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.labelers.registry import COMPARED, NONE
from sapo_studio.domain.ledger import SHARED_PHASES
from sapo_studio.forecast import advice
from sapo_studio.forecast.compute import ComputeForecast, Sizes, compute_forecast
from sapo_studio.forecast.device_plan import Place, place_of
from sapo_studio.forecast.durations import phase_seconds
from sapo_studio.forecast.lengths import Lengths, lengths
from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.memory_parts import Peak
from sapo_studio.forecast.memory_use import card_peaks, memory_peaks, settled
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.scaling import Cluster, Scaling, links_of, scale
from sapo_studio.forecast.start_up import start_seconds
from sapo_studio.forecast.workload import PhaseWork, labeling_costs, phases


@dataclass(frozen=True, slots=True)
class Unknown:
    """A model whose shape cannot be known yet, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class MemoryForecast:
    """One memory: a card's or the machine's. `there` and `free` in bytes, 0 where there is no such card here."""

    where: str
    there: int
    free: int
    peaks: tuple[Peak, ...]

    @property
    def peak(self) -> Peak:
        """The largest of all."""
        return max(self.peaks, key=lambda peak: peak.bytes)


@dataclass(frozen=True, slots=True)
class PhaseForecast:
    """One phase. `seconds` None where it cannot be said."""

    name: str
    iteration: int
    seconds: float | None
    words: str


@dataclass(frozen=True, slots=True)
class BillForecast:
    """What labeling from iteration 1 on is expected to cost by one labeler. `flops` None for an unknown model."""

    labeler: str
    chosen: bool
    rollouts: int
    tokens: int
    prefill_tokens: int
    flops: float | None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that will likely go wrong: what, and what would help."""

    what: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """All of it. `start` is what the run takes besides its phases, in seconds. `unknown` says why there is no memory
    and no time, if there is none."""

    memory: tuple[MemoryForecast, ...]
    phases: tuple[PhaseForecast, ...]
    bills: tuple[BillForecast, ...]
    compute: ComputeForecast
    warnings: tuple[Warned, ...]
    assumptions: tuple[str, ...]
    start: float = 0.0
    unknown: str = ""

    @property
    def seconds(self) -> float | None:
        """The whole run."""
        known = [phase.seconds for phase in self.phases if phase.seconds is not None]
        return self.start + sum(known) if len(known) == len(self.phases) else None


def forecast(config: RunConfig, shape: ModelShape | Unknown, machine: Machine) -> Forecast:
    """What `config` will take on `machine` with a model of this `shape`."""
    known = shape if isinstance(shape, ModelShape) else None
    texts = lengths(config.task, known.positions if known else 1 << 20)
    place = place_of(config, machine)
    asked = config
    used = [card for card in machine.cards if card.number in place.cards]
    free, least = (min((getattr(card, of) for card in used), default=0) for of in ("free", "total"))
    config = settled(config, known, place, texts, free, least)
    work = phases(config, texts)
    memory = tuple(_memories(config, known, machine, place, texts)) if known else ()
    return Forecast(
        memory=memory,
        phases=tuple(_phase(config, known, machine, place, texts, item) for item in work),
        bills=tuple(_bills(config, known, texts)),
        compute=compute_forecast(config, known, [item for item in work if item.name not in SHARED_PHASES]),
        warnings=tuple(_warnings(config, known, machine, place, memory)),
        assumptions=tuple(_assumptions(config, asked, known, machine, place, texts)),
        start=start_seconds(place.processes, vllm=_starts_vllm(config, place)),
        unknown=shape.why if isinstance(shape, Unknown) else "",
    )


def _starts_vllm(config: RunConfig, place: Place) -> bool:
    return config.runtime.backend == "vllm" and place.on_cards


def scaling(config: RunConfig, shape: ModelShape, machine: Machine, clusters: Sequence[Cluster]) -> Scaling:
    """What `config` would take on each of `clusters` of cards like this machine's first, after one of them."""
    runtime = config.runtime.model_copy(update={"processes": 1, "gpus": "", "device": "auto"})
    config = config.model_copy(update={"runtime": runtime})
    texts = lengths(config.task, shape.positions)
    place = place_of(config, machine)
    (card,) = (card for card in machine.cards if card.number == place.cards[0])
    found = scale(config, shape, machine, place, texts, card, clusters, links_of(card.name))
    return replace(found, words=(f"Card: {card.name}, {card.words}.", *found.words))


def _memories(
    config: RunConfig, shape: ModelShape, machine: Machine, place: Place, texts: Lengths
) -> Iterator[MemoryForecast]:
    if place.on_cards:
        for card in place.cards:
            found = machine.cards[card] if card < len(machine.cards) else None
            total = found.total if found else 0
            yield MemoryForecast(
                f"Card {card}, {found.name}" if found else "Each card",
                total,
                found.free if found else 0,
                card_peaks(config, shape, place, texts, total),
            )
            if found is None:
                break
    yield MemoryForecast("Main memory", machine.total, machine.free, memory_peaks(config, shape, place, texts))


def _phase(
    config: RunConfig, shape: ModelShape | None, machine: Machine, place: Place, texts: Lengths, work: PhaseWork
) -> PhaseForecast:
    seconds = phase_seconds(config, shape, machine, place, texts, work) if shape and place.timed else None
    return PhaseForecast(str(work.name), work.iteration, seconds, work.words)


def _bills(config: RunConfig, shape: ModelShape | None, texts: Lengths) -> Iterator[BillForecast]:
    if config.labeling.labeler == NONE:
        return
    for name, cost in labeling_costs(config, texts, COMPARED.values()).items():
        flops = cost.flops(Sizes.of(config, shape).reasoner) if shape else None
        own = name == config.labeling.labeler
        yield BillForecast(name, own, round(cost.rollouts), round(cost.tokens), round(cost.prefill_tokens), flops)


def _warnings(
    config: RunConfig, shape: ModelShape | None, machine: Machine, place: Place, memory: tuple[MemoryForecast, ...]
) -> Iterator[Warned]:
    if place.why:
        yield Warned(place.why, place.fix)
    if shape is None:
        return
    for at, one in enumerate(memory):
        if not one.there:
            continue
        for peak in sorted(one.peaks, key=lambda peak: -peak.bytes):
            if peak.bytes <= one.free:
                continue
            told = advice.told(peak, one.where, one.there, one.free)

            def fits(other: RunConfig, at: int = at, use: str = peak.use) -> float:
                changed = tuple(_memories(other, shape, machine, place_of(other, machine), lengths(other.task)))
                return max((p.bytes for p in changed[at].peaks if p.use == use), default=0.0)

            yield Warned(told, advice.helps(config, peak, one.free, fits, len(machine.cards)))


def _millions(count: int) -> str:
    return f"{count:,}" if count < 10**6 else f"{count / 1e6:,.0f} million"


def _assumptions(
    config: RunConfig, asked: RunConfig, shape: ModelShape | None, machine: Machine, place: Place, texts: Lengths
) -> Iterator[str]:
    """What the forecast of `config` rests on, which is `asked` with what that leaves open."""
    yield f"Lengths: {texts.assumption}."
    if shape is not None:
        yield f"Model: {shape.name}, {_millions(shape.weights)} weights, vocabulary of {shape.vocab:,}."
    if place.timed:
        yield f"Speed: {place.pace(machine, place.precision).words}."
    elif not place.on_cards:
        yield "Speed: unknown."
    if place.timed:
        vllm = _starts_vllm(config, place)
        seconds = start_seconds(place.processes, vllm=vllm)
        loaded = "torch and a small model are loaded" + (", vLLM has captured its graphs" if vllm else "")
        yield f"Start and end: {seconds:.0f} s until {loaded} and after the last phase."
    yield (
        "Half of all samples are incorrect; a rollout from a prefix without an error succeeds every second time; the "
        "verifier's largest drop is at the first error every second time."
    )
    if place.on_cards:
        if not asked.runtime.rollout_batch and config.runtime.backend != "vllm":
            yield f"Sampling: {config.runtime.rollout_batch:,} sequences at a time, by the card's free memory."
        if not asked.runtime.micro_tokens:
            yield f"Training: {config.runtime.micro_tokens:,} tokens at a time at most, by the card's free memory."
    if config.runtime.sharded_training == "on" and place.processes > 1:
        why = "" if asked.runtime.sharded_training == "on" else ", as a card has no room for all of them"
        yield f"Training: weights, gradients and moments are divided among {place.processes} processes{why}."
    if place.on_cards:
        yield "On a card: 600 MiB for the driver's context and 8 % lost to fragments in torch's allocator."
