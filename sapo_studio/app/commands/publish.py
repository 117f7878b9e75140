"""`sapo publish`: a run's reasoner or verifier as a folder that others load, with a card, and to the Hub."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sapo_studio.app.commands.label_study import DEVICE_HELP
from sapo_studio.app.commands.printing import say, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.errors import InputError, Stopped

if TYPE_CHECKING:
    from sapo_studio.app.publishing.publication import Published


def register(app: typer.Typer) -> None:
    """Add `publish`."""
    app.command("publish")(publish)


def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    iteration: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Of which iteration; 0 is the warm-up. Else the newest.")
    ] = None,
    verifier: Annotated[
        bool, typer.Option("--verifier", help="The verifier, as a token-classification model; else the reasoner.")
    ] = False,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="A new folder, or an empty one.")] = "",
    hub: Annotated[
        str, typer.Option("--hub", metavar="OWNER/NAME", help="Upload it to this repository of the Hub, which is made.")
    ] = "",
    merge: Annotated[
        bool | None,
        typer.Option("--merge/--adapter", help="Of a LoRA run: merged into its base, or the adapter for peft."),
    ] = None,
    gguf: Annotated[
        bool, typer.Option("--gguf", help="A GGUF file, too, by llama.cpp's convert_hf_to_gguf.py.")
    ] = False,
    public: Annotated[bool, typer.Option("--public", help="Everybody can see the repository; else you alone.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="The repository is there already: add a version to it.")
    ] = False,
    dtype: Annotated[
        Literal["fp32", "bf16", "fp16"] | None,
        typer.Option(help="The format of the weights; else the one that the run keeps them in."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Upload without asking.")] = False,
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of sentences.")] = False,
) -> None:
    """Publish a run's reasoner or verifier: a folder of transformers (or peft) with a model card made from what the run
    has on record, which anybody loads without this program; on the Hub where you ask for it.

    A verifier is a token-classification model that `sapo evaluate --verifier DIR` and plain transformers load; its card
    has the lines that score a solution. Without --hub nothing is sent anywhere. With it, the Hub's token is used
    (HF_TOKEN or `hf auth login`), the repository is private unless you say --public, and you are asked first.

    Exit codes: 0 published, 1 failed, 2 bad input, 3 not uploaded since you did not want it.

    Examples: `sapo publish last --out my-reasoner`, `sapo publish last --verifier --hub me/my-verifier`
    """
    from sapo_studio.app.publishing import hub as the_hub
    from sapo_studio.app.publishing.publication import Publication, publish
    from sapo_studio.app.publishing.wanted import Wanted
    from sapo_studio.requests.client import ask
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    if not out and not hub:
        raise InputError("There is no place to publish to", fix="Add --out DIR, --hub OWNER/NAME, or both.")
    if not hub and (public or update):
        raise InputError("--public and --update are for the Hub", fix="Add --hub OWNER/NAME.")
    destination = the_hub.Destination(hub, public, update) if hub else None
    if destination is not None:
        the_hub.check_destination(destination)
    with Store.open(create=False) as store:
        run_id = queries.find_own_run(store, run)
        form = "" if merge is None else ("merged" if merge else "adapter")
        wanted = Wanted(run_id, verifier, iteration, form, dtype or "", gguf, device)
        target = Path(out) if out else Path(hub.rpartition("/")[2])
        made = publish(store, Publication(wanted, target, hub or "."), ask)
    told = _told(made)
    if not as_json:
        say(
            f"{made.facts.name} is in {made.folder} ({len(made.files)} files, {made.size / 2**20:,.1f} MiB).",
            error=True,
        )
        for line in _measured(made):
            say(line, error=True)
    if destination is not None:
        if not yes and not typer.confirm(the_hub.question(made, destination)):
            raise Stopped("Nothing was uploaded", why=f"The folder is in {made.folder}.")
        told |= ask(the_hub.upload_request(made, destination))
        if not as_json:
            say(f"Uploaded to {told['address']}.", error=True)
    if as_json:
        say_json(told)


def _told(made: Published) -> dict[str, Any]:
    facts = made.facts
    return {
        "run": facts.wanted.run_id,
        "name": facts.name,
        "iteration": facts.chosen.iteration,
        "verifier": facts.wanted.verifier,
        "adapter": facts.chosen.adapter,
        "folder": str(made.folder),
        "files": dict(made.files),
        "base": asdict(facts.base),
        **{key: facts.answer[key] for key in _MEASURED if key in facts.answer},
    }


_MEASURED = (
    "dtype",
    "architecture",
    "parameters",
    "rounding",
    "head",
    "classifier",
    "solutions",
    "steps",
    "apart",
    "gguf",
)


def _measured(made: Published) -> list[str]:
    answer = made.facts.answer
    if rounding := answer.get("rounding"):
        return [
            f"Logits differ from the run's by {rounding['largest']:.3g} at most, {rounding['mean']:.3g} on average "
            f"(KL {rounding['kl']:.3g} nats a token), on {rounding['positions']:,} positions of {rounding['prompts']} "
            "texts."
        ]
    if answer.get("solutions"):
        return [
            f"Scores differ from the run's verifier by {answer['apart']:.2g} at most, on {answer['steps']:,} steps of "
            f"{answer['solutions']} solutions."
        ]
    return []
