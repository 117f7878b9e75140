"""`sapo agreement`: how far the people who judged a queue agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.bundle import QUEUE_HELP
from sapo_studio.app.commands.printing import console, say, say_json

if TYPE_CHECKING:
    from sapo_studio.domain.agreement import Coefficient


def register(app: typer.Typer) -> None:
    """Add `agreement`."""
    app.command("agreement")(agreement)


def agreement(
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help=QUEUE_HELP)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print how far the people who judged a queue agree: Cohen's kappa, Krippendorff's alpha, conflicts, gold items.

    Compared is what stood when they saved an item, over the items that two have saved. Intervals are 95 %.

    Examples: `sapo agreement "lab it 2"`, `sapo agreement "lab it 2" --json`
    """
    from sapo_studio.app.annotation.agreement import people_facts, people_of
    from sapo_studio.store.db import Store
    from sapo_studio.store.queues import find_queue

    with Store.open(create=False) as store:
        people = people_of(store, find_queue(store, queue))
    if as_json:
        say_json({"queue": queue, **people_facts(people)})
        return
    found = people.agreement
    from rich.markup import escape
    from rich.table import Table

    say(f"{len(found.people)} people, {found.trajectories} trajectories and {found.steps} steps judged by two or more")
    shown = Table(box=None, pad_edge=False)
    for heading in ("", "steps", "first error", "same first error"):
        shown.add_column(heading)
    for pair in found.pairs:
        shown.add_row(
            escape(f"Cohen's kappa, {pair.first} and {pair.second}"),
            *map(_number, (pair.kappa_steps, pair.kappa_first_error, pair.same_first_error)),
        )
    shown.add_row(
        "Krippendorff's alpha, all", *map(_number, (found.alpha_steps, found.alpha_first_error, found.same_first_error))
    )
    terminal = console()
    terminal.print(shown)
    reasons = {found.alpha_steps.why, found.alpha_first_error.why} - {""}
    for reason in sorted(reasons):
        say(f"No alpha: {reason}")
    say(f"{len(people.conflicts)} conflicts, {people.open} of them open")
    for who, score in people.gold.items():
        bias = score.bias(who)
        say(
            f"Gold items, {who}: first error exact {score.exact} of {score.items},"
            f" steps {score.steps_right} of {score.sound + score.faulty}"
            + (f". {bias} (p {score.p:.2g})" if bias else "")
        )


def _number(found: Coefficient) -> str:
    if found.value is None:
        return "-"
    interval = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.value:.2f}{interval}"
