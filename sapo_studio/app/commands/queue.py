"""`sapo queue`: the runs that start by themselves once there is room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sapo_studio.app.commands.checked_command import add_group
from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.app.commands.resume import RUN_HELP

if TYPE_CHECKING:
    from sapo_studio.app.run_queue.putting_in import Overview
    from sapo_studio.store.db import Store

JSON_HELP = "One JSON object a line."
SENDER = "sapo queue"
LOOK_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Add `queue` and its commands."""
    group = typer.Typer(
        help="Runs that wait for cards, or for cores and main memory, and start by themselves in their order. Without "
        "a command: list them. `sapo run --queue` puts a new one in. The queue goes on with terminal and window closed "
        "(docs/queue.md).",
        invoke_without_command=True,
    )
    group.callback()(_listed_without_command)
    commands = {"list": show, "add": add, "move": move, "remove": remove, "cards": cards, "pause": pause}
    add_group(app, "queue", group, {**commands, "resume": resume, "wait": wait, "autostart": autostart})


def _listed_without_command(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False
) -> None:
    if context.invoked_subcommand is None:
        show(as_json=as_json)


def show(as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False) -> None:
    """List the queue: what it has started, and what waits, in its order, and for what.

    Examples: `sapo queue`, `sapo queue list --json`
    """
    from sapo_studio.app.run_queue.machine_now import MachineWatch
    from sapo_studio.app.run_queue.putting_in import overview
    from sapo_studio.paths import store_path
    from sapo_studio.store import presence
    from sapo_studio.store.db import Store

    if presence.is_new(store_path()):
        if not as_json:
            say(_EMPTY)
        return
    watch = MachineWatch()
    try:
        with Store.open(create=False) as store:
            found = overview(store, watch)
    finally:
        watch.close()
    if as_json:
        say_json({"kind": "queue", "paused": found.paused, "running": len(found.rows) - len(found.waiting)})
        for line in _lines(found):
            say_json(line)
    elif not found.rows:
        say(_EMPTY)
        if found.paused:
            say("It is paused: sapo queue resume")
    else:
        _print_table(found)


_EMPTY = "Nothing waits. Put a run in: sapo run lab-demo --queue"


def _lines(found: Overview) -> list[dict[str, Any]]:
    from sapo_studio.app.run_queue.putting_in import waits_in_words

    numbers = {card.uuid: card.number for card in found.now.cards}
    planned = {one.run_id: one for one in found.planned}
    lines: list[dict[str, Any]] = []
    for row in found.rows:
        plan = planned.get(row.run_id)
        lines.append(
            {
                "kind": "queued_run",
                "run_id": row.run_id,
                "name": row.name,
                "place": row.place or None,
                "queued_at": row.queued_at,
                "status": row.status.value,
                "stuck": row.stuck,
                "waits_for": waits_in_words(row.waits_for, paused=found.paused) if row.waits else None,
                "may_use": [numbers.get(uuid, uuid) for uuid in row.cards] or None,
                "cards": [numbers.get(uuid, uuid) for uuid in row.placed],
                "needs": {
                    "cards": row.need.cards,
                    "memory_on_card": row.need.memory_on_card,
                    "main_memory": row.need.main_memory,
                    "cores": row.need.cores,
                    "seconds": row.need.seconds,
                    "known": row.need.known,
                },
                "starts_in_seconds": plan.start if plan is not None and row.waits and not found.paused else None,
                "ends_in_seconds": plan.end if plan is not None and not (row.waits and found.paused) else None,
                "resumes": row.resumes,
            }
        )
    return lines


def _print_table(found: Overview) -> None:
    from rich.markup import escape
    from rich.table import Table

    from sapo_studio.app.run_queue.putting_in import memory_words

    needs = {row.run_id: row.need for row in found.rows}
    shown = Table(box=None, pad_edge=False)
    for title, side in (("", "right"), ("run", "left"), ("cards", "left"), ("state", "left")):
        shown.add_column(title, justify="right" if side == "right" else "left")
    for title in ("starts in", "takes", "memory"):
        shown.add_column(title, justify="right")
    for line in _lines(found):
        need = needs[line["run_id"]]
        used = line["cards"] or line["may_use"]
        cards = ", ".join(map(str, used)) if used else "any" if need.cards else "CPU"
        waits = line["place"] is not None
        state = line["waits_for"] if waits else "running" if line["status"] == "queued" else line["status"]
        shown.add_row(
            str(line["place"] or ""),
            escape(line["run_id"]),
            cards,
            escape(state),
            _span(line["starts_in_seconds"]) if waits else "",
            _span(need.seconds),
            memory_words(need),
        )
    terminal = console()
    terminal.print(shown)
    if found.paused:
        say("The queue is paused: sapo queue resume")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d}"


