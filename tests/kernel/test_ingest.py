"""Ingest: the same events twice are as good as once, a batch is all or nothing, progress and forecast."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sapo_studio.domain.runs import PlannedPhase, RunStatus
from sapo_studio.errors import InputError, StoreError
from sapo_studio.events import decode, encode
from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.runs import set_status
from tests.fixtures.synthetic import EPOCH, SteppingClock, live_events, synthetic_queued

BATCHES = list(live_events(iterations=1, questions=8, trajectories=16, rows=6, steps=4))
DATA = ("questions", "trajectories", "scores", "labels", "rollouts", "pairs", "metrics", "curves")


def running(store: Store) -> str:
    run_id = synthetic_queued(store, iterations=1)
    set_status(store, run_id, RunStatus.RUNNING)
    return run_id


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    found = {table: sorted(store.rows(f"SELECT * FROM {table}"), key=repr) for table in DATA}
    found["phases"] = store.rows("SELECT ordinal, name, iteration, status, weight, done, total, artefact FROM phases")
    found["runs"] = store.rows("SELECT progress, phase_ordinal FROM runs")
    return found


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, len(BATCHES)), min_size=1, max_size=4))
def test_any_prefix_applied_again_changes_nothing(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]):
    """A worker that is killed at batch `cut` and starts over sends all of it again, as often as it takes."""
    folder = tmp_path_factory.mktemp("ingest")
    with Store.open(folder / "once.db") as once, Store.open(folder / "again.db") as again:
        whole = max(cuts)
        ingest = Ingest(once, running(once), SteppingClock())
        for batch in BATCHES[:whole]:
            ingest.apply(batch)
        run_id = running(again)
        for cut in [*cuts, whole]:
            ingest = Ingest(again, run_id, SteppingClock())
            for batch in BATCHES[:cut]:
                ingest.apply(batch)
        assert contents(again) == contents(once)


def cut(path: Path, lengths: list[int]) -> dict[str, list[tuple[Any, ...]]]:
    """What a new store at `path` has in the end of all events, sent in batches of these lengths in turn."""
    left = [event for batch in BATCHES for event in batch]
    with Store.open(path) as store:
        ingest = Ingest(store, running(store), SteppingClock())
        for count in cycle(lengths):
            if not left:
                break
            ingest.apply(left[:count])
            left = left[count:]
        return contents(store) | {"runs": store.rows("SELECT phase_ordinal FROM runs")}


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """What the store has where each event comes alone."""
    return cut(tmp_path_factory.mktemp("ingest") / "studio.db", [1])


@settings(max_examples=25, deadline=None)
@example(lengths=[sum(map(len, BATCHES))])
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_how_events_are_cut_into_batches_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, one_by_one: dict[str, list[tuple[Any, ...]]], lengths: list[int]
):
    """A phase that starts and ends within one batch is the run's latest as well."""
    assert one_by_one["runs"] == [(max(row[0] for row in one_by_one["phases"]),)]
    assert cut(tmp_path_factory.mktemp("ingest") / "studio.db", lengths) == one_by_one


def test_events_come_through_the_pipe_unchanged():
    events = [event for batch in BATCHES for event in batch]
    assert len({type(event) for event in events}) >= 13
    assert [decode(encode(event)) for event in events] == events


def test_a_batch_is_all_or_nothing(store: Store):
    run_id = running(store)
    ingest = Ingest(store, run_id, SteppingClock())
    for batch in BATCHES[:4]:
        ingest.apply(batch)
    before = contents(store)
    orphan = k.Rollouts(
        iteration=0, rows=[k.RolloutRow(number=0, trajectory=9999, prefix=1, text="", correct=True, tokens=1)]
    )
    with pytest.raises(StoreError):
        ingest.apply([k.PhaseFinished(ordinal=0, seconds=1.0), k.Log(message="lost"), orphan])
    assert contents(store) == before
    assert "lost" not in [line.message for line in queries.log(store, run_id)]
    for batch in BATCHES[4:]:  # and it goes on from there
        ingest.apply(batch)
    assert queries.get_run(store, run_id).progress == 1.0


def test_two_runs_with_the_same_numbers_keep_apart(store: Store):
    ids = [running(store), running(store)]
    for run_id in ids:
        ingest = Ingest(store, run_id, SteppingClock())
        for batch in BATCHES:
            ingest.apply(batch)
    for query in (queries.case_counts, queries.metrics, queries.verifiers_of):
        assert query(store, ids[0]) == query(store, ids[1])
    first, second = (queries.trace_ids(store, queries.TraceFilter(run_id)) for run_id in ids)
    assert len(first) == len(second) == 32
    assert not set(first.tolist()) & set(second.tolist())


def test_pausing_and_resuming_is_written(store: Store):
    run_id = running(store)
    ingest = Ingest(store, run_id, SteppingClock())
    ingest.apply([k.Paused(paused=True)])
    assert queries.get_run(store, run_id).status is RunStatus.PAUSED
    ingest.apply([k.Paused(paused=False)])
    assert queries.get_run(store, run_id).status is RunStatus.RUNNING


