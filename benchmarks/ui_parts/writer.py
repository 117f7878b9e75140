"""An engine's parent, as far as the store sees it: writes scores at a steady pace. `python writer.py STORE RUN SECONDS`

Prints a line of JSON for each batch that is committed: when, and how many trajectories there are by then.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from sapo_studio import processes
from sapo_studio.domain.runs import PlannedPhase, RunStatus
from sapo_studio.events import kinds as k
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest

PER_SECOND = 20_000
"""Scores of steps."""
STEPS = 16
BATCHES_PER_SECOND = 10
FIRST = 10_000_000
"""Numbers of the first iteration's trajectories begin here (sapo_engine.numbering)."""


def batch(number: int, size: int) -> list[k.Event]:
    """`size` trajectories with their scores, and a few points of a curve."""
    rng = np.random.default_rng(number)
    at = [FIRST + number * size + place for place in range(size)]
    trajectories = [
        k.TrajectoryRow(
            number=one,
            question=one % 50,
            iteration=0,
            sample=one % 16,
            source="sample",
            steps=["a"] * STEPS,
            correct=one % 2 == 0,
        )
        for one in at
    ]
    scores = [
        k.ScoreRow(trajectory=one, scores=row.tolist(), predicted=1)
        for one, row in zip(at, rng.random((size, STEPS)), strict=True)
    ]
    points = [k.CurvePoint(ordinal=1, name="loss", step=number * 10 + place, value=0.5) for place in range(10)]
    return [k.Trajectories(rows=trajectories), k.Scores(verifier=0, rows=scores), *points]


def begin(store: Store, run_id: str) -> Ingest:
    """Make the run this process's own, with a phase under way and its questions."""
    me = processes.identify(os.getpid())
    runs.set_status(store, run_id, RunStatus.RUNNING)
    runs.heartbeat(store, run_id, pid=me.pid, pid_started=me.started)
    ingest = Ingest(store, run_id)
    plan = [PlannedPhase(ordinal=1, name="sample", iteration=0, weight=1.0)]
    questions = [k.QuestionRow(number=at, split="train", text=f"{at}?", solution="", answer="1") for at in range(50)]
    ingest.apply([k.Plan(phases=plan), k.PhaseStarted(ordinal=1), k.Questions(rows=questions)])
    return ingest


def main() -> None:
    path, run_id, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    size = PER_SECOND // STEPS // BATCHES_PER_SECOND
    with Store.open(path) as store:
        ingest = begin(store, run_id)
        start = time.time()
        for number in range(int(seconds * BATCHES_PER_SECOND)):
            ingest.apply(batch(number, size))
            print(json.dumps([time.time(), (number + 1) * size]), flush=True)
            time.sleep(max(0.0, start + (number + 1) / BATCHES_PER_SECOND - time.time()))


if __name__ == "__main__":
    main()
