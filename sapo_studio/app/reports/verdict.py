"""What a run came to, in a sentence: how its accuracy changed, and whether by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sapo_studio.app.reports.run_report import Report
from sapo_studio.domain.iteration_numbers import points
from sapo_studio.domain.metric_catalog import HEADLINES, METRICS, MetricInfo
from sapo_studio.domain.runs import RunStatus
from sapo_studio.readable import sentences
from sapo_studio.store.records import MetricValue

ACCURACIES = tuple(metric.name for metric in HEADLINES if metric.name.endswith("accuracy") and metric.unit == "share")
"""What a run is judged by, the first that it has."""
PERCENT = "\u00a0%"


@dataclass(frozen=True, slots=True)
class Change:
    """A share less an earlier one. `low`, `high`: its 95 % interval, None where one of the two has none."""

    value: float
    low: float | None
    high: float | None

    @property
    def certain(self) -> bool:
        """Whether its interval leaves out 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def change(before: MetricValue, now: MetricValue) -> Change:
    """The difference of two shares, its interval by Newcombe's square-and-add (1998): from the intervals of both, taken
    for independent. The questions are the same, so that it is wide rather than narrow."""
    value = now.value - before.value
    first, last = interval(before), interval(now)
    if first is None or last is None:
        return Change(value, None, None)
    down = math.hypot(now.value - last[0], first[1] - before.value)
    up = math.hypot(last[1] - now.value, before.value - first[0])
    return Change(value, value - down, value + up)


def interval(value: MetricValue) -> tuple[float, float] | None:
    """The ends of its 95 % interval; None where it has none."""
    if value.low is None or value.high is None or not math.isfinite(value.low) or not math.isfinite(value.high):
        return None
    return value.low, value.high


def verdict(report: Report) -> str:
    """The sentence. Of a run that goes on or has failed, what it came to until now."""
    state = {
        RunStatus.RUNNING: "So far: ",
        RunStatus.PAUSED: "So far: ",
        RunStatus.QUEUED: "So far: ",
        RunStatus.DONE: "",
    }.get(report.status, "Before it ended: ")
    for name in ACCURACIES:
        there = measured(report, name)
        if there:
            return state + _told(METRICS[name], there)
    goes_on = report.status.alive or report.status is RunStatus.QUEUED
    return "Nothing has been measured yet." if goes_on else "Nothing was measured."


def measured(report: Report, name: str) -> list[tuple[int, MetricValue]]:
    """A metric by iteration, as far as it is a number."""
    return series({one.iteration: one.values for one in report.iterations}, name)


def series(metrics: Mapping[int, Mapping[str, MetricValue]], name: str) -> list[tuple[int, MetricValue]]:
    """The same of a table of metrics."""
    found = [(iteration, row[name]) for iteration, row in sorted(metrics.items()) if name in row]
    return [(iteration, value) for iteration, value in found if math.isfinite(value.value)]


def _told(metric: MetricInfo, there: Sequence[tuple[int, MetricValue]]) -> str:
    (first, before), (last, now) = there[0], there[-1]
    if first == last:
        when = "after the warm-up" if last == 0 else f"after iteration {last}"
        return f"{metric.title} is {with_interval(now)} {when}; there is nothing to compare it with yet."
    moved = change(before, now)
    shares = f"from {percent(before.value)} to {percent(now.value)} after iteration {last}"
    if moved.low is None or moved.high is None:
        word = "rose" if moved.value > 0 else "fell" if moved.value < 0 else "stayed"
        return f"{metric.title} {word} {shares}; how far that is chance is not known."
    between = f"95{PERCENT} interval {_signed(moved.low)} to {_signed(moved.high)} points"
    if not moved.certain:
        return f"{metric.title} did not change by more than chance: {shares} ({between})."
    word = "rose" if moved.value > 0 else "fell"
    return f"{metric.title} {word} by {points(abs(moved.value))}, {shares} ({between})."


def state_of(report: Report) -> str:
    """Where the run stands, in a sentence or two."""
    if report.error is not None:
        error = report.error
        return sentences(
            f"The run {'failed' if report.status is RunStatus.FAILED else 'ended'}: {error.what}", error.why
        )
    told = {
        RunStatus.DONE: "The run is done.",
        RunStatus.QUEUED: "The run has not started.",
        RunStatus.INTERRUPTED: "The run was interrupted; what follows is what it had measured.",
        RunStatus.STOPPED: "The run was stopped; what follows is what it had measured.",
    }.get(report.status, f"The run is {report.status.value}; what follows is what it has measured until now.")
    return sentences(told, f"It ended early: {report.stopped_early}" if report.stopped_early else "")


def percent(share: float) -> str:
    """A share as `80.8 %`; a dash where it is no number."""
    return f"{100 * share:.1f}{PERCENT}" if math.isfinite(share) else "\u2013"


def with_interval(value: MetricValue) -> str:
    """`80.8 % (79.1 to 82.4 %, n 2,000)`, as far as it is known."""
    more: list[str] = []
    if (ends := interval(value)) is not None:
        more.append(f"{100 * ends[0]:.1f} to {percent(ends[1])}")
    if value.n:
        more.append(f"n {value.n:,}")
    return percent(value.value) + (f" ({', '.join(more)})" if more else "")


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "\u2212")
