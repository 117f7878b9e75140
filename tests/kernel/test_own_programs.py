"""`sapo_studio.open_store()`: what programs of others read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import rmtree

import pytest

import sapo_studio
from sapo_studio.app.exports.tables.folder import tables_named, write_tables
from sapo_studio.app.exports.tables.schema import TABLES
from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.errors import InputError, StoreError
from sapo_studio.formats.base import ReadAs
from sapo_studio.store import queries, run_keeping
from sapo_studio.store.db import Store
from sapo_studio.store.runs import add_log
from tests.fixtures.full_store import full_run
from tests.fixtures.later import Later
from tests.fixtures.step_files import ROWS, lines
from tests.fixtures.synthetic import synthetic_queued, synthetic_run

pd = Later("pandas")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: a run with rows in every table, a run that waits, one in the archive, one in the bin."""
    folder = tmp_path_factory.mktemp("home")
    with Store.open(folder / "studio.db") as store:
        full_run(store)
        synthetic_queued(store, name="waits")
        run_keeping.archive(store, synthetic_run(store, name="old", trajectories=8, questions=4, iterations=1))
        run_keeping.put_in_bin(store, synthetic_run(store, name="gone", trajectories=8, questions=4, iterations=1))
    return folder


@pytest.fixture
def opened(place: Path) -> Iterator[sapo_studio.StoredRuns]:
    with sapo_studio.open_store(place) as store:
        yield store


def test_it_is_opened_by_folder_by_file_and_by_default(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(place))
    for path in (None, place, place / "studio.db", str(place)):
        with sapo_studio.open_store(path) as store:
            assert store.path == place / "studio.db"
            assert [run.id for run in store.runs()] == ["full-1", "waits-2"]


def test_runs_are_found(opened):
    assert [run.id for run in opened.runs(name="full")] == ["full-1"]
    assert [run.id for run in opened.runs(tag="a b")] == ["full-1"]
    assert [run.id for run in opened.runs(status="queued")] == ["waits-2"]
    assert [run.id for run in opened.runs(archived=True)] == ["old-3"]
    assert opened.run("ful").id == "full-1"
    with pytest.raises(InputError, match="no status 'ready'"):
        opened.runs(status="ready")
    with pytest.raises(InputError, match="no run 'nobody'"):
        opened.run("nobody")
    run = opened.run("full")
    assert (run.name, run.status, run.iterations, run.tags, run.imported) == (
        "full",
        "done",
        2,
        ("first", "a b"),
        False,
    )
    assert run.config.iterations == 2
    assert run.created_at.year == 2026
    assert run.folder.name == "full-1"


@pytest.mark.parametrize("name", [table.name for table in TABLES])
def test_rows_arrow_and_pandas_agree_with_the_exported_file(opened, place: Path, tmp_path: Path, name: str):
    table = opened.run("full").table(name)
    rows = list(table)
    assert rows
    assert table.arrow().to_pylist() == rows
    assert sum(batch.num_rows for batch in table.batches()) == len(rows)
    frame = table.pandas()
    assert list(frame.columns) == list(table.spec.names)
    for column in table.spec.columns:
        assert [None if pd.isna(cell) else cell for cell in frame[column.name]] == [row[column.name] for row in rows]
        if column.kind == "integer":
            assert pd.api.types.is_integer_dtype(frame[column.name])
    with Store.open(place / "studio.db") as store:
        write_tables(store, ["full-1"], tmp_path / "out", tables=tables_named([name]))
    written = pd.read_parquet(tmp_path / f"out/{name}.parquet")
    assert len(written) == len(rows)
    assert list(written.columns) == list(frame.columns)


def test_what_is_asked_for_is_what_comes(opened):
    run = opened.run("full")
    everything = list(run.scores())
    assert list(run.scores(verifier=1, iteration=1)) == [
        row for row in everything if row["verifier"] == 1 and row["iteration"] == 1
    ]
    labels = list(run.labels())
    assert list(run.labels(source="sapo")) == [row for row in labels if row["source"] == "sapo"] != []
    wrong = run.trajectories(iteration=1, split="train", where={"correct": False, "source": ["sample"]})
    assert {(row["iteration"], row["split"], row["correct"]) for row in wrong} == {(1, "train", False)}
    assert {row["person"] for row in run.judgements(person="Mira")} == {"Mira"}
    assert {row["used"] for row in run.pairs(where={"used": True})} == {True}
    assert len(list(run.rollouts(iteration=1))) + len(list(run.rollouts(iteration=2))) + len(
        list(run.rollouts(iteration=0))
    ) == len(list(run.rollouts()))
    assert {row["split"] for row in run.questions(split="train")} == {"train"}
    assert {row["metric"] for row in run.metrics(where={"metric": "gap"})} == {"gap"}
    several = opened.table("metrics", runs=[*opened.runs(), *opened.runs(archived=True)], iteration=1)
    assert {(row["run"], row["iteration"]) for row in several} == {("full-1", 1), ("old-3", 1)}
    with pytest.raises(InputError, match="no table 'step'"):
        run.table("step")
    with pytest.raises(InputError, match="no column 'nothing'"):
        run.steps(where={"nothing": 1})
    with pytest.raises(InputError, match="no column 'iteration'"):
        opened.table("log", iteration=1)


