"""Table cells that say where the first error is: each mark drawn as on the heatmap, with the step's number behind
it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from sapo_ui import theme
from sapo_ui.widgets.marks import DRAW, TEXT_SIZES

Index = QModelIndex | QPersistentModelIndex
ROLE = Qt.ItemDataRole.UserRole + 2


class MarkTextDelegate(QStyledItemDelegate):
    """Paints the tuple of (shape, number) pairs that the model has under `ROLE`; a shape that is no mark is written
    as text."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look = theme.current()
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        if option.state & QStyle.StateFlag.State_Selected:  # pyright: ignore[reportAttributeAccessIssue]
            painter.fillRect(rect, QColor(look.accent_soft))
        pairs: object = index.data(ROLE)
        if not isinstance(pairs, tuple):
            return
        painter.save()
        painter.setClipRect(rect)
        painter.setFont(theme.font("body"))
        x = rect.left() + 8
        for shape, number in pairs:
            if shape in DRAW:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                centre = QPointF(x + 5, rect.center().y() + 0.5)
                DRAW[shape](painter, centre, TEXT_SIZES[shape], QColor(look.text), QColor(0, 0, 0, 0))
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            else:
                painter.setPen(QColor(look.muted))
                painter.drawText(QRectF(x, rect.top(), 12, rect.height()), Qt.AlignmentFlag.AlignVCenter, shape)
            painter.setPen(QColor(look.text))
            painter.drawText(QRectF(x + 14, rect.top(), 22, rect.height()), Qt.AlignmentFlag.AlignVCenter, str(number))
            x += 34
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(112, 26)
