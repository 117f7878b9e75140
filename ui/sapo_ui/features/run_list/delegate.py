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
from sapo_ui.features.run_list.model import PICK_ROLE, RUN_ROLE, Index, second_line
from sapo_ui.theme import glyphs

ROW_HEIGHT = 56


def shortened(facts: str, metrics: QFontMetricsF, room: float) -> str:
    """As many of `facts`, which dots divide, as fit into `room` whole, a dot before each; of a first one that does not
    fit, its beginning."""
    parts = facts.split(" \u00b7 ")
    while len(parts) > 1 and metrics.horizontalAdvance(" \u00b7 ".join(["", *parts])) > room:
        parts.pop()
    return metrics.elidedText(" \u00b7 ".join(["", *parts]), Qt.TextElideMode.ElideRight, room)


class RunDelegate(QStyledItemDelegate):
    """Paints a run in two lines: its name, with the count of unseen alarms behind it, then status and where it is; a
    thin bar while it is alive. A run that is picked for comparison has a bar in its color at the edge."""

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
            painter.setBrush(QColor(look.accent))
            painter.drawRoundedRect(QRectF(card.x(), card.y() + 8, 3, card.height() - 16), 1.5, 1.5)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(look.raised))
            painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        slot = index.data(PICK_ROLE)
        if isinstance(slot, int):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.series[slot] if slot >= 0 else look.border))
            painter.drawRoundedRect(QRectF(where.x() + 2, card.y() + 4, 4, card.height() - 8), 2, 2)
        inside = card.adjusted(12, 6, -8, -4)
        self._texts(painter, run, inside)
        if run.status.alive:
            bar = QRectF(inside.x(), card.bottom() - 6, inside.width(), 3)
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
        room = inside.width() - self._badge(painter, len(run.alarms), inside)
        painter.setFont(strong)
        painter.setPen(QColor(look.text))
        name = QFontMetricsF(strong).elidedText(run.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(inside.x(), inside.y(), room, 18), left, name)
        status = "import" if run.imported else run.status.value
        word = fmt.percent(run.progress) if run.status is RunStatus.RUNNING else "file" if run.imported else status
        colour = look.status(status)
        metrics = QFontMetricsF(small)
        below = QRectF(inside.x(), inside.y() + 19, inside.width(), 16)
        glyphs.paint(painter, status, colour, QRectF(below.x(), below.y() + 1.5, 13, 13))
        painter.setFont(small)
        painter.setPen(QColor(colour))
        painter.drawText(below.adjusted(17, 0, 0, 0), left, word)
        used = 17 + metrics.horizontalAdvance(word)
        said = second_line(run).removeprefix("imported file \u00b7 ")  # the word before it has said so
        fact = shortened(said, metrics, below.width() - used)
        painter.setPen(QColor(look.muted))
        painter.drawText(below.adjusted(used, 0, 0, 0), left, fact)

    @staticmethod
    def _badge(painter: QPainter, alarms: int, inside: QRectF) -> float:
        """Paint the count of alarms that nobody has seen at the right of the name. Pixels that it takes."""
        if not alarms:
            return 0.0
        look, small = theme.current(), theme.font("small")
        number = str(alarms)
        wide = QFontMetricsF(small).horizontalAdvance(number) + 27
        pill = QRectF(inside.right() - wide, inside.y() + 1, wide, 17)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.warning_soft))
        painter.drawRoundedRect(pill, 4, 4)
        glyphs.paint(painter, "warning", look.warning, QRectF(pill.x() + 5, pill.y() + 2.5, 12, 12))
        painter.setFont(small)
        painter.setPen(QColor(look.warning))
        painter.drawText(pill.adjusted(20, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, number)
        return wide + 6
