"""What another value would change of a run's memory and time, by the forecast, in words."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import PhaseName
from sapo_studio.forecast import Machine, MemoryForecast, find_shape, forecast, size

SLIGHT = 0.02
"""A change of time or memory below this share is none."""

USES: dict[str, str] = {
    PhaseName.SFT: "Warm-up",
    PhaseName.SCORE: "Scoring",
    PhaseName.VERIFIER: "Verifier training",
    PhaseName.RATE: "Scoring",
    PhaseName.ALIGN: "Alignment",
}
"""What the forecast calls the use of memory of a phase; the others sample."""
SAMPLING = "Sampling"


@dataclass(frozen=True, slots=True)
class Effect:
    """Peaks of a memory in bytes, before and after, of so many that are `there`. `words` say it."""

    where: str
    before: float
    after: float
    there: int
    words: str


def effect_of(before: RunConfig, after: RunConfig, phase: str, machine: Machine) -> Effect | None:
    """What `after` takes of the memory that is fullest with `before` in this kind of phase (empty: in any), and how
    much longer the run takes. None where the model is unknown or the forecast sees no difference. Reads the model's
    headers: not for the GUI thread."""
    first = forecast(before, find_shape(before), machine)
    second = forecast(after, find_shape(after), machine)
    if not first.memory or not second.memory:
        return None
    use = USES.get(phase, SAMPLING) if phase else ""
    at = max(range(len(first.memory)), key=lambda at: _fullness(first.memory[at], use))
    old, new = first.memory[at], second.memory[min(at, len(second.memory) - 1)]
    was, becomes = _peak(old, use), _peak(new, use)
    if abs(becomes / was - 1) < SLIGHT:
        return None
    words = f"{size(becomes)} instead of {size(was)}"
    words += f", of {size(old.there)}" if old.there else ""
    if first.seconds and second.seconds and abs(second.seconds / first.seconds - 1) > SLIGHT:
        share = second.seconds / first.seconds - 1
        words += f" \u00b7 {abs(share):.0%} {'slower' if share > 0 else 'faster'}"
    return Effect(old.where, was, becomes, old.there, words)


def _peak(memory: MemoryForecast, use: str) -> float:
    mine = [peak.bytes for peak in memory.peaks if peak.use == use]
    return max(mine) if mine else memory.peak.bytes


def _fullness(memory: MemoryForecast, use: str) -> float:
    return _peak(memory, use) / memory.there if memory.there else 1.0
