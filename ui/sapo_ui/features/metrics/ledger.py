"""The label ledger: what labeling cost, beside what the other labelers would have charged for the same
trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea

from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.metric_catalog import LABEL_COSTS, label_cost
from sapo_studio.store.records import MetricValue
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
    """One bar a labeler and cost, in total or for one iteration. What was not really run is marked as an estimate."""

    panel_id = "ledger"
    title = "Label ledger"
    help = """### Label ledger

What labeling cost in rollouts and tokens, beside what **Omega** (binary search) and **Shepherd** (rollouts from
every step) would have spent on the same trajectories, from iteration 1 on. What was really spent is a solid bar; a
hatched bar is an **estimate** from those trajectories. The figure behind a bar is its share of Shepherd's.

**Start**: the labels of the first verifier V0. Nothing can predict errors before it, so a plain search finds them,
once; the ratios leave it out.
"""
    empty_headline = "Nothing labeled yet"
    empty_text = "The first entry comes when the first trajectories have been labeled by rollouts."

    def __init__(self) -> None:
        super().__init__()
        self.span = combo_box("Iterations", [("All iterations", TOTAL)], "Add up all iterations, or look at one")
        self.span.currentIndexChanged.connect(self._again)
        self.verdict = label("", "body", wrap=False)
        top = FlowRow()
        top.add(self.span, self.verdict)
        self.bars = CostBars()
        self.bars.setAccessibleName("Labeling cost by labeler")
        self.bars.setToolTip("\n".join(f"{cost.title}: {cost.meaning}" for cost in LABEL_COSTS.values()))
        scroll = QScrollArea()
        scroll.setWidget(self.bars)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.note = label("Hatched: estimate, from the same trajectories", "small", "muted", wrap=True)
        self.column.addWidget(top)
        self.column.addWidget(scroll, 1)
        self.column.addWidget(self.note)

    def show_metrics(self, metrics: Metrics) -> bool:
        there = [number for number, row in sorted(metrics.items()) if any(n.startswith("label_tokens_") for n in row)]
        set_items(self.span, [("All iterations", TOTAL), *((iteration_text(number), number) for number in there)])
        self._draw()
        return bool(there)

    def _again(self) -> None:
        self._draw()

    def _draw(self) -> None:
        span: object = self.span.currentData()
        chosen = {number: row for number, row in self.metrics.items() if span in (TOTAL, number)}
        bars: list[CostBar] = []
        for cost, about in LABEL_COSTS.items():
            write = fmt.number if cost == "flops" else fmt.count
            entries = entries_of(chosen, cost)
            most = next((entry for entry in entries if entry.name.startswith("Shepherd")), None)
            for entry in entries:
                amount, estimate = entry.value.value, entry.value.estimate
                remark = "" if entry.compared else "once, before V0"
                if entry.compared and most is not None and most.value.value and entry is not most:
                    remark = f"{amount / most.value.value:.0%} of Shepherd"
                bars.append(CostBar(about.title, entry.name, amount, write(amount), remark, estimate, entry.colour))
        self.bars.set_bars(bars)
        self.verdict.setText(verdict(chosen))


def iteration_text(number: int) -> str:
    """The name of an iteration in the ledger: 0 is the first labels, before there is a verifier."""
    return "First labels (it 0)" if number == 0 else f"Iteration {number}"


def total(rows: Sequence[Mapping[str, MetricValue]], name: str, *, estimate: bool) -> MetricValue | None:
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
        spent = total(later, label_cost(cost, key), estimate=False)
        if spent is not None:
            found.append(Entry(who.title, spent, OWN if who.guided else who.series))
    for key in others:
        charged = total(compared, label_cost(cost, key), estimate=True)
        if charged is not None:
            found.append(Entry(f"{COMPARED[key].title} (estimate)", charged, COMPARED[key].series))
    for key, who in COMPARED.items():
        spent = total(first, label_cost(cost, key), estimate=False)
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
