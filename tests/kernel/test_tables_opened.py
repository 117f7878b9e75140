"""The tables in the hands of others: `datasets`, pandas and Datasette open them as they are, without a network."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import sapo_studio
from sapo_studio.app.exports.tables.columns import TableSpec
from sapo_studio.app.exports.tables.folder import tables_named, write_tables
from sapo_studio.app.exports.tables.schema import BY_NAME, TABLES
from sapo_studio.store.db import Store
from tests.fixtures.full_store import full_run
from tests.fixtures.later import Later
from tests.fixtures.synthetic import synthetic_run

pd, datasette = Later("pandas"), Later("datasette.app")

TYPES = {
    "text": "string",
    "category": "string",
    "integer": "int64",
    "real": "float64",
    "boolean": "bool",
    "time": "timestamp[us, tz=UTC]",
}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The library, offline, with a cache of its own: it reads its settings when it is loaded."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
            patch.setenv(name, "1")
        found = importlib.import_module("datasets")
        patch.setattr(found.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        patch.setattr(found.config, "HF_DATASETS_OFFLINE", True)
        patch.setattr(found.config, "HF_HUB_OFFLINE", True)
        yield found


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[dict[str, Any]]]]:
    """A folder with tables as parquet and one with them as csv, and the rows that are in them."""
    place = tmp_path_factory.mktemp("written")
    with Store.open(place / "studio.db") as store:
        runs = [full_run(store), synthetic_run(store, name="small", trajectories=8, questions=4, iterations=1)]
        write_tables(store, runs, place / "parquet", how="parquet")
        write_tables(store, runs, place / "csv", how="csv")
    with sapo_studio.open_store(place) as opened:
        return place, {table.name: list(opened.table(table.name)) for table in TABLES}


def as_read(table: TableSpec, row: dict[str, Any], *, csv: bool) -> dict[str, Any]:
    """A row as it comes out of a file: CSV has no way to tell an empty text from none."""
    texts = {column.name for column in table.columns if column.kind in ("text", "category")}
    return {name: None if csv and name in texts and cell == "" else cell for name, cell in row.items()}


@pytest.mark.parametrize("how", ["parquet", "csv"])
@pytest.mark.parametrize("name", ["runs", "metrics", "trajectories", "steps", "labels", "judgements", "config_changes"])
def test_datasets_loads_a_table_from_the_folder(datasets: Any, rows: Any, how: str, name: str):
    place, wanted = rows
    table = BY_NAME[name]
    found = datasets.load_dataset(str(place / how), name, split="train")
    assert {column: value.dtype for column, value in found.features.items()} == {
        column.name: TYPES[column.kind] for column in table.columns
    }
    assert found.to_list() == [as_read(table, row, csv=how == "csv") for row in wanted[name]]


def test_datasets_loads_a_file_alone(datasets: Any, rows: Any):
    place, wanted = rows
    for name in ("trajectories", "steps"):
        found = datasets.load_dataset("parquet", data_files=str(place / f"parquet/{name}.parquet"), split="train")
        assert found.to_list() == wanted[name]
        found = datasets.load_dataset("csv", data_files=str(place / f"csv/{name}.csv"), split="train")
        assert found["trajectory"][:] == [row["trajectory"] for row in wanted[name]]


def test_datasets_knows_the_tables_and_a_usual_one(datasets: Any, rows: Any):
    place, wanted = rows
    assert datasets.get_dataset_config_names(str(place / "csv")) == [table.name for table in TABLES]
    assert len(datasets.load_dataset(str(place / "parquet"), split="train")) == len(wanted["trajectories"])


def test_a_table_without_rows_keeps_no_other_from_being_loaded(datasets: Any, tmp_path: Path):
    with Store.open(tmp_path / "studio.db") as store:
        run = synthetic_run(store, trajectories=8, questions=4, iterations=1)
        write_tables(store, [run], tmp_path / "out", how="csv", tables=tables_named(["judgements", "metrics"]))
    assert datasets.get_dataset_config_names(str(tmp_path / "out")) == ["metrics"]
    assert len(datasets.load_dataset(str(tmp_path / "out"), split="train")) > 10
    assert pd.read_csv(tmp_path / "out/judgements.csv").columns[-1] == "at"


def test_pandas_reads_texts_as_they_are(rows: Any):
    place, wanted = rows
    found = pd.read_csv(place / "csv/questions.csv", keep_default_na=False, na_values=[""])
    assert list(found["answer"]) == [row["answer"] for row in wanted["questions"]]
    assert "nan" in set(found["answer"])


def test_datasette_opens_the_store_beside_an_engine(tmp_path: Path):
    with Store.open(tmp_path / "studio.db") as engine:
        run_id = full_run(engine)

        async def ask(*paths: str) -> list[httpx.Response]:
            served = datasette.Datasette([str(tmp_path / "studio.db")])
            await served.invoke_startup()
            return [await served.client.get(path) for path in paths]

        views = [name for (name,) in engine.rows("SELECT name FROM sqlite_schema WHERE type = 'view'")]
        assert len(views) > 6
        answers = asyncio.run(ask("/studio.json", *(f"/studio/{view}.json?_shape=array&_size=3" for view in views)))
        assert [answer.status_code for answer in answers] == [200] * len(answers)
        shown = {table["name"]: table["count"] for table in answers[0].json()["tables"]}
        assert shown["trajectories"] == engine.value("SELECT count(*) FROM trajectories")
        by_view = {view: answer.json() for view, answer in zip(views, answers[1:], strict=True)}
        assert by_view["v_runs"][0]["id"] == run_id
        score = engine.row("SELECT score FROM v_step_scores LIMIT 1")
        assert score is not None
        assert by_view["v_step_scores"][0]["score"] == score[0]
        engine.execute("UPDATE runs SET notes = 'goes on'")
