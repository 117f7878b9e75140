"""A row of controls that breaks into further rows where the dock is narrow."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QSizePolicy, QWidget

from sapo_ui import theme


class FlowLayout(QLayout):
    """Lays items out left to right at their size hints, centred in their row, with `gap` pixels between."""

    def __init__(self, parent: QWidget | None = None, *, gap: int = theme.SPACE_2) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = gap
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, arg__1: QLayoutItem) -> None:
        self._items.append(arg__1)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, arg__1: int) -> int:
        return self._place(QRect(0, 0, arg__1, 0), dry=True)

    def setGeometry(self, arg__1: QRect) -> None:
        super().setGeometry(arg__1)
        self._place(arg__1, dry=False)

    def sizeHint(self) -> QSize:
        shown = [item for item in self._items if not item.isEmpty()]
        width = sum(item.sizeHint().width() for item in shown) + self._gap * max(0, len(shown) - 1)
        height = max((item.sizeHint().height() for item in shown), default=0)
        return QSize(width, height)

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            if not item.isEmpty():
                size = size.expandedTo(item.minimumSize())
        return size

    def _place(self, rect: QRect, *, dry: bool) -> int:
        x, y, row, height = rect.x(), rect.y(), list[tuple[QLayoutItem, int, QSize]](), 0

        def end_row() -> None:
            if not dry:
                for item, left, size in row:
                    item.setGeometry(QRect(QPoint(left, y + (height - size.height()) // 2), size))

        for item in self._items:
            if item.isEmpty():
                continue
            size = item.sizeHint()
            size.setWidth(min(size.width(), max(rect.width(), 1)))
            if row and x + size.width() > rect.x() + rect.width():
                end_row()
                y += height + theme.SPACE_1
                x, height = rect.x(), 0
                row.clear()
            row.append((item, x, size))
            x += size.width() + self._gap
            height = max(height, size.height())
        end_row()
        return y + height - rect.y()


class FlowRow(QWidget):
    """A widget with a FlowLayout, whose height follows its width inside ordinary box layouts."""

    def __init__(self, parent: QWidget | None = None, *, gap: int = theme.SPACE_2) -> None:
        super().__init__(parent)
        self.flow = FlowLayout(self, gap=gap)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def add(self, *widgets: QWidget) -> None:
        """Append `widgets`."""
        for widget in widgets:
            self.flow.addWidget(widget)
