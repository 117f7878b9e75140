"""The ledger: what the run has computed, in four parts, and what labeling cost of it, beside what the other labelers
would have charged for the same trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea

from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.ledger import AT_LEAST, FLOPS, PARTS, Compute, IterationCompute, part, total
from sapo_studio.domain.metric_catalog import LABEL_COSTS, SHOWN, label_cost
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue, RunSummary
from sapo_ui import format as fmt
from sapo_ui.panels.metric_panel import MetricPanel, Metrics
from sapo_ui.widgets.charts.cost_bars import CostBar, CostBars
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label

TOTAL = -1
OWN = 2


@dataclass(frozen=True)
class Entry:
    """One bar: who, how much, in which colour. `compared`: on the trajectories that the others are reckoned on."""

    name: str
    value: MetricValue
    colour: int
    compared: bool = True


class LedgerPanel(MetricPanel):
    """Bars for what was computed, and one a labeler and cost, in total or for one iteration. What was not really run is
    marked as an estimate."""

    panel_id = "ledger"
    title = "Ledger"
    help = """### Ledger

**Compute** is what the method needs after the warm-up: tokens generated, prompts computed (prefill), tokens scored by
the verifier, tokens trained on, and all of it as FLOPs (2 a weight and token, 6 for a token trained on). Runs are
compared by these FLOPs. The warm-up, which all methods share, and evaluation stand apart. A dash means that a run of an
earlier version did not count.

What labeling cost in rollouts and tokens, beside what **Omega** (binary search) and **Shepherd** (rollouts from
every step) would have spent on the same trajectories, from iteration 1 on. What was really spent is a solid bar; a
hatched bar is an **estimate** from those trajectories. The figure behind a bar is its share of Shepherd's.

