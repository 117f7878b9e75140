"""How far a run is and how long it will still take, from its phases. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SMOOTHING_SECONDS = 6.0
"""In this time the shown forecast makes up two thirds of its distance to a new estimate."""

EARLY = 0.02
"""Below this fraction of the first phase nothing can be said yet."""


@dataclass
class PhaseClock:
    """A phase as the forecast sees it.

    `seconds` is what it took (done) or has taken so far, without pauses.
    """

    ordinal: int
    name: str
    weight: float
    done: bool = False
    running: bool = False
    fraction: float = 0.0
    seconds: float = 0.0
    earlier: bool = False  # done by an earlier attempt, perhaps on another machine or with other threads
    begun_before: bool = False  # an earlier attempt at it had come somewhere
    resumed_at: float = 0.0  # the fraction it went on from after a restart: `seconds` bought only what came after


def progress(phases: Sequence[PhaseClock]) -> float:
    """Weight done over all weight, 0..1; the phase under way counts by its fraction."""
    total = sum(phase.weight for phase in phases)
    if total <= 0:
        return 0.0
    return min(1.0, sum(p.weight * (1.0 if p.done else p.fraction if p.running else 0.0) for p in phases) / total)


def remaining_seconds(phases: Sequence[PhaseClock]) -> float | None:
    """Seconds that the run still takes, None while nothing can be said.

    A phase to come takes what the last phase of its name took per weight, else what all work so far took per
    weight. In the phase under way its own pace takes over from that forecast as it goes on. What an earlier attempt
    took counts as far as this one turns out to be as fast.
    """
    slower = _slowdown(phases)
    spent = work = 0.0
    by_name: dict[str, float] = {}
    for phase in phases:
        part = _part(phase)
        seconds = phase.seconds * slower if phase.earlier else phase.seconds
        if part > 0 and phase.weight > 0:
            spent += seconds
            work += part * phase.weight
        if phase.done and phase.weight > 0 and phase.seconds > 0:
            by_name[phase.name] = seconds / phase.weight
    if work <= 0 or spent <= 0:
        return None
    if not by_name and max((p.fraction - p.resumed_at for p in phases if p.running), default=0.0) < EARLY:
        return None
    pace = spent / work
    left = 0.0
    for phase in phases:
        if phase.done:
            continue
        forecast = by_name.get(phase.name, pace) * phase.weight
        if not phase.running:
            left += forecast
            continue
        own = phase.fraction - phase.resumed_at
        if own > 0 and phase.seconds > 0:
            trust = min(1.0, 2 * own)
            forecast = trust * (phase.seconds / own) + (1 - trust) * forecast
        left += forecast * (1 - phase.fraction)
    return left


def _part(phase: PhaseClock) -> float:
    """How much of a phase its `seconds` bought."""
    return 1.0 if phase.done else max(0.0, phase.fraction - phase.resumed_at) if phase.running else 0.0


def _slowdown(phases: Sequence[PhaseClock]) -> float:
    """How much longer this attempt takes for the same work than the ones before it: 1 until it has done enough of what
    they did, too, to say so."""
    before: dict[str, float] = {}
    took = expected = done = 0.0
    for phase in phases:
        if phase.earlier and phase.done and phase.weight > 0 and phase.seconds > 0:
            before[phase.name] = phase.seconds / phase.weight
    for phase in phases:
        if not phase.earlier and phase.name in before and (part := _part(phase)) > 0:
            took += phase.seconds
            expected += before[phase.name] * phase.weight * part
            done += part
    if took <= 0 or expected <= 0:
        return 1.0
    trust = min(1.0, 2 * done)
    return (1 - trust) + trust * took / expected


def smoothed(shown: float | None, passed: float, new: float | None) -> float | None:
    """The forecast to show: `shown`, counted down by `passed` seconds, drawn towards `new`."""
    if new is None or shown is None:
        return new
    share = -math.expm1(-passed / SMOOTHING_SECONDS)
    return max(0.0, (1 - share) * max(0.0, shown - passed) + share * new)
