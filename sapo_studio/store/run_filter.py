"""Which runs a list shows, and in which order: the same for the window and for `sapo runs`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.records import RunSummary


@dataclass(frozen=True, slots=True)
class RunFilter:
    """`archived`: those in the archive instead of the others. `tags`: all of them. `status` None: any. `text`: in name,
    id, preset, state, tags or notes. What is in the bin is in no list."""

    archived: bool = False
    tags: tuple[str, ...] = ()
    status: RunStatus | None = None
    text: str = ""

    def takes(self, run: RunSummary) -> bool:
        """Whether the list shows `run`."""
        if run.binned_at is not None or (run.archived_at is not None) is not self.archived:
            return False
        if not set(self.tags) <= set(run.tags):
            return False
        if self.status is not None and (run.imported or run.status is not self.status):
            return False
        return self.text.strip().casefold() in _words(run)


def _words(run: RunSummary) -> str:
    state = "imported file" if run.imported else run.status.value
    return "\n".join((run.name, run.id, run.preset, state, *run.tags, run.notes)).casefold()


_STATES = ("running", "paused", "queued", "failed", "interrupted", "stopped", "done")
_KEYS: dict[str, Callable[[RunSummary], Any]] = {
    "name": lambda run: run.name.casefold(),
    "status": lambda run: _STATES.index(run.status.value),
    "accuracy": lambda run: -run.headline.get("sampled_accuracy", -1.0),
    "time": lambda run: -run.active_seconds,
}
SORTS = ("newest", *_KEYS)
"""The orders that there are."""


def sorted_runs(runs: Sequence[RunSummary], by: str) -> list[RunSummary]:
    """`runs` in the order `by`; those that are equal in it, the newest first."""
    newest = sorted(runs, key=lambda run: -run.number)
    return newest if by not in _KEYS else sorted(newest, key=_KEYS[by])
