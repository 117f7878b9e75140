"""How long the Annotate page takes to make a queue, to keep a press and to bring the next item, in a store of 100,000
trajectories.

Wall times of the real page, without a screen; they depend on the machine. Run: python benchmarks/annotate.py [ITEMS]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from sapo_studio import paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import PlannedPhase, RunStatus
from sapo_studio.events import kinds as k
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.queue_records import RULES, QueueSpec
from sapo_studio.store.queues import list_queues, make_queue
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.runs import create_run, set_status
from sapo_ui import theme
from sapo_ui.features.annotate.judge_page import JudgePage
from sapo_ui.services import tasks

TRAJECTORIES = 100_000
QUESTIONS = 12_500
STEPS = 8
ITEMS = 200
BATCH = 2_000
REST_MS = 100
"""Between two items: far less than any person takes."""


def fill(store: Store) -> str:
    """A made-up run of `TRAJECTORIES` samples, scored and labeled; returns its id."""
    rng = np.random.default_rng(0)
    run_id = create_run(store, RunConfig(name="large", iterations=1))
    set_status(store, run_id, RunStatus.RUNNING)
    ingest = Ingest(store, run_id)
    plan = k.Plan(phases=[PlannedPhase(ordinal=0, name="sample", iteration=0, weight=1.0)])
    ingest.apply([k.Hello(pid=1, device="cpu", versions={}), plan, k.PhaseStarted(ordinal=0, unit="trajectories")])
    text = "A shop has {} boxes of {} pens. It sells a third of them and buys {} more. How many pens does it have?"
    rows = [
        k.QuestionRow(number=n, split="train", text=text.format(n, n % 12, n % 7), solution="1 + 1 = 2", answer="2")
        for n in range(QUESTIONS)
    ]
    ingest.apply([k.Questions(rows=rows)])
    for start in range(0, TRAJECTORIES, BATCH):
        numbers = range(start, start + BATCH)
        truth = rng.integers(0, STEPS + 1, BATCH)
        scores = np.clip(rng.normal(0.6, 0.3, (BATCH, STEPS)), 0, 1)
        ingest.apply(
            [
                k.Trajectories(
                    rows=[
                        k.TrajectoryRow(
                            number=n,
                            question=n % QUESTIONS,
                            iteration=0,
                            sample=n // QUESTIONS,
                            source="sample",
                            steps=[
                                f"Step {step} of {n}: {step} + {n} = {step + n}, which is kept" for step in range(STEPS)
                            ],
                            correct=not error,
                            answer=str(n),
                            truth=int(error),
                            tokens=60,
                        )
                        for n, error in zip(numbers, truth, strict=True)
                    ]
                ),
                k.Scores(
                    verifier=0,
                    rows=[
                        k.ScoreRow(trajectory=n, scores=row.tolist(), predicted=1)
                        for n, row in zip(numbers, scores, strict=True)
                    ],
                ),
                k.Labels(
                    iteration=0,
                    source="omega",
                    rows=[k.LabelRow(trajectory=n, labels="1" * STEPS, case="right", verified=0) for n in numbers],
                ),
            ]
        )
    return run_id


class Stopwatch:
    """Milliseconds of the wall clock, and of work by this process, of each of many things."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.work: list[float] = []

    def time(self, app: QApplication, page: JudgePage, key: Qt.Key, done: Callable[[], bool]) -> None:
        """From a press until what it leads to is painted."""
        begin, worked = time.perf_counter(), time.process_time()
        QTest.keyClick(page, key)
        while page.desk.busy or not done():
            app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        page.item.repaint()
        self.wall.append(1000 * (time.perf_counter() - begin))
        self.work.append(1000 * (time.process_time() - worked))


def judged(app: QApplication, page: JudgePage, items: int) -> dict[str, Stopwatch]:
    """So many items judged and saved: from a press until its mark is painted, from Enter until the next item is."""
    marked, opened = Stopwatch(), Stopwatch()
    for _ in range(items):
        QTest.qWait(REST_MS)
        marked.time(app, page, Qt.Key.Key_E, lambda: page.item.shown_steps[0].judgement is not None)
        QTest.qWait(REST_MS)
        before = page.desk.open_item
        assert before is not None
        opened.time(app, page, Qt.Key.Key_Return, partial(_another, page, before.item.id))
    return {"press": marked, "next item": opened}


def _another(page: JudgePage, before: int) -> bool:
    return page.desk.open_item is not None and page.desk.open_item.item.id != before


def main() -> None:
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    app = QApplication([])
    theme.manager().attach(app)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[paths.HOME_VARIABLE] = folder
        path = Path(folder) / "studio.db"
        made: dict[str, float] = {}
        with Store.open(path) as store:
            run_id = fill(store)
            for rule in RULES:
                begin = time.perf_counter()
                make_queue(store, QueueSpec(rule, TraceFilter(run_id), rule, size=items + 20, gold_rate=0.1), "me")
                made[rule] = time.perf_counter() - begin
            queue = next(one for one in list_queues(store) if one.name == "disagreement")
        tasks.start(path)
        page = JudgePage()
        page.resize(1040, 700)
        page.show()
        page.show_queue(queue)
        while page.desk.open_item is None:
            app.processEvents()
        found = judged(app, page, items)
        page.leave()
        page.deleteLater()
        app.processEvents()
        tasks.stop()
    for rule, seconds in made.items():
        print(f"a queue by {rule}: {seconds:.2f} s")
    report: dict[str, object] = {"make_s": {rule: round(seconds, 3) for rule, seconds in made.items()}}
    for what, watch in found.items():
        median, p95, worst = (float(np.percentile(watch.wall, at)) for at in (50, 95, 100))
        work = float(np.median(watch.work))
        print(
            f"{what}: median {median:.1f} ms, 95 % under {p95:.1f} ms, worst {worst:.1f} ms of {len(watch.wall)};"
            f" {work:.1f} ms of work"
        )
        report[f"{what.replace(' ', '_')}_ms"] = {
            "median": round(median, 2),
            "p95": round(p95, 2),
            "worst": round(worst, 2),
            "work": round(work, 2),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
