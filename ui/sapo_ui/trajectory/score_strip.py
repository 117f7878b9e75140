"""Scores in a table: each step a small tinted cell with its number beside, marks on the cells that carry one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from sapo_ui import theme
from sapo_ui.widgets.marks import DRAW

SWATCH, GAP = 10, 8
ROLE = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True, eq=False)
class ScoreStrip:
    """What a cell shows: scores, and marks as (shape, 1-based step)."""

    scores: npt.NDArray[np.float32]
    marks: tuple[tuple[str, int], ...] = ()


class ScoreStripDelegate(QStyledItemDelegate):
    """Paints the `ScoreStrip` that the model has under `ROLE`. Numbers give way to swatches alone where the column is
    narrow."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._most = 1  # of all rows seen, so that they all look the same
        self._font = theme.font("mono_small")
        self._number = QFontMetrics(self._font).horizontalAdvance("0.00")

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look = theme.current()
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        if option.state & QStyle.StateFlag.State_Selected:  # pyright: ignore[reportAttributeAccessIssue]
            painter.fillRect(rect, QColor(look.accent_soft))
        strip: object = index.data(ROLE)
        if not isinstance(strip, ScoreStrip):
            return
        painter.save()
        painter.setClipRect(rect)
        painter.setFont(self._font)
        self._most = count = max(self._most, len(strip.scores))
        room = (rect.width() - 12) / max(1, count)
        beside = room >= SWATCH + 4 + self._number + GAP
        inside = not beside and room >= self._number + 5
        pitch = SWATCH + 4.0 + self._number + GAP if beside else self._number + 5.0 if inside else min(18.0, room)
        x, middle = rect.left() + 8, rect.center().y() + 0.5
        for step, score in enumerate(strip.scores.tolist(), start=1):
            cell = QRectF(x, middle - 8, SWATCH if beside else max(3.0, pitch - 2), 16)
            tint = theme.score_colour(score)
            painter.fillRect(cell, tint)
            if look.dark:
                painter.setPen(QPen(QColor(look.border), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)  # a mark leaves its own behind
                painter.drawRect(cell)
            if beside:
                painter.setPen(QColor(look.text))
                where = QRectF(x + SWATCH + 4, middle - 9, self._number + 2, 18)
                painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, f"{score:.2f}")
            elif inside:
                painter.setPen(QColor(theme.text_on(tint)))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, f"{score:.2f}")
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for shape, at in strip.marks:
                if at == step and not inside:
                    size = {"triangle": 8.0, "square": 4.0, "ring": 10.0}[shape]
                    edge = QColor(look.mark_outline)
                    DRAW[shape](painter, QPointF(cell.center()), size, QColor(look.mark), edge)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            x += pitch
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(240, 26)
