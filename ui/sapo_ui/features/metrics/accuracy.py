"""Accuracy of the reasoner on the test questions, iteration by iteration."""

from __future__ import annotations

from PySide6.QtGui import QPalette

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.panels.metric_panel import MetricPanel, Metrics, series, whole_percent, with_interval
from sapo_ui.widgets.charts.line_chart import LineChart
from sapo_ui.widgets.elided_label import ElidedLabel

MEANINGS = {
    "greedy_accuracy": "Greedy: share of held-out test questions whose single most likely solution ends right.",
    "sampled_accuracy": "Sampled: share of sampled solutions of the test questions that end right (pass@1).",
    "sound_accuracy": "Sound: share of those samples that are right at every step, where the task can tell.",
    "false_positives": "Right by luck: share of the right answers among them that hold a wrong step.",
}
LINES = (("greedy_accuracy", "Greedy"), ("sampled_accuracy", "Sampled"), ("sound_accuracy", "Sound"))


class AccuracyPanel(MetricPanel):
    """Greedy, sampled and (with a step oracle) sound accuracy with their 95 % bands."""

    panel_id = "accuracy"
    title = "Accuracy"
    help = (
        "### Accuracy\n\n"
        + "\n".join(f"* **{text}**" for text in MEANINGS.values())
        + "\n\nBands are 95 % intervals. Left and Right read the values of an iteration; pass@k is given there "
        "too. The right mouse button saves the picture as PNG or SVG.\n"
    )
    empty_headline = "No accuracy measured yet"
    empty_text = "The first point comes with the evaluation after the warm-up, the next after each alignment."

    def __init__(self) -> None:
        super().__init__()
        self.chart = LineChart()
        self.chart.setAccessibleName("Accuracy by iteration")
        self.chart.setToolTip("\n".join(MEANINGS.values()))
        self.chart.hovered.connect(self._read_at)
        self.readout = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.column.addWidget(self.chart, 1)
        self.column.addWidget(self.readout)

    def show_metrics(self, metrics: Metrics) -> bool:
        lines = [series(metrics, name, label, colour) for colour, (name, label) in enumerate(LINES)]
        lines = [line for line in lines if len(line.x)]
        self.chart.set_lines(
            lines, x_ticks=self.iteration_ticks(), y_format=whole_percent, value_format=fmt.percent, y_least=0.1
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
            parts = [f"{label.lower()} {with_interval(row[name])}" for name, label in LINES if name in row]
        else:
            lucky = row.get("false_positives")
            parts = [f"right by luck {fmt.percent(lucky.value)}"] if lucky else []
            parts += [
                f"pass@{k} {with_interval(row[f'pass_at_{k}']).split(' (')[0]}"
                for k in (2, 4, 8)
                if f"pass_at_{k}" in row
            ]
        if parts:
            self.readout.set_text(f"After iteration {number}: " if number else "At the start: ")
            self.readout.set_text(self.readout.text() + ", ".join(parts))
