"""Opening a run, and how long two well-known tools take to read the same numbers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from sapo_studio.store import curve_blocks, queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceFilter
from ui_parts import large_store
from ui_parts.measure import Report, cpu_ms

CURVES = 10

TENSORBOARD = """
import json, sys, tempfile, time
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
points, curves = int(sys.argv[1]), int(sys.argv[2])
with tempfile.TemporaryDirectory() as folder:
    writer = EventFileWriter(folder, max_queue_size=10000)
    for step in range(points // curves):
        values = [Summary.Value(tag=f"c{at}", simple_value=step / 3) for at in range(curves)]
        for value in values:
            writer.add_event(Event(step=step, wall_time=0.0, summary=Summary(value=[value])))
    writer.close()
    begin = time.process_time()
    read = EventAccumulator(folder, size_guidance={"scalars": 0})
    read.Reload()
    count = sum(len(read.Scalars(f"c{at}")) for at in range(curves))
    print(json.dumps({"ms": 1000 * (time.process_time() - begin), "points": count}))
"""

TRACKIO = """
import json, os, sys, tempfile, time
points, curves = int(sys.argv[1]), int(sys.argv[2])
with tempfile.TemporaryDirectory() as folder:
    os.environ["TRACKIO_DIR"] = folder
    from trackio.sqlite_storage import SQLiteStorage
    for first in range(0, points // curves, 5000):
        steps = list(range(first, min(points // curves, first + 5000)))
        SQLiteStorage.bulk_log(
            "p", "r", [{f"c{at}": step / 3 for at in range(curves)} for step in steps], steps=steps
        )
    begin = time.process_time()
    rows = SQLiteStorage.get_logs("p", "r")
    count = sum(f"c{at}" in row for row in rows for at in range(curves))
    print(json.dumps({"ms": 1000 * (time.process_time() - begin), "points": count}))
"""


def opening(home: Path, points: int, traces: int, python: Path | None) -> Report:
    """Reading all of `points` metric points (ten curves) and the table of `traces` trajectories, against the rivals'
    reading of the points alone, on the processor.
    """
    path = home / "opening.db"
    with Store.open(path) as store:
        run_id = large_store.make(store, traces)
        with store.atomic():
            store.execute(
                "INSERT INTO phases (run_id, ordinal, name, iteration) VALUES (?, 1, 'verifier', 1)", (run_id,)
            )
            store.execute_many(
                "INSERT INTO curves (run_id, ordinal, name, step, value) VALUES (?, 1, ?, ?, ?)",
                ((run_id, f"c{at}", step, step / 3) for at in range(CURVES) for step in range(points // CURVES)),
            )
            curve_blocks.pack(store, run_id, 1)  # as when its phase was done
        read: list[int] = []

        def ours() -> None:
            curves = queries.curves(store, run_id)
            ids = queries.trace_ids(store, TraceFilter(run_id))
            queries.trace_rows(store, ids[:128])
            read.append(sum(len(curve.steps) for curve in curves))

        report: Report = {"points": points, "traces": traces, "ms": cpu_ms(ours, 3)}
        assert set(read) == {points // CURVES * CURVES}, np.unique(read)
    for name, code in (("tensorboard", TENSORBOARD), ("trackio", TRACKIO)):
        report[name] = _rival(python, code, points)
        if "ms" in report[name]:
            report[name]["times_ours"] = round(report[name]["ms"] / report["ms"], 1)
    return report


def _rival(python: Path | None, code: str, points: int) -> Report:
    if python is None:
        return {"left_out": "no Python with it was named (--rivals)"}
    done = subprocess.run(
        [str(python), "-c", code, str(points), str(CURVES)], capture_output=True, text=True, check=False, env={}
    )
    if done.returncode:
        return {"left_out": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:300]}
    return json.loads(done.stdout.splitlines()[-1])
