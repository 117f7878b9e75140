"""`sapo benchmark`: process benchmarks, made, frozen, listed, exported, deleted."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.checked_command import add_group
from sapo_studio.app.commands.export import FORMATS
from sapo_studio.app.commands.printing import console, pass_on, say, say_json
from sapo_studio.domain.process_benchmark import LabelSource
from sapo_studio.errors import Declined
from sapo_studio.readable import counted

if TYPE_CHECKING:
    from sapo_studio.store.benchmarks import BenchmarkInfo

    WrittenFormat = StrEnum
else:
    WrittenFormat = StrEnum("WrittenFormat", {name: name for name in FORMATS}, module=__name__)
    """A format that benchmarks can be exported to."""

NAME_HELP = "NAME@VERSION, or NAME for its newest version."


def register(app: typer.Typer) -> None:
    """Add `benchmark`, a group of commands."""
    from sapo_studio.app.commands.benchmark_sample import sample

    group = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help=GROUP_HELP)
    commands = {"make": make, "sample": sample, "show": show, "freeze": freeze, "export": export, "delete": delete}
    add_group(app, "benchmark", group, {**commands, "list": list_all})


GROUP_HELP = """Process benchmarks: solutions whose first error is known, named, versioned and frozen.

`task.process_data = "benchmark:NAME@VERSION"` has a run measured on one, `sapo evaluate --benchmark NAME@VERSION` a
verifier.
"""


def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called. Once more: its next version.")],
    sources: Annotated[
        list[str], typer.Option("--from", metavar="RUN|QUEUE", help="Where its solutions come from. Several times.")
    ],
    labels: Annotated[
        LabelSource,
        typer.Option(
            help="Whose first error: people's, that of rollouts, the lab's oracle's, or what most of people, rollouts "
            "and the newest verifier say."
        ),
    ] = "human",
    per_question: Annotated[int, typer.Option("--per-question", min=1, help="Most solutions of a question.")] = 2,
    size: Annotated[int | None, typer.Option("--size", min=1, help="Most solutions in all.")] = None,
    split: Annotated[
        float, typer.Option("--split", min=0, max=0.9, help="Share of the questions that is for thresholds.")
    ] = 0.2,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Which ones, where there are more.")] = 0,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Leave out questions that the runs are trained on.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Make a benchmark of solutions that people, rollouts or the lab's oracle have labeled: a draft, until it is
    frozen. As many solutions with a correct as with an incorrect answer, as far as there are.

    Example: `sapo benchmark make chains --from lab-demo-3 --labels oracle --size 200`
    """
    from sapo_studio.app.benchmarks.making import Choice, make_benchmark
    from sapo_studio.store.db import Store

    choice = Choice(labels, per_question, size, split, seed, held_out)
    with Store.open(create=False) as store:
        made = make_benchmark(store, name, sources, choice)
    if as_json:
        say_json(
            {
                **_line(made.benchmark),
                "known": made.known,
                "trained": made.trained,
                "waiting": made.waiting,
                "note": made.note,
            }
        )
        return
    one = made.benchmark
    say(
        f"{one.title}: {one.rows} solutions, {one.erroneous} with an error, {one.tuning} for thresholds (of "
        f"{made.known} whose first error is known). It is a draft: sapo benchmark freeze {one.title}"
    )
    if made.note:
        say(made.note, error=True)


