"""`sapo annotate`: trajectories to be judged, in an order that stays. They are judged in the window."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from sapo_studio.app.commands.checked_command import add_group
from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.app.commands.resume import RUN_HELP

AS_HELP = "Who makes it; your login name without this."


if TYPE_CHECKING:
    from sapo_studio.store.queue_records import Rule

    QueueRule = StrEnum
else:
    QueueRule = StrEnum(
        "QueueRule", {name: name for name in ("disagreement", "uncertain", "random", "question")}, module=__name__
    )
    """Which trajectories come, and in which order."""


FIRST_RULE = QueueRule("disagreement")


class QueueSource(StrEnum):
    """Which of a run's trajectories."""

    SAMPLE = "sample"
    SOLUTION = "solution"
    EXPANSION = "expansion"
    PROCESS = "process"
    TEST = "test"
    IMPORT = "import"


class Outcome(StrEnum):
    """How the trajectories end."""

    ALL = "all"
    RIGHT = "right"
    WRONG = "wrong"


def register(app: typer.Typer) -> None:
    """Add `annotate make`, `annotate list` and `annotate delete`."""
    group = typer.Typer(
        help="Queues of trajectories to judge. They are judged in the window, on the Annotate page.",
        no_args_is_help=True,
    )
    add_group(app, "annotate", group, {"make": make, "list": list_all, "delete": delete})


def make(
    run: Annotated[str, typer.Argument(metavar="RUN", help=f"{RUN_HELP} An imported file has an id, too.")],
    rule: Annotated[
        QueueRule,
        typer.Option(
            "--rule",
            help="`disagreement`: where verifier, rollouts, second graders, the task and people differ most. "
            "`uncertain`: where the verifier's scores are nearest to one half. `random`. `question`: all trajectories "
            "of a question, then those of the next.",
        ),
    ] = FIRST_RULE,
    size: Annotated[int, typer.Option("--size", min=1, help="At most so many items.")] = 100,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, help="The same seed gives everybody the same items.")
    ] = 0,
    overlap: Annotated[
        float, typer.Option("--overlap", min=0, max=1, help="Share of the items that everybody gets.")
    ] = 1.0,
    gold: Annotated[
        float,
        typer.Option("--gold", min=0, max=1, help="Share of items whose first error is known, mixed in unmarked."),
    ] = 0.0,
    name: Annotated[str | None, typer.Option("--name", help="What it is called.")] = None,
    iteration: Annotated[
        int | None, typer.Option("--iteration", min=0, max=2**31 - 1, help="Of this iteration alone.")
    ] = None,
    source: Annotated[
        QueueSource | None,
        typer.Option("--source", help="Which trajectories; `sample`, or of an imported file `import`, without this."),
    ] = None,
    outcome: Annotated[Outcome, typer.Option("--outcome", help="Only those that end right or wrong.")] = Outcome.ALL,
    case: Annotated[str | None, typer.Option("--case", help="Only of this self-verification case.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Only with these words in question or steps.")] = None,
    who: Annotated[str | None, typer.Option("--as", metavar="NAME", help=AS_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a sentence.")] = False,
) -> None:
    """Make a queue of a run's trajectories to be judged.

    Examples: `sapo annotate make last --iteration 2 --size 200 --overlap 0.3 --gold 0.1`,
    `sapo annotate make last --source process --rule random --name "our benchmark"`
    """
    from sapo_studio.app.annotation import queues
    from sapo_studio.processes import login_name
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.queue_records import QueueSpec
    from sapo_studio.store.records import TraceFilter

    with Store.open(create=False) as store:
        run_id = queries.find_entry(store, run)
        if source is None:
            imported = store.value("SELECT kind FROM runs WHERE id = ?", (run_id,)) == "import"
            source = QueueSource.IMPORT if imported else QueueSource.SAMPLE
        wanted = TraceFilter(
            run_id,
            iteration=iteration,
            source=source.value,
            outcome=outcome.value,
            case=case or "",
            text=text or "",
        )
        made = queues.make(
            store,
            QueueSpec(name or "", wanted, cast("Rule", rule.value), size, seed, overlap, gold),
            who or login_name(),
        )
    if as_json:
        say_json(queues.described(made))
    else:
        items = "1 item" if made.size == 1 else f"{made.size} items"
        known = f", {made.gold} of them gold" if made.gold else ""
        say(f"Made the queue {made.name!r}: {items}{known}. Judge them in the window: Ctrl+J.")


def list_all(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List all queues, the newest first.

    Examples: `sapo annotate list`, `sapo annotate list --json`
    """
    from sapo_studio.app.annotation import queues
    from sapo_studio.paths import store_path
    from sapo_studio.store import presence
    from sapo_studio.store.db import Store
    from sapo_studio.store.queues import list_queues

    found = []
    if not presence.is_new(store_path()):
        with Store.open(create=False) as store:
            found = list_queues(store)
    if as_json:
        for queue in found:
            say_json(queues.described(queue))
        return
    if not found:
        say("No queues yet. Make one: sapo annotate make last")
        return
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for title in ("queue", "run", "rule"):
        shown.add_column(title)
    for title in ("seed", "items", "gold", "for everybody"):
        shown.add_column(title, justify="right")
    shown.add_column("saved")
    for queue in found:
        shown.add_row(
            *(escape(queue.name), escape(str(queue.source.get("run_id", ""))), queue.rule, str(queue.seed)),
            *(str(queue.size), str(queue.gold), f"{100 * queue.overlap:.0f} %"),
            escape(", ".join(f"{who} {count}" for who, count in queue.saved.items())) or "-",
        )
    console().print(shown)


def delete(
    name: Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")],
) -> None:
    """Delete a queue. Judgements and comments stay with their trajectories.

    Examples: `sapo annotate delete "lab-demo it 2, disagreement"`
    """
    from sapo_studio.store.db import Store
    from sapo_studio.store.queues import delete_queue, find_queue

    with Store.open(create=False) as store:
        delete_queue(store, find_queue(store, name))
    say(f"Deleted the queue {name!r}. Its judgements stay.")
