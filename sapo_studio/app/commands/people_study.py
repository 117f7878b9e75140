"""`sapo people-study`: what people's judgements do for a verifier."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.label_study import DEVICE_HELP
from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.requests.limits import ITERATION


def register(app: typer.Typer) -> None:
    """Add `people-study`."""
    app.command("people-study")(people_study)


def people_study(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    iteration: Annotated[
        int, typer.Option("--iteration", min=ITERATION.low, help="Which verifier; 0 is the last there is.")
    ] = ITERATION.default,
    benchmark: Annotated[
        str,
        typer.Option(
            "--benchmark",
            metavar="FILE|NAME@VERSION",
            help="A ProcessBench file or a frozen benchmark of yours to measure on, instead of the run's own.",
        ),
    ] = "",
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Train a run's verifier again, once on its labels as they were written and once with what people say by now in
    their place (`labeling.people`), and measure both on the same held-out solutions.

    Rows of questions whose solutions people have judged are left out. The run stays as it is.

    Exit codes: 0 measured, 2 bad input.

    Example: `sapo people-study last --benchmark chains@1`
    """
    from sapo_studio.app.benchmarks.using import measured_on, run_to_measure
    from sapo_studio.app.studies import people_page
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import PeopleStudyRequest
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.human_verdicts import steps_by_people

    on = measured_on(benchmark) if benchmark else None
    if on and on.note:
        say(on.note, error=True)
    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        request = PeopleStudyRequest(
            run=store.run_dir(run_id) if on else run_to_measure(store, run_id),
            iteration=iteration,
            judged=steps_by_people(store, queries.get_number(store, run_id)),
            benchmark=on.file if on else None,
            tuning=on.tuning if on else 0,
            device=device,
        )
    found = ask(request)
    if as_json:
        say_json(found)
        return
    from rich.markup import escape

    terminal = console()
    terminal.print(f"[bold]{escape(people_page.head(found))}[/]", soft_wrap=True)
    terminal.print(people_page.sheet(found).table())
    for note in found["leaks"]:
        terminal.print(f"[yellow]![/] {escape(note)}", soft_wrap=True)
