"""What another value would change of a run's memory and time, by the forecast, in words."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast import Machine, MemoryForecast, find_shape, forecast, size

SLIGHT = 0.02
"""A change of time below this share is not told."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Peaks of the fullest memory in bytes, before and after, of so many that are `there`. `words` say it."""

    where: str
    before: float
    after: float
    there: int
    words: str


def effect_of(before: RunConfig, after: RunConfig, machine: Machine) -> Effect | None:
    """What `after` takes of the memory that is fullest with `before`, and how much longer it takes. None where the
    model is unknown. Reads the model's headers: not for the GUI thread."""
    first = forecast(before, find_shape(before), machine)
    second = forecast(after, find_shape(after), machine)
    if not first.memory or not second.memory:
        return None
    at = max(range(len(first.memory)), key=lambda at: _fullness(first.memory[at]))
    old, new = first.memory[at], second.memory[min(at, len(second.memory) - 1)]
    words = f"{size(new.peak.bytes)} instead of {size(old.peak.bytes)}"
    words += f", of {size(old.there)}" if old.there else ""
    if first.seconds and second.seconds and abs(second.seconds / first.seconds - 1) > SLIGHT:
        share = second.seconds / first.seconds - 1
        words += f" \u00b7 {abs(share):.0%} {'slower' if share > 0 else 'faster'}"
    return Effect(old.where, old.peak.bytes, new.peak.bytes, old.there, words)


def _fullness(memory: MemoryForecast) -> float:
    return memory.peak.bytes / memory.there if memory.there else 1.0
