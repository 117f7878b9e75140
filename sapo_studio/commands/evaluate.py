"""`sapo evaluate`: how good a verifier is, alone, as a chooser among samples, and against reasoners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sapo_studio.commands.resume import RUN_HELP

if TYPE_CHECKING:
    from rich.table import Table

CHOICES = (
    ("best_of_n", "best of N by the verifier"),
    ("majority", "majority"),
    ("weighted_vote", "votes weighted by the verifier"),
    ("pass_at_n", "any of N right"),
)


def register(app: typer.Typer) -> None:
    """Add `evaluate`."""
    app.command("evaluate")(evaluate)


def evaluate(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help=RUN_HELP)] = "",
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
        typer.Option("--benchmark", metavar="FILE", help="A ProcessBench file (JSON Lines) instead of the run's own."),
    ] = "",
    best_of: Annotated[
        int, typer.Option("--best-of", min=0, max=64, help="Choose among up to so many samples a question; 0: do not.")
    ] = 0,
    questions: Annotated[int, typer.Option("--questions", min=1, help="Test questions for --best-of.")] = 200,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Self-verification error of every verifier V_i with every reasoner M_j.")
    ] = False,
    trajectories: Annotated[int, typer.Option("--trajectories", min=10, help="Trajectories for --matrix.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Measure a verifier: step accuracy, first errors, ProcessBench F1, calibration, AUROC; with --best-of what it
    is worth as a chooser among samples of the run's last reasoner; with --matrix the table of self-verification errors.

    Steps count up to and including the first error. In the JSON, shares are fractions with 95 % intervals.

    Exit codes: 0 measured, 2 bad input.

    Examples: `sapo evaluate last --best-of 16`, `sapo evaluate last --matrix --json`,
    `sapo evaluate --verifier ./my-prm --benchmark processbench.jsonl`
    """
    from pathlib import Path

    from sapo_studio.commands.grade import engine
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    command = ["evaluate"]
    if run:
        with Store.open(create=False) as store:
            command.append(f"--run={store.run_dir(queries.find_run(store, run))}")
    if verifier:
        command.append(f"--verifier={verifier if verifier.isdigit() else Path(verifier).expanduser().resolve()}")
    if benchmark:
        command.append(f"--benchmark={Path(benchmark).expanduser().resolve()}")
    command += [f"--best-of={best_of}", f"--questions={questions}", f"--trajectories={trajectories}"]
    text = engine(command + (["--matrix"] if matrix else []), show=False)
    if as_json:
        print(text.strip())
        return
    from rich.console import Console

    found = json.loads(text)
    console = Console(highlight=False)
    name = f"V_{found['verifier']} of {found['run']}" if isinstance(found["verifier"], int) else found["verifier"]
    console.print(f"[bold]{name}[/]")
    if found["benchmark"] is None:
        console.print("This run has no process benchmark: name one by --benchmark.")
    else:
        console.print(benchmark_table(found["benchmark"]))
        console.print(reliability_table(found["benchmark"]))
    if "best_of" in found:
        console.print(best_table(found["best_of"]))
    if "matrix" in found:
        console.print(matrix_table(found["matrix"]))


def share(found: dict[str, float] | float | None) -> str:
    """A share as per cent, with its interval where it has one."""
    if found is None:
        return "-"
    if isinstance(found, dict):
        return f"{found['value']:.1%} ({found['low']:.1%} to {found['high']:.1%})"
    return f"{found:.1%}"


def benchmark_table(found: dict[str, Any]) -> Table:
    """The verifier on its benchmark."""
    from rich.table import Table

    title = f"{found['solutions']} solutions, {found['steps']} steps up to the first error"
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
    for label, text in (
        ("steps right", share(found["step_accuracy"])),
        ("first error exact", share(found["first_error_accuracy"])),
        ("ProcessBench F1", share(found["f1"])),
        ("  on wrong solutions", share(found["accuracy_on_wrong"])),
        ("  on right solutions", share(found["accuracy_on_right"])),
        ("AUROC of steps", "-" if found["auroc"] is None else f"{found['auroc']:.3f}"),
        ("calibration error (ECE)", "-" if found["ece"] is None else f"{found['ece']:.3f}"),
    ):
        shown.add_row(label, text)
    return shown


def reliability_table(found: dict[str, Any]) -> Table:
    """The reliability curve: what steps of a score come to."""
    from rich.table import Table

    shown = Table(title="Reliability", title_justify="left", box=None, pad_edge=False)
    for name in ("score", "steps", "mean score", "right"):
        shown.add_column(name, justify="right")
    shown.add_column("")
    for point in found["reliability"]:
        shown.add_row(
            f"{point['low']:.1f}-{point['high']:.1f}",
            str(point["n"]),
            f"{point['score']:.2f}",
            f"{point['right']:.2f}",
            "█" * round(20 * point["right"]),
        )
    return shown


def best_table(found: dict[str, Any]) -> Table:
    """Accuracy by N and way to choose."""
    from rich.table import Table

    title = f"One of N samples of M_{found['reasoner']}, {found['questions']} test questions, per cent right"
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown.add_column("N")
    for n in found["n"]:
        shown.add_column(str(n), justify="right")
    for key, label in CHOICES:
        if key in found:
            shown.add_row(label, *(f"{100 * one['value']:.1f}" for one in found[key]))
    return shown


def matrix_table(found: list[dict[str, Any]]) -> Table:
    """Self-verification error, verifiers down, reasoners across."""
    from rich.table import Table

    reasoners = sorted({one["reasoner"] for one in found})
    title = "Self-verification error, % (of wrong ones)"
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown.add_column("")
    for j in reasoners:
        shown.add_column(f"M_{j}", justify="right")
    for i in sorted({one["verifier"] for one in found}):
        row = {one["reasoner"]: one for one in found if one["verifier"] == i}
        cells = (row[j] for j in reasoners)
        texts = (f"{100 * c['error']['value']:.1f} ({100 * c['error_on_wrong']['value']:.1f})" for c in cells)
        shown.add_row(f"V_{i}", *texts)
    return shown
