"""What the page says while there is little or nothing to compare."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sapo_studio.store.records import RunSummary
from sapo_ui.services.picks import MOST

ADD = "Add run\u2026"


@dataclass(frozen=True)
class Said:
    """A headline, why it is so, an icon, and a button where something can be done."""

    headline: str
    text: str = ""
    sign: str = ""
    button: str = ""


READING = Said("Reading the runs", "What they measured is being read.")
FAILED = Said("The runs could not be compared", sign="warning", button="Choose runs\u2026")


def nothing_to_compare(picked: Collection[RunSummary], known: Collection[RunSummary]) -> Said:
    """What is said where none of the `picked` runs, of all that are `known`, can be compared."""
    if picked:
        return Said("Nothing to compare yet", "An imported file has no evaluation. Pick runs.", "runs", ADD)
    if any(not run.imported for run in known):
        text = (
            "Pick runs in the list with Space, drag them here, or add them. Their curves, settings and answers then "
            "stand beside each other."
        )
        return Said("No runs picked", text, "runs", ADD)
    return Said("There is no run yet", "Runs that have been evaluated can be compared here.", "runs")


def left_out(imported: Sequence[str], over: Sequence[str]) -> str:
    """Which of the picked runs are not compared, and why: imported files, and those that are too many."""
    said: list[str] = []
    if imported:
        verb = "is an imported file" if len(imported) == 1 else "are imported files"
        said.append(f"{', '.join(imported)} {verb}: without an evaluation there is nothing to compare.")
    if over:
        said.append(f"At most {MOST} lines can be told apart: {', '.join(over)} left out. Choose which to compare.")
    return " ".join(said)
