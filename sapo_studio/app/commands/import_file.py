"""`sapo import`: take a file of solutions with labeled steps in, to be browsed, judged, scored and exported."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.printing import say, say_json
from sapo_studio.formats.registry import IMPORTED

SHOWN = 20
"""Refused rows that are named to a person; `--json` has all of them."""
HELP = f"""Import a file of solutions with labeled steps.

Formats: {", ".join(f"**{known.name}** ({known.title})" for known in IMPORTED)}; **auto** looks into the file. It may be
JSON Lines or one JSON array, packed with gzip or not. It becomes an entry beside the runs: its trajectories are browsed
and judged as those of a run, `sapo score` scores them, `sapo export` writes them, in its own format as they were.

A row whose labels and steps differ in number, whose error lies beyond its last step, or whose id another row has, is
refused and named. Nothing is imported where the file itself is broken.

Exit codes: 0 imported (rows may have been refused), 2 bad input.

Examples: `sapo import processbench.json`, `sapo import math_aps.jsonl --threshold 0.5 --name aps --json`
"""


def register(app: typer.Typer) -> None:
    """Add `import`."""
    app.command("import", help=HELP)(import_file)


def import_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file that was made elsewhere, or by `sapo export`.")],
    format: Annotated[str, typer.Option("--format", help="What it is read as; auto: what it looks like.")] = "auto",
    name: Annotated[str, typer.Option("--name", help="What to call it. Without this: as the file.")] = "",
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold", min=0.0, max=1.0, help="MATH-APS: a step is correct where its value is above this."
        ),
    ] = 0.0,
    keep_odd: Annotated[
        bool,
        typer.Option(
            "--keep-odd", help="Keep rows whose labels do not fit their steps: what does not fit has no label."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on the last line.")] = False,
) -> None:
    """Import a file. What `sapo import --help` says is `HELP`."""
    from sapo_studio.app.imports.take_in import known_format, take_in
    from sapo_studio.formats.base import ReadAs
    from sapo_studio.paths import user_path
    from sapo_studio.store.db import Store

    path = user_path(file)
    known = known_format(path, format)
    with Store.open() as store:
        found = take_in(store, path, known, ReadAs(threshold, keep_odd), name)
    if as_json:
        say_json(found.as_json())
        return
    say(f"{found.run_id}: {found.kept:,} rows of {known.title}, {found.solutions:,} solutions")
    if found.refused:
        say(f"{len(found.refused):,} rows were refused:", error=True)
        for one in found.refused[:SHOWN]:
            say(f"  line {one.line}: {one.why}", error=True)
        if len(found.refused) > SHOWN:
            say(f"  and {len(found.refused) - SHOWN:,} more (--json names all)", error=True)