def list_all(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List all versions of all benchmarks.

    Example: `sapo benchmark list --json`
    """
    from sapo_studio.paths import store_path
    from sapo_studio.store import presence
    from sapo_studio.store.benchmarks import list_benchmarks
    from sapo_studio.store.db import Store

    found: list[BenchmarkInfo] = []
    if not presence.is_new(store_path()):
        with Store.open(create=False) as store:
            found = list_benchmarks(store)
    if as_json:
        for one in found:
            say_json(_line(one))
        return
    if not found:
        say("No process benchmarks yet. Make one: sapo benchmark make NAME --from RUN")
        return
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for title in ("benchmark", "state", "from"):
        shown.add_column(title)
    for title in ("rows", "with an error", "for thresholds", "agreement"):
        shown.add_column(title, justify="right")
    for one in found:
        agreement = "-" if one.agreement is None else f"{100 * one.agreement:.0f} %"
        cells = (one.title, _state(one), escape(", ".join(_origins(one))))
        shown.add_row(*cells, str(one.rows), str(one.erroneous), str(one.tuning), agreement)
    console().print(shown)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help=NAME_HELP)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with all rows.")] = False,
) -> None:
    """Say what a benchmark is made of, and how.

    Example: `sapo benchmark show chains@1`
    """
    from collections import Counter
    from dataclasses import asdict

    from sapo_studio.store.benchmarks import find_benchmark, read_rows, runs_with
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        one = find_benchmark(store, name)
        rows = read_rows(store, one)
        runs = runs_with(store, one)
    if as_json:
        say_json({**_line(one), "source": one.source, "used_by": runs, "solutions": [asdict(row) for row in rows]})
        return
    say(f"{one.title}: {_state(one)}")
    say(f"  {one.rows} solutions, {one.erroneous} with an error, {one.tuning} for thresholds")
    say(f"  from {', '.join(_origins(one))}; labels: {one.source.get('labels', 'unknown')}")
    hows = Counter(str(row.origin.get("how", "unknown")) for row in rows)
    say("  first errors by " + ", ".join(f"{how}: {count}" for how, count in hows.most_common()))
    if one.agreement is not None:
        say(f"  agreement {100 * one.agreement:.0f} %")
    trained = sum(bool(row.origin.get("trained")) for row in rows)
    say(f"  {trained} of questions that these runs are trained on")
    if waiting := one.source.get("waiting"):
        say(f"  {counted(waiting, 'solution')} still waited for people's judgements when it was made")
    if one.digest:
        say(f"  digest {one.digest}")
    if runs:
        say(f"  measured on it: {', '.join(runs)}")


def freeze(name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help=NAME_HELP)]) -> None:
    """Freeze a benchmark: it never changes from then on, and can be measured on. Frozen already, its files are written
    again.

    Example: `sapo benchmark freeze chains@1`
    """
    from sapo_studio.store.benchmarks import find_benchmark, freeze_benchmark
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        one = freeze_benchmark(store, find_benchmark(store, name))
    say(f"{one.title} is frozen ({one.digest[:12]}). Measure on it: task.process_data = {one.reference}")


def export(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help=NAME_HELP)],
    what: Annotated[WrittenFormat, typer.Argument(metavar="FORMAT", help=", ".join(FORMATS))],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file. Else standard output.")] = None,
) -> None:
    """Write a benchmark's solutions in a format of others, with answers and tests where the format has them.

    Example: `sapo benchmark export chains@1 processbench -o chains.jsonl`
    """
    from sapo_studio.files import output_place, write_output
    from sapo_studio.store.benchmarks import as_text, find_benchmark, read_rows
    from sapo_studio.store.db import Store

    if output is not None:
        output_place(output)
    with Store.open(create=False) as store:
        one = find_benchmark(store, name)
        text = as_text(FORMATS[what.value], one, read_rows(store, one))
    if output is None:
        pass_on(text)
        return
    write_output(output, text)
    say(f"{one.rows} solutions in {output}", error=True)


def delete(
    name: Annotated[str, typer.Argument(metavar="NAME@VERSION", help="Which one.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a version of a benchmark. Asks first where it is frozen.

    Example: `sapo benchmark delete chains@1`
    """
    from sapo_studio.store.benchmarks import delete_benchmark, find_benchmark
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        one = find_benchmark(store, name)
        if one.frozen_at is not None and not yes and not typer.confirm(f"Delete {one.title}, which is frozen?"):
            raise Declined(f"{one.title} was not deleted")
        delete_benchmark(store, one)
    say(f"{one.title} is deleted")


def _state(one: BenchmarkInfo) -> str:
    return "draft" if one.frozen_at is None else "frozen"


def _origins(one: BenchmarkInfo) -> list[str]:
    return [str(source["name"]) for source in one.source.get("from", ())]


def _line(one: BenchmarkInfo) -> dict[str, object]:
    return {
        "benchmark": one.title,
        "name": one.name,
        "version": one.version,
        "frozen": one.frozen_at is not None,
        "rows": one.rows,
        "erroneous": one.erroneous,
        "tuning": one.tuning,
        "agreement": one.agreement,
        "from": _origins(one),
        "labels": one.source.get("labels"),
        "trained_on": one.source.get("trained_on"),
        "digest": one.digest,
        "created_at": one.created_at,
    }
