"""`sapo withdraw`: take back what a run was asked to do."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.resume import RUN_HELP


def register(app: typer.Typer) -> None:
    """Add `withdraw`."""
    app.command("withdraw")(withdraw)


def withdraw(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Take back what a run was asked to do and has not done yet: a stop after the phase, a pause.

    Exit codes: 0 taken back, 2 nothing waits.

    Example: `sapo stop lab-demo-3 --after-phase`, then `sapo withdraw lab-demo-3`
    """
    from sapo_studio.app.commands.printing import say, say_json
    from sapo_studio.store import pending_commands, queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        taken = pending_commands.withdraw(store, run_id, "sapo withdraw")
    if as_json:
        say_json({"kind": "run", "run_id": run_id, "withdrawn": [command.verb.value for command in taken]})
        return
    for command in taken:
        say(f"{run_id}: withdrawn: {pending_commands.ASKED[command.verb].lower()}.")
