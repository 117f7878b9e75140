"""`sapo export RUN... tables`: of one run and several, what it says, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sapo_studio.app.exports.tables.schema import TABLES
from sapo_studio.store.db import Store
from tests.fixtures.command_line import said
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def runs(store: Store) -> list[str]:
    return [synthetic_run(store, name=name, trajectories=8, questions=4, iterations=1) for name in ("one", "two")]


def test_tables_of_several_runs(runs: list[str], store: Store, tmp_path: Path):
    place = tmp_path / "out"
    code, out, err = said(
        *("export", "one", runs[1], "one", "tables", "--format", "csv", "--tables", "metrics, steps", "-o", place)
    )
    assert (code, out) == (0, "")
    with (place / "metrics.csv").open(newline="") as stream:
        metrics = list(csv.DictReader(stream))
    assert [row["run"] for row in metrics] == sorted(row["run"] for row in metrics)
    assert {row["run"] for row in metrics} == set(runs)
    assert len(metrics) == store.value("SELECT count(*) FROM metrics")
    steps = store.value("SELECT count(*) FROM v_steps")
    assert f"2 tables of one-1, two-2 with {len(metrics) + steps:,} rows in {place}" in err
    assert err.index("Writing steps") < err.index("Writing metrics")


def test_everything_as_parquet_without_being_asked(runs: list[str], tmp_path: Path):
    assert said("export", "last", "tables", "-o", tmp_path / "out")[0] == 0
    assert len(list((tmp_path / "out").glob("*.parquet"))) == len(TABLES)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("one", "tables"), "Add --output FOLDER"),
        (("one", "tables", "-o", "there"), "there exists already"),
        (("one", "tables", "-o", "out", "--tables", "step"), "There is no table 'step'"),
        (("one", "tables", "-o", "out", "--iteration", "1"), "Leave --labels, --source and --iteration out"),
        (("one", "nobody", "tables", "-o", "out"), "There is no run 'nobody'"),
        (("one", "two", "metrics"), "metrics is of one run"),
    ],
)
def test_what_cannot_be_is_refused(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...], told: str
):
    del runs
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    code, out, err = said("export", *line)
    assert (code, out) == (2, "")
    assert told in err
    assert not (tmp_path / "out").exists()
