"""What self-verification found: how often the verifier's prediction held, iteration by iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui.panels import emptiness
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.panels.metric_panel import with_interval
from sapo_ui.services.metric_feed import MetricFeed, open_since
from sapo_ui.widgets.charts.stacked_bars import Bar, Part, StackedBars
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip

CASES: dict[str, tuple[int, str]] = {
    "confirmed": (
        2,
        "The prefix before the predicted first error recovers, the one with it does not: the prediction holds.",
    ),
    "later": (5, "Both prefixes recover: the first error lies after the predicted step."),
    "earlier": (1, "Neither prefix recovers: the first error lies before the predicted step."),
    "noise": (3, "The shorter prefix does not recover but the longer one does: sampling noise, read as later."),
}
ERROR = METRICS["self_verification_error"]
ERROR_MEANING = f"{ERROR.title}: {ERROR.definition}"


@dataclass(frozen=True)
class _Found:
    counts: Mapping[int, Mapping[str, int]]
    errors: dict[int, MetricValue]
    none: str
    """Why this run has no self-verification error; empty where it has one."""


class CasesPanel(DataPanel):
    """One bar an iteration: confirmed, later, earlier, noise, among the incorrect trajectories that were checked."""

    panel_id = "cases"
    title = "Self-verification"
    help = (
        "### Self-verification\n\nFor each incorrect trajectory the reasoner rolls out from two prefixes around the "
        "predicted first error.\n\n"
        + "\n".join(f"* **{name}**: {meaning}" for name, (_, meaning) in CASES.items())
        + f"\n\n{ERROR_MEANING}\n"
    )
    empty_headline = "Nothing self-verified yet"
    empty_text = "The first bar comes with the labels of iteration 1, when rollouts check what the verifier predicted."
    import_text = "An imported file has none: it is between a run's verifier and its rollouts."

    def __init__(self) -> None:
        super().__init__()
        self._feed = MetricFeed()
        self._counts: Mapping[int, Mapping[str, int]] = {}
        self.bars = StackedBars(unit="trajectories")
        self.bars.setAccessibleName("Self-verification cases by iteration")
        scroll = QScrollArea()
        scroll.setAccessibleName("Self-verification, all iterations")
        scroll.setWidget(self.bars)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.note = label("", "small", "muted", wrap=True)
        self.note.setToolTip(ERROR_MEANING)
        self.column.addWidget(scroll, 1)
        self.column.addWidget(self.note)

    def why_never(self, config: RunConfig) -> str:
        return emptiness.no_self_verification(config)

    def clear(self) -> None:
        self._feed, self._counts = MetricFeed(), {}
        self.bars.set_bars(())
        self.note.setText("")

    def load(self, run_id: str) -> None:
        feed, known = self._feed, self._counts

        def work(store: Store) -> _Found:
            run = queries.get_run(store, run_id)
            metrics = feed.read(store, run).get("", {})
            errors = {n: row[ERROR.name] for n, row in metrics.items() if ERROR.name in row}
            none = "" if run.imported else queries.get_config(store, run_id).labeling.no_self_verification
            since = open_since(run, max(known, default=None))
            counts = {number: row for number, row in known.items() if number < since}
            return _Found({**counts, **queries.case_counts(store, run_id, since)}, errors, none)

        self.read(work, self._show)

    def _show(self, found: _Found) -> None:
        self._counts = found.counts
        bars: list[Bar] = []
        for number, counts in sorted(found.counts.items()):
            parts = tuple(Part(name, counts.get(name, 0), *CASES[name]) for name in CASES if counts.get(name))
            if parts:
                bars.append(Bar(f"it {number}", parts))
        self.bars.set_bars(bars)
        errors = [f"it {number} {fmt.percent(value.value)}" for number, value in sorted(found.errors.items())]
        said = ", ".join(errors) or (f"{fmt.NONE} ({found.none})" if found.none else "")
        self.note.setText(f"{ERROR.title}: {said}" if said else "")
        details = [f"Iteration {number}: {with_interval(value)}" for number, value in sorted(found.errors.items())]
        self.note.setToolTip(plain_tip("\n".join([ERROR_MEANING, *details])))
        self.set_filled(bool(bars))
