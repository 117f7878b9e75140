"""`sapo note`, `sapo tag`, `sapo archive`, `sapo bin`: keeping many runs in order."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.checked_command import add_group
from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.errors import Declined, InputError

JSON_HELP = "Answer with one JSON object."


def register(app: typer.Typer) -> None:
    """Add `note`, `tag`, `archive` and `bin`."""
    app.command("note")(note)
    app.command("tag")(tag)
    app.command("archive")(archive)
    group = typer.Typer(
        help="Runs that were thrown away, until the bin is emptied. They free no space before that.",
        no_args_is_help=True,
    )
    add_group(app, "bin", group, {"list": list_bin, "put": put, "restore": restore, "empty": empty})


def note(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    text: Annotated[str | None, typer.Argument(help="What to write down, in place of what stands there.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the note away.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Show what is written down about a run, or write it down.

    Examples: `sapo note last`, `sapo note last "eta 0.1: too few pairs"`, `sapo note last --clear`
    """
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.run_keeping import set_notes

    if clear and text is not None:
        raise InputError("--clear and a text contradict each other", fix="Give one of them.")
    with Store.open(create=False) as store:
        run_id = queries.find_run(store, run)
        if clear or text is not None:
            set_notes(store, run_id, text or "")
        found = queries.get_run(store, run_id).notes
    if as_json:
        say_json({"run_id": run_id, "notes": found})
    else:
        say(found or f"Nothing is written down about {run_id}.")


def tag(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    tags: Annotated[list[str] | None, typer.Argument(help="Tags to add.")] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take these tags away; all of them where none is named.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Show, add or remove a run's tags. `sapo runs --tag` lists by them.

    Examples: `sapo tag last`, `sapo tag last paper seed-3`, `sapo tag last paper --remove`
    """
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.run_keeping import checked_tags, set_tags

    given = checked_tags(tags or ())
    with Store.open(create=False) as store, store.atomic():
        run_id = queries.find_run(store, run)
        has = queries.get_run(store, run_id).tags
        if remove:
            has = set_tags(store, run_id, [one for one in has if given and one not in given])
        elif given:
            has = set_tags(store, run_id, [*has, *given])
    if as_json:
        say_json({"run_id": run_id, "tags": has})
    else:
        say(f"{run_id}: {', '.join(has) or 'no tags'}")


def archive(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    undo: Annotated[bool, typer.Option("--undo", help="Put it back into the list.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Put a run out of the list. It keeps everything; `sapo runs --archived` shows it.

    Example: `sapo archive lab-smoke-1`
    """
    from sapo_studio.store import queries, run_keeping
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        run_id = queries.find_run(store, run)
        run_keeping.archive(store, run_id, archived=not undo)
    _done(run_id, "back in the list" if undo else "archived", as_json=as_json)


def put(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Put a run into the bin.

    Example: `sapo bin put lab-smoke-1`
    """
    from sapo_studio import supervisor
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.run_keeping import put_in_bin

    with Store.open(create=False) as store:
        supervisor.reconcile(store)
        run_id = queries.find_run(store, run)
        put_in_bin(store, run_id)
    _done(run_id, "in the bin", as_json=as_json)


def restore(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's whole id, as `sapo bin list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Take a run out of the bin.

    Example: `sapo bin restore lab-smoke-1`
    """
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.run_keeping import take_from_bin

    with Store.open(create=False) as store:
        run_id = queries.find_run(store, run)
        take_from_bin(store, run_id)
    _done(run_id, "out of the bin", as_json=as_json)


def _done(run_id: str, state: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"run_id": run_id, "state": state})
    else:
        say(f"{run_id} is {state}")


def list_bin(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List what is in the bin, and the space on the disk that emptying it frees: that of its runs' files.

    Example: `sapo bin list`
    """
    from rich.markup import escape
    from rich.table import Table

    from sapo_studio.store.db import Store
    from sapo_studio.store.run_keeping import bin_contents

    with Store.open(create=False) as store:
        found = bin_contents(store)
    if as_json:
        for one in found:
            say_json({"run_id": one.run_id, "name": one.name, "binned_at": one.binned_at, "bytes": one.bytes})
        return
    if not found:
        say("The bin is empty.")
        return
    shown = Table(box=None, pad_edge=False)
    shown.add_column("run")
    shown.add_column("name")
    shown.add_column("frees", justify="right")
    for one in found:
        shown.add_row(one.run_id, escape(one.name), _size(one.bytes))
    console().print(shown)
    say(f"Emptying the bin frees {_size(sum(one.bytes for one in found))} of files: sapo bin empty")
    say("What it holds in the store leaves room there, which the next runs use; the file does not get smaller.")


def empty(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Delete what is in the bin, with all trajectories, models and annotations. Asks first.

    Example: `sapo bin empty --yes`
    """
    from sapo_studio.store.db import Store
    from sapo_studio.store.run_keeping import bin_contents, empty_bin

    with Store.open(create=False) as store:
        found = bin_contents(store)
        frees = _size(sum(one.bytes for one in found))
        if found and not yes and not typer.confirm(f"Delete {len(found)} runs for good ({frees} of files)?"):
            raise Declined("The bin was not emptied")
        deleted = empty_bin(store)
    if as_json:
        say_json({"deleted": [one.run_id for one in deleted], "bytes": sum(one.bytes for one in deleted)})
    else:
        count = f"{len(deleted)} run{'' if len(deleted) == 1 else 's'}"
        say(f"Deleted {count}, {frees} of files are free again." if deleted else "The bin is empty.")


def _size(count: int) -> str:
    from sapo_studio.forecast import size

    return size(count)
