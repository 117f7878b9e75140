"""`sapo score`: score the solutions of an imported file by a verifier."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from sapo_studio.app.commands.label_study import DEVICE_HELP
from sapo_studio.app.commands.printing import say, say_json


def register(app: typer.Typer) -> None:
    """Add `score`."""
    app.command("score")(score)


def score(
    imported: Annotated[
        str, typer.Argument(metavar="IMPORT", help="An imported file: its id, the beginning of it, or its name.")
    ],
    verifier: Annotated[
        str,
        typer.Option(
            "--verifier",
            metavar="RUN[/I]|FOLDER",
            help="A run, for its last verifier, or which one (lab-demo-3/2); or the folder of a token- or "
            "sequence-classification model.",
        ),
    ],
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of sentences.")] = False,
) -> None:
    """Score an imported file by a verifier. The scores are kept: heatmap and traces of the file show them.

    Solutions that the verifier cannot read are left out and counted. Exit codes: 0 scored, 2 bad input.

    Example: `sapo score processbench-4 --verifier lab-demo-3/2`
    """
    from sapo_studio.app.commands.progress import with_progress
    from sapo_studio.app.imports import scoring
    from sapo_studio.requests.client import ask
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        asked = scoring.asked_for(store, queries.find_imported(store, imported), verifier, device)
        with with_progress(ask, "Scoring") as asking:
            found = scoring.score(store, asked, asking)
    if as_json:
        say_json(asdict(found))
        return
    say(f"{found.run_id}: {found.scored:,} solutions scored by {found.verifier} (shown as V_{found.number})")
    for why, count in found.left_out.items():
        say(f"{count:,} solutions were left out: {why}", error=True)
