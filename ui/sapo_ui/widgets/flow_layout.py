"""A row of controls that breaks into further rows where the dock is narrow."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme


class FlowRow(QWidget):
    """Places its widgets left to right at their size hints, centred in their row, with `gap` pixels between.

    It does so itself: a QLayout written in Python shares its items' lifetime with C++, which ended in crashes.
    """

    def __init__(self, parent: QWidget | None = None, *, gap: int = theme.SPACE_2) -> None:
        super().__init__(parent)
        self._gap = gap
        self._widgets: list[QWidget] = []
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def add(self, *widgets: QWidget) -> None:
        """Append `widgets`."""
        for widget in widgets:
            widget.setParent(self)
            widget.show()
            self._widgets.append(widget)
        self._changed()

    def clear(self) -> None:
        """Take everything out, for good."""
        for widget in self._widgets:
            widget.hide()
            widget.deleteLater()
        self._widgets.clear()
        self._changed()

    @property
    def empty(self) -> bool:
        """Whether nothing has been added."""
        return not self._widgets

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, arg__1: int) -> int:
        return max(1, self._place(arg__1, dry=True))

    def sizeHint(self) -> QSize:
        sizes = [_size(widget) for widget in self._shown()]
        width = sum(size.width() for size in sizes) + self._gap * max(0, len(sizes) - 1)
        if 0 < self.width() < width:
            return QSize(width, self.heightForWidth(self.width()))
        return QSize(width, max((size.height() for size in sizes), default=1))

    def minimumSizeHint(self) -> QSize:
        sizes = [_size(widget) for widget in self._shown()]
        width = max((size.width() for size in sizes), default=0)
        height = self.heightForWidth(self.width()) if self.isVisible() else 0
        return QSize(width, max(height, max((size.height() for size in sizes), default=1)))

    def _shown(self) -> list[QWidget]:
        return [widget for widget in self._widgets if not widget.isHidden()]

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._changed()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()
        self._place(self.width(), dry=False)

    def _changed(self) -> None:
        self.updateGeometry()
        self._place(self.width(), dry=False)

    def _place(self, width: int, *, dry: bool) -> int:
        """Place everything into `width` pixels (not if `dry`); returns the height that takes."""
        x = y = height = 0
        row: list[tuple[QWidget, int, QSize]] = []

        def end_row() -> None:
            if not dry:
                for widget, left, size in row:
                    widget.setGeometry(QRect(QPoint(left, y + (height - size.height()) // 2), size))
            row.clear()

        for widget in self._shown():
            size = _size(widget)
            size.setWidth(min(size.width(), max(width, 1)))
            if row and x + size.width() > width:
                end_row()
                y += height + theme.SPACE_1
                x = height = 0
            row.append((widget, x, size))
            x += size.width() + self._gap
            height = max(height, size.height())
        end_row()
        return y + height


def _size(widget: QWidget) -> QSize:
    return (
        widget.sizeHint()
        .expandedTo(widget.minimumSize())
        .expandedTo(widget.minimumSizeHint())
        .boundedTo(widget.maximumSize())
    )
