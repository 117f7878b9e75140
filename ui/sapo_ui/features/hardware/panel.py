"""What this machine and the run's engine are using, while one looks."""

from __future__ import annotations

from collections import deque

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent

from sapo_studio.hardware import Gpu, Reading, Sampler, memory_in_use
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_ui import format as fmt
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.panels.metric_panel import whole_percent
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from sapo_ui.widgets.labels import label

EVERY_MS = 2000
KEPT = 150


class HardwarePanel(DataPanel):
    """CPU and memory of the machine, the engine's processes, GPUs. Sampled only while the panel is visible."""

    panel_id = "hardware"
    title = "Hardware"
    help = """### Hardware

CPU and memory of this machine over the last five minutes, what the run's engine processes use of it, and each
NVIDIA GPU with its memory and temperature. Sampled every two seconds, only while this panel is visible.
"""
    waits_for_user = True
    empty_headline = "No run is shown"
    empty_text = "Choose a run to see what it uses on this machine."

    @classmethod
    def brief(cls, store: Store, run_id: str) -> str:
        """Only while the run is alive: without it, nothing here would keep the number new."""
        if not queries.get_run(store, run_id).status.alive:
            return ""
        used, total = memory_in_use()
        return f"{fmt.size(used)} of {fmt.size(total)} in use"

    def __init__(self) -> None:
        super().__init__()
        self._readings: deque[Reading] = deque(maxlen=KEPT)
        self._sampler: Sampler | None = None
        self.chart = LineChart()
        self.chart.setAccessibleName("CPU and memory of this machine")
        self.engine = label("", wrap=True)
        self.gpus = label("", "body", "muted", wrap=True)
        self.column.addWidget(self.engine)
        self.column.addWidget(self.chart, 1)
        self.column.addWidget(self.gpus)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.sample)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What was sampled, oldest first."""
        return tuple(self._readings)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.sample()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def clear(self) -> None:
        self._readings.clear()

    def load(self, run_id: str) -> None:
        """What the store says of the run does not change this panel; the timer samples it."""
        if not self._readings:
            self.sample()

    def sample(self) -> None:
        """Take a reading, in the background."""
        run_id = self._run_id
        if run_id is None or not self.isVisible():
            return

        def work(store: Store) -> Reading:
            if self._sampler is None:
                self._sampler = Sampler()
            run = queries.get_run(store, run_id)
            return self._sampler.read(run.pid if run.status.alive else None)

        self.read(work, self._take, key="sample")

    def _take(self, reading: Reading) -> None:
        self._readings.append(reading)
        self.set_filled(True)
        seconds = EVERY_MS / 1000
        x = np.arange(1 - len(self._readings), 1).astype(np.float64) * seconds
        self.chart.set_lines(
            [
                Line("CPU", x, np.array([one.cpu for one in self._readings]), series=0),
                Line("Memory", x, np.array([one.used / max(1, one.total) for one in self._readings]), series=1),
            ],
            x_ticks=[(-300.0, "5 min ago"), (-240.0, "4"), (-180.0, "3"), (-120.0, "2"), (-60.0, "1"), (0.0, "now")],
            y_format=whole_percent,
            y_range=(0.0, 1.0),
            units=("seconds", "fraction"),
        )
        memory = f"{fmt.size(reading.used)} of {fmt.size(reading.total)} memory in use on this machine"
        if reading.engine_processes:
            noun = "process" if reading.engine_processes == 1 else "processes"
            self.engine.setText(
                f"Engine: {reading.engine_processes} {noun}, {fmt.number(reading.engine_cpu)} cores, "
                f"{fmt.size(reading.engine_memory)}. {memory}."
            )
        else:
            self.engine.setText(f"No engine process is running for this run. {memory}.")
        reason = "" if self._sampler is None else self._sampler.gpu_reason
        self.gpus.setText(
            "\n".join(gpu_text(gpu) for gpu in reading.gpus) or reason or "No NVIDIA GPU in this machine."
        )


def gpu_text(gpu: Gpu) -> str:
    """`RTX 4090: 87 %, 10.2 GB of 24.0 GB, 61 degrees`."""
    heat = "" if gpu.temperature is None else f", {gpu.temperature} \u00b0C"
    return f"{gpu.name}: {fmt.percent(gpu.load)}, {fmt.size(gpu.used)} of {fmt.size(gpu.total)}{heat}"
