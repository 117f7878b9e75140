"""`sapo restore`: what backups of the store there are, and going back to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.errors import Declined, InputError, SapoError, StoreError
from sapo_studio.readable import counted, printable

if TYPE_CHECKING:
    from pathlib import Path

    from sapo_studio.store.backups import Backup, Restored


def register(app: typer.Typer) -> None:
    """Add `restore` and `backup`."""
    app.command("restore")(restore)
    app.command("backup")(backup)


def backup(as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False) -> None:
    """Back up the store now, beside it. An engine does so by itself every ten minutes and at the end of each run.

    Examples: `sapo backup`, then `sapo restore` to list all
    """
    from sapo_studio.store.db import Store
    from sapo_studio.store.maintenance import back_up_now

    with Store.open(create=False) as store:
        made, said = back_up_now(store)
    if as_json:
        say_json({"backup": str(made.path), "runs": made.runs, "bytes": made.size, "note": said or None})
    else:
        say(said or f"Backed up: {made.summary}")


def restore(
    backup: Annotated[
        str | None,
        typer.Argument(metavar="[BACKUP]", help="Its number or name in the list, or a path. Without: list them."),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Do not ask. Without BACKUP: the best one, with most runs, unless the store is sound and has more.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
) -> None:
    """List the backups of the store, or go back to one of them. Asks first.

    The engine makes a backup every ten minutes and at the end of each run, and keeps the one before it. Going back puts
    a checked copy in the store's place in one move; the file that was there is kept beside it. No engine may be at work
    meanwhile. Folders of runs are left alone.

    Exit codes: 0 done, 1 the backup cannot be used, 2 bad input.

    Examples: `sapo restore`, `sapo restore 1`, `sapo restore studio.backup.previous.db --yes`
    """
    from sapo_studio.paths import store_path
    from sapo_studio.store import backups

    store = store_path()
    if backup is None and not yes:
        _list(store, backups.list_backups(store), as_json=as_json)
        return
    chosen = backups.best(store) if backup is None else backups.find(store, backup)
    if chosen is None:
        raise InputError("There is no backup to go back to", fix=f"None that can be read is beside {store}.")
    if chosen.fault:
        raise StoreError(
            f"The backup {chosen.path.name} cannot be used",
            why=f"{chosen.fault}.",
            fix="Choose another one: `sapo restore` lists them.",
        )
    now = _present(store)
    fewer = now.sound and chosen.runs < now.runs
    if fewer and backup is None:
        number = 1 + [one.path for one in backups.list_backups(store)].index(chosen.path)
        raise InputError(
            "The store is sound and holds more than the best backup",
            why=f"It holds {counted(now.runs, 'run')}, and {chosen.summary} is the best. Nothing was changed.",
            fix=f"To go back all the same name the backup: sapo restore {number} --yes. The file of now is kept aside.",
        )
    if fewer:
        lacking = counted(now.runs - chosen.runs, "run")
        say(f"The store is sound and holds {lacking} more than this backup. Its file is kept aside.", error=True)
    if not yes and not typer.confirm(printable(f"Go back to {chosen.summary}? {now.sentence} It is kept aside.")):
        raise Declined("Nothing was restored")
    _tell(store, backups.restore(store, chosen), as_json=as_json)


@dataclass(frozen=True)
class _Present:
    """What the store holds now. `sound`: it can be read, and SQLite finds no fault in it."""

    sentence: str
    runs: int = 0
    sound: bool = False


def _present(store: Path) -> _Present:
    """What the store holds now. Raises InputError where an engine works on one of its runs."""
    from sapo_studio import supervisor
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    try:
        with Store.open(store, create=False) as opened:
            runs = queries.list_runs(opened)
            sound = opened.value("PRAGMA quick_check(1)") == "ok"
    except SapoError as error:
        return _Present(f"{error.what}.")
    if held := [run.id for run in runs if supervisor.is_held(run)]:
        raise InputError(
            "The store cannot be replaced now",
            why=f"An engine works on {', '.join(held[:5])}.",
            fix=f"Stop it first: sapo stop {held[0]}",
        )
    return _Present(f"The store holds {counted(len(runs), 'run')} now.", len(runs), sound)


def _list(store: Path, found: list[Backup], *, as_json: bool) -> None:
    if as_json:
        for number, backup in enumerate(found, start=1):
            line = {
                "kind": "backup",
                "number": number,
                "name": backup.path.name,
                "path": str(backup.path),
                "made": backup.made,
                "size": backup.size,
                "runs": None if backup.fault else backup.runs,
                "newest_run": backup.newest_run,
                "fault": backup.fault,
            }
            say_json(line)
        return
    if not found:
        say(f"There are no backups beside {store}. An engine makes one every ten minutes and at the end of each run.")
        return
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    shown.add_column("", justify="right")
    for title in ("backup", "made"):
        shown.add_column(title, no_wrap=True)
    for title in ("size", "runs"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("newest run", overflow="fold")
    for number, backup in enumerate(found, start=1):
        runs = "-" if backup.fault else str(backup.runs)
        last = f"cannot be read: {backup.fault}" if backup.fault else backup.newest_run
        shown.add_row(
            str(number), escape(backup.path.name), backup.date, f"{backup.size / 2**20:.1f} MiB", runs, escape(last)
        )
    terminal = console()
    terminal.print(shown)
    terminal.print("Go back to one: sapo restore NUMBER", markup=False)


def _tell(store: Path, done: Restored, *, as_json: bool) -> None:
    from sapo_studio.store import presence, queries
    from sapo_studio.store.db import Store

    with Store.open(store, create=False) as opened:
        known = {run.id for run in queries.list_runs(opened)}
    others = [name for name in presence.run_folders(store) if name not in known]
    if as_json:
        line = {
            "kind": "restored",
            "backup": done.backup.path.name,
            "runs": len(known),
            "aside": None if done.aside is None else str(done.aside),
            "kept": [str(path) for path in done.kept],
            "folders_without_run": others,
        }
        say_json(line)
        return
    say(f"The store holds {counted(len(known), 'run')} again, as in {done.backup.path.name} of {done.backup.date}.")
    if done.aside is not None:
        say(f"What was there before is kept: {done.aside}")
    for path in done.kept:
        say(f"This backup holds more and is kept: {path}")
    if others:
        say(f"Folders of runs that it does not know are left as they are: {', '.join(others)}")
