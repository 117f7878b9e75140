"""Tables of runs: what is in them, and how they lie in files."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.app.exports.tables import arrow, csv_file, folder, trajectory_rows
from sapo_studio.app.exports.tables.batches import Batch, Selection, rows_of
from sapo_studio.app.exports.tables.columns import Column, TableSpec
from sapo_studio.app.exports.tables.description import column_lines
from sapo_studio.app.exports.tables.folder import Progress, tables_named, write_tables
from sapo_studio.app.exports.tables.reading import read
from sapo_studio.app.exports.tables.schema import BY_NAME, TABLES
from sapo_studio.errors import InputError, RunGone, Stopped, StoreError
from sapo_studio.store.codec import ROWS_PER_RUN
from sapo_studio.store.db import Store
from tests.fixtures.full_store import ODD, full_run
from tests.fixtures.synthetic import synthetic_run

PAGE = (Path(__file__).parents[2] / "docs/tables.md").read_text(encoding="utf-8")
Full = tuple[Store, list[str]]
NAMES = [table.name for table in TABLES]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    """A store, and the ids of its runs: one with rows in every table, and a small one."""
    with Store.open(tmp_path_factory.mktemp("full") / "studio.db") as store:
        runs = [full_run(store), synthetic_run(store, name="small", trajectories=8, questions=4, iterations=1)]
        yield store, runs


@pytest.fixture(scope="module", params=["parquet", "csv"])
def files(request: pytest.FixtureRequest, full: Full, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """All tables of both runs, written."""
    store, runs = full
    place = tmp_path_factory.mktemp("files") / "tables"
    write_tables(store, runs, place, how=request.param)
    return place, request.param


def rows(full: Full, name: str, **selection: Any) -> list[dict[str, Any]]:
    """A table of all runs, row by row."""
    store, runs = full
    table = BY_NAME[name]
    return [
        dict(zip(table.names, row, strict=True))
        for run in runs
        for batch in read(store, table, run, Selection(**selection))
        for row in rows_of(table, batch)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_table_holds_what_it_says(full: Full, name: str):
    table, found = BY_NAME[name], rows(full, name)
    assert found, "no row to look at"
    kinds = {"text": str, "category": str, "integer": int, "real": (int, float), "boolean": bool, "time": datetime}
    for column in table.columns:
        cells = [row[column.name] for row in found]
        assert column.optional or None not in cells
        assert all(isinstance(cell, kinds[column.kind]) for cell in cells if cell is not None), column.name
        assert column.about
        assert not column.about.endswith(".")
    keys = [tuple(row[name] for name in table.key) for row in found]
    assert len(set(keys)) == len(keys)
    for to in table.references:
        there = {tuple(row[name] for name in BY_NAME[to.table].key) for row in rows(full, to.table)}
        assert {tuple(row[name] for name in to.columns) for row in found} <= there


def in_store(full: Full, query: str) -> list[tuple[Any, ...]]:
    return sorted(full[0].rows(query))


def as_ids(full: Full, name: str, *columns: str, **selection: Any) -> list[tuple[Any, ...]]:
    """The table's rows with the store's id in place of the trajectory's number."""
    numbers = {row["run"]: row["number"] for row in rows(full, "runs")}
    return sorted(
        (numbers[row["run"]] * ROWS_PER_RUN + row["trajectory"], *(row[column] for column in columns))
        for row in rows(full, name, **selection)
    )


def test_steps_scores_labels_and_judgements_are_those_that_the_views_show(full: Full):
    steps = in_store(full, "SELECT trajectory_id, step, text, truth FROM v_steps")
    assert as_ids(full, "steps", "step", "text", "truth") == steps
    scores = in_store(full, "SELECT trajectory_id, verifier, step, score FROM v_step_scores")
    found = as_ids(full, "scores", "verifier", "step", "score")
    assert [row[:3] for row in found] == [row[:3] for row in scores]
    assert [row[3] for row in found] == pytest.approx([row[3] for row in scores], abs=6e-5)
    marks = {"correct": "1", "incorrect": "0", "neutral": "n", None: "?"}
    labels = in_store(full, "SELECT trajectory_id, source, step, label FROM v_step_labels")
    assert [(*row[:3], marks[row[3]]) for row in as_ids(full, "labels", "source", "step", "label")] == labels
    said = {"correct": 1, "neutral": 0, "incorrect": -1}
    judged = in_store(full, "SELECT trajectory_id, annotator, step, judgement FROM v_annotations")
    found = as_ids(full, "judgements", "person", "step", "judgement")
    assert [(*row[:3], said[row[3]]) for row in found] == judged


