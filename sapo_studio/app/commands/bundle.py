"""`sapo bundle`: a queue of trajectories to judge, on its way to another machine and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.checked_command import add_group
from sapo_studio.app.commands.printing import say, say_json

if TYPE_CHECKING:
    from sapo_studio.store.bundles import Merged

QUEUE_HELP = "The name of a queue, or `last` for the newest."
FILE_HELP = "A bundle: .sapo or .jsonl, or .db for SQLite."

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add `bundle`."""
    group = typer.Typer(
        help="Take a queue of trajectories to another machine, and bring the judgements back.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
    )
    add_group(app, "bundle", group, {"export": export_queue, "import": import_queue, "merge": merge})


def export_queue(
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help=QUEUE_HELP)],
    output: Annotated[Path, typer.Option("--output", "-o", help=FILE_HELP)],
    with_scores: Annotated[
        bool,
        typer.Option("--with-scores", help="With verifiers' scores and the task's truth: it cannot be judged blind."),
    ] = False,
) -> None:
    """Write a queue to a file: its items, and every judgement, comment, skip, save and resolution of everybody.

    Examples: `sapo bundle export "lab it 2" -o lab.jsonl`, `sapo bundle export "lab it 2" -o lab.db --with-scores`
    """
    from sapo_studio.app.annotation.bundles import export_bundle
    from sapo_studio.store.db import Store
    from sapo_studio.store.queues import find_queue

    with Store.open(create=False) as store:
        found = export_bundle(store, find_queue(store, queue), output, with_scores=with_scores)
    say(f"{len(found.items)} items, {len(found.judgements)} judgements in {output}", error=True)


def import_queue(file: Annotated[Path, typer.Argument(metavar="FILE", help=FILE_HELP)], as_json: JSON = False) -> None:
    """Make the queue of a bundle here, with its trajectories where this store has them not.

    Example: `sapo bundle import lab.jsonl`
    """
    from sapo_studio.app.annotation.bundles import import_bundle
    from sapo_studio.store.db import Store

    with Store.open() as store:
        _tell(import_bundle(store, file), as_json=as_json)


def merge(file: Annotated[Path, typer.Argument(metavar="FILE", help=FILE_HELP)], as_json: JSON = False) -> None:
    """Bring the judgements of a bundle back into the queue that it was exported from. Twice is as good as once.

    Example: `sapo bundle merge lab-from-jonas.jsonl`
    """
    from sapo_studio.app.annotation.bundles import merge_bundle
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        _tell(merge_bundle(store, file), as_json=as_json)


def _tell(merged: Merged, *, as_json: bool) -> None:
    if as_json:
        say_json({"queue": merged.queue, "run_id": merged.run_id or None, **merged.counts})
        return
    if merged.run_id:
        say(f"The trajectories are now the run {merged.run_id}")
    say(merged.told())
