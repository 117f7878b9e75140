"""What a run will take, in the words of the review beside the New run form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.ledger import PARTS
from sapo_studio.domain.runs import PHASE_LABELS
from sapo_studio.forecast import (
    Forecast,
    Machine,
    ModelShape,
    Peak,
    card_needs,
    find_shape,
    forecast,
    size,
)
from sapo_ui import format as fmt
from sapo_ui.widgets.charts.cost_bars import CostBar


@dataclass(frozen=True)
class MemoryUse:
    """A memory: how full it gets (above 1: it does not fit; None where its size is not known), and by what (hover).

    `parts` are bytes of weights, gradients, optimiser and the rest, `there` and `free` those of the memory.
    """

    where: str
    text: str
    share: float | None
    tight: bool
    made_of: str
    parts: tuple[float, ...] = ()
    there: int = 0
    free: int = 0


START = "Start, end"
PARTS_SHOWN = ("weights", "gradients", "optimiser", "rest")
_WEIGHTS = ("weights", "adapters", "the ", "vLLM's weights")


@dataclass(frozen=True)
class ReviewLine:
    """What, how much in words and as an amount, and what it rests on (hover)."""

    label: str
    value: str
    basis: str
    amount: float = 0.0
    own: bool = True
    """Whether it is this run's, and not what another way to label would take."""


@dataclass(frozen=True)
class Review:
    """The whole review. `unknown` says why there is no memory and no time."""

    memories: tuple[MemoryUse, ...]
    total: ReviewLine | None
    phases: tuple[ReviewLine, ...]
    rollouts: tuple[ReviewLine, ...]
    """What labeling is expected to take by this run's labeler and by those that it is compared with."""
    compute: tuple[CostBar, ...]
    costs: tuple[CostBar, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]
    unknown: str
    needs: Mapping[int, Peak] = field(default_factory=dict[int, Peak])
    """What the run would take of each card of the machine, by the card's number."""


def forecast_review(config: RunConfig) -> Review:
    """Forecast `config` on this machine. Reads files and may time the machine: not for the GUI thread."""
    shape, machine = find_shape(config), Machine.here()
    needs = card_needs(config, shape, machine) if isinstance(shape, ModelShape) else {}
    return replace(describe(forecast(config, shape, machine)), needs=needs)


def describe(found: Forecast) -> Review:
    """A forecast in words."""
    total = None
    if found.seconds is not None:
        basis = "All phases together, if nothing else runs."
        total = ReviewLine("Time", f"about {fmt.duration(found.seconds)}", basis)
    elif not found.unknown:
        basis = "The GPUs it would run on are not in this machine, so their speed is unknown."
        total = ReviewLine("Time", "unknown", basis)
    return Review(
        memories=tuple(_memories(found)),
        total=total,
        phases=tuple(_phases(found)),
        rollouts=tuple(_rollouts(found)),
        compute=tuple(_compute(found)),
        costs=tuple(_costs(found)),
        warnings=tuple(" ".join((warned.what, warned.fix)).strip() for warned in found.warnings),
        assumptions=found.assumptions,
        unknown=found.unknown,
    )


def _memories(found: Forecast) -> list[MemoryUse]:
    made: list[MemoryUse] = []
    for memory in found.memory:
        peak = memory.peak
        text = f"{size(peak.bytes)} of {size(memory.there)}" if memory.there else size(peak.bytes)
        parts = sorted(peak.parts, key=lambda part: -part.bytes)
        made.append(
            MemoryUse(
                where=memory.where,
                text=f"{text}, {peak.use.lower()}",
                share=peak.bytes / memory.there if memory.there else None,
                tight=bool(memory.there) and peak.bytes > memory.free,
                made_of="\n".join(f"{size(part.bytes)} {part.name}: {part.assumption}" for part in parts),
                parts=_grouped(peak),
                there=memory.there,
                free=memory.free,
            )
        )
    return made


def _grouped(peak: Peak) -> tuple[float, ...]:
    """Bytes of what PARTS_SHOWN names."""
    bytes_of = dict.fromkeys(PARTS_SHOWN, 0.0)
    for part in peak.parts:
        name = part.name if part.name in ("gradients", "optimiser") else "rest"
        bytes_of["weights" if part.name.startswith(_WEIGHTS) else name] += part.bytes
    return tuple(bytes_of.values())


def _phases(found: Forecast) -> list[ReviewLine]:
    """Each kind of phase once, over all iterations, and what a run takes besides."""
    seconds: dict[str, float] = {}
    words: dict[str, list[str]] = {}
    for phase in found.phases:
        if phase.seconds is None:
            return []
        seconds[phase.name] = seconds.get(phase.name, 0.0) + phase.seconds
        words.setdefault(phase.name, []).append(
            f"iteration {phase.iteration}: {fmt.duration(round(phase.seconds))}"
            + (f", {phase.words}" if phase.words else "")
        )
    if seconds:
        seconds[START], words[START] = found.start, ["Until torch and the model are loaded, and after the last phase."]
    return [
        ReviewLine(PHASE_LABELS.get(name, name), fmt.duration(round(spent)), "\n".join(words[name]), spent)
        for name, spent in seconds.items()
        if round(spent)
    ]


def _rollouts(found: Forecast) -> list[ReviewLine]:
    return [
        ReviewLine(
            COMPARED[bill.labeler].title,
            fmt.count(bill.rollouts),
            f"{bill.rollouts:,} rollouts, {fmt.count(bill.tokens)} tokens generated",
            float(bill.rollouts),
            own=bill.chosen,
        )
        for bill in found.bills
    ]


def _compute(found: Forecast) -> list[CostBar]:
    compute = found.compute
    bars = [
        CostBar("Compute after the warm-up, tokens", title, float(amount), fmt.count(amount))
        for name, (title, _) in PARTS.items()
        for amount in (getattr(compute, name),)
    ]
    if compute.flops is not None:
        bars.append(CostBar("Compute after the warm-up, FLOPs", "In all", compute.flops, fmt.number(compute.flops)))
    return bars


def _costs(found: Forecast) -> list[CostBar]:
    return [
        CostBar(
            group="Labeling, tokens generated",
            name=COMPARED[bill.labeler].title,
            amount=bill.tokens,
            text=fmt.count(bill.tokens),
            remark="this run" if bill.chosen else "",
            estimate=not bill.chosen,
            series=COMPARED[bill.labeler].series,
        )
        for bill in found.bills
    ]
