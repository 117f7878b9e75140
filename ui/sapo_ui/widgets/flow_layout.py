"""A row of controls that breaks into further rows where there is little room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme


class FlowRow(QWidget):
    """Places its widgets left to right at their size hints, centred in their row, with `gap` pixels between. None is
    alone in the last row where the one before it can join it.

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

    def insert(self, before: QWidget, *widgets: QWidget) -> None:
        """The same, before a widget that was added; Tab comes to them there, too."""
        at = self._widgets.index(before)
        for place, widget in enumerate(widgets, start=at):
            widget.setParent(self)
            widget.show()
            self._widgets.insert(place, widget)
        for one, other in zip(self._widgets[max(0, at - 1) :], self._widgets[at:], strict=False):
            QWidget.setTabOrder(one, other)
        self._changed()

    def drop(self, *widgets: QWidget) -> None:
        """Take widgets out, for good."""
        for widget in widgets:
            self._widgets.remove(widget)
            widget.hide()
            widget.deleteLater()
        self._changed()

    def clear(self) -> None:
        """Take everything out, for good."""
        self.drop(*self._widgets)

    def set_gap(self, gap: int) -> None:
        """Leave this many pixels between."""
        self._gap = gap
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
        y = 0
        for number, row in enumerate(self._rows(max(width, 1))):
            y += theme.SPACE_1 if number else 0
            x, height = 0, max(size.height() for _, size in row)
            for widget, size in row:
                if not dry:
                    widget.setGeometry(QRect(QPoint(x, y + (height - size.height()) // 2), size))
                x += size.width() + self._gap
            y += height
        return y

    def _rows(self, width: int) -> list[list[tuple[QWidget, QSize]]]:
        rows: list[list[tuple[QWidget, QSize]]] = []
        for widget in self._shown():
            size = _size(widget)
            size.setWidth(min(size.width(), width))
            if rows and self._wide([*rows[-1], (widget, size)]) <= width:
                rows[-1].append((widget, size))
            else:
                rows.append([(widget, size)])
        if len(rows) > 1 and len(rows[-1]) == 1 and len(rows[-2]) > 2:
            together = [rows[-2][-1], *rows[-1]]
            if self._wide(together) <= width:
                rows[-2:] = [rows[-2][:-1], together]
        return rows

    def _wide(self, row: Sequence[tuple[QWidget, QSize]]) -> int:
        return sum(size.width() for _, size in row) + self._gap * (len(row) - 1)


def _size(widget: QWidget) -> QSize:
    return (
        widget.sizeHint()
        .expandedTo(widget.minimumSize())
        .expandedTo(widget.minimumSizeHint())
        .boundedTo(widget.maximumSize())
    )
