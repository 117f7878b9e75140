"""To be worded."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sapo_studio.store.records import LogLine, MetricValue, PhaseInfo, RunSummary


@dataclass(frozen=True)
class Look:
    """A run as it stands at one moment. `log` holds the warnings and errors since the look before."""

    run: RunSummary
    phases: list[PhaseInfo]
    metrics: dict[int, dict[str, MetricValue]]
    log: list[LogLine]
    note: str = ""


class View(AbstractContextManager["View"], Protocol):
    """Shows looks."""

    def show(self, look: Look) -> None:
        """Show how the run stands now."""
        ...

    def finish(self, look: Look) -> None:
        """Show how it ended."""
        ...
