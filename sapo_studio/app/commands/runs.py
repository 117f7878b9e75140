"""`sapo runs`: what runs there are. `sapo delete`, `sapo rename`: tidy them up."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import Declined
from sapo_studio.readable import sentences


def register(app: typer.Typer) -> None:
    """Add `runs`, `rename` and `delete`."""
    app.command("runs")(runs)
    app.command("rename")(rename)
    app.command("delete")(delete)


if TYPE_CHECKING:
    from sapo_studio.store.records import RunSummary
    from sapo_studio.store.run_filter import RunFilter

    Sort = StrEnum
else:
    Sort = StrEnum("Sort", {name: name for name in ("newest", "name", "status", "accuracy", "time")}, module=__name__)
    """The order of the list."""

NEWEST = Sort("newest")


def runs(
    archived: Annotated[bool, typer.Option("--archived", help="Those that are archived instead.")] = False,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag. Repeat for more.")
    ] = None,
    status: Annotated[RunStatus | None, typer.Option("--status", help="Only those in this state.")] = None,
    sort: Annotated[Sort, typer.Option("--sort", help="The order.")] = NEWEST,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List runs, and imported files among them, the newest first. Those in the archive and in the bin are left out.

    Examples: `sapo runs`, `sapo runs --tag paper --sort accuracy`, `sapo runs --archived --json`
    """
    from sapo_studio.paths import store_path
    from sapo_studio.store import presence

    if presence.is_new(store_path()):
        if not as_json:
            say("No runs yet. Start one: sapo run lab-demo")
        return
    from sapo_studio import supervisor
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.run_filter import RunFilter, sorted_runs

    with Store.open(create=False) as store:
        supervisor.reconcile(store)
        there = queries.list_runs(store)
    wanted = RunFilter(archived=archived, tags=tuple(tags or ()), status=status)
    found = sorted_runs([run for run in there if wanted.takes(run)], sort.value)
    if as_json:
        for run in found:
            line = {
                "run_id": run.id,
                "name": run.name,
                "kind": run.kind,
                "preset": run.preset,
                "status": run.status.value,
                "progress": round(run.progress, 4),
                "eta_seconds": run.eta_seconds,
                "phase": run.phase,
                "iteration": run.iteration,
                "iterations": run.iterations,
                "created_at": run.created_at,
                "active_seconds": run.active_seconds,
                "greedy_accuracy": run.headline.get("greedy_accuracy"),
                "sampled_accuracy": run.headline.get("sampled_accuracy"),
                "tags": run.tags,
                "notes": run.notes,
                "archived": run.archived_at is not None,
                "waits_for": run.waits_for,
            }
            say_json(line)
        return
    if not found:
        say(_nothing(wanted, there))
        return
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for title in ("run", "name", "status"):
        shown.add_column(title)
    for title in ("done", "iteration", "greedy", "sampled", "time"):
        shown.add_column(title, justify="right")
    for run in found:
        shown.add_row(
            *(
                run.id,
                escape(run.name),
                "imported file" if run.imported else run.status.value,
                "-" if run.imported else f"{100 * run.progress:.0f} %",
                "-" if run.imported else f"{run.iteration}/{run.iterations}",
            ),
            *(_share(run.headline.get(f"{kind}_accuracy")) for kind in ("greedy", "sampled")),
            "-" if run.imported else f"{run.active_seconds / 60:.1f} min",
        )
    terminal = console()
    terminal.print(shown)
    for run in found:
        if run.error is not None and run.status.alive:  # it waits, for room on the disk
            terminal.print(
                escape(f"{run.id}: {sentences(run.error.what, run.error.why, run.error.fix)}"), soft_wrap=True
            )


def _nothing(wanted: RunFilter, there: Sequence[RunSummary]) -> str:
    """What is said where the list is empty."""
    from sapo_studio.store.run_filter import RunFilter

    if not there:
        return "No runs yet. Start one: sapo run lab-demo"
    if wanted != RunFilter():
        return "No run is so. `sapo runs` lists the others."
    return "All runs are in the archive or in the bin: sapo runs --archived, sapo bin list"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def rename(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    name: Annotated[str, typer.Argument(help="The new name, 1 to 80 characters.")],
) -> None:
    """Give a run another name. Its id stays.

    Example: `sapo rename lab-demo-3 "long chains"`
    """
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.runs import rename_run

    with Store.open(create=False) as store:
        run_id = queries.find_entry(store, run)
        rename_run(store, run_id, name)
    say(f"{run_id} is now called {name.strip()}")


def delete(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a run with all its trajectories, models and annotations, or an imported file. Asks first.

    Example: `sapo delete lab-smoke-1`
    """
    from sapo_studio import supervisor
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.runs import delete_run

    with Store.open(create=False) as store:
        supervisor.reconcile(store)
        run_id = queries.find_entry(store, run)
        if not yes and not typer.confirm(f"Delete {run_id} with everything in it?"):
            raise Declined(f"{run_id} was not deleted")
        delete_run(store, run_id)
    say(f"{run_id} is deleted")