def test_what_people_say(full: Full):
    assert [(row["person"], row["step"], row["filled"]) for row in rows(full, "judgements")] == [
        *(("Jonas", 1, False), ("Mira", 1, False), ("Mira", 2, False), ("Mira", 3, True))
    ]
    assert [(row["person"], row["step"], row["text"]) for row in rows(full, "comments")] == [("Jonas", 2, ODD)]
    assert [(row["step"], row["judgement"], row["taken"]) for row in rows(full, "resolutions")] == [
        *((1, "correct", "Mira"), (2, "incorrect", "Mira"))
    ]
    assert [row["human"] for row in rows(full, "trajectories") if row["human"] is not None] == [2]
    trained = rows(full, "training_labels")
    assert [(row["label"], row["reason"]) for row in trained] == [
        *(("correct", "written"), (None, "consensus"), ("incorrect", "people"))
    ]
    assert [row["belief"] for row in trained] == pytest.approx([0.9, 0.5, 0.1], abs=2e-5)


def test_a_rollout_counts_for_all_that_begin_with_its_prefix(full: Full):
    of = {(row["run"], row["trajectory"]): (row["question"], row["iteration"]) for row in rows(full, "trajectories")}
    texts: dict[tuple[str, int], list[str]] = {key: [] for key in of}
    for row in rows(full, "steps"):
        texts[row["run"], row["trajectory"]].append(row["text"])
    wanted: Counter[tuple[str, int, int]] = Counter()
    succeeded: Counter[tuple[str, int, int]] = Counter()
    for row in rows(full, "rollouts"):
        lender, prefix = (row["run"], row["trajectory"]), row["prefix"]
        if of[lender][1] != row["iteration"] or not prefix:
            continue
        for one, steps in texts.items():
            if one[0] == lender[0] and of[one] == of[lender] and steps[:prefix] == texts[lender][:prefix]:
                wanted[*one, prefix] += 1
                succeeded[*one, prefix] += row["correct"]
    found = {(row["run"], row["trajectory"], row["step"]): row for row in rows(full, "step_rollouts")}
    assert {key: row["rollouts"] for key, row in found.items()} == wanted
    assert {key: row["successes"] for key, row in found.items()} == {key: succeeded[key] for key in wanted}
    assert any(row["rollouts"] > 6 for row in found.values()), "no rollout was shared"


@pytest.mark.parametrize("name", NAMES)
def test_the_size_of_batches_changes_no_row(full: Full, name: str, monkeypatch: pytest.MonkeyPatch):
    store, (run, _) = full
    whole = [row for batch in read(store, BY_NAME[name], run) for row in rows_of(BY_NAME[name], batch)]
    monkeypatch.setattr(trajectory_rows, "TRAJECTORIES", 7)
    monkeypatch.setattr("sapo_studio.app.exports.tables.reading.BATCH", 3)
    batches = list(read(store, BY_NAME[name], run))
    assert [row for batch in batches for row in rows_of(BY_NAME[name], batch)] == whole
    shares = [batch.share for batch in batches]
    assert shares == sorted(shares)
    if name in ("trajectories", "steps", "scores", "labels", "log", "pairs", "questions"):
        assert len(batches) > 2


@pytest.mark.parametrize("name", NAMES)
def test_a_selection_is_what_a_filter_would_leave(full: Full, name: str):
    if "iteration" not in BY_NAME[name].names:
        with pytest.raises(InputError, match="no column 'iteration'"):
            rows(full, name, iteration=1)
        return
    whole = rows(full, name)
    assert rows(full, name, iteration=1) == [row for row in whole if row["iteration"] == 1]
    assert rows(full, name, where={"iteration": [0, 2]}) == [row for row in whole if row["iteration"] in (0, 2)]


