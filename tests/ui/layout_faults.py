"""What a designer would object to at once: text that is cut off, and widgets that lie over each other."""

from __future__ import annotations

from itertools import combinations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QComboBox,
    QLabel,
    QSizeGrip,
    QSplitterHandle,
    QStackedWidget,
    QToolButton,
    QWidget,
)

SLACK = 1
"""Pixels that rounding may take."""

OVERLAYS = ("DrawerSheet", "CellCard")
"""They lie over others because that is what they are for."""


def faults(page: QWidget) -> list[str]:
    """Every clipped label and every pair of siblings that overlap, inside `page` as it is drawn now."""
    inside = [widget for widget in page.findChildren(QWidget) if _seen(widget)]
    return [*filter(None, map(_clipped, inside)), *_overlaps([page, *inside])]


def _seen(widget: QWidget) -> bool:
    return widget.isVisible() and widget.width() > 0 and not widget.visibleRegion().isEmpty()


def _clipped(widget: QWidget) -> str:
    """What is cut off of a widget that shows a text it does not shorten itself."""
    if isinstance(widget, QLabel) and widget.text() and not widget.objectName().startswith("qt_"):
        if widget.wordWrap():
            needed = widget.heightForWidth(widget.width())
            return _told(widget, f"needs {needed} high") if needed > widget.height() + SLACK else ""
        needed = widget.sizeHint()
        if needed.width() > widget.width() + SLACK or needed.height() > widget.height() + SLACK:
            return _told(widget, f"needs {needed.width()} x {needed.height()}")
    text = isinstance(widget, QAbstractButton) and widget.text()
    if text and isinstance(widget, QAbstractButton) and widget.minimumSizeHint().width() > widget.width() + SLACK:
        return _told(widget, f"needs {widget.minimumSizeHint().width()} wide")
    if isinstance(widget, QComboBox) and widget.currentText():
        metrics = widget.fontMetrics().horizontalAdvance(widget.currentText()) + 30
        if metrics > widget.width() and type(widget) is QComboBox:
            return _told(widget, f"needs {metrics} wide")
    return ""


def _overlaps(parents: list[QWidget]) -> list[str]:
    found: list[str] = []
    for parent in parents:
        if isinstance(parent, (QStackedWidget, QAbstractScrollArea, QComboBox, QToolButton)):
            continue  # they place their parts themselves
        children = [
            child
            for child in parent.children()
            if isinstance(child, QWidget)
            and _seen(child)
            and not child.isWindow()
            and not isinstance(child, (QSizeGrip, QSplitterHandle))
            and type(child).__name__ not in OVERLAYS
        ]
        for first, second in combinations(children, 2):
            shared = first.geometry().intersected(second.geometry())
            if shared.width() > SLACK and shared.height() > SLACK:
                found.append(f"{_name(first)} and {_name(second)} overlap by {_size(shared)} in {_name(parent)}")
    return found


def _told(widget: QWidget, needs: str) -> str:
    return f"{_name(widget)} {needs}, has {widget.width()} x {widget.height()}"


def _name(widget: QWidget) -> str:
    said = widget.text() if isinstance(widget, (QLabel, QAbstractButton)) else widget.accessibleName()
    return f"{type(widget).__name__}({said[:40]!r})"


def _size(rect: QRect) -> str:
    return f"{rect.width()} x {rect.height()}"
