"""`sapo stop` and `sapo pause`: steer a run that some engine works on."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.resume import RUN_HELP


def register(app: typer.Typer) -> None:
    """Add `stop` and `pause`."""
    app.command("stop")(stop)
    app.command("pause")(pause)


def stop(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    after_phase: Annotated[bool, typer.Option("--after-phase", help="Let the phase under way end first.")] = False,
    kill: Annotated[bool, typer.Option("--kill", help="End its processes at once, without asking them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Stop a run, whoever started it. `sapo resume` goes on with it later.

    Returns when the run has stopped; with --after-phase as soon as the wish is noted.
    """
    from sapo_studio import supervisor
    from sapo_studio.app.commands.following import answer
    from sapo_studio.errors import EngineError, InputError
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    if kill and after_phase:
        raise InputError("--kill and --after-phase contradict each other", fix="Give one of them.")
    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        if kill:
            killed = supervisor.kill(store, run_id)
            answer(run_id, "stopped", killed.words, as_json=as_json)
            return
        if after_phase:
            supervisor.stop_after_phase(store, run_id, "sapo stop")
            answer(run_id, "stopping", "It stops when the phase under way is done.", as_json=as_json)
            return
        supervisor.stop(store, run_id, "sapo stop")
        ended = supervisor.wait_until(store, run_id, lambda it: not it.status.alive and it.status != "queued")
        if ended is None:
            raise EngineError(
                f"{run_id} has not stopped yet",
                why="Its engine has not come to the end of a step.",
                fix=f"Wait a little, or end it at once: sapo stop {run_id} --kill",
            )
        answer(run_id, str(ended.status), f"It is {ended.status}.", as_json=as_json)


def pause(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Let a run wait at its next step. It keeps its memory; `sapo resume` lets it go on."""
    from sapo_studio import supervisor
    from sapo_studio.app.commands.following import answer
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        supervisor.pause(store, run_id, "sapo pause")
        answer(run_id, "pausing", "It waits at its next step.", as_json=as_json)
