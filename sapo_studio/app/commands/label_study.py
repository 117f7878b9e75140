"""`sapo label-study`: what the labelers cost and how true their labels are, on the same trajectories."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.requests.limits import ITERATION, TRAJECTORIES

RUNS_HELP = f"{RUN_HELP} Several (of one configuration, seeds apart) are measured one by one and put together."
DEVICE_HELP = "Where to compute: auto, cpu, cuda or cuda:1; as the run does without this."
OUT_HELP = "Also write results.md, results.json and a picture there (needs matplotlib)."


def register(app: typer.Typer) -> None:
    """Add `label-study`."""
    app.command("label-study")(label_study)


def label_study(
    run: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help=RUNS_HELP)] = None,
    iteration: Annotated[
        int,
        typer.Option(
            "--iteration", min=ITERATION.low, help="Whose reasoner rolls out; 0 is the last that can be studied."
        ),
    ] = ITERATION.default,
    trajectories: Annotated[
        int,
        typer.Option("--trajectories", min=TRAJECTORIES.low, help="Incorrect trajectories that all labelers label."),
    ] = TRAJECTORIES.default,
    lengths: Annotated[
        str,
        typer.Option("--lengths", metavar="4,8,...", help="Lab only: a study for problems of each number of steps."),
    ] = "",
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help=OUT_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Label the same incorrect trajectories with every labeler, and compare cost and accuracy.

    Trajectories are sampled by the run's reasoner on development questions; SAPO is guided by the verifier of the
    iteration before, as in the run. All labelers really roll out: nothing is estimated. `SAPO search` is SAPO with
    as many checks as it wants (`labeling.max_checks` above 2): it ends at the run's `labeling.confidence`.

    Exit codes: 0 measured, 2 bad input.

    Examples: `sapo label-study last`, `sapo label-study long-0 long-1 --lengths 4,8,12,16 --out labeling`
    """
    from sapo_studio.app.benchmarks.using import run_to_measure
    from sapo_studio.app.commands.numbers import whole_number
    from sapo_studio.app.reports import drawing
    from sapo_studio.app.studies import labeling_page, pooled
    from sapo_studio.errors import InputError
    from sapo_studio.paths import user_path
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import LabelStudyRequest
    from sapo_studio.store.db import Store

    parts = [part.strip() for part in lengths.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise InputError(f"--lengths {lengths!r} is not a list of numbers", fix="Write it like --lengths 4,8,12.")
    steps = tuple(whole_number(part, "--lengths") for part in parts)
    pages = user_path(out) if out else None
    if pages is not None:
        drawing.prepare(pages)
    with Store.open(create=False) as store:
        folders = [run_to_measure(store, one) for one in run or ["last"]]
    requests = [
        LabelStudyRequest(run=folder, iteration=iteration, trajectories=trajectories, lengths=steps, device=device)
        for folder in folders
    ]
    found = pooled.studies([ask(request) for request in requests])
    written = labeling_page.write(pages, found) if pages is not None else []
    if as_json:
        say_json(found)
        return
    from rich.markup import escape

    terminal = console()
    name, _, rest = labeling_page.head(found).partition(",")
    terminal.print(f"[bold]{escape(name)}[/],{escape(rest)}")
    for one in found["studies"]:
        terminal.print(labeling_page.sheet(one).table())
    for path in written:
        say(path)
