"""The log's model: plain lines, appended at the end, trimmed at the front."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from itertools import chain
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from sapo_studio.store.records import LogLine
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.panel_export import Table
from sapo_ui.widgets.plain_text import plain_tip

Index = QModelIndex | QPersistentModelIndex
KEPT = 200_000
ICONS = {"error": "failed", "warning": "warning"}


class LogModel(QAbstractTableModel):
    """Time, level and message of each line. `append` never resets what is there."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[LogLine] = []

    @property
    def lines(self) -> list[LogLine]:
        """All lines, oldest first."""
        return self._lines

    def numbers(self) -> Table:
        """A row a line."""
        lines = tuple(self._lines)  # more come while these are written
        return chain(
            [("at (UTC)", "level", "message")], ((fmt.moment_utc(one.at), one.level, one.message) for one in lines)
        )

    @property
    def last_id(self) -> int:
        """Id of the newest line, 0 where there is none."""
        return self._lines[-1].id if self._lines else 0

    def replace(self, lines: Sequence[LogLine]) -> None:
        """Show these lines instead."""
        self.beginResetModel()
        self._lines = list(lines)
        self.endResetModel()

    def append(self, lines: Sequence[LogLine]) -> None:
        """Add newer lines."""
        fresh = [line for line in lines if line.id > self.last_id]
        if not fresh:
            return
        first = len(self._lines)
        self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
        self._lines += fresh
        self.endInsertRows()
        extra = len(self._lines) - KEPT
        if extra > 0:
            self.beginRemoveRows(QModelIndex(), 0, extra - 1)
            del self._lines[:extra]
            self.endRemoveRows()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else 3

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line = self._lines[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return (clock(line.at), line.level, line.message.replace("\n", "  "))[index.column()]
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(f"{fmt.moment(line.at)}\n{line.message}")
            case Qt.ItemDataRole.DecorationRole if index.column() == 1 and line.level in ICONS:
                return glyphs.pixmap(ICONS[line.level], colour(line.level), 14)
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(theme.current().muted if index.column() == 0 else colour(line.level))
            case Qt.ItemDataRole.FontRole:
                return theme.font("mono_small") if index.column() != 1 else theme.font("small")
            case _:
                return None


def clock(at: float) -> str:
    """`14:03:11`."""
    return f"{datetime.datetime.fromtimestamp(at):%H:%M:%S}"


def colour(level: str) -> str:
    """The colour of a level's word; the word itself stands beside."""
    look = theme.current()
    return {"error": look.bad, "warning": look.warning, "debug": look.muted}.get(level, look.text)
