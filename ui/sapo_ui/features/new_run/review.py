"""What a run will take, in the words of the review beside the New run form."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.runs import PHASE_LABELS
from sapo_studio.forecast import Forecast, Machine, find_shape, forecast, size
from sapo_ui import format as fmt
from sapo_ui.widgets.charts.cost_bars import Bill


@dataclass(frozen=True)
class Room:
    """A memory: how full it gets (above 1: it does not fit; None where its size is not known), and by what (hover)."""

    where: str
    text: str
    share: float | None
    tight: bool
    made_of: str


@dataclass(frozen=True)
class Line:
    """A line of the review: what, how much, and what it rests on (hover)."""

    label: str
    value: str
    reckoned: str


@dataclass(frozen=True)
class Review:
    """The whole review. `unknown` says why there is no memory and no time."""

    rooms: tuple[Room, ...]
    total: Line | None
    phases: tuple[Line, ...]
    bills: tuple[Bill, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]
    unknown: str


def ask(config: RunConfig) -> Review:
    """Forecast `config` on this machine. Reads files and may time the machine: not for the GUI thread."""
    return review(forecast(config, find_shape(config), Machine.here()))


def review(found: Forecast) -> Review:
    """A forecast in the review's words."""
    total = None
    if found.seconds is not None:
        reckoned = "All phases together, if nothing else runs."
        total = Line("Time", f"about {fmt.duration(found.seconds)}", reckoned)
    elif not found.unknown:
        total = Line("Time", "unknown", "The cards that it would run on are not here, so their speed is not known.")
    return Review(
        rooms=tuple(_rooms(found)),
        total=total,
        phases=tuple(_phases(found)),
        bills=tuple(_bills(found)),
        warnings=tuple(" ".join((warned.what, warned.fix)).strip() for warned in found.warnings),
        assumptions=found.assumptions,
        unknown=found.unknown,
    )


def _rooms(found: Forecast) -> list[Room]:
    made: list[Room] = []
    for memory in found.memory:
        peak = memory.peak
        text = f"{size(peak.bytes)} of {size(memory.there)}" if memory.there else size(peak.bytes)
        parts = sorted(peak.parts, key=lambda part: -part.bytes)
        made.append(
            Room(
                where=memory.where,
                text=f"{text}, {peak.use.lower()}",
                share=peak.bytes / memory.there if memory.there else None,
                tight=bool(memory.there) and peak.bytes > memory.free,
                made_of="\n".join(f"{size(part.bytes)} {part.name}: {part.assumption}" for part in parts),
            )
        )
    return made


def _phases(found: Forecast) -> list[Line]:
    """Each kind of phase once, over all iterations."""
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
    return [
        Line(PHASE_LABELS.get(name, name), fmt.duration(round(spent)), "\n".join(words[name]))
        for name, spent in seconds.items()
        if round(spent)
    ]


def _bills(found: Forecast) -> list[Bill]:
    return [
        Bill(
            group="Labelling, tokens generated",
            name=COMPARED[bill.labeler].title,
            amount=bill.tokens,
            text=fmt.count(bill.tokens),
            remark="this run" if bill.chosen else "",
            estimate=not bill.chosen,
            series=COMPARED[bill.labeler].series,
        )
        for bill in found.bills
    ]
