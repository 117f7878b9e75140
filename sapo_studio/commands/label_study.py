"""`sapo label-study`: what the labelers cost and how true their labels are, on the same trajectories."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sapo_studio.commands.resume import RUN_HELP

if TYPE_CHECKING:
    from rich.table import Table

NAMES = {
    "sapo": "SAPO",
    "search": "SAPO search",
    "omega": "Omega",
    "shepherd": "Shepherd",
    "outcome": "outcome",
}


def register(app: typer.Typer) -> None:
    """Add `label-study`."""
    app.command("label-study")(label_study)


def label_study(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)] = "last",
    iteration: Annotated[
        int, typer.Option("--iteration", min=0, help="Whose reasoner rolls out; 0 is the last that can be studied.")
    ] = 0,
    trajectories: Annotated[
        int, typer.Option("--trajectories", min=10, help="Wrong trajectories that all labelers label.")
    ] = 300,
    lengths: Annotated[
        str,
        typer.Option("--lengths", metavar="4,8,...", help="Lab only: a study for problems of each number of steps."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Label the same wrong trajectories with every labeler, and compare cost and accuracy.

    Trajectories are sampled by the run's reasoner on development questions; SAPO is guided by the verifier of the
    iteration before, as in the run. All labelers really roll out: nothing is estimated. `SAPO search` is SAPO with
    as many checks as it wants (`labeling.max_checks` above 2): it ends at the run's `labeling.confidence`.

    Exit codes: 0 measured, 2 bad input.

    Examples: `sapo label-study last`, `sapo label-study lab-long-1 --lengths 4,8,12,16 --json`
    """
    from sapo_studio.commands.grade import engine
    from sapo_studio.errors import InputError
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    parts = [part.strip() for part in lengths.split(",") if part.strip()]
    if not all(part.isdigit() for part in parts):
        raise InputError(f"--lengths {lengths!r} is not a list of numbers", fix="Write it like --lengths 4,8,12.")
    with Store.open(create=False) as store:
        folder = store.run_dir(queries.find_run(store, run))
    command = ["label_study", str(folder), f"--iteration={iteration}", f"--trajectories={trajectories}"]
    text = engine([*command, f"--lengths={','.join(parts)}"], show=False)
    if as_json:
        print(text.strip())
        return
    from rich.console import Console

    found = json.loads(text)
    console = Console(highlight=False)
    console.print(
        f"[bold]{found['run']}[/], iteration {found['iteration']}: at most {found['rollouts']} roll-outs a check; "
        f"the search ends at {found['confidence']:.0%} confidence"
    )
    for one in found["studies"]:
        console.print(table(one))


def table(one: dict[str, Any]) -> Table:
    """One study's labelers side by side. Costs are a trajectory's."""
    from rich.table import Table

    rows = {row["labeler"]: row for row in one["labelers"]}
    count = next(iter(rows.values()))["trajectories"]
    title = f"{count} wrong trajectories" + (f" of problems of {one['length']} steps" if one["length"] else "")
    shown = Table(title=title, title_justify="left", caption_justify="left", box=None, pad_edge=False)
    shown.add_column("labeler")
    columns = ("checks", "roll-outs", "tokens", "/Shep.", "/Omega", "MFLOP", "ms", "steps", "exact")
    for name in columns:
        shown.add_column(name, justify="right")

    def against(row: dict[str, Any], other: str) -> str:
        theirs = rows[other]["tokens"] if other in rows else 0
        return f"{row['tokens'] / theirs:.2f}" if theirs else ""

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    for name, row in rows.items():
        if row["least_checks"] is not None:
            shown.caption = f"No search from these scores can do with fewer than {row['least_checks']:.2f} checks."
        shown.add_row(
            NAMES[name],
            f"{row['checks'] / count:.2f}",
            f"{row['rollouts'] / count:.1f}",
            f"{row['tokens'] / count:.1f}",
            against(row, "shepherd"),
            against(row, "omega"),
            f"{row['flops'] / count / 1e6:,.1f}",
            f"{1000 * row['seconds'] / count:.1f}",
            share(row["step_accuracy"]),
            share(row["first_error_accuracy"]),
        )
    return shown
