"""The label ledger: what labelling cost, beside what the other labelers would have charged for the same
trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea

from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui.views.data_panel import choice, set_items
from sapo_ui.views.metric_panels import MetricPanel, Metrics
from sapo_ui.widgets.bill_bars import Bill, BillBars
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label

LABELERS = {"sapo": ("SAPO", 5), "omega": ("Omega", 0), "shepherd": ("Shepherd", 1)}
COSTS = {
    "rollouts": ("Roll-outs", "Roll-outs sampled to find out which steps are right"),
    "tokens": ("Generated tokens", "Tokens that those roll-outs wrote"),
    "prefill_tokens": ("Prefilled tokens", "Tokens of the prefixes that they started from"),
    "flops": ("FLOPs", "2 x parameters x tokens, generated and prefilled"),
}
TOTAL = -1
SPENT = 2


class LedgerPanel(MetricPanel):
    """One bar a labeler and cost, in total or for one iteration. What was not really run is marked as an estimate."""

    panel_id = "ledger"
    title = "Label ledger"
    help = """### Label ledger

What labelling cost in roll-outs and tokens, beside what **Omega** (binary search) and **Shepherd** (roll-outs from
every step) would have spent on the same trajectories. What was really spent is a solid bar; a hatched bar is an
**estimate** from those trajectories. The figure behind a bar is its share of Shepherd's.
"""
    empty_headline = "Nothing labelled yet"
    empty_text = "The first entry comes when the first trajectories have been labelled by roll-outs."

    def __init__(self) -> None:
        super().__init__()
        self.span = choice("Iterations", [("All iterations", TOTAL)], "Add up all iterations, or look at one")
        self.span.currentIndexChanged.connect(self._again)
        self.verdict = label("", "body", wrap=False)
        top = FlowRow()
        top.add(self.span, self.verdict)
        self.bars = BillBars()
        self.bars.setAccessibleName("Labelling cost by labeler")
        self.bars.setToolTip("\n".join(f"{name}: {meaning}" for name, meaning in COSTS.values()))
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
        chosen = [row for number, row in self.metrics.items() if span in (TOTAL, number)]
        bills: list[Bill] = []
        for cost, (title, _) in COSTS.items():
            write = fmt.number if cost == "flops" else fmt.count
            entries = bills_of(chosen, cost)
            most = next((value for name, value, _ in entries if name.startswith("Shepherd")), None)
            for name, value, colour in entries:
                remark = ""
                if most is not None and most.value and value is not most:
                    remark = f"{value.value / most.value:.0%} of Shepherd"
                bills.append(Bill(title, name, value.value, write(value.value), remark, value.estimate, colour))
        self.bars.set_bills(bills)
        self.verdict.setText(verdict(chosen))


def iteration_text(number: int) -> str:
    """The name of an iteration in the ledger: 0 is the first labels, before there is a verifier."""
    return "First labels (it 0)" if number == 0 else f"Iteration {number}"


def total(rows: Sequence[Mapping[str, MetricValue]], name: str) -> MetricValue | None:
    """The sum of a metric over iterations; an estimate where any part is one. None where no iteration has it."""
    there = [row[name] for row in rows if name in row]
    if not there:
        return None
    return MetricValue(sum(value.value for value in there), estimate=any(value.estimate for value in there))


def spent(rows: Sequence[Mapping[str, MetricValue]], cost: str) -> MetricValue | None:
    """What was really paid, whichever labeler did the work in each iteration."""
    paid = [
        row[name].value
        for row in rows
        for name in (f"label_{cost}_{who}" for who in LABELERS)
        if name in row and not row[name].estimate
    ]
    return MetricValue(sum(paid)) if paid else None


def bills_of(rows: Sequence[Mapping[str, MetricValue]], cost: str) -> list[tuple[str, MetricValue, int]]:
    """(name, amount, colour) of each bar: first what was spent, then what the other labelers would have charged."""
    found: list[tuple[str, MetricValue, int]] = []
    paid = spent(rows, cost)
    if paid is not None:
        found.append(("Spent", paid, SPENT))
    for who, (name, colour) in LABELERS.items():
        value = total(rows, f"label_{cost}_{who}")
        if value is not None and value.estimate and not (who == "sapo" and paid is not None and len(rows) > 1):
            found.append((f"{name} (estimate)", value, colour))
    return found


def verdict(rows: Sequence[Mapping[str, MetricValue]]) -> str:
    """`0.45x Shepherd's tokens, 0.72x Omega's tokens`: what was spent against what the others would have charged."""
    paid = spent(rows, "tokens")
    parts: list[str] = []
    for who in ("shepherd", "omega"):
        other = total(rows, f"label_tokens_{who}")
        if paid is not None and other is not None and other.estimate and other.value:
            parts.append(f"{fmt.ratio(paid.value / other.value)} {LABELERS[who][0]}'s tokens (estimate)")
    return ", ".join(parts)
