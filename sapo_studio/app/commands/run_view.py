"""What a view of a run in the terminal is given, and what it has to do with it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from sapo_studio.store.records import LogLine, MetricValue, PhaseInfo, RunSummary


@dataclass(frozen=True)
class RunSnapshot:
    """A run as it stands at one moment. `log` holds the warnings and errors since the snapshot before."""

    run: RunSummary
    phases: list[PhaseInfo]
    metrics: dict[int, dict[str, MetricValue]]
    log: list[LogLine]
    note: str = ""
    sets: dict[str, dict[int, dict[str, MetricValue]]] = field(
        default_factory=dict[str, dict[int, dict[str, MetricValue]]]
    )
    """What was measured on each evaluation set."""


class View(AbstractContextManager["View"], Protocol):
    """Shows a run, snapshot after snapshot, to a person or to a program."""

    def show(self, snapshot: RunSnapshot) -> None:
        """Show how the run stands now."""
        ...

    def finish(self, snapshot: RunSnapshot) -> None:
        """Show how it ended."""
        ...
