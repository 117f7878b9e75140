"""`sapo audit`: can a run's labels be trusted?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.label_study import DEVICE_HELP
from sapo_studio.app.commands.printing import console, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.errors import InputError

if TYPE_CHECKING:
    from sapo_studio.app.studies.audit import Audit

LOW_HELP = "A step labeled incorrect is kept up to this belief, instead of labeling.consensus_low."
HIGH_HELP = "A step labeled correct is kept from this belief on, instead of labeling.consensus_high."
TOP_HELP = "How many steps that the sources disagree on are listed, worst first."


def register(app: typer.Typer) -> None:
    """Add `audit`."""
    app.command("audit")(audit)


def audit(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)] = "last",
    iteration: Annotated[
        int | None,
        typer.Option("--iteration", min=0, max=2**31 - 1, help="Whose labels; the last that has any without this."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, max=100_000, help=TOP_HELP)] = 12,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Train a verifier on the filtered labels and hold it against the run's own."),
    ] = False,
    low: Annotated[float | None, typer.Option("--low", min=0.0, max=1.0, help=LOW_HELP)] = None,
    high: Annotated[float | None, typer.Option("--high", min=0.0, max=1.0, help=HIGH_HELP)] = None,
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Say how often each source of step labels is wrong, what a consensus filter would keep, and where they disagree.

    Error rates are estimated from the agreement of the sources alone (docs/audit.md), on the trajectories with an
    incorrect answer; where the task knows the truth of a step, the true rates stand beside them. The filter is that of
    `labeling.consensus_low` and `labeling.consensus_high`, whether or not the run uses it, or that of --low and --high.

    With --shadow its effect is measured: a shadow of the iteration's verifier is trained from the same start on the
    labels that the filter leaves, and both are measured on the run's process benchmark. That takes about as long as the
    run's phase Verifier. The result is kept, and shown from then on; the run stays as it is.

    Exit codes: 0 audited, 2 bad input.

    Examples: `sapo audit`, `sapo audit lab-demo-3 --iteration 2 --top 40`, `sapo audit lab-demo-3 --shadow --json`
    """
    from sapo_studio.app.commands.progress import with_progress
    from sapo_studio.app.studies import audit_page as page
    from sapo_studio.app.studies import shadow as shadows
    from sapo_studio.app.studies.audit import audit as audited
    from sapo_studio.domain.consensus import Bounds
    from sapo_studio.requests.client import ask
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        found = audited(store, queries.find_entry(store, run), iteration)
        bounds = Bounds(found.configured.low if low is None else low, found.configured.high if high is None else high)
        if bounds.low > bounds.high:
            raise InputError(
                f"--low ({bounds.low:g}) must not exceed --high ({bounds.high:g})",
                why="Left out is what lies between them; the one that is not given is the run's own.",
            )
        if shadow:
            request = shadows.ask_for(store, found, bounds, device)
            with with_progress(ask, "Training a shadow of the verifier") as asking:
                answer = asking(request)
            shadows.keep(store, found.run_id, bounds, answer)
        measured = shadows.kept(store, found.run_id, found.iteration)
    if as_json:
        say_json(found.as_json(top, bounds) | {"shadows": [one.as_json() for one in measured]})
        return
    terminal = console()
    terminal.print(_head(found))
    for sheet in (
        page.sources_sheet(found),
        page.filter_sheet(found, bounds),
        page.shadows_sheet(measured),
        page.worst_sheet(found, top, bounds),
    ):
        if sheet is not None:
            terminal.print(sheet.table())


def _head(found: Audit) -> str:
    from rich.markup import escape

    counts = f"{found.trajectories:,} incorrect trajectories, {found.steps:,} labels"
    line = f"[bold]{escape(found.run_id)}[/], labels of iteration {found.iteration}: {counts}, {found.shared:,} steps"
    more = found.why or found.caution
    return f"{line} with votes of two sources or more" + (f"\n{escape(more)}" if more else "")
