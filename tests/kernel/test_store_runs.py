"""Runs: ids, status, commands, deletion."""

from __future__ import annotations

import pytest

from sapo_studio.config.changes import Change
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import LEGAL, RunStatus, Verb
from sapo_studio.errors import InputError, StoreError
from sapo_studio.store import annotations, queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.records import ErrorText
from tests.fixtures.synthetic import synthetic_queued, synthetic_run


def put(store: Store, run_id: str, status: RunStatus) -> None:
    store.execute("UPDATE runs SET status = ? WHERE id = ?", (status.value, run_id))


@pytest.mark.parametrize(
    ("name", "slug"), [("Lab demo 7", "lab-demo-7"), ("Über größe", "uber-groe"), ("日本", "run"), ("x" * 80, "x" * 40)]
)
def test_ids_are_slugs_with_a_number(store: Store, name: str, slug: str):
    config = RunConfig(name=name)
    assert runs.create_run(store, config, "p") == f"{slug}-1"
    assert runs.create_run(store, config) == f"{slug}-2"
    first = queries.get_run(store, f"{slug}-1")
    assert (first.name, first.preset, first.status) == (name, "p", RunStatus.QUEUED)
    assert queries.get_config(store, first.id) == config


def test_a_number_is_never_used_twice(store: Store):
    last = [runs.create_run(store, RunConfig()) for _ in range(3)][-1]
    runs.delete_run(store, last)
    assert runs.create_run(store, RunConfig()) == "run-4"


def test_only_legal_changes_of_status(store: Store):
    run_id = synthetic_queued(store)
    tried = 0
    for before in RunStatus:
        for after in RunStatus:
            put(store, run_id, before)
            tried += 1
            if before == after or after in LEGAL[before]:
                runs.set_status(store, run_id, after)
                assert queries.get_run(store, run_id).status == after
            else:
                with pytest.raises(StoreError, match=f"from {before.value} to {after.value}"):
                    runs.set_status(store, run_id, after)
                assert queries.get_run(store, run_id).status == before
    assert tried == 49


def test_times_error_and_process_follow_the_status(store: Store):
    run_id = synthetic_queued(store)
    runs.set_status(store, run_id, RunStatus.RUNNING)
    runs.heartbeat(store, run_id, pid=11, pid_started=2.5, active=1.5, restarts=1)
    runs.heartbeat(store, run_id, pid=11, pid_started=2.5, active=2.0)
    run = queries.get_run(store, run_id)
    assert (run.pid, run.pid_started, run.active_seconds, run.restarts) == (11, 2.5, 3.5, 1)
    assert run.started_at is not None
    assert run.finished_at is None
    runs.set_status(store, run_id, RunStatus.FAILED, ErrorText("what", "why", "fix"))
    failed = queries.get_run(store, run_id)
    assert (failed.pid, failed.error) == (None, ErrorText("what", "why", "fix"))
    assert failed.finished_at is not None
    runs.set_status(store, run_id, RunStatus.RUNNING)
    again = queries.get_run(store, run_id)
    assert (again.error, again.finished_at, again.started_at) == (None, None, run.started_at)


def test_commands_are_taken_in_order_and_end_with_the_run(store: Store):
    run_id = synthetic_queued(store)
    runs.set_status(store, run_id, RunStatus.RUNNING)
    for verb in (Verb.PAUSE, Verb.RESUME, Verb.STOP):
        runs.request(store, run_id, verb, "test")
    found = runs.open_commands(store, run_id)
    assert [command.verb for command in found] == [Verb.PAUSE, Verb.RESUME, Verb.STOP]
    runs.mark_handled(store, [found[0].id, found[1].id])
    assert [command.verb for command in runs.open_commands(store, run_id)] == [Verb.STOP]
    runs.set_status(store, run_id, RunStatus.INTERRUPTED)
    assert runs.open_commands(store, run_id) == []
    with pytest.raises(InputError, match="no run"):
        runs.request(store, "nobody", Verb.STOP, "test")


