"""`sapo audit`: can a run's labels be trusted?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.label_study import DEVICE_HELP
from sapo_studio.app.commands.printing import console, say_json
from sapo_studio.app.commands.resume import RUN_HELP
from sapo_studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sapo_studio.app.reports.sheets import Sheet
    from sapo_studio.app.studies.audit import Audit
    from sapo_studio.app.studies.shadow import Shadow
    from sapo_studio.domain.consensus import Bounds
    from sapo_studio.domain.dawid_skene import Rate

LOW_HELP = "A step labeled incorrect is kept up to this belief, instead of labeling.consensus_low."
HIGH_HELP = "A step labeled correct is kept from this belief on, instead of labeling.consensus_high."
TOP_HELP = "How many steps that the sources disagree on are listed, worst first."


def register(app: typer.Typer) -> None:
    """Add `audit`."""
    app.command("audit")(audit)


def audit(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)] = "last",
    iteration: Annotated[
        int | None,
        typer.Option("--iteration", min=0, max=2**31 - 1, help="Whose labels; the last that has any without this."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, max=100_000, help=TOP_HELP)] = 12,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Train a verifier on the filtered labels and hold it against the run's own."),
    ] = False,
    low: Annotated[float | None, typer.Option("--low", min=0.0, max=1.0, help=LOW_HELP)] = None,
    high: Annotated[float | None, typer.Option("--high", min=0.0, max=1.0, help=HIGH_HELP)] = None,
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Say how often each source of step labels is wrong, what a consensus filter would keep, and where they disagree.

    Error rates are estimated from the agreement of the sources alone (docs/audit.md), on the trajectories with an
    incorrect answer; where the task knows the truth of a step, the true rates stand beside them. The filter is that of
    `labeling.consensus_low` and `labeling.consensus_high`, whether or not the run uses it, or that of --low and --high.

    With --shadow its effect is measured: a shadow of the iteration's verifier is trained from the same start on the
    labels that the filter leaves, and both are measured on the run's process benchmark. That takes about as long as the
    run's phase Verifier. The result is kept, and shown from then on; the run stays as it is.

    Exit codes: 0 audited, 2 bad input.

    Examples: `sapo audit`, `sapo audit lab-demo-3 --iteration 2 --top 40`, `sapo audit lab-demo-3 --shadow --json`
    """
    from sapo_studio.app.commands.progress import with_progress
    from sapo_studio.app.studies import shadow as shadows
    from sapo_studio.app.studies.audit import audit as audited
    from sapo_studio.domain.consensus import Bounds
    from sapo_studio.requests.client import ask
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open(create=False) as store:
        found = audited(store, queries.find_entry(store, run), iteration)
        bounds = Bounds(found.configured.low if low is None else low, found.configured.high if high is None else high)
        if bounds.low > bounds.high:
            raise InputError(
                f"--low ({bounds.low:g}) must not exceed --high ({bounds.high:g})",
                why="Left out is what lies between them; the one that is not given is the run's own.",
            )
        if shadow:
            request = shadows.ask_for(store, found, bounds, device)
            with with_progress(ask, "Training a shadow of the verifier") as asking:
                answer = asking(request)
            shadows.keep(store, found.run_id, bounds, answer)
        measured = shadows.kept(store, found.run_id, found.iteration)
    if as_json:
        say_json(found.as_json(top, bounds) | {"shadows": [one.as_json() for one in measured]})
        return
    terminal = console()
    terminal.print(_head(found))
    for sheet in (_sources(found), _filter(found, bounds), _shadows(measured), _worst(found, top, bounds)):
        if sheet is not None:
            terminal.print(sheet.table())


def _head(found: Audit) -> str:
    from rich.markup import escape

    counts = f"{found.trajectories:,} incorrect trajectories, {found.steps:,} labels"
    line = f"[bold]{escape(found.run_id)}[/], labels of iteration {found.iteration}: {counts}, {found.shared:,} steps"
    more = found.why or found.caution
    return f"{line} with votes of two sources or more" + (f"\n{escape(more)}" if more else "")


