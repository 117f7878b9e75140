"""How a run is painted in the list."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.run_list.model import RUN_ROLE, Index, second_line
from sapo_ui.theme import glyphs

ROW_HEIGHT = 60


class RunDelegate(QStyledItemDelegate):
    """Paints a run in two lines: name and status, then where it is; a thin bar while it is alive."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        run = index.data(RUN_ROLE)
        if not isinstance(run, RunSummary):
            return
        look = theme.current()
        where: Any = option.rect  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        state: Any = option.state  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(where).adjusted(8, 2, -8, -2)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(look.raised))
            painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        inside = card.adjusted(10, 7, -10, -7)
        self._texts(painter, run, inside)
        if run.status.alive:
            bar = QRectF(inside.x(), card.bottom() - 8, inside.width(), 3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.sunken))
            painter.drawRoundedRect(bar, 1.5, 1.5)
            painter.setBrush(QColor(look.status(run.status.value)))
            painter.drawRoundedRect(QRectF(bar.x(), bar.y(), max(3.0, bar.width() * run.progress), 3), 1.5, 1.5)
        painter.restore()

    def _texts(self, painter: QPainter, run: RunSummary, inside: QRectF) -> None:
        look = theme.current()
        small, strong = theme.font("small"), theme.font("strong")
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        status = "import" if run.imported else run.status.value
        word = fmt.percent(run.progress) if run.status is RunStatus.RUNNING else "file" if run.imported else status
        word_width = QFontMetricsF(small).horizontalAdvance(word) + 2
        colour = look.status(status)
        line = QRectF(inside.x(), inside.y(), inside.width(), 18)
        painter.setFont(small)
        painter.setPen(QColor(colour))
        painter.drawText(QRectF(line.right() - word_width, line.y(), word_width, 18), left, word)
        glyphs.paint(painter, status, colour, QRectF(line.right() - word_width - 17, line.y() + 2.5, 13, 13))
        room = line.width() - word_width - 17 - 8
        painter.setFont(strong)
        painter.setPen(QColor(look.text))
        name = QFontMetricsF(strong).elidedText(run.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(line.x(), line.y(), room, 18), left, name)
        painter.setFont(small)
        painter.setPen(QColor(look.muted))
        below = QFontMetricsF(small).elidedText(second_line(run), Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(QRectF(inside.x(), inside.y() + 20, inside.width(), 16), left, below)