def test_what_a_worker_says_goes_to_the_log(store: Store):
    run_id = running(store)
    Ingest(store, run_id, SteppingClock()).apply(
        [
            k.Hello(pid=7, device="cpu", versions={"torch": "2"}),
            k.Log(level="warning", message="few pairs"),
            k.PhaseFinished(ordinal=99),
            decode(b"{not json\n"),
            k.Failed(what="No memory", why="It was asked for 9 GB."),
        ]
    )
    assert [(line.level, line.message) for line in queries.log(store, run_id)] == [
        ("info", "worker 7 on cpu (torch 2)"),
        ("warning", "few pairs"),
        ("warning", "an event about phase 99, which is not in the plan"),
        ("warning", "unreadable event: {not json"),
        ("error", "No memory. It was asked for 9 GB."),
    ]


def test_a_run_that_is_not_there_is_refused(store: Store):
    with pytest.raises(InputError):
        Ingest(store, "nobody")


class Clock:
    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> float:
        return self.now


def test_progress_and_forecast(store: Store, tmp_path: Path):
    """Two phases of weight 10 and 30: the forecast follows the pace, and a pause neither counts nor counts down."""
    run_id = running(store)
    clock = Clock()
    ingest = Ingest(store, run_id, clock)
    plan = [
        PlannedPhase(ordinal=0, name="sample", iteration=0, weight=10),
        PlannedPhase(ordinal=1, name="sample", iteration=1, weight=30),
    ]

    def apply(seconds: float, *events: k.Event) -> queries.RunSummary:
        clock.now += seconds
        ingest.apply(list(events))
        return queries.get_run(store, run_id)

    run = apply(0, k.Plan(phases=plan), k.PhaseStarted(ordinal=0, total=10))
    assert (run.progress, run.eta_seconds, run.phase_ordinal) == (0.0, None, 0)
    run = apply(5, k.PhaseProgress(ordinal=0, done=5, total=10))
    assert run.progress == pytest.approx(0.125)
    assert run.eta_seconds == pytest.approx(35)  # one second a unit of weight, 35 units to go
    run = apply(5, k.PhaseFinished(ordinal=0, seconds=10))
    assert run.progress == 0.25
    assert run.eta_seconds == pytest.approx(30)
    run = apply(0, k.PhaseStarted(ordinal=1), k.PhaseProgress(ordinal=1, done=0, total=60))
    assert (run.phase, run.iteration, run.phase_ordinal) == ("sample", 1, 1)
    before = apply(2, k.PhaseProgress(ordinal=1, done=4, total=60)).eta_seconds
    apply(0, k.Paused(paused=True))
    after = apply(500, k.Paused(paused=False)).eta_seconds
    assert after == pytest.approx(before)
    run = apply(28, k.PhaseFinished(ordinal=1, seconds=30), k.Finished(complete=True))
    assert run.progress == 1.0
    assert run.eta_seconds == pytest.approx(0, abs=1)


def labels(*progress: int, after: Sequence[float], store: Store, run_id: str) -> float | None:
    """Seconds left as an engine says that is started and labels: so many of 100 done, so long after one another."""
    clock = Clock()
    ingest = Ingest(store, run_id, clock)
    ingest.apply([k.Plan(phases=[PlannedPhase(ordinal=0, name="label", iteration=0)]), k.PhaseStarted(ordinal=0)])
    for done, seconds in zip(progress, after, strict=True):
        clock.now += seconds
        ingest.apply([k.PhaseProgress(ordinal=0, done=done, total=100)])
    return queries.get_run(store, run_id).eta_seconds


def test_a_phase_that_goes_on_from_shards_is_not_taken_for_a_fast_one(store: Store):
    run_id = running(store)
    labels(40, 80, after=[20, 20], store=store, run_id=run_id)
    assert labels(80, 90, after=[0, 10], store=store, run_id=run_id) == pytest.approx(10, rel=0.2)


def test_what_a_first_attempt_does_in_its_first_second_is_not_taken_for_shards(store: Store):
    run_id = running(store)
    assert labels(25, 26, after=[0.5, 0.02], store=store, run_id=run_id) == pytest.approx(1.48, rel=0.1)


def test_a_phase_whose_artefact_was_lost_is_open_again(store: Store):
    run_id = running(store)
    ingest = Ingest(store, run_id, SteppingClock())
    ingest.apply(
        [
            k.Plan(phases=[PlannedPhase(ordinal=0, name="sft", iteration=0)]),
            k.PhaseStarted(ordinal=0),
            k.PhaseFinished(ordinal=0, artefact="000-sft-0", seconds=3.0),
        ]
    )
    ingest.apply([k.PhaseProgress(ordinal=0, done=1, total=10)])
    assert queries.phases(store, run_id)[0].status == "done"
    ingest.apply([k.PhaseStarted(ordinal=0)])
    assert queries.phases(store, run_id)[0].status == "running"
