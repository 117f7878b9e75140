"""`sapo compare`: runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.printing import console, pass_on, say_json
from sapo_studio.errors import InputError

if TYPE_CHECKING:
    from sapo_studio.app.comparison.records import ComparedRun, Comparison, Outcome, Picked

OUTCOMES: dict[str, Outcome] = {"both": "both", "left": "left", "right": "right", "neither": "neither"}
if TYPE_CHECKING:
    Which = StrEnum
else:
    Which = StrEnum("Which", {name: name for name in OUTCOMES}, module=__name__)
    """Whose greedy answer is correct."""

RUNS_HELP = "Runs: ids, beginnings of ids, names, or `last`. RUN@ITERATION: after that iteration."
METRIC_HELP = (
    "What is tested: greedy, sampled, sound, pass_at_4, gap, ... Several times for several. Without it: greedy."
)
COMMON_HELP = "Where runs answer different questions, compare on those that both sides have."
QUESTIONS_HELP = "Which questions each run answers and the baseline does not, and the other way round."
OUTCOME_HELP = "Only questions that both have right, left (the run) alone, right (the baseline) alone, or neither."


class X(StrEnum):
    """What curves go along."""

    ITERATION = "iteration"
    FLOPS = "flops"
    SECONDS = "seconds"


def register(app: typer.Typer) -> None:
    """Add `compare`."""
    app.command("compare")(compare)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help=RUNS_HELP)],
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="RUN", help="What others are compared with; else the first.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", metavar="NAME", help=METRIC_HELP)] = None,
    set: Annotated[
        str, typer.Option("--set", metavar="NAME", help="An evaluation set instead of the runs' own test questions.")
    ] = "",
    iteration: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="All after this iteration; else each after its last.")
    ] = None,
    x: Annotated[X, typer.Option("--x", help="Say with each point of a curve where it lies.")] = X.ITERATION,
    common: Annotated[bool, typer.Option("--common", help=COMMON_HELP)] = False,
    every_pair: Annotated[
        bool, typer.Option("--every-pair", help="Every two of them, not only each with the baseline.")
    ] = False,
    each: Annotated[
        bool, typer.Option("--each", help="Every run for itself, seeds of one configuration as well.")
    ] = False,
    questions: Annotated[bool, typer.Option("--questions", help=QUESTIONS_HELP)] = False,
    outcome: Annotated[Which | None, typer.Option("--outcome", help=OUTCOME_HELP)] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="Questions of a pair that are listed.")
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="CSV, a row a number; with --questions, a row a question.")
    ] = False,
) -> None:
    """Compare runs: what they came to, tests of their differences, curves, and what differs in their configurations.

    Runs that differ in their seed alone are taken together. Two of them, or two groups with a run each, are compared
    over the same questions (exact McNemar for greedy answers, a bootstrap over questions for samples), groups of
    several seeds over seeds; p is corrected for the number of tests (Holm). See docs/compare.md.

    Exit codes: 0 compared, 2 bad input.

    Examples: `sapo compare sapo-1 dpo-2`, `sapo compare a b c --baseline c --metric sampled --x flops`,
    `sapo compare lab-demo-3@1 lab-demo-3@3 --questions --outcome right`
    """
    from sapo_studio.app.comparison import as_csv as csv_lines
    from sapo_studio.app.comparison import as_json as plain
    from sapo_studio.app.comparison import sheets
    from sapo_studio.app.comparison.by_question import questions as by_question
    from sapo_studio.app.comparison.compare import compare as compared
    from sapo_studio.app.comparison.metrics import metric_named
    from sapo_studio.store.db import Store

    if as_json and as_csv:
        raise InputError("--json and --csv are given both", fix="Choose one.")
    if outcome is not None and not questions:
        raise InputError("--outcome is of questions", fix="Add --questions.")
    wanted = None if outcome is None else OUTCOMES[outcome.value]
    names = tuple(dict.fromkeys(map(metric_named, metric or ["greedy"])))
    with Store.open(create=False) as store:
        found = compared(
            store,
            runs,
            baseline=baseline,
            metrics=names,
            set=set,
            iteration=iteration,
            common=common,
            every_pair=every_pair,
            by_seed=not each,
        )
        pages = [
            by_question(
                store,
                left,
                right,
                set=set,
                iteration=iteration,
                outcome=wanted,
                limit=limit,
                common=common,
            )
            for left, right in (_pairs(found) if questions else ())
        ]
    if as_json:
        told = plain.comparison_json(found)
        say_json(told | ({"by_question": [plain.questions_json(page) for page in pages]} if questions else {}))
        return
    if as_csv:
        for line in csv_lines.questions_csv(pages) if questions else csv_lines.comparison_csv(found):
            pass_on(line)
        return
    from rich.markup import escape

    terminal = console()
    terminal.print(f"[bold]{escape(sheets.headline(found))}[/]", soft_wrap=True)
    labels = {run.key: run.label for run in found.runs}
    shown = sheets.sheets(found, x.value)
    shown += [sheets.question_sheet(page, labels[str(page.left)], labels[str(page.right)]) for page in pages]
    for sheet in shown:
        # Title and notes are as wide as the terminal, not as the table.
        terminal.print(f"\n[bold]{escape(sheet.title)}[/]", soft_wrap=True)
        if sheet.rows:
            terminal.print(replace(sheet, title="", note="").table())
        for note in sheet.note.splitlines():
            terminal.print(f"[dim]{escape(note)}[/]", soft_wrap=True)


def _pairs(found: Comparison) -> list[tuple[Picked, Picked]]:
    """Each run that is not of the baseline's side, with the baseline's run of the same seed or, where there is none,
    its first."""
    theirs = [run for run in found.runs if run.group == found.baseline]
    if len(found.runs) == 1:
        raise InputError("--questions needs two runs", fix="Name another one.")
    if len(found.groups) == 1:
        return [(run.picked, theirs[0].picked) for run in theirs[1:]]
    return [(run.picked, _like(run, theirs).picked) for run in found.runs if run.group != found.baseline]


def _like(run: ComparedRun, theirs: Sequence[ComparedRun]) -> ComparedRun:
    return next((one for one in theirs if one.seed == run.seed), theirs[0])
