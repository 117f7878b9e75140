"""`sapo run`: make a run and follow it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sapo_studio.app.commands.resume import LINES_HELP

MOST_CARDS = 64
"""That the dry run reckons with."""


def register(app: typer.Typer) -> None:
    """Add `run`."""
    app.command("run")(run)


def run(
    what: Annotated[str, typer.Argument(metavar="PRESET|FILE.toml", help="A preset (see `sapo presets`) or a file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one value. May be given several times."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random in the run.")] = None,
    name: Annotated[str | None, typer.Option(help="What the run is called.")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it and return. It keeps running in the background.")
    ] = False,
    queued: Annotated[
        bool,
        typer.Option("--queue", help="Let it wait in the queue until there is room for it, and return (`sapo queue`)."),
    ] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what the run will take of memory and time, and start nothing.")
    ] = False,
    cards: Annotated[
        int | None,
        typer.Option(
            "--cards", min=1, max=MOST_CARDS, help="With --dry-run: also what up to so many cards would bring."
        ),
    ] = None,
    engine_python: Annotated[
        str | None,
        typer.Option("--engine-python", metavar="PATH", help="The Python that the engine lives in, where torch is."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=LINES_HELP)] = False,
) -> None:
    """Start a run and follow it to its end.

    The run belongs to an engine of its own: closing the terminal leaves it going. Ctrl+C asks it to stop in good order,
    a second Ctrl+C ends it at once; either way `sapo resume` goes on from there. Where standard output is no terminal
    (a pipe, a file), it prints JSON lines as with `--json`.

    Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped.
    """
    from sapo_studio import supervisor
    from sapo_studio.app.commands.following import detached, follow
    from sapo_studio.app.commands.machines import say_commands
    from sapo_studio.app.commands.printing import say
    from sapo_studio.app.set_up.data_check import check_data
    from sapo_studio.app.set_up.model_check import check_model
    from sapo_studio.config.card_check import check_cards
    from sapo_studio.config.overrides import configure
    from sapo_studio.errors import InputError
    from sapo_studio.store import runs
    from sapo_studio.store.db import Store

    more = list(overrides or [])
    if queued and detach:
        raise InputError("--queue and --detach contradict each other", fix="Give one of them.")
    if cards is not None and not dry:
        raise InputError("--cards goes with --dry-run", fix="To use several cards, set runtime.processes.")
    if engine_python is not None:
        more.append(f"runtime.engine_python={json.dumps(engine_python)}")
    preset, config = configure(what, more, seed=seed, name=name, tell=lambda note: say(note, error=True))
    if dry:
        from sapo_studio.app.commands.forecast import show_forecast

        show_forecast(config, as_json=as_json, cards=cards or 0)
        return
    supervisor.engine_python(config.runtime.engine_python)
    check_model(config.model, python=config.runtime.engine_python)
    for leaks in check_data(config).get("leaks", ()):
        say(leaks["note"], error=True)
    if not queued:  # a run that waits in the queue says there that its cards are missing, and they may come
        check_cards(config)
    with Store.open() as store:
        if queued:
            from sapo_studio.app.commands.queue import answer_place
            from sapo_studio.app.run_queue.putting_in import queue_run

            answer_place(store, queue_run(store, config, preset, by="sapo run"), as_json=as_json)
            return
        run_id = runs.create_run(store, config, preset)
        say_commands(config)
        supervisor.launch(store, run_id)
        code = detached(run_id, as_json=as_json) if detach else follow(store, run_id, as_json=as_json)
    raise typer.Exit(code)
