"""The reasoner-verifier gap: how far the verifier's step accuracy lies below what the reasoner's own rollouts would
reach."""

from __future__ import annotations

from PySide6.QtGui import QPalette

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.benchmark_coverage import note_of
from sapo_studio.domain.iteration_numbers import gap_widened
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.panels import emptiness
from sapo_ui.panels.metric_panel import BY_ITERATION, MetricPanel, Metrics, series, whole_percent, with_interval
from sapo_ui.widgets.charts.line_chart import LineChart
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.notice import Notice

LINES = tuple(METRICS[name] for name in ("mce", "verifier_step_accuracy"))
MEANINGS = tuple(f"{metric.short}: {metric.definition}" for metric in (*LINES, METRICS["gap"]))
ALARM_MEANING = (
    "The gap grew by more than chance since the iteration before: the verifier falls behind its reasoner. More "
    "labels an iteration usually help."
)


class GapPanel(MetricPanel):
    """MCE and verifier step accuracy over the iterations, the gap shaded between them, an alarm when it widens."""

    panel_id = "gap"
    title = "Gap"
    help = (
        "### Reasoner-verifier gap\n\n"
        + "\n".join(f"* **{text}**" for text in MEANINGS)
        + "\n\nBands are 95 % intervals. A warning appears when the gap grew since the iteration before by more than "
        "chance. Left and Right read the values of an iteration; the right mouse button saves picture and "
        "numbers (Ctrl+Shift+E).\n"
    )
    empty_headline = "No gap measured yet"
    empty_text = "It appears after the first verifier has been trained and measured on the process benchmark."
    import_text = "An imported file has no gap until it is made a process benchmark and a run is measured on it."

    def __init__(self) -> None:
        super().__init__()
        self.supplied = False
        self.alarm = Notice("warning")
        self.chart = LineChart()
        self.chart.setAccessibleName("MCE and verifier accuracy by iteration")
        self.chart.setToolTip("\n".join(MEANINGS))
        self.chart.hovered.connect(self._read_at)
        self.readout = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText, lines=2)
        self.coverage = Notice("warning")
        self.column.addWidget(self.alarm)
        self.column.addWidget(self.coverage)
        self.column.addWidget(self.chart, 1)
        self.column.addWidget(self.readout)

    def why_never(self, config: RunConfig) -> str:
        return emptiness.no_gap(config)

    def load(self, run_id: str) -> None:
        def work(store: Store) -> bool:
            imported = queries.get_run(store, run_id).imported
            return not imported and queries.get_config(store, run_id).supplies_benchmark

        super().load(run_id)
        self.read(work, self._take_origin, key="benchmark")

    def clear(self) -> None:
        super().clear()
        self.supplied = False

    def _take_origin(self, supplied: bool) -> None:
        self.supplied = supplied
        self._say_coverage()

    def _say_coverage(self) -> None:
        note = note_of(self.metrics, supplied=self.supplied)
        self.coverage.say(note, note)

    def show_metrics(self, metrics: Metrics) -> bool:
        lines = [series(metrics, metric.name, metric.short, colour) for colour, metric in enumerate(LINES)]
        self.chart.set_lines(
            lines,
            x_ticks=self.iteration_ticks(),
            y_format=whole_percent,
            value_format=fmt.percent,
            y_least=0.05,
            between=(0, 1),
            units=BY_ITERATION,
        )
        self.alarm.say(alarm_text(metrics), ALARM_MEANING)
        self._say_coverage()
        self._read_at(None)
        return any(len(line.x) for line in lines)

    def _read_at(self, at: object) -> None:
        gaps = {number: row["gap"] for number, row in self.metrics.items() if "gap" in row}
        number = int(at) if isinstance(at, float) else max(gaps, default=None)
        if number is None or number not in self.metrics:
            self.readout.set_text("")
            return
        row = self.metrics[number]
        parts = [f"After iteration {number}:" if number else "At the start:"]
        if "gap" in row:
            parts.append(f"gap {gap_text(row['gap'])}")
        if isinstance(at, float):
            parts += [
                f"{word} {with_interval(row[metric.name])}"
                for metric, word in zip(LINES, ("MCE", "verifier"), strict=True)
                if metric.name in row
            ]
        self.readout.set_text(parts[0] + " " + ", ".join(parts[1:]))


def gap_text(gap: MetricValue) -> str:
    """`2.4 pt (0.8 to 4.0 pt)`."""
    text = fmt.points(gap.value)
    if gap.low is not None and gap.high is not None:
        text += f" ({fmt.points(gap.low).removesuffix('pt').rstrip()} to {fmt.points(gap.high)})"
    return text


def alarm_text(metrics: Metrics) -> str:
    """The warning, where the newest gap lies above the one before by more than chance; else nothing."""
    gaps = [(number, row["gap"]) for number, row in sorted(metrics.items()) if "gap" in row]
    if len(gaps) < 2:
        return ""
    (_, before), (number, now) = gaps[-2:]
    if not gap_widened(before, now):
        return ""
    return f"Wider in iteration {number}: {100 * before.value:.1f} to {fmt.points(now.value)}".replace("-", fmt.MINUS)
