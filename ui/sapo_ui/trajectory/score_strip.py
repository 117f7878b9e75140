"""Scores in a table: each step a small cell in the color of its score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from sapo_ui import theme

CELL, GAP, HIGH, LEAST = 6.0, 1.0, 14.0, 2.0
"""Pixels of a cell, between two, its height, and its width where many steps share the column."""

ROLE = Qt.ItemDataRole.UserRole + 1


def paint_scores(painter: QPainter, left: float, middle: float, scores: Sequence[float], room: float) -> float:
    """Paint scores side by side around the height `middle`, narrower where they do not fit into `room` pixels. Returns
    the pixels that they take."""
    if not scores:
        return 0.0
    look = theme.current()
    pitch = max(LEAST, min(CELL + GAP, room / len(scores)))
    gap = GAP if pitch >= 4 else 0.0
    for at, score in enumerate(scores):
        cell = QRectF(left + at * pitch, middle - HIGH / 2, pitch - gap, HIGH)
        painter.fillRect(cell, theme.score_colour(score))
        if look.dark and gap:
            painter.setPen(QPen(QColor(look.border), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(cell.adjusted(0.5, 0.5, -0.5, -0.5))
    return pitch * len(scores)


class ScoreStripDelegate(QStyledItemDelegate):
    """Paints the array of scores that the model has under `ROLE`."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look = theme.current()
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        if option.state & QStyle.StateFlag.State_Selected:  # pyright: ignore[reportAttributeAccessIssue]
            painter.fillRect(rect, QColor(look.accent_soft))
        scores: object = index.data(ROLE)
        if not isinstance(scores, np.ndarray) or not len(scores):
            return
        painter.save()
        painter.setClipRect(rect)
        paint_scores(painter, rect.left() + 8, rect.center().y(), scores.tolist(), rect.width() - 12)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(92, 28)