def test_splits_and_empty_cells_are_selected(full: Full):
    train = {(row["run"], row["question"]) for row in rows(full, "questions") if row["split"] == "train"}
    assert rows(full, "questions", split="train") == rows(full, "questions", where={"split": "train"})
    for name in ("trajectories", "steps", "scores", "labels", "rollouts", "judgements", "pairs", "comments"):
        kept = [row for row in rows(full, name) if (row["run"], row["question"]) in train]
        assert rows(full, name, split="train") == kept
    unknown = rows(full, "trajectories", where={"verified": None, "correct": False})
    assert unknown == [row for row in rows(full, "trajectories") if row["verified"] is None and not row["correct"]]
    assert unknown
    with pytest.raises(InputError, match="metrics is not of questions"):
        rows(full, "metrics", split="train")
    for where, said in (({"nothing": 1}, "no column 'nothing'"), ({"run": [[]]}, "no value of a cell")):
        with pytest.raises(InputError, match=said):
            rows(full, "trajectories", where=where)


def in_file(place: Path, how: str, table: TableSpec) -> list[tuple[Any, ...]]:
    """A written table, with cells as the reader gives them."""
    if how == "parquet":
        found = pq.read_table(place / f"{table.name}.parquet").to_pylist()
        return [tuple(row[name] for name in table.names) for row in found]
    with (place / f"{table.name}.csv").open(encoding="utf-8", newline="") as stream:
        head, *lines = csv.reader(stream, strict=True)
    assert tuple(head) == table.names
    return [tuple(map(from_csv, table.columns, line)) for line in lines]


def from_csv(column: Column, cell: str) -> object:
    if not cell and column.kind not in ("text", "category"):
        return None
    match column.kind:
        case "integer":
            return int(cell)
        case "real":
            return float(cell)
        case "boolean":
            return {"true": True, "false": False}[cell]
        case "time":
            assert cell.endswith("Z")
            return datetime.fromisoformat(cell)
        case _:
            return cell if cell or not column.optional else None


@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_back_every_cell(full: Full, files: tuple[Path, str], name: str):
    written = in_file(*files, BY_NAME[name])
    assert written == [tuple(row.values()) for row in rows(full, name)]


def test_files_of_parquet_are_packed_and_say_what_they_are(full: Full, tmp_path: Path):
    store, runs = full
    write_tables(store, runs, tmp_path / "out", tables=tables_named(["steps"]))
    file = pq.ParquetFile(tmp_path / "out/steps.parquet")
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    facts = json.loads(file.schema_arrow.metadata[b"sapo_studio"])
    assert (facts["table"], [run["run"] for run in facts["runs"]]) == ("steps", runs)
    for column in BY_NAME["steps"].columns:
        field = file.schema_arrow.field(column.name)
        assert field.metadata[b"about"].decode() == column.about
        assert field.nullable == column.optional
    assert [str(file.schema_arrow.field(name).type) for name in ("run", "step", "text", "truth")] == [
        *("dictionary<values=string, indices=int32, ordered=0>", "int64", "string", "bool")
    ]


def test_row_groups_hold_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrow, "ROWS", 100)
    table = TableSpec("t", "a row", ("c",), (Column("c", "category", "text"), Column("n", "integer", "number")))
    file = arrow.ParquetFile(tmp_path / "t.parquet", table, {})
    for number in range(50):
        file.add(Batch({"c": [f"text {number}"] * 9, "n": list(range(9))}))
    file.close()
    written = pq.ParquetFile(tmp_path / "t.parquet")
    assert [written.metadata.row_group(n).num_rows for n in range(written.num_row_groups)] == [108] * 4 + [18]
    assert Counter(written.read()["c"].to_pylist()) == {f"text {number}": 9 for number in range(50)}


TEXTS = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(["", "nan", "=1+1", "\r", '"', ","])


