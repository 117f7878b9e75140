"""From a run's metrics to its six headline numbers. Pure: no widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui.features.run_page.headline_card import Headline

Metrics = Mapping[int, Mapping[str, MetricValue]]


@dataclass(frozen=True)
class _Number:
    """A headline that is one metric. `direction`: whether more is better (1), less is (-1)."""

    metric: str
    label: str
    definition: str
    direction: int
    gap: bool = False


_NUMBERS = (
    _Number(
        "sampled_accuracy",
        "Sampled accuracy",
        "Share of right answers among samples of the test questions, at the run's temperature.",
        1,
    ),
    _Number("greedy_accuracy", "Greedy accuracy", "Share of test questions answered right by greedy decoding.", 1),
    _Number(
        "verifier_step_accuracy",
        "Verifier, steps",
        "Share of steps of the process benchmark that the verifier judges right, at a threshold of 0.5.",
        1,
    ),
    _Number(
        "mce",
        "MCE ceiling",
        "The same share for a Monte-Carlo estimate with roll-outs of the reasoner from every step: what a "
        "verifier trained "
        "on such labels can hope for.",
        1,
    ),
    _Number(
        "gap",
        "Reasoner\u2013verifier gap",
        "MCE ceiling minus verifier, in percentage points. SAPO is there to close it. "
        "Below zero, the verifier is ahead of the estimate.",
        -1,
        gap=True,
    ),
)


def headlines(metrics: Metrics) -> tuple[Headline, ...]:
    """The six headline numbers: latest value, change since the iteration before, definition and interval on hover."""
    return (*(_headline(number, metrics) for number in _NUMBERS), _ledger(metrics))


def _headline(number: _Number, metrics: Metrics) -> Headline:
    series = [(at, metrics[at][number.metric]) for at in sorted(metrics) if number.metric in metrics[at]]
    if not series:
        return Headline(number.label, fmt.NONE, "after the first evaluation", tip=number.definition)
    at, last = series[-1]
    value = fmt.points(last.value) if number.gap else fmt.percent(last.value)
    tip = [number.definition, f"Iteration {at}: {fmt.exact(100 * last.value)} {'points' if number.gap else '%'}"]
    if last.low is not None and last.high is not None:
        tip[-1] += f", 95 % interval {100 * last.low:.1f} to {100 * last.high:.1f}".replace("-", fmt.MINUS)
    if last.n is not None:
        tip[-1] += f", n = {fmt.exact(last.n)}"
    if last.estimate:
        tip.append("An estimate, not measured.")
    history = tuple(entry.value for _, entry in series)
    if len(series) < 2:
        return Headline(
            number.label, value, "before alignment" if at == 0 else f"iteration {at}", "same", history, "\n".join(tip)
        )
    change = last.value - series[-2][1].value
    if number.gap:  # below zero the verifier beats the ceiling: there is nothing left to close
        closer = max(series[-2][1].value, 0.0) - max(last.value, 0.0)
        trend = _trend(closer)
        word = {"better": " closing", "worse": " widening"}.get(trend, "")
        if last.value <= 0:
            word = ", none left"
        note = f"{fmt.points(change, signed=True)}{word}"
    else:
        trend = _trend(number.direction * change)
        note = f"{fmt.points(change, signed=True)} since it {series[-2][0]}"
    return Headline(number.label, value, note, trend, history, "\n".join(tip))


def _trend(better: float) -> str:
    return "same" if abs(better) < 0.0005 else "better" if better > 0 else "worse"


def _ledger(metrics: Metrics) -> Headline:
    """Tokens the labeler spent, relative to what Shepherd would have spent on the same trajectories, all iterations
    from the first one on together."""
    label = "Labelling tokens"
    definition = (
        "Tokens generated to label steps from iteration 1 on, relative to Shepherd (roll-outs from every step) on the "
        "same trajectories. The labels of the first verifier are a cost of their own, shown in the label ledger. "
        "What was not really done is an estimate from the same trajectories."
    )
    spent: dict[str, float] = {}
    estimated: set[str] = set()
    history: list[float] = []
    for at in sorted(metrics):
        row = {name: metrics[at][f"label_tokens_{name}"] for name in COMPARED if f"label_tokens_{name}" in metrics[at]}
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
