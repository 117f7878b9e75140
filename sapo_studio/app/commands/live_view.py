"""A run in the terminal as a person likes to watch it: where it is, how long it takes, what each iteration brought."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sapo_studio.app.commands.run_view import RunSnapshot
from sapo_studio.app.commands.safe_console import SafeConsole
from sapo_studio.domain.metric_catalog import HEADLINES, METRICS, MetricInfo
from sapo_studio.domain.runs import PHASE_LABELS, RunStatus
from sapo_studio.readable import duration
from sapo_studio.store.records import LogLine, MetricValue, PhaseInfo

ACCENT = "cyan"
STATUS_STYLES = {
    RunStatus.QUEUED: ("○", "dim"),
    RunStatus.RUNNING: ("●", ACCENT),
    RunStatus.PAUSED: ("⏸", "yellow"),
    RunStatus.STOPPED: ("■", "yellow"),
    RunStatus.INTERRUPTED: ("⚡", "yellow"),
    RunStatus.FAILED: ("✗", "red"),
    RunStatus.DONE: ("✓", "green"),
}
COLUMNS = (*HEADLINES, METRICS["self_verification_error"])

_SHOWN_LINES = 3


class LiveView:
    """Draws the run in place, and leaves the last picture standing."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or SafeConsole(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=False, vertical_overflow="crop")
        self._warnings: list[LogLine] = []

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, snapshot: RunSnapshot) -> None:
        """Draw how the run stands."""
        self._warnings = [*self._warnings, *snapshot.log][-_SHOWN_LINES:]
        self._live.update(self.picture(snapshot), refresh=True)

    def finish(self, snapshot: RunSnapshot) -> None:
        """Draw how it ended, and what can be done next."""
        self.show(snapshot)
        self._live.stop()
        run = snapshot.run
        if run.status is RunStatus.DONE:
            self._hint("Everything it found:", f"sapo report {run.id}")
        elif run.status is RunStatus.STOPPED:
            self._hint("Go on with it:", f"sapo resume {run.id}")
        elif run.status.alive:
            self._hint("It keeps running in the background. Watch it again:", f"sapo follow {run.id}")

    def _hint(self, sentence: str, command: str) -> None:
        self._console.print(Text.assemble(("  " + sentence + " ", "dim"), (command, ACCENT)))

    def picture(self, snapshot: RunSnapshot) -> RenderableType:
        """The whole picture."""
        parts: list[RenderableType] = [Text(), _title(snapshot), Text(), _bars(snapshot)]
        if snapshot.metrics:
            parts += [Text(), _table(snapshot)]
        for line in self._warnings:
            style = "red" if line.level == "error" else "yellow"
            first = line.message.strip().splitlines()[0] if line.message.strip() else ""
            parts.append(Text(f"  ! {first}", style=style, overflow="ellipsis", no_wrap=True))
        if snapshot.note:
            parts += [Text(), Text("  " + snapshot.note, style="bold yellow")]
        parts.append(Text())
        return Group(*parts)


def _title(snapshot: RunSnapshot) -> Text:
    run = snapshot.run
    icon, style = STATUS_STYLES[run.status]
    text = Text.assemble("  ", (run.name, "bold"), "  ", (f"{icon} {run.status}", style))
    if run.status.alive and run.iterations:
        text.append(f"  iteration {run.iteration} of {run.iterations}", style="")
    for fact in (run.id, run.device, duration(run.active_seconds) if run.active_seconds >= 1 else ""):
        if fact:
            text.append(f"  {fact}", style="dim")
    return text


def _bars(snapshot: RunSnapshot) -> RenderableType:
    run = snapshot.run
    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=12)
    grid.add_column(width=40)
    grid.add_column(justify="right", min_width=5)
    grid.add_column(style="dim", no_wrap=True, overflow="ellipsis")
    phase = _current(snapshot.phases, run.phase_ordinal)
    if phase is not None and run.status.alive:
        share = phase.done / phase.total if phase.total else 0.0
        unit = f" {phase.unit}" if phase.unit else ""
        facts = f"{phase.done:,} of {phase.total:,}{unit}" if phase.total else phase.message
        grid.add_row(Text(PHASE_LABELS.get(phase.name, phase.name)), _bar(share), f"{share:.0%}", Text(facts))
    left = ""
    if run.status is RunStatus.RUNNING and run.eta_seconds is not None:
        left = f"about {duration(run.eta_seconds)} left"
    done = sum(one.status == "done" for one in snapshot.phases)
    count = f"{done} of {len(snapshot.phases)} phases" if snapshot.phases else "starting"
    grid.add_row(Text("Whole run", style="bold"), _bar(run.progress), f"{run.progress:.0%}", left or count)
    return Padding(grid, (0, 0, 0, 2))


def _bar(share: float) -> ProgressBar:
    return ProgressBar(total=1.0, completed=min(1.0, share), width=40, complete_style=ACCENT, finished_style="green")


def _current(phases: list[PhaseInfo], ordinal: int | None) -> PhaseInfo | None:
    return next((phase for phase in phases if phase.ordinal == ordinal and phase.status != "pending"), None)


def _table(snapshot: RunSnapshot) -> RenderableType:
    shown = [metric for metric in COLUMNS if any(metric.name in values for values in snapshot.metrics.values())]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Iteration", no_wrap=True)
    for metric in shown:
        # In a narrow terminal the change since the iteration before goes below the number, rather than both being cut.
        table.add_column(f" {metric.short}", overflow="fold")
    before: dict[str, MetricValue] = {}
    for iteration, values in sorted(snapshot.metrics.items()):
        cells = [_cell(values.get(metric.name), before.get(metric.name), metric) for metric in shown]
        table.add_row("start" if iteration == 0 else str(iteration), *cells)
        before = values
    return Padding(table, (0, 0, 0, 2))


def _cell(now: MetricValue | None, before: MetricValue | None, metric: MetricInfo) -> Text:
    """A share in per cent and, behind it, its change since the iteration before in points."""
    if now is None:
        return Text("    -", style="dim")
    text = Text(f"{100 * now.value:5.1f}{'   ' if metric.unit == 'points' else ' %'}", style="bold")
    if before is not None:
        change = 100 * (now.value - before.value)
        style = "dim" if not metric.better else "green" if change * metric.better > 0 else "yellow"
        text.append(f" {change:+5.1f}", style=style)
    return text
