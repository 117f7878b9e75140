"""The verifier heatmap: every trajectory a column, every step a cell, colour the verifier's score, marks where
reasoning breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QStackedWidget, QToolButton

from sapo_studio.config.schema import RunConfig
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import HeatmapData
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.heatmap.binning import Grid, MarkLayer
from sapo_ui.features.heatmap.cell_card import CellCard
from sapo_ui.features.heatmap.groups import groups_of
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.features.heatmap.mark_legend import MarkLegend
from sapo_ui.features.heatmap.selection import HeatmapControls
from sapo_ui.features.heatmap.view import HeatmapView
from sapo_ui.panels import emptiness
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services import tasks
from sapo_ui.services.annotations import annotation_events
from sapo_ui.widgets.combo import choose_values, chosen_values
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import EmptyState

LIMIT = 20_000
HINT = (
    "Arrows move a cursor \u00b7 Enter or a click opens the trace \u00b7 + \u2212 or the wheel zoom, 0 fits \u00b7 "
    "Space replays"
)


@dataclass(frozen=True, eq=False)
class _Found:
    data: HeatmapData | None
    verifier: int | None
    verifiers: list[int]
    iteration: int
    sort: str


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

**Below** stand the groups of the order that is chosen: where the first error is, which question, how long. A card
reads the cell that the pointer or the cursor is on. New trajectories come in by themselves until you read: then they
wait for a click. The right mouse button saves picture and numbers (Ctrl+Shift+E).

Where columns are narrower than a pixel, each pixel column is the mean of the trajectories under it, and a
mark stands for the most frequent one beneath it (a person's mark always stays).

**V0, V1, ...** choose whose scores are shown; *Replay* goes through them. *Fresh samples* are the
trajectories that each verifier scored first.

{HINT}.
"""
    keys = HINT
    empty_headline = "No trajectory has been scored yet"
    empty_text = "The first scores come with the first verifier: after the warm-up, the samples and their labels."
    import_text = "An imported file has no scores until a verifier scores it: Run menu, Score with a verifier."

    def why_never(self, config: RunConfig) -> str:
        return emptiness.no_verifier(config)

    def __init__(self) -> None:
        super().__init__()
        self._data: HeatmapData | None = None
        self._verifier: int | None = None
        self._pending: _Found | None = None
        self._asked: object = None
        self._sort = "question"
        self._later: dict[str, str] = {}  # where the user was in the run that is shown next
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
        self.note = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.news = QPushButton()
        self.news.setFont(theme.font("small"))
        self.news.setProperty("look", "pill")
        self.news.setToolTip("Show the trajectories that came while you were reading")
        self.news.setVisible(False)
        self.news.clicked.connect(self._show_pending)
        self.card = CellCard(self.view)
        head = QHBoxLayout()
        head.setSpacing(theme.SPACE_2)
        head.addWidget(self.controls, 1)
        head.addWidget(self.news, 0, Qt.AlignmentFlag.AlignTop)
        self.column.addLayout(head)
        self.column.addWidget(self.pages, 1)
        foot = QHBoxLayout()
        foot.setSpacing(0)
        foot.addWidget(self.legend)
        foot.addSpacing(theme.SPACE_4)
        foot.addWidget(self.note, 1)
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
            foot.addWidget(button)
        self.column.addLayout(foot)
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
        verifier = self._later.pop("verifier", "")
        if verifier.isdecimal():
            self.controls.pin(int(verifier))
        self.news.setVisible(False)
        self.card.forget()

    @property
    def shown_total(self) -> int:
        """How many trajectories the picture is of; those beyond its width are counted too."""
        return self._data.total if self._data is not None else 0

    def choices(self) -> dict[str, str]:
        return chosen_values(self.controls.boxes)

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        choose_values(self.controls.boxes, choices)

    def position(self) -> dict[str, str]:
        first, last = self.view.visible_range
        whole = last - first >= self.view.grid.columns
        return {**self.controls.position(), "range": "" if whole else f"{first} {last}"}

    def restore_position(self, position: Mapping[str, str]) -> None:
        self._later = dict(position)

    def load(self, run_id: str) -> None:
        selection = self.controls.selection

        def work(store: Store) -> tuple[object, _Found]:
            verifiers = queries.verifiers_of(store, run_id)
            run = queries.get_run(store, run_id)
            reached = 0 if run.imported else max(run.iteration, max(verifiers, default=0))
            if not verifiers:
                return selection, _Found(None, None, [], reached, selection.sort)
            data, verifier = None, verifiers[-1]
            # The newest verifier may have scored nothing of what is asked for yet: then the one before still shows.
            for verifier in reversed(verifiers) if selection.verifier is None else [selection.verifier]:
                for query in selection.queries(run_id, verifier, LIMIT, imported=run.imported):
                    data = queries.heatmap(store, query)
                    if data.total:
                        return selection, _Found(data, verifier, verifiers, reached, selection.sort)
            verifier = verifiers[-1] if selection.verifier is None else selection.verifier
            return selection, _Found(data, verifier, verifiers, reached, selection.sort)

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
            self._pending = None
            self.news.setVisible(False)
            self.controls.show_known(found.verifiers, found.iteration, self._verifier)
            return
        if before is not None and again and before.total and (self._busy() or self._pending is not None):
            self._pending = found
            more = found.data.total - before.total
            self.news.setText(f"{fmt.count(more)} new" if more > 0 else "New scores")
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
        self._data, self._verifier, self._sort = found.data, found.verifier, found.sort
        self.controls.show_known(found.verifiers, found.iteration, found.verifier)
        self.view.set_grid(to_grid(found.data, self._sort), keep_view=keep_view)
        seen = self._later.pop("range", "").split()
        if len(seen) == 2 and all(part.isdecimal() for part in seen):
            self.view.show_range(int(seen[0]), int(seen[1]))
        self.pages.setCurrentWidget(self.view if len(found.data.ids) else self.nothing)
        self._say_view()
        self._pointed(None)

    def _say_view(self) -> None:
        data = self._data
        if data is None:
            self.note.set_text("")
            return
        shown = len(data.ids)
        text = f"{shown:,} trajectories" if data.total <= shown else f"first {shown:,} of {data.total:,} trajectories"
        per_pixel = self.view.layout_now.per_pixel
        if per_pixel > 1:
            text += f", {per_pixel:.2g} to a pixel"
        if self.view.layout_now.merges_marks and shown:
            text += ", marks merged"
        self.note.set_text(text)

    def _pointed(self, cell: object) -> None:
        del cell
        at = self.view.hover_cell or (self.view.cursor_cell if self.view.hasFocus() else None)
        if at is None or self._data is None or self._verifier is None or at.column >= len(self._data.ids):
            self.card.clear()
        else:
            self.card.read(self._data, at, self._verifier, self.view.layout_now.rect_of(at))

    def _open(self, cell: object) -> None:
        if isinstance(cell, Cell) and self._data is not None:
            step = cell.row if cell.row <= int(self._data.n_steps[cell.column]) else 0  # 0 below the picture too
            self.trace_requested.emit(int(self._data.ids[cell.column]), step)

    def _judged(self, trajectory: object, human: object) -> None:
        """Somebody judged a step: the mark changes in place, nothing moves."""
        if not isinstance(trajectory, int) or not isinstance(human, int):
            return
        tasks.overtake(self)  # what is being read may be without it
        self.card.drop(trajectory)
        waits = self._pending
        if waits is not None and waits.data is not None:
            self._pending = replace(waits, data=with_human(waits.data, trajectory, human))
        data = self._data
        if data is not None and trajectory in data.ids:
            self._data = with_human(data, trajectory, human)
            self.view.set_grid(to_grid(self._data, self._sort), keep_view=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.view and event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._pointed(None)
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.controls.toggle_replay()
        else:
            super().keyPressEvent(event)


def with_human(data: HeatmapData, trajectory: int, human: int) -> HeatmapData:
    """`data` with another first error as people say of a trajectory, where it is in it."""
    return replace(data, human=np.where(data.ids == trajectory, human, data.human).astype(data.human.dtype))


def same(a: HeatmapData, b: HeatmapData) -> bool:
    """Whether two answers draw the same picture."""
    pairs = ((a.ids, b.ids), (a.predicted, b.predicted), (a.verified, b.verified), (a.human, b.human))
    return (
        a.total == b.total
        and all(np.array_equal(x, y) for x, y in pairs)
        and np.array_equal(a.scores, b.scores, equal_nan=True)
    )


def to_grid(data: HeatmapData, sort: str) -> Grid:
    """The columns that the view draws, grouped by the order that they stand in."""
    groups, names = groups_of(data, sort)
    marks = (
        MarkLayer("person", "ring", np.maximum(data.human, 0).astype(np.int64), always=True),
        MarkLayer("verified", "square", np.maximum(data.verified, 0).astype(np.int64)),
        MarkLayer("predicted", "triangle", np.where(data.correct, 0, np.maximum(data.predicted, 0)).astype(np.int64)),
    )
    return Grid(data.scores, groups, marks, names)
