"""The alarms of a run that nobody has seen yet: what is so, in figures, what to do, and a button that says: seen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from sapo_studio.domain.alarms import TITLES
from sapo_studio.store.records import UnseenAlarm
from sapo_ui import theme
from sapo_ui.widgets.labels import label

MOST = 168
"""Pixels; more alarms than fit are scrolled to."""


class AlarmList(QScrollArea):
    """One row an alarm, the oldest first."""

    seen = Signal(object)
    """(list of ids) The user knows of these."""

    def __init__(self, before: QWidget, parent: QWidget | None = None) -> None:
        """`before`: after which Tab comes here."""
        super().__init__(parent)
        self._before = before
        self._alarms: tuple[UnseenAlarm, ...] = ()
        self.buttons: list[QPushButton] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Alarms")

    def show_alarms(self, alarms: Sequence[UnseenAlarm]) -> None:
        """Show these."""
        if tuple(alarms) == self._alarms:
            return
        self._alarms = tuple(alarms)
        inside = QFrame()
        inside.setProperty("look", "banner-warning")
        column = QVBoxLayout(inside)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_2, theme.SPACE_2)
        column.setSpacing(theme.SPACE_2)
        self.buttons = [self._add(column, alarm) for alarm in self._alarms]
        self.setWidget(inside)
        for before, button in pairwise([self._before, *self.buttons]):
            QWidget.setTabOrder(before, button)
        self._keep_room()

    def _add(self, column: QVBoxLayout, alarm: UnseenAlarm) -> QPushButton:
        title = f"Iteration {alarm.iteration}: {TITLES.get(alarm.kind, alarm.kind)}"
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(label(title, "strong"))
        texts.addWidget(label(alarm.message, "small", wrap=True))
        button = QPushButton("Seen")
        button.setAccessibleName(f"Seen: {title}")
        button.setToolTip("Take it out of this line and off the badge. It stays in the report.")
        button.clicked.connect(lambda: self.seen.emit([alarm.id]))
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_3)
        row.addLayout(texts, 1)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        return button

    def resizeEvent(self, arg__1: QResizeEvent) -> None:
        super().resizeEvent(arg__1)
        self._keep_room()

    def _keep_room(self) -> None:
        inside = self.widget()
        if inside is not None:
            needed = inside.heightForWidth(max(1, self.viewport().width()))
            self.setFixedHeight(min(MOST, max(needed, inside.minimumSizeHint().height())))
