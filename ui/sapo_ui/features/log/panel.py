"""The run's log: searchable, by level, following its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
)

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import LogLine
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.log.model import KEPT, LogModel
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.widgets.combo import choose_values, chosen_values, combo_box
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.table_export import TableExport

LEVELS: dict[str, list[str] | None] = {
    "all": None,
    "info": ["info", "warning", "error"],
    "warning": ["warning", "error"],
    "error": ["error"],
}
CHUNK = 20_000


@dataclass(frozen=True)
class _Asked:
    run_id: str
    text: str
    level: str
    after: int
    beginning: int
    """How often the list had been begun anew: lines that come after others belong to that list alone."""


class LogPanel(DataPanel):
    """Follows the newest line, unless scrolled up."""

    panel_id = "log"
    title = "Log"
    help = """### Log

What the engine reported, newest at the bottom. The list follows the newest line until you scroll up; *Newest* goes
back. Search and level look through the whole log, not only what is on screen. **Ctrl+C** copies the chosen lines.
"""
    empty_headline = "The log is empty"
    empty_text = "The engine's messages appear here from its first line on."
    import_text = "No engine works on an imported file."

    @classmethod
    def brief(cls, store: Store, run_id: str) -> str:
        count = queries.warnings(store, run_id)
        return f"{count:,} warning{'' if count == 1 else 's'}" if count else ""

    def __init__(self) -> None:
        super().__init__()
        self._beginning = 0
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search the log")
        self.search.setAccessibleName("Search the log")
        self.search.setClearButtonEnabled(True)
        self.search.setFont(theme.font("small"))
        self.level = combo_box(
            "Level",
            [
                ("Info and above", "info"),
                ("All levels", "all"),
                ("Warnings and errors", "warning"),
                ("Errors", "error"),
            ],
        )
        self.model = LogModel(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self._dress()
        self.newest = QPushButton("Newest")
        self.newest.setFont(theme.font("small"))
        self.newest.setToolTip("Go to the newest line and follow it")
        self.newest.clicked.connect(self.follow)
        self.newest.setVisible(False)
        self.count = label("", "small", "muted")
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_2)
        top.addWidget(self.search, 1)
        top.addWidget(self.level)
        top.addWidget(self.count)
        top.addWidget(self.newest)
        self.column.addLayout(top)
        self.column.addWidget(self.table, 1)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(200)
        self._pause.timeout.connect(self._asked_again)
        self.search.textChanged.connect(self._typed)
        self.level.currentIndexChanged.connect(self._asked_again)
        self.table.verticalScrollBar().valueChanged.connect(self._scrolled)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self, self.search.setFocus)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table, self._copy)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)

    def _dress(self) -> None:
        table, header = self.table, self.table.horizontalHeader()
        table.setAccessibleName("Log lines")
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        header.hide()
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(22)
        self.export = TableExport(table, self.model.numbers)
        table.setColumnWidth(0, 92)
        table.setColumnWidth(1, 104)
        header.setStretchLastSection(True)

    def clear(self) -> None:
        self._begin()
        self.count.setText("")

    def _begin(self) -> None:
        self._beginning += 1
        self.model.replace(())

    def choices(self) -> dict[str, str]:
        return chosen_values({"level": self.level})

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        choose_values({"level": self.level}, choices)

    @property
    def following(self) -> bool:
        """Whether the list is at its end."""
        bar = self.table.verticalScrollBar()
        return bar.value() >= bar.maximum() - 1

    def follow(self) -> None:
        """Go to the newest line."""
        self.table.scrollToBottom()
        self.newest.setVisible(False)

    def load(self, run_id: str) -> None:
        asked = self._asked(run_id, self.model.last_id)

        def work(store: Store) -> tuple[_Asked, list[LogLine]]:
            limit = CHUNK if asked.after else KEPT
            levels = LEVELS[asked.level]
            lines = queries.log(store, run_id, after_id=asked.after, limit=limit, text=asked.text, levels=levels)
            return asked, lines

        self.read(work, self._take)

    def _asked(self, run_id: str, after: int) -> _Asked:
        return _Asked(run_id, self.search.text().strip(), str(self.level.currentData()), after, self._beginning)

    def _asked_again(self) -> None:
        self._begin()
        if self._run_id is not None:
            self.load(self._run_id)

    def _take(self, found: tuple[_Asked, list[LogLine]]) -> None:
        asked, lines = found
        if asked != self._asked(asked.run_id, asked.after):
            return
        follow = self.following or not self.model.lines
        if asked.after == 0:
            if not self.model.lines:
                self.model.replace(lines)
        else:
            self.model.append(lines)
        some = bool(self.model.lines)
        self.set_filled(some or bool(asked.text) or asked.level not in ("info", "all"))
        self.count.setText(f"{fmt.count(len(self.model.lines))} lines")
        if follow:
            self.follow()
        elif lines:
            self.newest.setText(f"{fmt.count(len(lines))} new, show")
            self.newest.setVisible(True)

    def _typed(self) -> None:
        self._pause.start()

    def _scrolled(self) -> None:
        if self.following:
            self.newest.setVisible(False)
        elif not self.newest.isVisible():
            self.newest.setText("Newest")
            self.newest.setVisible(True)

    def _copy(self) -> None:
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        lines = [self.model.lines[row] for row in rows]
        text = "\n".join(f"{fmt.moment(line.at)} {line.level} {line.message}" for line in lines)
        QApplication.clipboard().setText(text)
