"""A metric's value as a cell of a table, half a 95 % interval's width behind it."""

from __future__ import annotations

from sapo_studio.domain.metric_catalog import MetricInfo
from sapo_studio.domain.statistics import Mean
from sapo_studio.store.records import MetricValue

NOTHING = "-"


def cell(metric: MetricInfo, value: MetricValue | Mean | None) -> str:
    """Shares in per cent, differences of shares in points, tokens and counts whole."""
    if value is None or metric.unit in ("share", "points"):
        return share_cell(value)
    if metric.unit == "nats":
        return f"{value.value:.2g}"
    if metric.unit in ("tokens", "count"):
        return f"{value.value:,.0f}"
    return f"{value.value:.3f}"


def share_cell(value: MetricValue | Mean | None) -> str:
    """A fraction in per cent."""
    if value is None:
        return NOTHING
    text = f"{100 * value.value:.1f}"
    if value.low is not None and value.high is not None:
        text += f" ±{50 * (value.high - value.low):.1f}"
    return text
