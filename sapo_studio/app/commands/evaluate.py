"""`sapo evaluate`: how good a verifier is, alone, as a chooser among samples, and against reasoners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.label_study import DEVICE_HELP, OUT_HELP, RUNS_HELP
from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.requests.limits import BEST_OF, QUESTIONS, TRAJECTORIES

if TYPE_CHECKING:
    from pathlib import Path


def register(app: typer.Typer) -> None:
    """Add `evaluate`."""
    app.command("evaluate")(evaluate)


def evaluate(
    run: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help=RUNS_HELP)] = None,
    verifier: Annotated[
        str,
        typer.Option(
            "--verifier",
            metavar="I|FOLDER",
            help="Which of the run's verifiers (0, 1, ...; its last without this), or the folder of a token- or "
            "sequence-classification model.",
        ),
    ] = "",
    benchmark: Annotated[
        str,
        typer.Option(
            "--benchmark",
            metavar="FILE|NAME@VERSION",
            help="A ProcessBench file (array or lines), or a frozen benchmark of yours, instead of the run's own.",
        ),
    ] = "",
    best_of: Annotated[
        int,
        typer.Option(
            "--best-of",
            min=BEST_OF.low,
            max=BEST_OF.high,
            help="Choose among up to so many samples a question; 0: do not.",
        ),
    ] = BEST_OF.default,
    questions: Annotated[
        int, typer.Option("--questions", min=QUESTIONS.low, help="Test questions for --best-of.")
    ] = QUESTIONS.default,
    aggregation: Annotated[
        Aggregation,
        typer.Option(
            "--aggregation", help="How the scores of a solution's steps become one for --best-of (SAPO's is the mean)."
        ),
    ] = "mean",
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Self-verification error of every verifier V_i with every reasoner M_j.")
    ] = False,
    trajectories: Annotated[
        int, typer.Option("--trajectories", min=TRAJECTORIES.low, help="Trajectories for --matrix.")
    ] = TRAJECTORIES.default,
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help=OUT_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Measure a verifier: step accuracy, first errors, ProcessBench F1, PRMScore, MCC, calibration, AUROC, at a
    threshold of one half and at one tuned on held-out rows; with --best-of what it is worth as a chooser among samples
    of the run's last reasoner; with --matrix the table of self-verification errors.

    Steps count up to and including the first error. In the JSON, shares are fractions with 95 % intervals: over
    solutions or questions, of several runs over these.

    Exit codes: 0 measured, 2 bad input.

    Examples: `sapo evaluate last --best-of 16`, `sapo evaluate lab/sapo/0 lab/sapo/1 --matrix --out verifier`,
    `sapo evaluate --verifier ./my-prm --benchmark processbench.jsonl`
    """
    from sapo_studio.app.benchmarks.evaluating import Wanted, requests_for
    from sapo_studio.app.commands.numbers import whole_number
    from sapo_studio.app.reports import drawing
    from sapo_studio.app.studies import evaluations, verifier_page
    from sapo_studio.paths import user_path
    from sapo_studio.requests.client import ask
    from sapo_studio.store.db import Store

    pages = user_path(out) if out else None
    if pages is not None:
        drawing.prepare(pages)
    which: int | Path | None = None
    if verifier:
        number = verifier.isdecimal()
        which = whole_number(verifier, "--verifier") if number else user_path(verifier).resolve()
    wanted = Wanted(
        runs=tuple(run or ()),
        verifier=which,
        benchmark=benchmark,
        best_of=best_of,
        questions=questions,
        aggregation=aggregation,
        matrix=matrix,
        trajectories=trajectories,
        device=device,
    )
    if run:
        with Store.open(create=False) as store:
            asked = requests_for(wanted, store)
    else:
        asked = requests_for(wanted, None)
    if asked.note:
        say(asked.note, error=True)
    found = evaluations.keep(asked.requests, [ask(request) for request in asked.requests])
    written = verifier_page.write(pages, found) if pages is not None else []
    if as_json:
        say_json(found)
        return
    from rich.markup import escape

    terminal = console()
    terminal.print(f"[bold]{escape(verifier_page.head(found))}[/]")
    if found["benchmark"] is None:
        terminal.print(f"{verifier_page.NO_BENCHMARK} Name one by --benchmark.")
    for sheet in verifier_page.sheets(found):
        terminal.print(sheet.table())
    for note in verifier_page.warnings(found):
        terminal.print(f"[yellow]![/] {escape(note)}", soft_wrap=True)
    for path in written:
        say(path)
