"""Why a panel shows nothing, in one of three ways: it is being read, it is not there yet, or it will not be there.

A panel says what would fill it, and which settings of a run leave it without (`DataPanel.why_never`, mostly one of the
rules below); this puts the two together with where the run is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sapo_studio.config.schema import PAIRED, RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.task_kinds import WRITTEN
from sapo_studio.store.records import RunSummary

State = Literal["loading", "not_yet", "never"]
IMPORTED = "This is an imported file: no run has computed it."
"""Why there is nothing of what a run computes."""


@dataclass(frozen=True, slots=True)
class Emptiness:
    """What an empty panel says: what is so, and why or when that changes."""

    state: State
    headline: str
    text: str


LOADING = Emptiness("loading", "Reading", "What the store has is being read.")


def emptiness(run: RunSummary, why_never: str, headline: str, text: str, import_text: str = IMPORTED) -> Emptiness:
    """Why a panel is empty that has read `run` and found nothing.

    `why_never`: why the run's settings leave it without; empty where they do not. `headline` and `text`: what it says
    while it waits, such as "No gap measured yet" and what brings the first. `import_text`: what it says of an imported
    file.
    """
    never = headline.removesuffix(" yet")
    if run.imported:
        return Emptiness("never", never, import_text)
    if why_never:
        return Emptiness("never", never, f"It will not be: {why_never}.")
    if run.status is RunStatus.DONE:
        return Emptiness("never", never, "The run is done, and has left none.")
    if run.status.alive or run.status is RunStatus.QUEUED:
        return Emptiness("not_yet", headline, text)
    return Emptiness("not_yet", headline, f"{text} The run is {run.status.value}: Resume lets it go on.")


# -- Which settings leave a run without


def no_verifier(config: RunConfig) -> str:
    """Why a run with these settings trains no verifier."""
    if config.iterations == 0:
        return "with iterations = 0 the run measures its reasoner alone"
    if config.labeling.labeler == "none":
        return 'with labeling.labeler = "none" there are no labels and no verifier'
    return ""


def no_gap(config: RunConfig) -> str:
    """Why its verifier is not measured on a process benchmark."""
    if why := no_verifier(config):
        return why
    if config.task.kind in WRITTEN and not config.supplies_benchmark:
        return f"task.process_data names no process benchmark, and the task {config.task.kind} knows no step's truth"
    return ""


def no_self_verification(config: RunConfig) -> str:
    """Why its labels are not self-verified."""
    return no_verifier(config) or config.labeling.no_self_verification


def no_pairs(config: RunConfig) -> str:
    """Why it makes no pairs of a winner and a loser."""
    if config.iterations == 0:
        return "with iterations = 0 nothing is aligned"
    kinds = {config.optimiser.kind_at(iteration) for iteration in range(1, config.iterations + 1)}
    if kinds.isdisjoint((*PAIRED, "sft")):
        return f'with optimiser.kind = "{config.optimiser.kind}" the alignment samples for itself and needs no pairs'
    return ""
