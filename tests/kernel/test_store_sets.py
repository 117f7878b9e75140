"""What a run measures on its evaluation sets, in the store and in what is read from it."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pytest

from sapo_studio.app.exports.run_files import metrics_csv, trajectory_lines
from sapo_studio.app.reports.run_report import report
from sapo_studio.app.reports.run_report import rows as table_rows
from sapo_studio.errors import StoreError
from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_studio.store.annotations import annotate
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from tests.fixtures import old_stores
from tests.fixtures.synthetic import synthetic_run

QUESTION = 1_000_000_000


CORRECTED = "self_verification_error"


def with_sets(store: Store, run_id: str, names: tuple[str, ...] = ("MATH", "HumanEval")) -> None:
    """Give a run what an evaluation of these sets would have sent."""
    events: list[k.Event] = []
    for place, name in enumerate(names):
        number = QUESTION + 10_000_000 * place
        question = k.QuestionRow(number=number, split="test", text=f"{name}?", solution="", answer="1", set=name)
        rows = [
            k.TrajectoryRow(
                number=number + sample,
                question=number,
                iteration=0,
                sample=sample,
                source="test",
                steps=["a", "b"],
                correct=sample == 0,
            )
            for sample in range(3)
        ]
        events += [k.Questions(rows=[question]), k.Trajectories(rows=rows)]
        for iteration in (0, 1):
            value = 0.25 + 0.5 * iteration + 0.01 * place
            events.append(
                k.Metric(iteration=iteration, name="greedy_accuracy", value=value, low=0.1, high=0.9, n=1, set=name)
            )
            events.append(k.Metric(iteration=iteration, name="sampled_accuracy", value=value / 2, set=name))
    Ingest(store, run_id).apply(events)
    Ingest(store, run_id).apply(events)  # a phase that is done again meets its own rows


def test_metrics_of_sets_stand_beside_those_of_the_run(store: Store) -> None:
    run_id = synthetic_run(store, trajectories=24, questions=8)
    own, headline = queries.metrics(store, run_id), queries.get_run(store, run_id).headline
    with_sets(store, run_id)
    assert queries.metrics(store, run_id) == own
    assert queries.get_run(store, run_id).headline == queries.list_runs(store)[0].headline == headline
    found = queries.metrics_by_set(store, run_id)
    assert list(found) == ["", "HumanEval", "MATH"]
    assert found["MATH"][1]["greedy_accuracy"].value == 0.75
    assert store.rows('SELECT "set", iteration, greedy_accuracy FROM v_sets ORDER BY 1, 2') == [
        ("HumanEval", 0, 0.26),
        ("HumanEval", 1, 0.76),
        ("MATH", 0, 0.25),
        ("MATH", 1, 0.75),
    ]
    assert store.value("SELECT count(*) FROM v_iterations") == len(own)


def test_solutions_of_sets_are_read_and_judged_and_are_no_samples(store: Store) -> None:
    run_id = synthetic_run(store, trajectories=24, questions=8)
    samples = queries.trace_ids(store, queries.TraceFilter(run_id)).tolist()
    with_sets(store, run_id)
    assert queries.trace_ids(store, queries.TraceFilter(run_id)).tolist() == samples
    every = queries.trace_ids(store, queries.TraceFilter(run_id, source="test"))
    mine = queries.trace_ids(store, queries.TraceFilter(run_id, source="test", set="MATH"))
    assert (len(every), len(mine)) == (6, 3)
    assert queries.sets_of(store, run_id) == ["HumanEval", "MATH"]
    annotate(store, int(mine[0]), "ann", {1: 1, 2: -1})
    detail = queries.trace(store, int(mine[0]))
    assert (detail.question, detail.source, detail.human) == ("MATH?", "test", 2)
    lines = [json.loads(line) for line in trajectory_lines(store, run_id, source="test")]
    assert sorted((line["set"], line["sample"], line["human"]) for line in lines)[3:] == [
        ("MATH", 0, 2),
        ("MATH", 1, None),
        ("MATH", 2, None),
    ]
    assert not any("set" in json.loads(line) for line in trajectory_lines(store, run_id, source="sample"))


def test_reports_and_csv_have_the_sets(store: Store) -> None:
    run_id = synthetic_run(store, trajectories=24, questions=8, iterations=1)
    before = list(metrics_csv(store, run_id))
    assert report(store, run_id).as_json()["sets"] == {}
    with_sets(store, run_id)
    told = report(store, run_id)
    (first, second) = told.as_json()["sets"]["MATH"]
    assert (first["iteration"], first["greedy_accuracy"], second["greedy_accuracy"]) == (0, 0.25, 0.75)
    assert first["intervals"] == {"greedy_accuracy": [0.1, 0.9]}
    assert "gap" not in first
    cells = [row[0] for row in table_rows(told)]
    assert "Greedy accuracy on MATH, %" in cells
    assert "Sampled accuracy on HumanEval, %" in cells
    rows = list(csv.DictReader(metrics_csv(store, run_id)))
    assert {row["set"] for row in rows} == {"", "MATH", "HumanEval"}
    assert sum(row["set"] == "" for row in rows) == len(before) - 1


def test_a_store_of_before_takes_solutions_of_sets(tmp_path: Path) -> None:
    path = old_stores.unpacked(1, tmp_path / "studio.db")
    watching = sqlite3.connect(path)  # another program that has the store open
    before = watching.execute("SELECT run_id, iteration, name, value, n FROM metrics ORDER BY 1, 2, 3").fetchall()
    counts = [watching.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("scores", "labels", "rollouts")]
    with Store.open(path) as store:
        (run,) = queries.list_runs(store)
        after = store.rows("SELECT run_id, iteration, name, value, n FROM metrics WHERE \"set\" = '' ORDER BY 1, 2, 3")
        # Another migration corrects the self-verification error.
        assert [row for row in after if row[2] != CORRECTED] == [row for row in before if row[2] != CORRECTED]
        assert [store.row(f"SELECT count(*) FROM {name}") for name in ("scores", "labels", "rollouts")] == counts
        with_sets(store, run.id)
        assert store.value("PRAGMA integrity_check") == "ok"
        assert store.rows("PRAGMA foreign_key_check") == []
        with pytest.raises(StoreError):
            store.execute("UPDATE trajectories SET source = 'other'")
    assert watching.execute("SELECT count(*) FROM trajectories WHERE source = 'test'").fetchone() == (6,)
    watching.close()
