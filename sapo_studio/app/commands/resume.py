"""`sapo resume` and `sapo follow`: go on with a run, watch one that goes on."""

from __future__ import annotations

from typing import Annotated

import typer

RUN_HELP = "The run's id, the beginning of it, its name, or `last`."
LINES_HELP = "One JSON object a line instead of a picture. So it is without this, too, where there is no terminal."


def register(app: typer.Typer) -> None:
    """Add `resume` and `follow`."""
    app.command("resume")(resume)
    app.command("follow")(follow_run)


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it and return. It keeps running in the background.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a learning rate, consensus, or how the machine is used. Repeat."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=LINES_HELP)] = False,
) -> None:
    """Go on with a paused, stopped, interrupted or failed run, and follow it.

    Finished phases are kept; the one that was under way goes on from what it had saved. With another learning rate a
    training that was under way begins anew. Consensus and the word of people (labeling.consensus, labeling.people) may
    change while an engine works on the run, too: from the next labels on. What else a run is made of cannot change;
    what has changed is in its log and its report.

    Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped.
    """
    from sapo_studio import supervisor
    from sapo_studio.app.commands.following import detached, follow
    from sapo_studio.app.commands.machines import say_commands
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        supervisor.resume(store, run_id, "sapo resume", settings or ())
        say_commands(queries.get_config(store, run_id))
        code = detached(run_id, as_json=as_json) if detach else follow(store, run_id, as_json=as_json)
    raise typer.Exit(code)


def follow_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)] = "last",
    as_json: Annotated[bool, typer.Option("--json", help=LINES_HELP)] = False,
) -> None:
    """Watch a run that is under way. Ctrl+C only ends the watching.

    Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped.
    """
    from sapo_studio import supervisor
    from sapo_studio.app.commands.following import follow
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        supervisor.reconcile(store)
        run_id = queries.find_own_run(store, run)
        supervisor.refuse_import(queries.get_run(store, run_id))
        code = follow(store, run_id, as_json=as_json, steer=False)
    raise typer.Exit(code)
