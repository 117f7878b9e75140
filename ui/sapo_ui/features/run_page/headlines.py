"""From a run's metrics to its six headline numbers. Pure: no widgets."""

from __future__ import annotations

from collections.abc import Mapping

from sapo_studio.domain.benchmark_coverage import coverage_of
from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.metric_catalog import HEADLINES, MetricInfo, label_cost
from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui.features.run_page.headline_card import Headline

Metrics = Mapping[int, Mapping[str, MetricValue]]


def headlines(metrics: Metrics) -> tuple[Headline, ...]:
    """The six headline numbers: latest value, change since the iteration before, definition and interval on hover."""
    return (*(_headline(metric, metrics) for metric in HEADLINES), _ledger(metrics))


def _headline(metric: MetricInfo, metrics: Metrics) -> Headline:
    label, gap = metric.card or metric.short, metric.unit == "points"
    series = [(at, metrics[at][metric.name]) for at in sorted(metrics) if metric.name in metrics[at]]
    if not series:
        found = coverage_of(metrics) if metric.name in ("mce", "gap") else None
        if found is not None:
            return Headline(label, fmt.NONE, "no answers known", tip=f"{metric.definition}\n{found.note}")
        return Headline(label, fmt.NONE, "after the first evaluation", tip=metric.definition)
    at, last = series[-1]
    value = fmt.points(last.value) if gap else fmt.percent(last.value)
    tip = [metric.definition, f"Iteration {at}: {fmt.exact(100 * last.value)} {metric.shown_unit}"]
    if last.low is not None and last.high is not None:
        tip[-1] += f", 95 % interval {100 * last.low:.1f} to {100 * last.high:.1f}".replace("-", fmt.MINUS)
    if last.n is not None:
        tip[-1] += f", n = {fmt.exact(last.n)}"
    if last.estimate:
        tip.append("An estimate, not measured.")
    history = tuple(entry.value for _, entry in series)
    if len(series) < 2:
        return Headline(
            label, value, "before alignment" if at == 0 else f"iteration {at}", "same", history, "\n".join(tip)
        )
    change = last.value - series[-2][1].value
    if gap:  # below zero the verifier beats the ceiling: there is nothing left to close
        closer = max(series[-2][1].value, 0.0) - max(last.value, 0.0)
        trend = _trend(closer)
        word = {"better": " closer", "worse": " wider"}.get(trend, "")
        if last.value <= 0:
            word = ", none left"
        note = f"{fmt.points(change, signed=True)}{word}"
    else:
        trend = _trend(metric.better * change)
        note = f"{fmt.points(change, signed=True)} since it {series[-2][0]}"
    return Headline(label, value, note, trend, history, "\n".join(tip))


def _trend(better: float) -> str:
    return "same" if abs(better) < 0.0005 else "better" if better > 0 else "worse"


def _ledger(metrics: Metrics) -> Headline:
    """Tokens the labeler spent, relative to what Shepherd would have spent on the same trajectories, all iterations
    from the first one on together."""
    label = "Label tokens"
    definition = (
        "Tokens generated to label steps from iteration 1 on, relative to Shepherd (rollouts from every step) on the "
        "same trajectories. The labels of the first verifier are a cost of their own, shown in the ledger. "
        "What was not really done is an estimate from the same trajectories."
    )
    spent: dict[str, float] = {}
    estimated: set[str] = set()
    history: list[float] = []
    for at in sorted(metrics):
        row = {name: metrics[at][cost] for name in COMPARED if (cost := label_cost("tokens", name)) in metrics[at]}
        real = next((name for name, entry in row.items() if not entry.estimate), None)
        if real is None or "shepherd" not in row or at == 0:
            continue
        for name, entry in (("used", row[real]), ("shepherd", row["shepherd"])):
            spent[name] = spent.get(name, 0.0) + entry.value
            if entry.estimate:
                estimated.add(name)
        if row["shepherd"].value > 0:
            history.append(row[real].value / row["shepherd"].value)
    if not spent.get("shepherd"):
        return Headline(label, fmt.NONE, "after the first labels", tip=definition)
    tip = "\n".join(
        (definition, f"Spent: {fmt.exact(spent['used'])} tokens", f"Shepherd: {fmt.exact(spent['shepherd'])} tokens")
    )
    note = "of Shepherd (estimate)" if "shepherd" in estimated else "of Shepherd"
    return Headline(label, fmt.ratio(spent["used"] / spent["shepherd"]), note, "same", tuple(history), tip)
