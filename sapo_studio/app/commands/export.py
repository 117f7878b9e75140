"""`sapo export`: get trajectories, a benchmark, metrics, the configuration or a model out of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.printing import pass_on, say
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.errors import InputError
from sapo_studio.files import output_place, written_output
from sapo_studio.formats.registry import WRITTEN
from sapo_studio.readable import counted

FORMATS = {known.name: known for known in WRITTEN}
OTHERS = ("trajectories", "metrics", "config", "model", "tables")
FOLDERS = ("model", "tables")
"""What becomes a folder."""
if TYPE_CHECKING:
    from sapo_studio.app.exports.tables.folder import Progress

    What = StrEnum
else:
    What = StrEnum("What", {name: name for name in (*FORMATS, *OTHERS)}, module=__name__)
    """What to export: step labels in a format, or one of the others."""

HELP = f"""Export what a run holds: step labels in formats of others, trajectories, metrics, its configuration, its
reasoner, or all of it as tables.

{" ".join(f"**{known.name}**: annotated trajectories as {known.about}." for known in WRITTEN)} An imported file is given
back in its own format as it was; what a format cannot hold is named on standard error.
**trajectories**: everything about each trajectory as JSONL. **metrics**: CSV. **config**: TOML for `sapo run`.
**model**: the reasoner's folder (safetensors and tokenizer) after an iteration, the newest by default; of a LoRA run
the adapter's, as peft writes it. **tables**: everything that is stored, of one run or several, as a folder of Parquet
or CSV files (docs/tables.md).

Examples: `sapo export last processbench -o steps.jsonl`, `sapo export last processbench --labels rollouts`,
`sapo export lab-demo-3 model --iteration 2 -o my-model`,
`sapo export lab-demo-1 lab-demo-2 tables --tables metrics,scores -o tables`
"""


class Labels(StrEnum):
    """Whose labels a format of step labels gets."""

    HUMAN = "human"
    ROLLOUTS = "rollouts"
    ORACLE = "oracle"
    FILE = "file"


class Source(StrEnum):
    """Which trajectories."""

    SAMPLE = "sample"
    SOLUTION = "solution"
    EXPANSION = "expansion"
    PROCESS = "process"
    TEST = "test"
    IMPORT = "import"


class TableFormat(StrEnum):
    """As what tables are written."""

    PARQUET = "parquet"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add `export`."""
    app.command("export", help=HELP)(export)


def export(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help=f"{RUN_HELP} For `tables` several, if you like.")],
    what: Annotated[
        What, typer.Argument(metavar="WHAT", help=f"{', '.join((*FORMATS, *OTHERS[:-1]))} or {OTHERS[-1]}.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file, for `model` and `tables` a new folder. Else standard output."),
    ] = None,
    labels: Annotated[
        Labels | None,
        typer.Option(
            help="Step labels: whose. Of a run human (without this), rollouts or oracle; of an imported file its own, "
            "file (without this), or human: people's where they judged, its own elsewhere."
        ),
    ] = None,
    source: Annotated[Source | None, typer.Option(help="Only trajectories of this source.")] = None,
    iteration: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Only of this iteration; for `model`, whose.")
    ] = None,
    how: Annotated[
        TableFormat, typer.Option("--format", help="Of `tables`. Parquet needs pyarrow.")
    ] = TableFormat.PARQUET,
    tables: Annotated[
        str, typer.Option(metavar="NAME,...", help="Only these tables: metrics,steps, say. Without it, all of them.")
    ] = "",
) -> None:
    """Export something of a run. What `sapo export --help` says is `HELP`."""
    from sapo_studio.app.exports import run_files as exports
    from sapo_studio.app.exports import step_labels
    from sapo_studio.app.exports.checkpoints import copy_model
    from sapo_studio.formats.holding import Losses
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    if what.value == "tables":
        if labels is not None or source is not None or iteration is not None:
            raise InputError("Tables hold everything of a run", fix="Leave --labels, --source and --iteration out.")
        _tables(runs, output, how, [name.strip() for name in tables.split(",") if name.strip()])
        return
    if len(runs) > 1:
        raise InputError(f"{what.value} is of one run", why=f"{len(runs)} are named.", fix="Name one.")
    (run,) = runs
    if output is not None and what.value not in FOLDERS:
        output_place(output)
    only = None if source is None else source.value
    losses = Losses()
    with Store.open(create=False) as store:
        run_id = queries.find_entry(store, run)
        match what.value:
            case "model":
                if output is None:
                    raise InputError("A model needs a folder to go to", fix="Add --output FOLDER.")
                copied = copy_model(store, run_id, output, iteration=iteration)
                what_it_is = f", a peft adapter for {copied.base}" if copied.base else ""
                say(f"M{copied.iteration} of {run_id} is in {output}{what_it_is}", error=True)
                return
            case "trajectories":
                lines = exports.trajectory_lines(store, run_id, source=only, iteration=iteration)
            case "metrics":
                lines = exports.metrics_csv(store, run_id)
            case "config":
                lines = exports.config_toml(store, run_id)
            case name:
                lines = step_labels.written(
                    FORMATS[name],
                    store,
                    run_id,
                    labels=None if labels is None else labels.value,
                    source=only,
                    iteration=iteration,
                    losses=losses,
                )
        count = _write(lines, output)
    if count == 0:
        raise InputError(
            f"Run {run_id} has nothing to export here",
            why="No trajectory matches."
            if what.value not in FORMATS or labels not in (None, Labels.HUMAN) or losses.told()
            else "Nobody has annotated a trajectory completely.",
            fix="Annotate steps in the window, or choose --labels rollouts or --labels oracle."
            if what.value in FORMATS
            else "Leave --source and --iteration out.",
        )
    if lost := losses.told():
        say(f"{FORMATS[what.value].title} cannot hold: {'; '.join(lost)}", error=True)
    if output is not None:
        say(f"{count} lines in {output}", error=True)


def _tables(runs: list[str], output: Path | None, how: TableFormat, names: list[str]) -> None:
    from sapo_studio.app.exports.tables.folder import tables_named, write_tables
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    if output is None:
        raise InputError("Tables need a folder to go to", fix="Add --output FOLDER.")
    chosen = tables_named(names)
    with Store.open(create=False) as store:
        named = list(dict.fromkeys(queries.find_entry(store, run) for run in runs))
        written = write_tables(store, named, output, how=how.value, tables=chosen, report=_told())
    rows = sum(one.rows for one in written)
    say(f"{counted(len(written), 'table')} of {', '.join(named)} with {counted(rows, 'row')} in {output}", error=True)


def _told() -> Callable[[Progress], bool]:
    """Says which table is written when it begins: a large one takes its time."""
    begun: set[str] = set()

    def report(progress: Progress) -> bool:
        if progress.table not in begun:
            begun.add(progress.table)
            say(f"Writing {progress.table}\u2026", error=True)
        return True

    return report


def _write(lines: Iterator[str], output: Path | None) -> int:
    """Write all lines; a file appears complete or not at all. Returns how many there were."""
    count = 0
    if output is None:
        for line in lines:
            pass_on(line)
            count += 1
        return count
    first = next(lines, None)
    if first is None:
        return 0
    with written_output(output) as file:
        for line in chain((first,), lines):
            file.write(line)
            count += 1
    return count