def test_deleting_takes_everything_of_one_run_and_nothing_of_another(store: Store):
    tables = [
        name
        for (name,) in store.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    ]

    def counts() -> dict[str, int]:
        return {table: int(store.value(f"SELECT count(*) FROM {table}")) for table in tables}

    def fill(name: str) -> str:
        run_id = synthetic_run(store, name=name, trajectories=24, questions=8)
        annotations.annotate(store, int(queries.trace_ids(store, queries.TraceFilter(run_id))[0]), "ann", {1: -1})
        runs.request(store, run_id, Verb.STOP, "test")
        change = Change("runtime.threads", 1, 2)
        runs.change_config(store, run_id, queries.get_config(store, run_id), [change], "test")
        store.run_dir(run_id).mkdir(parents=True)
        fill_by_hand(run_id, int(queries.trace_ids(store, queries.TraceFilter(run_id))[0]))
        return run_id

    def fill_by_hand(run_id: str, trajectory: int) -> None:
        item = {"id": trajectory, "trajectory_id": trajectory, "queue_id": 1, "place": trajectory, "shared": 0}
        who = {"annotator": "ann", "at": 1.0}
        of = {"trajectory_id": trajectory, "uid": run_id}
        for table, row in {
            "imports": {"run_id": run_id, "file": "f", "format": "processbench"},
            "import_rows": {"run_id": run_id, "row": 1, "raw": "{}"},
            "import_trajectories": {"trajectory_id": trajectory, "row": 1},
            "comments": {**of, **who, "step": 1, "text": "why"},
            "queue_items": item,
            "item_states": {**who, "item_id": trajectory, "status": "saved"},
            "queue_acts": {**who, "item_id": trajectory, "uid": run_id, "verb": "save"},
            "resolutions": {**of, "resolver": "cy", "at": 1.0, "judgements": "{}", "first_error": 0},
            "curve_blocks": {"run_id": run_id, "ordinal": 1, "name": "loss", "last": 9, "steps": b"", "values": b""},
            "training_labels": {"trajectory_id": trajectory, "verifier": 1, "labels": "1", "reasons": "p"},
            "run_queue": {"run_id": run_id, "place": 1.0, "queued_at": 1.0},
            "alarms": {"run_id": run_id, "iteration": 1, "kind": "gap", "at": 1.0, "message": "wider"},
        }.items():
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            store.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))

    # what is no run's stays
    store.execute(
        "INSERT INTO queues (id, uid, name, created_at, created_by, rule, seed, overlap, gold_rate, source)"
        " VALUES (1, 'u', 'q', 0, 'ann', 'random', 0, 0, 0, '{}')"
    )
    store.execute("INSERT INTO trace_views VALUES ('v', '{}', 0)")
    store.execute("INSERT INTO benchmarks (id, uid, name, version, created_at) VALUES (1, 'u', 'b', 1, 0)")
    store.execute(
        "INSERT INTO benchmark_rows (benchmark_id, row, problem, steps, first_error, correct)"
        " VALUES (1, 1, 'p', '[]', 0, 1)"
    )
    store.execute("INSERT INTO store_settings (key, value) VALUES ('k', '1')")
    kept = fill("kept")
    before = counts()
    assert all(before.values()), "the fixture leaves a table empty"
    gone = fill("gone")
    runs.delete_run(store, gone)
    assert counts() == before
    assert store.run_dir(kept).is_dir()
    assert not store.run_dir(gone).exists()
    assert store.rows("PRAGMA foreign_key_check") == []
    assert store.value("PRAGMA foreign_keys") == 1


def test_a_running_run_is_not_deleted(store: Store):
    run_id = synthetic_run(store, trajectories=8, questions=8, status=RunStatus.RUNNING)
    with pytest.raises(InputError, match="still running"):
        runs.delete_run(store, run_id)
    assert store.value("PRAGMA foreign_keys") == 1


def test_renaming(store: Store):
    run_id = synthetic_queued(store)
    runs.rename_run(store, run_id, "  long chains ")
    assert queries.get_run(store, run_id).name == "long chains"
    for name in ("", " ", "x" * 81):
        with pytest.raises(InputError):
            runs.rename_run(store, run_id, name)
