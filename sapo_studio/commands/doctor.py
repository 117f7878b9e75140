"""`sapo doctor`: is everything there that a run needs?"""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `doctor`."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Check Python, SQLite, the libraries, the GPUs, the data folder and the program's own files.

    Exit codes: 0 nothing stands in the way of a run, 1 something does.

    Examples: `sapo doctor`, `sapo doctor --json`
    """
    from sapo_studio import diagnosis

    found = diagnosis.diagnose()
    ready = all(check.state != "bad" for check in found)
    if as_json:
        print(json.dumps({"ready": ready, "checks": [vars(check) for check in found]}, ensure_ascii=False))
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        shown = Table(box=None, pad_edge=False, show_header=False)
        marks = {"good": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}
        for check in found:
            shown.add_row(marks[check.state], check.name, escape(check.finding), escape(check.advice))
        Console(highlight=False).print(shown)
    if not ready:
        raise typer.Exit(1)
