"""What a run will take of memory and time, before it starts: an estimate that says what it rests on.

Imports the configuration, the domain and the hardware. Imported by the window, and by `sapo run --dry-run`.
"""

from sapo_studio.forecast.card_fit import card_needs
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

__all__ = [
    "BillForecast",
    "Forecast",
    "Machine",
    "MemoryForecast",
    "ModelShape",
    "Part",
    "Peak",
    "PhaseForecast",
    "Unknown",
    "Warned",
    "card_needs",
    "check_source",
    "find_shape",
    "forecast",
    "size",
]
