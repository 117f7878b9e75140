"""Reward and truth: mean reward and greedy accuracy, iteration by iteration, and the alarm when they part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QWidget

from sapo_studio.domain.reward_and_truth import EVALUATIONS, Evaluated, parted
from sapo_ui import format as fmt
from sapo_ui.widgets.card import TitledCard
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice

HEIGHT = 150


class RewardCard(TitledCard):
    """Two lines over iterations. `alarm` warns where they part; it stands where everybody sees it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Reward and truth", parent)
        self.alarm = Notice()
        self.chart = LineChart()
        self.chart.setFixedHeight(HEIGHT)
        self.chart.setAccessibleName("Mean reward and greedy accuracy by iteration")
        self.note = label("", "small", "muted", wrap=True)
        self.column.addWidget(self.chart)
        self.column.addWidget(self.note)

    def show_evaluations(self, evaluations: Sequence[Evaluated]) -> None:
        """Show these, in order."""
        found = parted(evaluations)
        self.alarm.say(
            f"Reward and truth part at iteration {found.since}: rewards rise, and greedy accuracy fell by"
            f" {fmt.points(found.fall)} ({fmt.points(found.low)} to {fmt.points(found.high)}) since."
            if found
            else ""
        )
        self.chart.setVisible(bool(evaluations))
        self.note.setText(
            f"Alarm when rewards rise over {EVALUATIONS} evaluations and accuracy falls by more than chance."
            if evaluations
            else "Rewards and accuracies are measured at the end of each iteration."
        )
        x = np.array([one.iteration for one in evaluations], dtype=np.float64)
        lines = [
            Line("Reward", x, np.array([one.reward for one in evaluations])),
            Line(
                "Greedy",
                x,
                np.array([one.accuracy for one in evaluations]),
                np.array([one.low for one in evaluations]),
                np.array([one.high for one in evaluations]),
                1,
            ),
        ]
        if evaluations:
            ticks = [(float(one.iteration), str(one.iteration)) for one in evaluations]
            self.chart.set_lines(
                lines,
                x_ticks=ticks,
                y_format=fmt.number,
                value_format=fmt.percent,
                y_least=0.1,
                units=("iteration", "fraction"),
            )
