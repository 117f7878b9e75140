"""Accuracy of the reasoner on the test questions, iteration by iteration."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette

from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.panels.metric_panel import BY_ITERATION, MetricPanel, Metrics, series, whole_percent, with_interval
from sapo_ui.widgets.charts.line_chart import LineChart
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.elided_label import ElidedLabel

LINES = tuple(METRICS[name] for name in ("greedy_accuracy", "sampled_accuracy", "sound_accuracy"))
OWN = ("Own test questions", "")
"""The choice that stands for the run's own test questions."""
LUCK = METRICS["false_positives"]
MEANINGS = tuple(f"{metric.short}: {metric.definition}" for metric in (*LINES, LUCK))


class AccuracyPanel(MetricPanel):
    """Greedy, sampled and (with a step oracle) sound accuracy with their 95 % bands."""

    panel_id = "accuracy"
    title = "Accuracy"
    help = (
        "### Accuracy\n\n"
        + "\n".join(f"* **{text}**" for text in MEANINGS)
        + "\n\nA run with evaluation sets has a box to choose what is shown. Bands are 95 % intervals. Left and Right "
        "read the values of an iteration; pass@k is given there too. The right mouse button saves picture and numbers "
        "(Ctrl+Shift+E).\n"
    )
    empty_headline = "No accuracy measured yet"
    empty_text = "The first point comes with the evaluation after the warm-up, the next after each alignment."
    import_text = "Accuracy is measured of a run's reasoners, and an imported file has none."

    def __init__(self) -> None:
        super().__init__()
        self.chart = LineChart()
        self.chart.setAccessibleName("Accuracy by iteration")
        self.chart.setToolTip("\n".join(MEANINGS))
        self.chart.hovered.connect(self._read_at)
        self.readout = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText, lines=2)
        self.sets = combo_box("Evaluation set", [OWN], "What the reasoner is measured on")
        self.sets.setVisible(False)
        self.sets.currentIndexChanged.connect(self._show_chosen)
        self._by_set: Mapping[str, Metrics] = {}
        self.column.addWidget(self.sets, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self.chart, 1)
        self.column.addWidget(self.readout)

    def load(self, run_id: str) -> None:
        feed = self._feed

        def work(store: Store) -> tuple[RunSummary, Mapping[str, Metrics]]:
            run = queries.get_run(store, run_id)
            return run, feed.read(store, run)

        self.read(work, self._take_sets)

    def clear(self) -> None:
        super().clear()
        self._by_set = {}

    def _take_sets(self, found: tuple[RunSummary, Mapping[str, Metrics]]) -> None:
        self.run, self._by_set = found
        names = [name for name in self._by_set if name]
        set_items(self.sets, [OWN, *((f"Evaluation set {name}", name) for name in names)])
        self.sets.setVisible(bool(names))
        self._show_chosen()

    def _show_chosen(self) -> None:
        self.metrics = self._by_set.get(str(self.sets.currentData()), {})
        self.set_filled(self.show_metrics(self.metrics) or any(self._by_set.values()))

    def show_metrics(self, metrics: Metrics) -> bool:
        lines = [series(metrics, metric.name, metric.short, colour) for colour, metric in enumerate(LINES)]
        lines = [line for line in lines if len(line.x)]
        self.chart.set_lines(
            lines,
            x_ticks=self.iteration_ticks(),
            y_format=whole_percent,
            value_format=fmt.percent,
            y_least=0.1,
            units=BY_ITERATION,
        )
        self._read_at(None)
        return bool(lines)

    def _read_at(self, at: object) -> None:
        measured = [number for number, row in self.metrics.items() if "sampled_accuracy" in row]
        number = int(at) if isinstance(at, float) else max(measured, default=None)
        if number is None or number not in self.metrics:
            self.readout.set_text("")
            return
        row = self.metrics[number]
        if isinstance(at, float):
            parts = [
                f"{metric.short.lower()} {with_interval(row[metric.name])}" for metric in LINES if metric.name in row
            ]
        else:
            lucky = row.get(LUCK.name)
            parts = [f"{LUCK.short.lower()} {fmt.percent(lucky.value)}"] if lucky else []
            parts += [
                f"pass@{k} {with_interval(row[f'pass_at_{k}']).split(' (')[0]}"
                for k in (2, 4, 8)
                if f"pass_at_{k}" in row
            ]
        if parts:
            self.readout.set_text(f"After iteration {number}: " if number else "At the start: ")
            self.readout.set_text(self.readout.text() + ", ".join(parts))