**Start**: the labels of the first verifier V0. Nothing can predict errors before it, so a plain search finds them,
once; the ratios leave it out.
"""
    empty_headline = "Nothing computed yet"
    empty_text = "The first entry comes when the first samples have been drawn."
    import_text = "An imported file took no rollouts and no training here."

    def __init__(self) -> None:
        super().__init__()
        self.compute: Mapping[int, IterationCompute] = {}
        self.span = combo_box("Iterations", [("All iterations", TOTAL)], "Add up all iterations, or look at one")
        self.span.currentIndexChanged.connect(self._again)
        self.verdict = label("", "body", wrap=False)
        top = FlowRow()
        top.add(self.span, self.verdict)
        self.bars = CostBars()
        self.bars.setAccessibleName("What was computed, and labeling cost by labeler")
        meanings = [*PARTS.values(), FLOPS, *((cost.title, cost.meaning) for cost in LABEL_COSTS.values())]
        self.bars.setToolTip("\n".join(f"{name}: {meaning}" for name, meaning in meanings))
        scroll = QScrollArea()
        scroll.setAccessibleName("Figures of the ledger")
        scroll.setWidget(self.bars)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.note = label("Hatched: estimate, from the same trajectories", "small", "muted", wrap=True)
        self.column.addWidget(top)
        self.column.addWidget(scroll, 1)
        self.column.addWidget(self.note)

    def load(self, run_id: str) -> None:
        feed = self._feed

        def work(store: Store) -> tuple[RunSummary, Metrics, Mapping[int, IterationCompute]]:
            run = queries.get_run(store, run_id)
            return run, feed.read(store, run).get("", {}), queries.compute(store, run_id)

        def take(found: tuple[RunSummary, Metrics, Mapping[int, IterationCompute]]) -> None:
            self.run, self.metrics, self.compute = found
            self.set_filled(self.show_metrics(self.metrics))

        self.read(work, take)

    @classmethod
    def brief(cls, store: Store, run_id: str) -> str:
        return verdict(queries.metrics(store, run_id)).partition(" Shepherd")[0]

    def clear(self) -> None:
        super().clear()
        self.compute = {}

    def show_metrics(self, metrics: Metrics) -> bool:
        labeled = {number for number, row in metrics.items() if any(name.startswith("label_tokens_") for name in row)}
        counted = {number for number, bill in self.compute.items() if bill.method is not None and bill.phases}
        there = sorted(labeled | counted)
        set_items(self.span, [("All iterations", TOTAL), *((iteration_text(number), number) for number in there)])
        self._draw()
        return bool(there)

    def _again(self) -> None:
        self._draw()

    def _draw(self) -> None:
        span: object = self.span.currentData()
        chosen = {number: row for number, row in self.metrics.items() if span in (TOTAL, number)}
        bars = compute_bars(total(bill for number, bill in self.compute.items() if span in (TOTAL, number)))
        for cost, about in LABEL_COSTS.items():
            write = fmt.number if cost == "flops" else fmt.count
            entries = entries_of(chosen, cost)
            most = next((entry for entry in entries if entry.name.startswith("Shepherd")), None)
            for entry in entries:
                amount, estimate = entry.value.value, entry.value.estimate
                remark = "" if entry.compared else "once, before V0"
                if entry.compared and most is not None and most.value.value and entry is not most:
                    remark = f"{amount / most.value.value:.0%} of Shepherd"
                unit = SHOWN[about.unit]
                bars.append(
                    CostBar(about.title, entry.name, amount, write(amount), remark, estimate, entry.colour, unit)
                )
        self.bars.set_bars(bars)
        self.verdict.setText(verdict(chosen))


def compute_bars(found: IterationCompute) -> list[CostBar]:
    """What was computed: the four parts, and the FLOPs of the method and of what is not its own."""
    method = found.method
    remarks = {}
    if method is not None and method.trained_reasoner and method.trained_verifier:
        remarks["trained"] = f"{fmt.count(method.trained_verifier)} by the verifier"
    bars = [
        _compute_bar("Compute, tokens", title, method, name, remarks.get(name, ""))
        for name, (title, _) in PARTS.items()
    ]
    whose = {"Method": method, "Warm-up": found.warm_up, "Evaluation": found.evaluation}
    return bars + [_compute_bar("Compute, FLOPs", name, bill, "flops", "") for name, bill in whose.items()]


def _compute_bar(group: str, title: str, bill: Compute | None, name: str, remark: str) -> CostBar:
    amount, unit = part(bill, name), SHOWN["flops" if name == "flops" else "tokens"]
    if bill is None or amount is None:
        return CostBar(group, title, 0.0, fmt.NONE, "not counted", unit=unit)
    text = fmt.number(amount) if name == "flops" else fmt.count(amount)
    return CostBar(group, title, float(amount), text if bill.complete else f"{AT_LEAST}{text}", remark, unit=unit)


def iteration_text(number: int) -> str:
    """The name of an iteration in the ledger: 0 is the first labels, before there is a verifier."""
    return "First labels (it 0)" if number == 0 else f"Iteration {number}"


def summed(rows: Sequence[Mapping[str, MetricValue]], name: str, *, estimate: bool) -> MetricValue | None:
    """The sum of a metric over iterations, of what was measured or of what was estimated. None where there is none."""
    there = [row[name].value for row in rows if name in row and row[name].estimate == estimate]
    return MetricValue(sum(there), estimate=estimate) if there else None


def entries_of(metrics: Metrics, cost: str) -> list[Entry]:
    """The bars of one cost: what the run's labeler spent from iteration 1 on, what the others would have charged for
    the same trajectories, and, apart from these, what the labels of the first verifier cost.
    """
    later = [row for number, row in metrics.items() if number > 0]
    first = [row for number, row in metrics.items() if number == 0]
    # Before there is a verifier SAPO has nothing to verify: its estimate there would mean nothing.
    compared, others = (later, COMPARED) if later else (first, [key for key, who in COMPARED.items() if not who.guided])
    found: list[Entry] = []
    for key, who in COMPARED.items():
        spent = summed(later, label_cost(cost, key), estimate=False)
        if spent is not None:
            found.append(Entry(who.title, spent, OWN if who.guided else who.series))
    for key in others:
        charged = summed(compared, label_cost(cost, key), estimate=True)
        if charged is not None:
            found.append(Entry(f"{COMPARED[key].title} (estimate)", charged, COMPARED[key].series))
    for key, who in COMPARED.items():
        spent = summed(first, label_cost(cost, key), estimate=False)
        if spent is not None:
            start = Entry(f"Start ({who.title})", spent, who.series, compared=not later)
            found.insert(len(found) if later else 0, start)
    return found


def verdict(metrics: Metrics) -> str:
    """`0.45x Shepherd's tokens, 0.72x Omega's tokens`: what was spent against what the others would have charged."""
    entries = [entry for entry in entries_of(metrics, "tokens") if entry.compared]
    spent = next((entry for entry in entries if not entry.value.estimate), None)
    parts: list[str] = []
    for name in ("Shepherd", "Omega"):
        other = next((entry for entry in entries if entry.name == f"{name} (estimate)"), None)
        if spent is not None and other is not None and other.value.value:
            parts.append(f"{fmt.ratio(spent.value.value / other.value.value)} {name}'s tokens (estimate)")
    return ", ".join(parts)
