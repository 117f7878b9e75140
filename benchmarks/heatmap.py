"""How the heatmap's redraw grows with its columns, and how a million-row trace table scrolls.

CPU times, which depend on the machine; the ratios are what to look at. Run: python benchmarks/heatmap.py
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtWidgets import QApplication, QTableView

from sapo_ui import theme
from sapo_ui.features.heatmap.binning import Grid, MarkLayer
from sapo_ui.features.heatmap.view import HeatmapView
from sapo_ui.features.traces.table_model import TraceTable
from sapo_ui.services import tasks

COLUMNS = (200, 2_000, 20_000)
STEPS = 16
ROWS = 1_000_000


def median_ms(work: Callable[[], object], times: int = 15) -> float:
    """Median CPU time of `work` in milliseconds, after one warm-up call: steadier than wall time on a busy machine."""
    work()
    taken: list[float] = []
    for _ in range(times):
        begin = time.thread_time()
        work()
        taken.append(1000 * (time.thread_time() - begin))
    return statistics.median(taken)


def grid(n: int) -> Grid:
    """`n` made-up trajectories of 4 to 16 steps, half of them with a first error."""
    rng = np.random.default_rng(0)
    length, error = rng.integers(4, STEPS + 1, n), rng.integers(0, 5, n)
    step = np.arange(1, STEPS + 1)
    bad = (error[:, None] > 0) & (step[None, :] >= error[:, None])
    values = np.clip(np.where(bad, 0.2, 0.9) + rng.normal(0, 0.1, (n, STEPS)), 0, 1).astype(np.float32)
    values[step[None, :] > length[:, None]] = np.nan
    marks = (MarkLayer("verified", "square", error), MarkLayer("predicted", "triangle", np.roll(error, 1)))
    return Grid(values, rng.integers(0, max(1, n // 8), n), marks)


def redraw(view: HeatmapView, made: Grid) -> float:
    """Milliseconds to take new rows and paint them, at 1200 x 400."""

    def once() -> None:
        view.set_grid(made)
        view.grab()

    return median_ms(once)


def scroll() -> tuple[float, float]:
    """Milliseconds for a page of the million-row table to paint, the rows not being there yet: at the top, in the
    middle.

    The store behind it is empty: what is timed is the GUI thread, which never waits for the store.
    """
    model = TraceTable()
    table = QTableView()
    table.setModel(model)
    table.resize(1200, 400)
    table.show()
    model.set_ids(np.arange(ROWS, dtype=np.int64))
    bar = table.verticalScrollBar()

    def top() -> None:
        bar.setValue(0 if bar.value() else 20)
        table.grab()

    def middle() -> None:
        bar.setValue((bar.value() + 7919) % bar.maximum())
        table.grab()

    found = (median_ms(top), median_ms(middle, 60))
    table.deleteLater()
    return found


def main() -> None:
    app = QApplication([])
    theme.manager().attach(app)
    with tempfile.TemporaryDirectory() as folder:
        tasks.start(Path(folder) / "studio.db")
        view = HeatmapView()
        view.resize(1200, 400)
        view.show()
        times = {n: redraw(view, grid(n)) for n in COLUMNS}
        first = times[COLUMNS[0]]
        near, far = scroll()
        view.deleteLater()
        app.processEvents()
        tasks.stop()
    for n, taken in times.items():
        print(f"heatmap {n:>6} columns: {taken:6.1f} ms a redraw, {taken / first:5.2f} of that with {COLUMNS[0]}")
    print(f"trace table, {ROWS:,} rows: {near:5.1f} ms a page near the top, {far / near:.2f} of that anywhere")
    report = {
        "redraw_ms": {str(n): round(taken, 2) for n, taken in times.items()},
        "redraw_ratio": {str(n): round(taken / first, 3) for n, taken in times.items()},
        "scroll_ms": round(near, 2),
        "scroll_ratio": round(far / near, 3),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
