"""The whole window beside an engine that writes, and what an hour of that leaves in memory."""

from __future__ import annotations

import bisect
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
from PySide6.QtWidgets import QApplication

from sapo_studio import paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_ui.app import Program
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.features.metrics.training import TrainingPanel
from sapo_ui.features.traces.panel import TracesPanel
from sapo_ui.services import tasks
from sapo_ui.services.poller import StoreChange
from ui_parts import writer
from ui_parts.measure import Report, spread, until

SECONDS = 20


def beside_an_engine(home: Path) -> Report:
    """Frames of the whole window while another process writes 20,000 scores a second, how far the heatmap is behind,
    and whether it has everything in the end. A frame is one turn of the event loop with a zoom of the heatmap in it.
    """
    home.mkdir()
    os.environ[paths.HOME_VARIABLE] = str(home)
    path = paths.store_path()
    with Store.open(path) as store:
        run_id = runs.create_run(store, RunConfig.model_validate({"name": "live"}))
    program = Program(run=run_id, settings=home / "window.ini")
    window = program.open()
    window.resize(1280, 800)
    until(lambda: window.run_page.run_id == run_id)
    panel = window.run_page.findChild(HeatmapPanel)
    assert panel is not None
    engine = subprocess.Popen(
        [sys.executable, str(Path(writer.__file__)), str(path), run_id, str(SECONDS)], stdout=subprocess.PIPE, text=True
    )
    written: list[tuple[float, int]] = []

    def listen() -> None:
        assert engine.stdout is not None
        written.extend(tuple(json.loads(line)) for line in engine.stdout)

    listener = threading.Thread(target=listen)
    listener.start()
    own: list[float] = []
    behind: list[float] = []
    turn = 0
    while listener.is_alive():
        begin = time.thread_time()
        panel.view.zoom(0.9 if turn % 20 < 10 else 1 / 0.9, 0.5)
        window.repaint()
        program.app.processEvents()
        own.append(1000 * (time.thread_time() - begin))
        turn += 1
        shown = panel.shown_total
        if shown and written:
            # Behind by the age of the oldest batch that is in the store and not in the picture.
            missing = bisect.bisect_right([total for _, total in list(written)], shown)
            behind.append(max(0.0, time.time() - written[missing][0]) if missing < len(written) else 0.0)
        time.sleep(0.005)
    listener.join()
    engine.wait()
    total = written[-1][1]
    panel.view.clearFocus()
    until(lambda: panel.shown_total == total, 60)
    program.close()
    return {
        "frames": spread(own),
        "behind_s": {key.replace("_ms", "_s"): value for key, value in spread(behind).items()},
        "written": total,
        "shown": total,
        "scores_per_second": round(total * writer.STEPS / (written[-1][0] - written[0][0])),
    }


def an_hour(path: Path, looks: int) -> Report:
    """Memory over `looks` looks at a run that is written on between them; an hour has 3,600. After 200 looks the run
    has all its rows, and those are written again, so that only what is kept in vain can grow.
    """
    process = psutil.Process()
    with Store.open(path) as store:
        tasks.start(path)
        run_id = runs.create_run(store, RunConfig.model_validate({"name": "hour"}))
        ingest = writer.begin(store, run_id)
        panels = [HeatmapPanel(), TrainingPanel(), TracesPanel()]
        for panel in panels:
            panel.resize(900, 300)
            panel.show()
            panel.show_run(run_id)
        seen: list[float] = []
        for tick in range(looks):
            ingest.apply(writer.batch(tick % 200, 20))
            change = StoreChange(tuple(queries.list_runs(store)), frozenset({run_id}))
            for panel in panels:
                panel.refresh(change)
            until(lambda: tasks.pool().idle)
            QApplication.processEvents()
            if tick % 20 == 19:
                seen.append(round(process.memory_info().rss / 1e6, 1))
        for panel in panels:
            panel.deleteLater()
        tasks.stop()
    warm = seen[len(seen) // 4]
    return {"looks": looks, "mb_after_quarter": warm, "mb_at_end": seen[-1], "grown_mb": round(seen[-1] - warm, 1)}