def add(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    card_numbers: Annotated[
        str, typer.Option("--cards", metavar="0,1", help="Only on these cards, by number; any without this.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Put a run in that is there already: one that was stopped, interrupted or failed goes on once there is room.

    Example: `sapo queue add lab-demo-3`
    """
    from sapo_studio.app.run_queue import putting_in
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        putting_in.put_in(store, run_id, by=SENDER)
        if card_numbers:
            _choose(store, run_id, card_numbers)
        answer_place(store, run_id, as_json=as_json)


def answer_place(store: Store, run_id: str, *, as_json: bool) -> None:
    """Say which place a run has in the queue."""
    from sapo_studio.store import run_queue

    row = run_queue.get(store, run_id)
    if as_json:
        say_json({"kind": "queued", "run_id": run_id, "place": row.place or None})
    elif row.waits:
        say(
            f"{run_id} is number {row.place} in the queue. See it: sapo queue   Take it out: sapo queue remove {run_id}"
        )
    else:
        say(f"{run_id} has just been started. Watch it: sapo follow {run_id}")


def move(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    place: Annotated[int, typer.Argument(metavar="PLACE", min=1, help="Its new place among those that wait, from 1.")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Give a waiting run another place.

    Example: `sapo queue move last 1`
    """
    from sapo_studio.store import queries, run_queue
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        at = run_queue.move(store, run_id, place)
    _answer(run_id, f"It is number {at} now.", as_json=as_json, place=at)


def remove(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Take a waiting run out. The run itself stays; `sapo queue add` puts it in again.

    Example: `sapo queue remove lab-demo-3`
    """
    from sapo_studio.store import queries, run_queue
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        run_queue.remove(store, run_id)
    _answer(run_id, "It is out of the queue, and stopped.", as_json=as_json)


def cards(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    numbers: Annotated[str, typer.Argument(metavar="0,1", help="The cards that it may use, by number, or `any`.")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
) -> None:
    """Say which cards a waiting run may use.

    Examples: `sapo queue cards last 0,1`, `sapo queue cards last any`
    """
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        _choose(store, run_id, numbers)
    _answer(run_id, f"It may use {'any card' if numbers == 'any' else f'cards {numbers}'}.", as_json=as_json)


def _choose(store: Store, run_id: str, numbers: str) -> None:
    from sapo_studio.app.run_queue import putting_in
    from sapo_studio.errors import InputError
    from sapo_studio.hardware import CardWatch

    parts = [] if numbers == "any" else [part.strip() for part in numbers.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        raise InputError(f"{numbers!r} names no cards", fix="Give their numbers with commas, such as 0,2, or `any`.")
    watch = CardWatch()
    try:
        putting_in.choose_cards(store, run_id, sorted({int(part) for part in parts}), watch.look())
    finally:
        watch.close()


def pause(as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False) -> None:
    """Start no more runs. Those that run go on."""
    from sapo_studio.store import run_queue
    from sapo_studio.store.db import Store

    with Store.open() as store:
        run_queue.pause(store)
    _answer("", "The queue is paused. What runs goes on; nothing more is started.", as_json=as_json, paused=True)


def resume(as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False) -> None:
    """Start runs again. After a restart of the machine, this or any look at the runs lets the queue go on."""
    from sapo_studio import supervisor
    from sapo_studio.app.run_queue import putting_in
    from sapo_studio.store.db import Store

    with Store.open() as store:
        supervisor.reconcile(store)
        putting_in.resume(store)
    _answer("", "The queue starts runs as there is room for them.", as_json=as_json, paused=False)


def _answer(run_id: str, sentence: str, *, as_json: bool, **more: object) -> None:
    if as_json:
        say_json({"kind": "queued" if run_id else "queue", **({"run_id": run_id} if run_id else {}), **more})
    else:
        say(f"{run_id}: {sentence}" if run_id else sentence)


def wait(as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False) -> None:
    """Wait until the queue is empty: nothing waits, and what it started has ended. Ctrl+C only ends the waiting.

    Exit codes: 0 all are done, 1 one failed, 3 one was stopped, or the waiting was. What can never start on this
    machine, and a paused queue, are said and not waited for.
    """
    import time

    from sapo_studio import supervisor
    from sapo_studio.app.run_queue.waiting_for import look, outcome
    from sapo_studio.store.db import Store

    seen: dict[str, str] = {}
    with Store.open(create=False) as store:
        try:
            while True:
                supervisor.reconcile(store)
                left = look(store, seen, lambda run_id, status: _tell_state(run_id, status, as_json=as_json))
                if left.trouble:
                    say(left.trouble, error=True)
                if left.over:
                    break
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            raise typer.Exit(3) from None
        raise typer.Exit(outcome(store, seen))


def _tell_state(run_id: str, status: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"kind": "run", "run_id": run_id, "status": status})
    else:
        say(f"{run_id}: {status}")


def autostart() -> None:
    """Print a systemd unit that lets the queue go on when you log in, without a window.

    Without it the queue goes on after a restart when the window opens or any `sapo` command looks at runs. Example:
    `sapo queue autostart > ~/.config/systemd/user/sapo-queue.service`
    """
    import sys

    from sapo_studio import paths
    from sapo_studio.app.run_queue.autostart import unit

    typer.echo(unit(sys.executable, paths.data_dir()), nl=False)
