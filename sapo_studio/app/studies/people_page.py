"""What `sapo people-study` found, as a table."""

from __future__ import annotations

from typing import Any

from sapo_studio.app.reports.sheets import Sheet
from sapo_studio.app.studies.verifier_page import MEASURES, share

Found = dict[str, Any]
ARMS = (("without", "without people"), ("with", "with people"))


def head(found: Found) -> str:
    """What was trained, in a sentence."""
    return (
        f"V_{found['iteration']} of {found['run']}, trained twice: with {found['labels']:,} step labels by people in "
        f"{found['judged']:,} trajectories, {found['changed']:,} of them other than before, and without them"
    )


def sheet(found: Found) -> Sheet:
    """The two verifiers side by side."""
    rows = [(label, *(_text(found[arm], name) for arm, _ in ARMS)) for name, label, _ in MEASURES]
    tuned = [found[arm]["thresholds"]["tuned"] for arm, _ in ARMS]
    rows.append(("F1, threshold tuned", *("-" if one is None else share(one["f1"]) for one in tuned)))
    difference = found["difference"]
    note = (
        f"Step accuracy with people less without: {100 * difference['value']:+.1f} points "
        f"({100 * difference['low']:+.1f} to {100 * difference['high']:+.1f}), on the same rows."
    )
    if found["left_out"]:
        note += f" {found['left_out']:,} rows are left out: people judged solutions of their questions."
    one = found["with"]
    title = f"{one['solutions']} held-out solutions, {one['steps']} steps up to the first error"
    return Sheet(title, ("figure", *(name for _, name in ARMS)), tuple(rows), note)


def _text(measured: Found, name: str) -> str:
    if name in ("auroc", "ece"):
        return "-" if measured[name] is None else f"{measured[name]:.3f}"
    return share(measured[name])
