"""How long the window stands still where it changes as a whole: another theme, the first run, another page."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QAbstractEventDispatcher, QObject

from sapo_studio import paths
from sapo_studio.store.db import Store
from sapo_ui.app import Program
from sapo_ui.services import tasks
from ui_parts import large_store
from ui_parts.measure import Report, until


class StallMeter(QObject):
    """The longest turn of the event loop, in milliseconds of its thread on the processor, since `reset`."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._began: float | None = None
        loop = QAbstractEventDispatcher.instance()
        loop.awake.connect(self._wakes)
        loop.aboutToBlock.connect(self._rests)

    def reset(self) -> None:
        """Begin anew."""
        self.longest, self._began = 0.0, None

    def run(self, work: Callable[[], object]) -> None:
        """Take `work` as a turn of its own: what a key or a click would have started."""
        begin = time.thread_time()
        work()
        self._note(begin)

    def _wakes(self) -> None:
        self._rests()
        self._began = time.thread_time()

    def _rests(self) -> None:
        if self._began is not None:
            self._note(self._began)
        self._began = None

    def _note(self, begin: float) -> None:
        self.longest = max(self.longest, 1000 * (time.thread_time() - begin))


def switches(home: Path) -> Report:
    """The longest stall of each switch, the first time and a later one, over a run of 2,000 trajectories."""
    home.mkdir()
    os.environ[paths.HOME_VARIABLE] = str(home)
    with Store.open() as store:
        run_id = large_store.make(store, 2000)
    program = Program(run=run_id, settings=home / "window.ini")
    window = program.open()
    window.resize(1280, 800)
    meter = StallMeter()
    report: Report = {}

    def take(name: str, work: Callable[[], object]) -> None:
        meter.reset()
        meter.run(work)
        settle()
        report.setdefault(name, []).append(round(meter.longest, 1))

    def settle() -> None:
        quiet = 0
        while quiet < 5:
            program.app.processEvents()
            quiet = quiet + 1 if tasks.pool().idle else 0
            time.sleep(0.01)

    until(lambda: window.run_page.run_id == run_id)
    settle()
    report["first run page"] = [round(meter.longest, 1)]
    # As somebody who looks at the run for some seconds first: what pages need is loaded meanwhile (shell/warm_up).
    gc.freeze()  # as `Program.execute` does, here and below
    meter.reset()
    until(lambda: window.warm_up.done)
    report["loading ahead"] = [round(meter.longest, 1)]
    gc.freeze()
    for _ in range(2):
        take("theme", window.actions_["view.dark"].trigger)
        take("theme", window.actions_["view.light"].trigger)
        take("new run", window.new_run)
        take("run page again", window.leave_form)
        take("annotate", window.annotate)
        take("label audit", window.audit)
    program.close()
    return {name: {"longest_ms": values} for name, values in report.items()}
