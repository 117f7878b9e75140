"""The verifier heatmap: every trajectory a column, every step a cell, colour the verifier's score, marks where
reasoning breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QToolButton, QWidget

from sapo_studio.store import queries
from sapo_studio.store.codec import row_numbers
from sapo_studio.store.db import Store
from sapo_studio.store.records import HeatmapData
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.heatmap.binning import Grid, MarkLayer
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.features.heatmap.mark_legend import MarkLegend
from sapo_ui.features.heatmap.readout import Readout
from sapo_ui.features.heatmap.selection import HeatmapControls
from sapo_ui.features.heatmap.view import HeatmapView
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services.annotations import annotation_events
from sapo_ui.widgets.combo import choose_values, chosen_values
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import EmptyState, label

LIMIT = 20_000
HINT = (
    "Arrows move a cursor \u00b7 Enter or a click opens the trace \u00b7 + \u2212 or the wheel zoom, 0 fits \u00b7 "
    "Space replays"
)

MERGING = (
    "Where columns are narrower than a pixel, each pixel column is the mean of those under it. Where they are narrower "
    "than a mark, one mark stands for the most frequent one beneath it; a person's mark always stays."
)


@dataclass(frozen=True, eq=False)
class _Found:
    data: HeatmapData | None
    verifier: int | None
    verifiers: list[int]
    iteration: int


class HeatmapPanel(DataPanel):
    """Follows the run: the newest verifier, and rows as they come, unless the pointer or the cursor is on the
    picture."""

    panel_id = "heatmap"
    title = "Verifier heatmap"
    help = f"""### Verifier heatmap

Each **column** is a trajectory, each **row** a step, the **colour** the verifier's score of the solution up
to that step, from 0 (incorrect) to 1 (correct so far). The scale is the same for every run. Hatched cells are steps
that a shorter solution does not have.

* **Hollow triangle**: predicted first error, the step with the largest drop in score.
* **Filled square**: first error as rollouts verified it.
* **Ring**: first error as a person judged it.

