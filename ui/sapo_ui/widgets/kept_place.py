"""Lists and tables that are filled anew while somebody reads: the current row, and how far it is scrolled, stay."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from PySide6.QtWidgets import QAbstractItemView


@contextmanager
def kept_place(view: QAbstractItemView, key: Callable[[int], object]) -> Generator[None]:
    """While the model of `view` is filled anew: then the row that is called the same by `key` (of a row's number) is
    the current one again, where there is one, and the view is as far down as before."""
    at, bar = view.currentIndex(), view.verticalScrollBar()
    column, before, scrolled = at.column(), key(at.row()) if at.isValid() else None, bar.value()
    yield
    model = view.model()
    if before is not None and not view.currentIndex().isValid():
        row = next((row for row in range(model.rowCount()) if key(row) == before), -1)
        if row >= 0:
            there = model.index(row, column)  # the column may be gone
            view.setCurrentIndex(there if there.isValid() else model.index(row, 0))
    view.doItemsLayout()
    bar.setValue(scrolled)