def test_nothing_can_be_written_and_an_engine_goes_on(place: Path):
    with Store.open(place / "studio.db") as engine, sapo_studio.open_store(place) as opened:
        lines = opened.run("full").table("log")
        before = len(list(lines))
        iterator = iter(lines)
        next(iterator)
        add_log(engine, "full-1", "info", "one more")
        engine.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert len(list(lines)) == before + 1
        with pytest.raises(StoreError, match="read-only"):
            opened._store.execute("DELETE FROM runs")
        assert engine.value("SELECT count(*) FROM runs") == 4


def test_refusals_say_what_to_do(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(StoreError, match="no store"):
        sapo_studio.open_store(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "studio.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="not an SQLite file"):
        sapo_studio.open_store(tmp_path)
    with sapo_studio.open_store(place) as opened:
        run = opened.run("full")
        caught: list[Exception] = []

        def elsewhere() -> None:
            try:
                list(run.metrics())
            except StoreError as error:
                caught.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert "another thread" in str(caught[0])
    with pytest.raises(StoreError, match="has been closed"):
        list(run.metrics())
    for module, package in (("pyarrow", "pyarrow"), ("pandas", "pandas")):
        with monkeypatch.context() as patch, sapo_studio.open_store(place) as opened:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(InputError, match=f"needs {package}") as refused:
                opened.run("full").metrics().pandas()
            assert f"pip install {package}" in refused.value.fix
            assert list(opened.run("full").metrics())


@pytest.mark.parametrize(("shape", "said"), [(5, "an earlier SAPO Studio"), (99, "a newer SAPO Studio")])
def test_a_store_of_another_shape_is_refused_and_left_alone(home: Path, shape: int, said: str):
    with Store.open() as store:
        synthetic_queued(store)
        store.execute(f"PRAGMA user_version = {shape}")
    with pytest.raises(StoreError, match=said):
        sapo_studio.open_store()
    with closing(sqlite3.connect(home / "studio.db")) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (shape,)


def test_networks_are_found(home: Path):
    del home
    with Store.open() as store:
        run_id = synthetic_run(store, trajectories=8, questions=4, iterations=1)
        made = {f"{p.name}-{p.iteration}": p.artefact for p in queries.phases(store, run_id)}
        for artefact, inside in (("sft-0", "model"), ("align-1", "adapter"), ("verifier-1", "verifier")):
            (store.run_dir(run_id) / "artefacts" / made[artefact] / inside).mkdir(parents=True)
    with sapo_studio.open_store() as opened:
        run = opened.run()
        start, newest = run.checkpoint(0), run.checkpoint()
        assert start.reasoner == run.folder / "artefacts" / made["sft-0"] / "model"
        assert (start.base, start.verifier) == ("", None)
        assert newest.reasoner == run.folder / "artefacts" / made["align-1"] / "adapter"
        assert (newest.iteration, newest.base) == (1, run.config.model.source)
        assert newest.verifier == run.folder / "artefacts" / made["verifier-1"] / "verifier"
        with pytest.raises(InputError, match="no model of iteration 7"):
            run.checkpoint(7)
        rmtree(newest.reasoner)
        with pytest.raises(StoreError, match="no longer at"):
            run.checkpoint(1)


def test_importing_the_package_stays_light():
    code = "import sys, sapo_studio; print(len([name for name in sys.modules if name.startswith('sapo_studio.')]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0


def test_other_names_are_none_of_the_package():
    with pytest.raises(AttributeError, match="open_stores"):
        sapo_studio.open_stores  # noqa: B018


def test_a_folder_that_takes_no_new_file_is_read_all_the_same(home: Path):
    with Store.open() as store:
        synthetic_queued(store)
    (home / "studio.db-shm").mkdir()  # as a folder that is read-only, which root would not notice
    with sapo_studio.open_store() as opened:
        assert opened.run().status == "queued"


@pytest.mark.parametrize("name", ROWS)
def test_an_imported_file_has_tables_too(store: Store, tmp_path: Path, name: str):
    file = tmp_path / "steps.jsonl"
    file.write_text(lines(ROWS[name]))
    run_id = take_in(store, file, known_format(file), ReadAs()).run_id
    with sapo_studio.open_store() as opened:
        run = opened.run(run_id)
        assert run.imported
        solutions, steps = list(run.trajectories()), list(run.steps())
        assert {row["source"] for row in solutions} == {"import"}
        assert sum(row["n_steps"] for row in solutions) == len(steps) > 0
        assert [len(list(run.table(table.name))) for table in TABLES if table.name in ("config", "metrics")] == [0, 0]
        with pytest.raises(InputError, match="imported file"):
            run.config  # noqa: B018
    write_tables(store, [run_id], tmp_path / "out", how="csv")
