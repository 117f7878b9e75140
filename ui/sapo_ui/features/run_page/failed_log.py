"""The log around the error that a run failed with. A traceback is one line, the program's own; a click shows all."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from sapo_ui import theme
from sapo_ui.features.run_page.failed_facts import Folded
from sapo_ui.theme import icons
from sapo_ui.widgets.labels import label

LEVELS = {"error": "failed", "warning": "warning"}


class FailedLog(QFrame):
    """Time, level and text; lines with more to them unfold."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setMinimumHeight(180)
        self._lines: tuple[Folded, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.addWidget(label("Where it happened", "strong"))
        self.count = label("", "small", "muted")
        head.addWidget(self.count)
        head.addStretch(1)
        self.whole = QPushButton("Whole log", self)
        self.whole.setProperty("look", "quiet")
        self.whole.setToolTip("Open the log panel (L)")
        head.addWidget(self.whole)
        column.addLayout(head)
        self.tree = QTreeWidget(self)
        self.tree.setColumnCount(3)
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(16)
        self.tree.setFont(theme.font("mono_small"))
        self.tree.setAccessibleName("Log around the error")
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.header().setStretchLastSection(True)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.tree.header().resizeSection(0, 104)
        self.tree.header().resizeSection(1, 112)
        column.addWidget(self.tree, 1)
        theme.on_change(self, self._restyle)

    def show_lines(self, lines: Sequence[Folded], total: int) -> None:
        """Show these lines of a log of `total`."""
        self._lines = tuple(lines)
        self.count.setText(f"{len(lines):,} of {total:,} log lines")
        self._restyle()

    def _restyle(self) -> None:
        look = theme.current()
        colours = {"error": look.bad, "warning": look.warning}
        self.tree.clear()
        for folded in self._lines:
            line = folded.line
            moment = time.strftime("%H:%M:%S", time.localtime(line.at))
            item = QTreeWidgetItem(self.tree, [moment, line.level, folded.text])
            colour = QColor(colours.get(line.level, look.text))
            item.setForeground(0, QColor(look.muted))
            item.setForeground(1, colour if line.level in colours else QColor(look.muted))
            item.setForeground(2, colour)
            if line.level in LEVELS:
                item.setIcon(1, icons.icon(LEVELS[line.level], colours[line.level]))
            if line.level == "error":
                for column in range(3):
                    item.setBackground(column, QColor(look.bad_soft))
            item.setToolTip(2, "")
            if folded.own:
                own = QTreeWidgetItem(self.tree, ["", "", folded.own])
                own.setForeground(2, QColor(look.muted))
            if folded.more:
                for text in line.message.splitlines():
                    inner = QTreeWidgetItem(item, ["", "", text])
                    inner.setForeground(2, QColor(look.muted))
                    inner.setTextAlignment(2, Qt.AlignmentFlag.AlignLeft)