def _sources(found: Audit) -> Sheet:
    from sapo_studio.app.reports.sheets import Sheet

    rows: list[tuple[str, ...]] = []
    known = any(source.true for source in found.sources)
    for source in found.sources:
        share = f"{source.votes / found.steps:.0%}" if found.steps else ""
        for kind, errors in (("estimated", source.estimated), ("by the task's oracle", source.true)):
            if errors is not None or (kind == "estimated" and not known):
                rates = (_rate(errors.calls_wrong), _rate(errors.calls_right)) if errors else ("", "")
                rows.append((f"{source.title}, {kind}", share, *rates))
    note = "95 % intervals. The oracle has no vote in the estimate." if known else "95 % intervals."
    heads = ("source", "votes on", "calls correct incorrect", "calls incorrect correct")
    return Sheet("Who is wrong how often", heads, tuple(rows), note)


def _rate(rate: Rate) -> str:
    return "" if rate.value != rate.value else f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"


def _filter(found: Audit, with_: Bounds) -> Sheet | None:
    from sapo_studio.app.reports.sheets import Sheet

    effect = found.filtered(with_)
    if effect is None:
        return None
    before, after = effect.before, effect.after
    rows = [
        ("labels", f"{before.labels:,}", f"{after.labels:,}"),
        ("noise, estimated", f"{before.estimated_share:.1%}", f"{after.estimated_share:.1%}"),
    ]
    if before.known:
        rows.append(("noise, by the task's oracle", f"{before.true_share:.1%}", f"{after.true_share:.1%}"))
    bounds = f"Keeps a correct step from {effect.bounds.high:g} on, an incorrect one up to {effect.bounds.low:g}."
    filters = found.consensus != "off"
    use = "The run does not filter." if not filters else "The run filters."
    if filters and with_ == found.configured:
        use = "The run filters like this."
    return Sheet("Consensus filter", ("", "as written", "kept"), tuple(rows), f"{bounds} {use}")


def _shadows(measured: Sequence[Shadow]) -> Sheet | None:
    from sapo_studio.app.reports.sheets import Sheet
    from sapo_studio.app.studies.verifier_page import share

    if not measured:
        return None
    rows = [
        (
            f"{one.bounds.low:g} and {one.bounds.high:g}",
            share(dict(one.own)),
            share(dict(one.shadow)),
            f"{100 * one.difference['value']:+.1f} points ({100 * one.difference['low']:+.1f} to"
            f" {100 * one.difference['high']:+.1f})",
        )
        for one in measured
    ]
    note = "Share of the process benchmark's steps judged correctly. A shadow is trained from the same start."
    return Sheet("Effect on the verifier", ("bounds", "the run's own", "shadow", "difference"), tuple(rows), note)


def _worst(found: Audit, top: int, bounds: Bounds) -> Sheet | None:
    from sapo_studio.app.reports.sheets import Sheet

    if not top or not found.disagreements:
        return None
    rows = [
        (
            f"{step.trajectory}, step {step.step}: {step.text}",
            "" if step.score is None else f"{step.score:.2f}",
            "" if step.rollouts is None else f"{step.rollouts.succeeded}/{step.rollouts.made}",
            " ".join(f"{name}: {_word(said)}" for name, said in {**step.graders, **step.people}.items()),
            _word(step.written),
            "" if step.belief is None else f"{step.belief:.2f}",
            "out" if step.out(bounds) else "",
            "" if step.oracle is None else _word(step.oracle),
        )
        for step in found.disagreements[:top]
    ]
    verifier = f"V{found.iteration - 1}" if found.iteration else "score"
    heads = ("step", verifier, "rollouts", "others", "written", "P correct", "filter", "oracle")
    return Sheet(f"Where they disagree: {len(found.disagreements):,} steps, worst first", heads, tuple(rows))


def _word(correct: bool) -> str:
    return "correct" if correct else "incorrect"