@settings(max_examples=40)
@given(cells=st.lists(st.tuples(TEXTS, st.none() | st.floats()), max_size=5))
def test_any_text_and_number_comes_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, float | None]]
):
    place = tmp_path_factory.getbasetemp()
    table = TableSpec("t", "a row", ("s",), (Column("s", "text", "text"), Column("x", "real", "number", optional=True)))
    columns = {"s": [text for text, _ in cells], "x": [number for _, number in cells]}
    wanted = [(arrow.storable(text), None if number != number else number) for text, number in cells]
    for how, file in (
        ("csv", csv_file.CsvFile(place / "t.csv", table)),
        ("parquet", arrow.ParquetFile(place / "t.parquet", table, {})),
    ):
        file.add(Batch(columns))
        file.close()
        found = [(text, None if number != number else number) for text, number in in_file(place, how, table)]
        assert found == wanted


def test_the_folder_describes_what_is_in_it(full: Full, files: tuple[Path, str]):
    place, how = files
    package = json.loads((place / "datapackage.json").read_text(encoding="utf-8"))
    read_me = (place / "README.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in place.iterdir()) == sorted(
        [*(f"{name}.{how}" for name in NAMES), "README.md", "datapackage.json"]
    )
    assert [one["title"] for one in package["resources"]] == NAMES
    for one, table in zip(package["resources"], TABLES, strict=True):
        assert one["rows"] == len(rows(full, table.name))
        assert one["bytes"] == (place / one["path"]).stat().st_size
        assert [field["name"] for field in one["schema"]["fields"]] == list(table.names)
        assert "\n".join(column_lines(table)) in read_me


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_the_page_describes_every_table_and_column(table: TableSpec):
    section = PAGE.partition(f"\n### {table.name}\n")[2].partition("\n### ")[0]
    assert "\n".join(column_lines(table)) + "\n" in section + "\n"
    told = " ".join(section.split("|")[0].split())
    assert told == f"A row is {table.row}. Key: {', '.join(f'`{name}`' for name in table.key)}."
    assert PAGE.count("\n### ") == len(TABLES)


def test_it_is_stopped_and_nothing_is_left(full: Full, tmp_path: Path):
    store, runs = full
    told: list[Progress] = []

    def report(progress: Progress) -> bool:
        told.append(progress)
        return len(told) < 30

    with pytest.raises(Stopped):
        write_tables(store, runs, tmp_path / "out", report=report)
    assert list(tmp_path.iterdir()) == []
    told.clear()
    write_tables(store, runs, tmp_path / "out", how="csv", report=lambda progress: not told.append(progress))
    shares = [progress.share for progress in told]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] > 0.95
    assert max(shares) <= 1.0


def test_what_cannot_be_written_is_refused(full: Full, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store, runs = full
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="exists already"):
        write_tables(store, runs, tmp_path / "there")
    with pytest.raises(RunGone):
        write_tables(store, ["nobody"], tmp_path / "out")
    with pytest.raises(InputError, match="no table 'step'"):
        tables_named(["step"])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write"):
        write_tables(store, runs, tmp_path / "file/out")
    monkeypatch.setattr(folder, "read_me", lambda *_: "\ud800")
    with pytest.raises(UnicodeEncodeError):
        write_tables(store, runs, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_without_pyarrow_parquet_says_what_to_install_and_csv_works(
    full: Full, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, runs = full
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="needs pyarrow") as refused:
        write_tables(store, runs, tmp_path / "out")
    assert refused.value.fix == "Install it: pip install pyarrow"
    assert not (tmp_path / "out").exists()
    write_tables(store, runs, tmp_path / "out", how="csv", tables=tables_named(["metrics"]))


def test_a_damaged_row_is_named(home: Path):
    del home
    with Store.open() as store:
        run = synthetic_run(store, trajectories=8, questions=4, iterations=1)
        store.execute("UPDATE trajectories SET steps = '[1]' WHERE id = (SELECT max(id) FROM trajectories)")
        with pytest.raises(StoreError, match="damaged row: trajectory"):
            list(read(store, BY_NAME["steps"], run))
        assert list(read(store, BY_NAME["scores"], run))
