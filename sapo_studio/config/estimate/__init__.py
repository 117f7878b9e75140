"""What a run will take of memory and time, before it starts: an estimate that says what it rests on."""

from sapo_studio.config.estimate.forecast import (
    BillForecast,
    Forecast,
    MemoryForecast,
    PhaseForecast,
    Unknown,
    Warned,
    forecast,
)
from sapo_studio.config.estimate.machine import Card, Machine
from sapo_studio.config.estimate.parts import Part, Peak, size
from sapo_studio.config.estimate.shape import ModelShape
from sapo_studio.config.estimate.sources import find_shape

__all__ = [
    "BillForecast",
    "Card",
    "Forecast",
    "Machine",
    "MemoryForecast",
    "ModelShape",
    "Part",
    "Peak",
    "PhaseForecast",
    "Unknown",
    "Warned",
    "find_shape",
    "forecast",
    "size",
]