The **strip below** has one tone a question, with its number; the pointed-at question lights up everywhere.
Where columns are narrower than a pixel, each pixel column is the mean of the trajectories under it, and a
mark stands for the most frequent one beneath it (a person's mark always stays).

**V0, V1, ...** choose whose scores are shown; *Replay* goes through them. *Fresh samples* are the
trajectories that each verifier scored first.

{HINT}.
"""
    empty_headline = "No trajectory has been scored yet"
    empty_text = "The first scores come with the first verifier: after the warm-up, the samples and their labels."

    def __init__(self) -> None:
        super().__init__()
        self._data: HeatmapData | None = None
        self._verifier: int | None = None
        self._pending: _Found | None = None
        self._asked: object = None
        self.controls = HeatmapControls()
        self.view = HeatmapView()
        self.view.setAccessibleName("Verifier heatmap")
        self.view.setAccessibleDescription(HINT)
        self.nothing = EmptyState("No trajectory matches", "Choose another verifier, outcome or case above.")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.view)
        self.pages.addWidget(self.nothing)
        self.legend = MarkLegend(
            (("triangle", "predicted"), ("square", "verified"), ("ring", "person"), ("hatch", "no such step")),
            "The first error: predicted by the verifier's largest drop, verified by rollouts, judged by a person",
        )
        self.note = label("", "small", "muted")
        self.note.setToolTip(MERGING)
        self.news = QPushButton()
        self.news.setFont(theme.font("small"))
        self.news.setVisible(False)
        self.news.clicked.connect(self._show_pending)
        self.readout = Readout(HINT)
        self.column.addWidget(self.controls)
        self.column.addWidget(self.pages, 1)
        foot = FlowRow(gap=theme.SPACE_3)
        zoom = QWidget()
        buttons = QHBoxLayout(zoom)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(0)
        for text, name, act in (
            ("\u2212", "Zoom out", lambda: self.view.zoom(1 / 1.6)),
            ("+", "Zoom in", lambda: self.view.zoom(1.6)),
            ("Fit", "Show every trajectory", self.view.fit),
        ):
            button = QToolButton()
            button.setText(text)
            button.setAccessibleName(name)
            button.setToolTip(f"{name} ({'0' if text == 'Fit' else text})")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(act)
            button.setStyleSheet("padding: 1px 7px;")
            buttons.addWidget(button)
        foot.add(self.legend, zoom, self.note, self.news)
        self.column.addWidget(foot)
        self.column.addWidget(self.readout)
        self.controls.changed.connect(self._asked_again)
        self.view.hovered.connect(self._pointed)
        self.view.cursor_moved.connect(self._pointed)
        self.view.activated.connect(self._open)
        self.view.view_changed.connect(self._say_view)
        self.view.installEventFilter(self)
        annotation_events().judged.connect(self._judged)

    @property
    def data(self) -> HeatmapData | None:
        """What is on screen."""
        return self._data

    @property
    def verifier(self) -> int | None:
        """Whose scores are on screen."""
        return self._verifier

    def clear(self) -> None:
        self._data = self._pending = None
        self.controls.follow()
        self.news.setVisible(False)
        self.readout.forget()

    @property
    def shown_total(self) -> int:
        """How many trajectories the picture is of; those beyond its width are counted too."""
        return self._data.total if self._data is not None else 0

    def choices(self) -> dict[str, str]:
        return chosen_values(self.controls.boxes)

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        choose_values(self.controls.boxes, choices)

    def load(self, run_id: str) -> None:
        selection = self.controls.selection

        def work(store: Store) -> tuple[object, _Found]:
            verifiers = queries.verifiers_of(store, run_id)
            run = queries.get_run(store, run_id)
            reached = 0 if run.imported else max(run.iteration, max(verifiers, default=0))
            if not verifiers:
                return selection, _Found(None, None, [], reached)
            data = None
            for query in selection.queries(run_id, verifiers[-1], LIMIT, imported=run.imported):
                data = queries.heatmap(store, query)
                if data.total:
                    break
            verifier = verifiers[-1] if selection.verifier is None else selection.verifier
            return selection, _Found(data, verifier, verifiers, reached)

        self.read(work, self._take)

    def _asked_again(self) -> None:
        if self._run_id is not None:
            self._pending = None
            self.load(self._run_id)

    def _take(self, result: tuple[object, _Found]) -> None:
        asked, found = result
        if asked != self.controls.selection:
            return
        again, self._asked = asked == self._asked, asked
        if found.data is None:
            self.set_filled(False)
            return
        self.set_filled(True)
        before = self._data
        unmoved = again and found.verifier == self._verifier
        if before is not None and unmoved and same(before, found.data):
            self.controls.show_known(found.verifiers, found.iteration, self._verifier)
            return
        if before is not None and again and before.total and self._busy():
            self._pending = found
            more = found.data.total - before.total
            self.news.setText(f"{fmt.count(more)} new, show" if more > 0 else "New scores, show")
            self.news.setVisible(True)
            return
        self._show(found, keep_view=unmoved)

    def _busy(self) -> bool:
        """Whether the user is reading the picture: it must not move then."""
        reading = self.view.hasFocus() and self.view.cursor_cell is not None
        return self.view.hover_cell is not None or reading

    def _show_pending(self) -> None:
        found, self._pending = self._pending, None
        self.news.setVisible(False)
        if found is not None:
            self._show(found, keep_view=found.verifier == self._verifier)

    def _show(self, found: _Found, *, keep_view: bool) -> None:
        if found.data is None:
            return
        self._pending = None
        self.news.setVisible(False)
        self._data, self._verifier = found.data, found.verifier
        self.controls.show_known(found.verifiers, found.iteration, found.verifier)
        self.view.set_grid(to_grid(found.data), keep_view=keep_view)
        self.pages.setCurrentWidget(self.view if len(found.data.ids) else self.nothing)
        self._say_view()
        self._pointed(None)

    def _say_view(self) -> None:
        data = self._data
        if data is None:
            self.note.setText("")
            return
        shown = len(data.ids)
        text = f"{fmt.count(shown)} trajectories"
        if data.total > shown:
            text = f"first {fmt.count(shown)} of {fmt.count(data.total)} trajectories"
        per_pixel = self.view.layout_now.per_pixel
        if per_pixel > 1:
            text += f", a pixel is the mean of {per_pixel:.2g}"
        if self.view.layout_now.merges_marks and shown:
            text += ", marks merged"
        self.note.setText(text)

    def _pointed(self, cell: object) -> None:
        del cell
        at = self.view.hover_cell or self.view.cursor_cell
        if at is None or self._data is None or self._verifier is None or at.column >= len(self._data.ids):
            self.readout.clear()
        else:
            self.readout.read(self._data, at, self._verifier)

    def _open(self, cell: object) -> None:
        if isinstance(cell, Cell) and self._data is not None:
            step = cell.row if cell.row <= int(self._data.n_steps[cell.column]) else 0  # 0 below the picture too
            self.trace_requested.emit(int(self._data.ids[cell.column]), step)

    def _judged(self, trajectory: object, human: object) -> None:
        """Somebody judged a step: the mark changes in place, nothing moves."""
        data = self._data
        if data is None or not isinstance(trajectory, int) or not isinstance(human, int):
            return
        self.readout.drop(trajectory)
        at = np.flatnonzero(data.ids == trajectory)
        if len(at):
            marks = data.human.copy()
            marks[at] = human
            self._data = replace(data, human=marks)
            self.view.set_grid(to_grid(self._data), keep_view=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        left = watched is self.view and event.type() in (QEvent.Type.Leave, QEvent.Type.FocusOut)
        if left and self._pending is not None and not self._busy_after(event.type()):
            self._show_pending()
        return super().eventFilter(watched, event)

    def _busy_after(self, left: QEvent.Type) -> bool:
        if left == QEvent.Type.Leave:
            return self.view.hasFocus() and self.view.cursor_cell is not None
        return self.view.hover_cell is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.controls.toggle_replay()
        else:
            super().keyPressEvent(event)


def same(a: HeatmapData, b: HeatmapData) -> bool:
    """Whether two answers draw the same picture."""
    pairs = ((a.ids, b.ids), (a.predicted, b.predicted), (a.verified, b.verified), (a.human, b.human))
    return (
        a.total == b.total
        and all(np.array_equal(x, y) for x, y in pairs)
        and np.array_equal(a.scores, b.scores, equal_nan=True)
    )


def to_grid(data: HeatmapData) -> Grid:
    """The columns that the view draws."""
    marks = (
        MarkLayer("person", "ring", np.maximum(data.human, 0).astype(np.int64), always=True),
        MarkLayer("verified", "square", np.maximum(data.verified, 0).astype(np.int64)),
        MarkLayer("predicted", "triangle", np.where(data.correct, 0, np.maximum(data.predicted, 0)).astype(np.int64)),
    )
    return Grid(data.scores, row_numbers(data.question_ids), marks)
