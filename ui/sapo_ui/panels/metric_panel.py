"""What the panels over the metrics table share: reading it, and one metric over the iterations as a line."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue, RunSummary
from sapo_ui import format as fmt
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services.metric_feed import MetricFeed
from sapo_ui.widgets.charts.line_chart import Line
from sapo_ui.wording import iteration_name

Metrics = Mapping[int, Mapping[str, MetricValue]]
BY_ITERATION = ("iteration", "fraction")
"""The units of shares over iterations."""


class MetricPanel(DataPanel):
    """A panel that draws itself from all metrics of a run, in `show_metrics`."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics: Metrics = {}
        self._feed = MetricFeed()

    def load(self, run_id: str) -> None:
        feed = self._feed

        def work(store: Store) -> tuple[RunSummary, Metrics]:
            run = queries.get_run(store, run_id)
            return run, feed.read(store, run).get("", {})

        self.read(work, self._take)

    def clear(self) -> None:
        self.metrics = {}
        self._feed = MetricFeed()

    def _take(self, found: tuple[RunSummary, Metrics]) -> None:
        self.run, self.metrics = found
        self.set_filled(self.show_metrics(self.metrics))

    def show_metrics(self, metrics: Metrics) -> bool:
        """Draw `metrics`; False where what the panel needs is not among them yet."""
        raise NotImplementedError

    def iteration_ticks(self) -> list[tuple[float, str]]:
        """The x axis: V0 (after the warm-up) and every iteration that the run will have."""
        planned = self.run.iterations if self.run is not None else 0
        last = max([planned, *self.metrics])
        return [(float(number), iteration_name(number)) for number in range(last + 1)]


def series(metrics: Metrics, name: str, label: str, colour: int, *, dashed: bool = False) -> Line:
    """The metric `name` over the iterations, with its interval where it has one."""
    there = [(number, row[name]) for number, row in sorted(metrics.items()) if name in row]
    nan = float("nan")
    return Line(
        label,
        np.array([float(number) for number, _ in there]),
        np.array([value.value for _, value in there]),
        np.array([nan if value.low is None else value.low for _, value in there]),
        np.array([nan if value.high is None else value.high for _, value in there]),
        colour,
        dashed,
    )


def whole_percent(fraction: float) -> str:
    """A fraction on an axis: `80 %`, `82.5 %`."""
    value = round(100 * fraction, 1)
    return f"{value:g}{fmt.THIN}%".replace("-", fmt.MINUS)


def with_interval(value: MetricValue) -> str:
    """`50.2 % (48.1 to 52.3 %, n 4,000)`."""
    text = fmt.percent(value.value)
    more: list[str] = []
    if value.low is not None and value.high is not None:
        more.append(f"{100 * value.low:.1f} to {fmt.percent(value.high)}")
    if value.n:
        more.append(f"n {value.n:,}")
    return f"{text} ({', '.join(more)})" if more else text
