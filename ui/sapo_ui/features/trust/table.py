"""What says whether a run's numbers can be trusted, a line each, as a table over the iterations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.store.alarms import RaisedAlarm
from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.panels.metric_panel import Metrics
from sapo_ui.theme import glyphs
from sapo_ui.widgets.panel_export import Table
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.wording import iteration_name

Index = QModelIndex | QPersistentModelIndex


def _nats(value: MetricValue) -> str:
    return f"{value.value:.2g}"


def _share(value: MetricValue) -> str:
    return fmt.percent(value.value)


def _score(value: MetricValue) -> str:
    return fmt.number(value.value)


def _count(value: MetricValue) -> str:
    return fmt.exact(value.value)


@dataclass(frozen=True)
class Line:
    """A metric of the table: how it is written, and the kinds of alarm that it can raise."""

    metric: str
    write: Callable[[MetricValue], str]
    alarms: tuple[str, ...] = ()


LINES = (
    Line("sampler_trainer_logprob_gap", _nats, ("sampler",)),
    Line("cut_off", _share, ("cut_off",)),
    Line("bad_golds", _count, ("bad_golds",)),
    Line("pairs_used", _count, ("few_pairs",)),
    Line("pairs_used_share", _share),
    Line("verifier_ece", _score, ("calibration",)),
    Line("gap", lambda value: fmt.points(value.value), ("gap",)),
    Line("mean_reward", _score, ("reward_and_truth",)),
    Line("greedy_accuracy", _share, ("reward_and_truth",)),
    Line("reward_with_length", _score, ("reward_with_length",)),
    Line("reward_with_correctness", _score),
)


class TrustTable(QAbstractTableModel):
    """A row for each line that has a number, a column for each iteration; a cell with an alarm has its sign."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: Sequence[Line] = ()
        self._iterations: Sequence[int] = ()
        self._metrics: Metrics = {}
        self._alarms: Mapping[tuple[int, str], RaisedAlarm] = {}
        theme.on_change(self, self._restyle)

    def show_metrics(self, metrics: Metrics, alarms: Sequence[RaisedAlarm]) -> None:
        """Show these."""
        raised = {(alarm.iteration, alarm.kind): alarm for alarm in alarms}
        if metrics == self._metrics and raised == self._alarms:
            return
        self.beginResetModel()
        self._metrics, self._alarms = metrics, raised
        self._lines = [line for line in LINES if any(line.metric in row for row in metrics.values())]
        self._iterations = sorted(i for i, row in metrics.items() if any(line.metric in row for line in self._lines))
        self.endResetModel()

    def measure(self, row: int) -> str:
        """Which metric a row shows."""
        return self._lines[row].metric

    def numbers(self) -> Table:
        """A row a measure: its unit, and its value in each iteration, in full."""
        rows: list[tuple[object, ...]] = [("measure", "unit", *map(iteration_name, self._iterations))]
        for line in self._lines:
            metric = METRICS[line.metric]
            unit = "fraction" if metric.unit in ("share", "points") else metric.shown_unit
            values = (self._metrics[iteration].get(line.metric) for iteration in self._iterations)
            rows.append((metric.title, unit, *(None if value is None else value.value for value in values)))
        return rows

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own way to ask
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 1 + len(self._iterations)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DisplayRole:
            return iteration_name(self._iterations[section - 1]) if section else "Measure"
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line, column = self._lines[index.row()], index.column()
        metric = METRICS[line.metric]
        if column == 0:
            unit = f", {metric.shown_unit}" if metric.unit == "nats" else ""
            words = {
                Qt.ItemDataRole.DisplayRole: f"{metric.title}{unit}",
                Qt.ItemDataRole.ToolTipRole: plain_tip(metric.definition),
                Qt.ItemDataRole.FontRole: theme.font("small"),
            }
            return words.get(Qt.ItemDataRole(role))
        iteration = self._iterations[column - 1]
        alarm = next((a for kind in line.alarms if (a := self._alarms.get((iteration, kind))) is not None), None)
        value = self._metrics[iteration].get(line.metric)
        text = "" if value is None else line.write(value)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return text
            case Qt.ItemDataRole.FontRole:
                return theme.font("mono_small")
            case Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.ToolTipRole if alarm is not None:
                return plain_tip(f"{alarm.title}. {alarm.message}")
            case Qt.ItemDataRole.AccessibleTextRole if alarm is not None:
                return f"{text}, alarm: {alarm.title}"
            case Qt.ItemDataRole.DecorationRole if alarm is not None:
                return glyphs.pixmap("warning", theme.current().warning, 14)
            case Qt.ItemDataRole.ForegroundRole if alarm is not None:
                return QColor(theme.current().warning)
            case _:
                return None

    def _restyle(self) -> None:
        if self._lines:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._lines) - 1, len(self._iterations)))
