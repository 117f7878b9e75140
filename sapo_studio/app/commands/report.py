"""`sapo report`: what came out of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.errors import InputError
from sapo_studio.files import output_place


def register(app: typer.Typer) -> None:
    """Add `report`."""
    app.command("report")(report)


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)] = "last",
    seen: Annotated[bool, typer.Option("--seen", help="Note that its alarms have been seen.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it to this file as one HTML page that needs nothing else."),
    ] = None,
    traces: Annotated[
        int | None, typer.Option(min=0, max=200, metavar="N", help="Sample solutions in the page; 6 without this.")
    ] = None,
) -> None:
    """Print what came out of a run so far, iteration by iteration, with its alarms, or write it as one HTML page; of an
    imported file, what is in it.

    In the JSON, shares are fractions, `intervals` are 95 % ones, and a label cost with `estimate` is what
    another labeler would have spent on the same trajectories.

    The HTML page (docs/report.md) has curves, tables, sample solutions, the label audit, the configuration and where
    everything comes from; it opens in any browser, without a network.

    Examples: `sapo report`, `sapo report lab-demo-3 --json`, `sapo report last --html report.html --traces 12`
    """
    from rich.markup import escape

    from sapo_studio.app.imports import facts
    from sapo_studio.app.reports import run_report as reports
    from sapo_studio.store import alarms, queries
    from sapo_studio.store.db import Store

    if traces is not None and html is None:
        raise InputError("--traces is about the HTML page", fix="Add --html FILE.")
    if html is not None and as_json:
        raise InputError("--html and --json contradict each other", fix="Give one of them.")
    if html is not None:
        output_place(html)
    with Store.open(create=False) as store:
        run_id = queries.find_entry(store, run)
        if html is not None:
            from sapo_studio.app.html_report import page
            from sapo_studio.forecast import size

            if seen:
                alarms.mark_seen(store, [alarm.id for alarm in alarms.alarms_of(store, run_id)])
            written = page.write(store, run_id, html, page.TRACES if traces is None else traces)
            say(f"The report of {run_id} is in {html} ({size(written)}).", error=True)
            return
        if queries.get_run(store, run_id).imported:
            imported = facts.facts(store, run_id)
            if as_json:
                say_json(imported.as_json())
            else:
                for line in imported.sentences():
                    say(line)
            return
        found = reports.report(store, run_id)
        if seen:
            alarms.mark_seen(store, [alarm.id for alarm in found.alarms])
            found = reports.report(store, run_id)
    if as_json:
        say_json(found.as_json())
        return
    terminal = console()
    if not found.iterations:
        terminal.print(f"{found.run_id} is {found.status.value} and has measured nothing yet.", highlight=False)
        return
    terminal.print(reports.table(found))
    for alarm in found.alarms:
        mark = "[dim]seen[/]" if alarm.seen_at is not None else "[yellow]![/]"
        text = f"Iteration {alarm.iteration}: {alarm.title}. {alarm.message}"
        terminal.print(f"{mark} {escape(text)}", soft_wrap=True, highlight=False)
