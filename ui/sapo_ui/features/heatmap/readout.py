"""The line below the heatmap that reads one cell: the step's text, its score, its drop, its marks and labels."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.store import queries
from sapo_studio.store.codec import row_number
from sapo_studio.store.db import Store
from sapo_studio.store.records import HeatmapData, TraceDetail
from sapo_ui import theme
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.services import tasks
from sapo_ui.widgets.elided_label import ElidedLabel

WORDS = {"1": "correct", "0": "incorrect", "n": "neutral"}
KEPT = 200


class Readout(QWidget):
    """Two lines of fixed height. The step's text comes from the store, in the background; the rest is known at once."""

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hint = hint
        self._known: dict[int, TraceDetail] = {}
        self._wanted: tuple[HeatmapData, Cell, int] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        self.step = ElidedLabel(theme.font("mono_small"))
        self.facts = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        column.addWidget(self.step)
        column.addWidget(self.facts)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clear()

    def forget(self) -> None:
        """Drop what is kept of other runs."""
        self._known.clear()
        self.clear()

    def drop(self, trajectory_id: int) -> None:
        """This trajectory has changed."""
        self._known.pop(trajectory_id, None)

    def clear(self) -> None:
        """No cell is read: show the hint."""
        self._wanted = None
        self.step.set_text("")
        self.facts.set_text(self._hint)

    def read(self, data: HeatmapData, cell: Cell, verifier: int) -> None:
        """Read a cell of `data`."""
        self._wanted = (data, cell, verifier)
        trajectory = int(data.ids[cell.column])
        detail = self._known.get(trajectory)
        self.facts.set_text(facts(data, cell, verifier, detail))
        if detail is not None:
            self.step.set_text(step_text(detail, cell.row))
            return
        self.step.set_text("")

        def work(store: Store) -> TraceDetail:
            return queries.trace(store, trajectory)

        tasks.run(self, work, self._take, failed=self._gone, key="cell")

    def _gone(self, error: Exception) -> None:
        """The run was deleted meanwhile."""
        del error
        self.clear()

    def _take(self, detail: TraceDetail) -> None:
        if len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[detail.id] = detail
        if self._wanted is not None:
            data, cell, verifier = self._wanted
            if int(data.ids[cell.column]) == detail.id:
                self.read(data, cell, verifier)


def step_text(detail: TraceDetail, row: int) -> str:
    """What the step says, on one line; the question for the strip below the columns (row 0)."""
    if row < 1:
        return " ".join(detail.question.split())
    return " ".join(detail.steps[row - 1].split()) if row <= len(detail.steps) else ""


def facts(data: HeatmapData, cell: Cell, verifier: int, detail: TraceDetail | None) -> str:
    """Everything about a cell but its text, in one line."""
    column, row = cell.column, cell.row
    n = int(data.n_steps[column])
    who = f"question {row_number(int(data.question_ids[column]))}, trajectory {row_number(int(data.ids[column]))}"
    outcome = "correct answer" if data.correct[column] else "incorrect answer"
    case = f", {data.case[column]}" if data.case[column] not in ("", "right") else ""
    if row < 1 or row > n:
        return f"{who}: {n} steps, {outcome}{case}" + (f" (no step {row})" if row > n else "")
    score = float(data.scores[column, row - 1])
    before = 1.0 if row == 1 else float(data.scores[column, row - 2])
    parts = [f"step {row} of {n}"]
    if np.isfinite(score):
        drop = before - score
        parts.append(f"V{verifier} {score:.2f}")
        parts.append(f"drop {drop:.2f}" if drop >= 0.005 else f"rise {-drop:.2f}" if drop <= -0.005 else "no drop")
    for shape, name, rows in (
        ("\u25b3", "predicted first error", data.predicted),
        ("\u25a0", "verified first error", data.verified),
        ("\u25cb", "first error by a person", data.human),
    ):
        if int(rows[column]) == row:
            parts.append(f"{shape} {name}")
    if detail is not None:
        for label in detail.labels:
            word = WORDS.get(label.labels[row - 1 : row])
            if word:
                parts.append(f"{label.source}: {word}")
        if detail.truth >= 0:
            parts.append("truth: " + ("incorrect" if 0 < detail.truth <= row else "correct"))
    return " \u00b7 ".join([*parts, f"{who}, {outcome}{case}"])
