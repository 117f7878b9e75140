"""What an audit of labels found, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_studio.app.reports.sheets import Sheet
from sapo_studio.app.studies.audit import Audit
from sapo_studio.app.studies.shadow import Shadow
from sapo_studio.app.studies.verifier_page import share
from sapo_studio.domain.consensus import Bounds
from sapo_studio.domain.dawid_skene import Rate


def sources_sheet(found: Audit) -> Sheet:
    """How often each source is wrong, estimated and, where the task can tell, really."""
    rows: list[tuple[str, ...]] = []
    known = any(source.true for source in found.sources)
    for source in found.sources:
        voted = f"{source.votes / found.steps:.0%}" if found.steps else ""
        for kind, errors in (("estimated", source.estimated), ("by the task's oracle", source.true)):
            if errors is not None or (kind == "estimated" and not known):
                rates = (_rate(errors.calls_wrong), _rate(errors.calls_right)) if errors else ("", "")
                rows.append((f"{source.title}, {kind}", voted, *rates))
    note = "95 % intervals. The oracle has no vote in the estimate." if known else "95 % intervals."
    heads = ("source", "votes on", "calls correct incorrect", "calls incorrect correct")
    return Sheet("Who is wrong how often", heads, tuple(rows), note)


def _rate(rate: Rate) -> str:
    return "" if rate.value != rate.value else f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"


def filter_sheet(found: Audit, with_: Bounds) -> Sheet | None:
    """What a consensus filter with these bounds would keep; None where nothing can be estimated."""
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


def shadows_sheet(measured: Sequence[Shadow]) -> Sheet | None:
    """What filters did to the verifier where that was measured; None where it was not."""
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


def worst_sheet(found: Audit, top: int, bounds: Bounds) -> Sheet | None:
    """The first `top` steps of which not everybody says the same; None where there are none."""
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
