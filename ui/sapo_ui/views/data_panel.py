"""What all data panels share: an empty state, reading in the background, no work while nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QShowEvent
from PySide6.QtWidgets import QComboBox, QStackedLayout, QVBoxLayout, QWidget

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui import tasks, theme
from sapo_ui.panel import Panel
from sapo_ui.poller import StoreChange
from sapo_ui.widgets.labels import EmptyState

T = TypeVar("T")
COMBO_ROOM = 56


class DataPanel(Panel):
    """A panel over the store. A subclass fills `content`, reads in `load`, and empties itself in `clear`.

    While the panel is hidden behind another tab it only remembers that it is out of date, and reads when it is shown.
    """

    empty_headline = ""
    empty_text = ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run_id: str | None = None
        self._stale = False
        self.run: RunSummary | None = None
        self._stack = QStackedLayout(self)
        self.empty = EmptyState(self.empty_headline, self.empty_text)
        self.content = QWidget()
        self.column = QVBoxLayout(self.content)
        self.column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_2)
        self.column.setSpacing(theme.SPACE_2)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.content)
        self.setAccessibleName(self.title)

    @property
    def run_id(self) -> str | None:
        """The run that is shown."""
        return self._run_id

    @property
    def filled(self) -> bool:
        """Whether there is something to show."""
        return self._stack.currentWidget() is self.content

    def show_run(self, run_id: str | None) -> None:
        self._run_id = run_id
        self.run = None
        self.clear()
        self.set_filled(False)
        self._ask()

    def refresh(self, change: StoreChange) -> None:
        if self._run_id is None or self._run_id not in change.changed:
            return
        self.run = change.run(self._run_id)
        self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._ask()

    def _ask(self) -> None:
        if self._run_id is None:
            return
        if self.isVisible():
            self._stale = False
            self.load(self._run_id)
        else:
            self._stale = True

    @property
    def alive(self) -> bool:
        """Whether the run may still write more."""
        return self.run is None or self.run.status in (RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.QUEUED)

    def set_filled(self, filled: bool) -> None:
        """Show the content, or say what would fill it."""
        self._stack.setCurrentWidget(self.content if filled else self.empty)

    def read(self, work: Callable[[Store], T], done: Callable[[T], None], key: str = "load") -> None:
        """Read in the background. What comes in for a run that is no longer shown is dropped."""
        asked_for = self._run_id

        def deliver(result: T) -> None:
            if self._run_id == asked_for:
                done(result)

        tasks.run(self, work, deliver, key=key, keep_running=True)

    def clear(self) -> None:
        """Forget the run that was shown."""
        raise NotImplementedError

    def load(self, run_id: str) -> None:
        """Read what is shown of `run_id`, by `read`."""
        raise NotImplementedError


def choice(name: str, items: Sequence[tuple[str, Any]], hover: str = "") -> QComboBox:
    """A combo box of (text, value), as wide as its longest text."""
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(hover or name)
    box.setFont(theme.font("small"))
    set_items(box, items)
    return box


def chosen(boxes: Mapping[str, QComboBox]) -> dict[str, str]:
    """What is chosen in each box, as text."""
    return {name: str(box.currentData(Qt.ItemDataRole.UserRole)) for name, box in boxes.items()}


def choose(boxes: Mapping[str, QComboBox], choices: Mapping[str, str]) -> None:
    """Choose what `chosen` gave, where the boxes have it."""
    for name, box in boxes.items():
        for row in range(box.count()):
            if str(box.itemData(row, Qt.ItemDataRole.UserRole)) == choices.get(name):
                box.setCurrentIndex(row)


def set_items(box: QComboBox, items: Sequence[tuple[str, Any]]) -> None:
    """Replace the items of `box`, keep the chosen value where it is still there, and send no signal."""
    old = [(box.itemText(row), box.itemData(row, Qt.ItemDataRole.UserRole)) for row in range(box.count())]
    if old == list(items):
        return
    chosen: Any = box.currentData(Qt.ItemDataRole.UserRole)
    blocked = box.blockSignals(True)
    box.clear()
    for text, value in items:
        box.addItem(text, value)
    for row in range(box.count()):
        if box.itemData(row, Qt.ItemDataRole.UserRole) == chosen and chosen is not None:
            box.setCurrentIndex(row)
            break
    box.blockSignals(blocked)
    widest = max((QFontMetrics(box.font()).horizontalAdvance(text) for text, _ in items), default=40)
    box.setFixedWidth(widest + COMBO_ROOM)
