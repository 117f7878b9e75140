"""Reading: the list of trajectories on the left, one of them over the whole height on the right."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.traces.panel import TracesPanel
from sapo_ui.features.traces.view import TraceView
from sapo_ui.panels.panel import Panel
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.share_splitter import ShareSplitter


class Reader(Panel):
    """The list follows what is open, and the open trajectory follows the list. Filtering leaves it open."""

    panel_id = "read"
    title = "Read"
    help = TracesPanel.help + "\n" + TraceView.help

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table, self.trace = TracesPanel(), TraceView()
        self._from_list = True  # the open trajectory was opened from the list, so Esc goes there
        self.split = ShareSplitter(Qt.Orientation.Horizontal, (42, 58))
        for panel, least in ((self.table, 320), (self.trace, 440)):
            card = Card(panel)
            card.setMinimumWidth(least)
            self.split.addWidget(card)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_2)
        row.addWidget(self.split)
        self.table.chosen.connect(self._preview)
        self.table.trace_requested.connect(self._open)
        self.table.queue_requested.connect(self.queue_requested)
        self.table.listed.connect(self._say_place)
        self.trace.moved.connect(self._move)
        self.trace.shown.connect(self._shown)
        self.trace.back_requested.connect(self._leave_trace)

    def show_run(self, run_id: str | None) -> None:
        self.table.show_run(run_id)
        self.trace.show_run(run_id)

    def refresh(self, change: StoreChange) -> None:
        self.table.refresh(change)
        self.trace.refresh(change)

    def choices(self) -> dict[str, str]:
        return {**self.table.choices(), "shares": self.split.text()}

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        self.table.restore_choices(choices)
        self.split.restore(choices.get("shares", ""))

    def take_focus(self) -> bool:
        self.table.table.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def position(self) -> dict[str, str]:
        found = self.table.position()
        if self.trace.wanted is not None:
            found |= {"trace": str(self.trace.wanted), "step": str(self.trace.steps.chosen)}
        return found

    def restore_position(self, position: Mapping[str, str]) -> None:
        self.table.restore_position(position)
        self.trace.open_later(_number(position.get("trace")), _number(position.get("step")) or 0)

    def show_trace(self, trajectory_id: int, step: int = 0) -> bool:
        self._from_list = False
        return self.trace.show_trace(trajectory_id, step)

    def _open(self, trajectory: object, step: object) -> None:
        if isinstance(trajectory, int) and isinstance(step, int):
            self.trace.show_trace(trajectory, step)
            self._from_list = True

    def _preview(self, trajectory: object) -> None:
        if isinstance(trajectory, int) and trajectory != self.trace.wanted:
            self.trace.preview(trajectory)

    def _move(self, step: object) -> None:
        if isinstance(step, int):
            self.table.go(step)

    def _shown(self, trajectory: object) -> None:
        if isinstance(trajectory, int):
            self.table.select(trajectory)
            self._say_place()

    def _say_place(self) -> None:
        """Where the open trajectory stands in the list, and what stands around it."""
        trajectory = self.trace.wanted
        if trajectory is None:
            return
        place, count = self.table.place_of(trajectory), len(self.table.model.ids)
        self.trace.set_position(f"{place:,} of {count:,}" if place else "not in this filter" if count else "")
        if place and self.table.selected_id != trajectory:
            self.table.select(trajectory)
        self.trace.prefetch(self.table.around(trajectory))

    def _leave_trace(self) -> None:
        if self._from_list:
            self.take_focus()
        else:
            self.back_requested.emit()


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
