"""Training curves: loss and learning rate, phase by phase."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtWidgets import QCheckBox

from sapo_studio.domain.runs import PHASE_LABELS
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import CurvePoints
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from sapo_ui.widgets.charts.plot_math import Floats
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label

MOST_LINES = 6


@dataclass(eq=False)
class _Curve:
    phase: str
    iteration: int
    steps: Floats = field(default_factory=lambda: np.zeros(0))
    values: Floats = field(default_factory=lambda: np.zeros(0))


class TrainingPanel(DataPanel):
    """Curves of one kind of phase and one quantity, a line an iteration. Only new points are read."""

    panel_id = "training"
    title = "Training"
    help = """### Training

Loss and learning rate of the warm-up, the verifiers and the alignments, a line an iteration, over optimiser steps.
Every spike is kept: where points are denser than pixels, the lowest and the highest of each pixel are drawn. *Log
scale* leaves out values of 0 and less. Left and Right read a step. The wheel zooms into a range of steps, dragging
moves along, a double click shows all of them again; the right mouse button saves picture and numbers (Ctrl+Shift+E).
"""
    empty_headline = "Nothing has been trained yet"
    empty_text = "The first points come with the warm-up, or with the first verifier if the run has no warm-up."
    import_text = "Nothing was trained for an imported file."

    @classmethod
    def brief(cls, store: Store, run_id: str) -> str:
        last = queries.last_loss(store, run_id)
        return f"{PHASE_LABELS.get(last[0], last[0])} loss {fmt.number(last[1])}" if last is not None else ""

    def __init__(self) -> None:
        super().__init__()
        self._curves: dict[tuple[int, str], _Curve] = {}
        self._drawn: tuple[str | None, object] = (None, None)
        self.phase = combo_box("Phase", [], "Which kind of training")
        self.quantity = combo_box("Quantity", [], "Which curve")
        self.log_scale = QCheckBox("Log scale")
        self.log_scale.setFont(theme.font("small"))
        self.readout = label("", "small", "muted")
        self.chart = LineChart(zoom=True)
        self.chart.setAccessibleName("Training curves")
        self.chart.setToolTip("Wheel: zoom. Drag: move. Double click: all steps.")
        top = FlowRow()
        top.add(self.phase, self.quantity, self.log_scale, self.readout)
        self.column.addWidget(top)
        self.column.addWidget(self.chart, 1)
        self.phase.currentIndexChanged.connect(self._phase_chosen)
        self.quantity.currentIndexChanged.connect(self._draw)
        self.log_scale.toggled.connect(self.chart.set_log)
        self.chart.hovered.connect(self._read_at)

    def clear(self) -> None:
        self._curves.clear()

    def load(self, run_id: str) -> None:
        after = {key: int(curve.steps[-1]) for key, curve in self._curves.items() if len(curve.steps)}

        def work(store: Store) -> list[CurvePoints]:
            return queries.curves(store, run_id, after)

        self.read(work, self._take)

    def _take(self, found: list[CurvePoints]) -> None:
        for points in found:
            key = (points.ordinal, points.name)
            curve = self._curves.setdefault(key, _Curve(points.phase, points.iteration))
            last = curve.steps[-1] if len(curve.steps) else -1
            fresh = points.steps > last
            curve.steps = np.concatenate([curve.steps, points.steps[fresh].astype(np.float64)])
            curve.values = np.concatenate([curve.values, points.values[fresh]])
        self.set_filled(bool(self._curves))
        if found:
            kinds = list(dict.fromkeys(curve.phase for _, curve in sorted(self._curves.items())))
            was_last = self.phase.currentIndex() == self.phase.count() - 1
            set_items(self.phase, [(PHASE_LABELS.get(kind, kind), kind) for kind in kinds])
            if was_last and not self.phase.hasFocus():
                blocked = self.phase.blockSignals(True)
                self.phase.setCurrentIndex(self.phase.count() - 1)
                self.phase.blockSignals(blocked)
            self._phase_chosen()

    def _phase_chosen(self) -> None:
        phase: object = self.phase.currentData()
        names = sorted({name for (_, name), curve in self._curves.items() if curve.phase == phase}, key=_rank)
        set_items(self.quantity, [(name.replace("_", " ").capitalize(), name) for name in names])
        self._draw()

    def _draw(self) -> None:
        phase: object = self.phase.currentData()
        wanted: object = self.quantity.currentData()
        if (self._run_id, phase) != self._drawn:  # other steps: what was zoomed to means nothing there
            self._drawn = (self._run_id, phase)
            self.chart.reset_view()
        mine = [
            (ordinal, curve)
            for (ordinal, name), curve in sorted(self._curves.items())
            if curve.phase == phase and name == wanted
        ][-MOST_LINES:]
        lines = [
            Line(
                f"it {curve.iteration}" if len(mine) > 1 else str(wanted).replace("_", " "),
                curve.steps,
                curve.values,
                series=curve.iteration,
            )
            for _, curve in mine
        ]
        self.chart.set_lines(
            lines,
            y_format="{:g}".format,
            value_format=fmt.number,
            x_format=fmt.count,
            whole_x=True,
            units=("optimiser steps", str(wanted).replace("_", " ")),
        )
        self._read_at(None)

    def _read_at(self, at: object) -> None:
        self.readout.setText(f"step {fmt.count(at)}" if isinstance(at, float) else "over optimiser steps")


def _rank(name: str) -> tuple[int, str]:
    """Losses first, learning rates last."""
    return (0 if name == "loss" else 1 if "loss" in name else 3 if name in ("lr", "learning_rate") else 2, name)
