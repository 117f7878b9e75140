"""`sapo doctor`: is everything there that a run needs?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sapo_studio.app.commands.printing import console, say, say_json
from sapo_studio.domain.task_kinds import WRITTEN, listed
from sapo_studio.requests.limits import SHOWN, STEPS


def register(app: typer.Typer) -> None:
    """Add `doctor`."""
    app.command("doctor")(doctor)


def doctor(
    task: Annotated[
        str,
        typer.Option("--task", metavar="KIND", help=f"Preview a task instead: {listed(WRITTEN, 'or')}."),
    ] = "",
    data: Annotated[
        str, typer.Option("--data", metavar="FILE", help="The task's questions (JSON Lines or hub:...).")
    ] = "",
    test_data: Annotated[
        str, typer.Option("--test-data", metavar="FILE", help="Its test questions, written like --data.")
    ] = "",
    fields: Annotated[
        str,
        typer.Option("--fields", metavar="COLUMNS", help="As task.fields: question=instruction+input, answer=output."),
    ] = "",
    benchmark: Annotated[
        str,
        typer.Option(
            "--benchmark",
            metavar="FILE",
            help="A process benchmark (a file, or one of yours): how much of it can be graded.",
        ),
    ] = "",
    steps: Annotated[str, typer.Option("--steps", help="auto, line, paragraph, block or pattern.")] = STEPS,
    pattern: Annotated[str, typer.Option("--pattern", help="Where a step begins, for --steps pattern.")] = "",
    count: Annotated[int, typer.Option("-n", help="Solutions shown.")] = SHOWN.default,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Look at the Ray cluster instead: nodes, cards, versions.")
    ] = False,
    address: Annotated[str, typer.Option("--ray-address", metavar="HOST:PORT", help="Which one, for --cluster.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Check Python, SQLite, the libraries, the GPUs, the data folder and the program's own files.

    With `--task`: how many questions there are, what a prompt looks like, how solutions are cut into steps, and
    whether the reference solutions are graded as right, and how much of a process benchmark can be graded.
    With `--cluster`: the nodes of a Ray cluster, their cards, and whether this program is on each (docs/cluster.md).

    Exit codes: 0 nothing stands in the way of a run, 1 something does, 2 the task's data are not valid.

    Examples: `sapo doctor`, `sapo doctor --json`, `sapo doctor --task gsm8k --data train.jsonl --steps line`,
    `sapo doctor --cluster`
    """
    if cluster:
        from sapo_studio.app.commands.cluster import show_cluster

        show_cluster(address, as_json=as_json)
        return
    if task:
        from sapo_studio.requests.client import ask
        from sapo_studio.requests.kinds import PreviewRequest

        if benchmark:
            from sapo_studio.app.benchmarks.using import measured_on

            on = measured_on(benchmark)
            benchmark = on.process_data
            if on.note:
                say(on.note, error=True)
        asked = {"task": task, "data": data, "steps": steps, "pattern": pattern, "count": count}
        asked |= {"test_data": test_data, "benchmark": benchmark, "fields": fields}
        found = ask(PreviewRequest.model_validate(asked))
        if as_json:
            say_json(found)
        else:
            _show(found)
        return
    from sapo_studio.app import diagnosis

    found = diagnosis.diagnose()
    ready = all(check.state != "bad" for check in found)
    if as_json:
        say_json({"ready": ready, "checks": [vars(check) for check in found]})
    else:
        from rich.markup import escape
        from rich.table import Table

        shown = Table(box=None, pad_edge=False, show_header=False)
        marks = {"good": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}
        for check in found:
            shown.add_row(marks[check.state], check.name, escape(check.finding))
            if check.advice:  # below, not beside: one long finding would push all advice out of sight
                shown.add_row("", "", f"[dim]{escape(check.advice)}[/]")
        console().print(shown)
    if not ready:
        raise typer.Exit(1)


def _show(found: dict[str, Any]) -> None:
    from rich.markup import escape

    terminal = console()
    splits = ", ".join(f"{count} {split}" for split, count in found["splits"].items())
    terminal.print(
        f"[bold]{found['task']}[/]: {found['rows']} questions, {found['with_solution']} with a solution; {splits}"
    )
    if found["sandbox"]:
        terminal.print(f"Programs run in: {escape(found['sandbox'])}")
    terminal.print("\n[bold]A prompt[/]")
    terminal.print(escape(found["prompt"]), soft_wrap=True)
    for solution in found["solutions"]:
        terminal.print(f"\n[bold]A solution of {len(solution['steps'])} steps[/]")
        for number, step in enumerate(solution["steps"], start=1):
            first, *rest = step.split("\n")
            terminal.print(f"[cyan]{number:>3}[/] {escape(first)}", soft_wrap=True)
            for line in rest:
                terminal.print(f"    {escape(line)}", soft_wrap=True)
    terminal.print()
    right = found["graded"] - len(found["wrong"])
    terminal.print(f"{right} of {found['graded']} reference solutions are graded as right")
    for fault in found["wrong"][:10]:
        terminal.print(f"  {escape(fault['id'])}: {escape(fault['reason'])}", soft_wrap=True)
    golds = found["golds"]
    if not found["sandbox"]:
        equal = golds["checked"] - len(golds["bad"])
        terminal.print(f"{equal} of {golds['checked']} reference answers are equal to themselves")
        for fault in golds["bad"][:10]:
            terminal.print(f"  {escape(fault['id'])}: {escape(fault['reason'])}", soft_wrap=True)
    if golds["bad"]:
        terminal.print(
            'A run leaves these questions out, or does not begin (task.bad_golds = "refuse")', soft_wrap=True
        )
    if golds["by_signs"]:
        terminal.print(f"{golds['by_signs']} answers are no mathematics: only the same signs are equal to them")
    from sapo_studio.app.commands.data_check import show_benchmark, show_leaks  # it loads pydantic

    if found["benchmark"]:
        show_benchmark(found["benchmark"], terminal)
    show_leaks(found["leaks"], terminal)
