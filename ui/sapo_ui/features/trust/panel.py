"""Trust: the numbers that say whether a run's other numbers can be believed, by iteration, with its alarms."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHeaderView, QTableView

from sapo_studio.domain.alarms import TITLES
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.store import queries
from sapo_studio.store.alarms import RaisedAlarm, alarms_of
from sapo_studio.store.db import Store
from sapo_ui.features.trust.table import LINES, TrustTable
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.panels.metric_panel import Metrics
from sapo_ui.widgets.kept_place import kept_place
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.row_table import dress_rows
from sapo_ui.widgets.table_export import TableExport

ROW, COLUMN = 24, 104


class TrustPanel(DataPanel):
    """A table; what raised an alarm is marked, and its message stands in the hover."""

    panel_id = "trust"
    title = "Trust"
    help = (
        "### Trust\n\nCan the run's numbers be believed? A warning sign marks what raised an alarm; hover it for the "
        "figures and what to do.\n\n"
        + "\n".join(f"* **{METRICS[line.metric].title}**: {METRICS[line.metric].definition}" for line in LINES)
        + f"\n\nAlarms: {', '.join(TITLES.values()).lower()}. docs/alarms.md has their limits.\n"
    )
    empty_headline = "Nothing to judge by yet"
    empty_text = "The first numbers come with the first samples, the rest with each evaluation."

    def __init__(self) -> None:
        super().__init__()
        self.model = TrustTable(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName("What the run's numbers can be trusted by")
        dress_rows(self.table, ROW)
        self.export = TableExport(self.table, self.model.numbers)
        self.note = label("", "small", "muted", wrap=True)
        self.column.addWidget(self.table, 1)
        self.column.addWidget(self.note)

    def clear(self) -> None:
        self.model.show_metrics({}, ())

    def load(self, run_id: str) -> None:
        def work(store: Store) -> tuple[Metrics, Sequence[RaisedAlarm]]:
            return queries.metrics(store, run_id), alarms_of(store, run_id)

        self.read(work, self._take)

    def _take(self, found: tuple[Metrics, Sequence[RaisedAlarm]]) -> None:
        metrics, alarms = found
        with kept_place(self.table, self.model.measure):
            self.model.show_metrics(metrics, alarms)
        header = self.table.horizontalHeader()
        for column in range(self.model.columnCount()):
            stretch = QHeaderView.ResizeMode.Fixed if column else QHeaderView.ResizeMode.Stretch
            header.setSectionResizeMode(column, stretch)
            if column:
                self.table.setColumnWidth(column, COLUMN)
        kinds = [f"{alarm.title.lower()} (iteration {alarm.iteration})" for alarm in alarms]
        self.note.setText(f"Alarms: {', '.join(kinds)}." if kinds else "No alarm was raised.")
        self.set_filled(self.model.rowCount() > 0)
