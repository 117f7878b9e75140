"""What a run will take of memory and time, before it starts: an estimate that says what it rests on."""

from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.memory_parts import Part, Peak, size
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.model_sources import check_source, find_shape
from sapo_studio.forecast.run_forecast import (
    BillForecast,
    Forecast,
    MemoryForecast,
    PhaseForecast,
    Unknown,
    Warned,
    forecast,
)
from sapo_studio.hardware import Card

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
    "check_source",
    "find_shape",
    "forecast",
    "size",
]
