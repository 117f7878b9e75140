"""Numbers of a run as a card has them."""

from __future__ import annotations

from sapo_studio.domain.metric_catalog import MetricInfo
from sapo_studio.store.records import MetricValue


def shown(metric: MetricInfo, value: float) -> str:
    """A value with its unit: shares in per cent."""
    if metric.unit == "share":
        return f"{100 * value:.1f} %"
    if metric.unit == "points":
        return f"{100 * value:.1f} points"
    return f"{value:.3f}"


def interval(metric: MetricInfo, value: MetricValue) -> str:
    """A value with what is known of how sure it is."""
    known: list[str] = []
    if value.low is not None and value.high is not None:
        known.append(f"{shown(metric, value.low)} to {shown(metric, value.high)}")
    if value.n is not None:
        known.append(f"n = {value.n:,}")
    return shown(metric, value.value) + (f" ({', '.join(known)})" if known else "")
