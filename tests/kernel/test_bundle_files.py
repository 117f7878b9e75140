"""Bundles as files: both kinds hold everything, and whatever is no whole bundle is refused, in one sentence."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.app.annotation import bundle_files
from sapo_studio.app.annotation.bundle_files import read_bundle, write_bundle
from sapo_studio.app.annotation.bundles import import_bundle
from sapo_studio.app.imports.take_in import known_format
from sapo_studio.errors import InputError
from sapo_studio.formats.bundle_mark import SUFFIXES as ALL
from sapo_studio.formats.bundle_mark import is_bundle
from sapo_studio.names import name_from_elsewhere
from sapo_studio.store.bundle_records import Bundle, CommentRecord, JudgementRecord, QueueRecord, StateRecord
from sapo_studio.store.db import Store
from tests.kernel.test_bundle_merge import ACTS, COMMENTS, EMPTY, JUDGEMENTS, QUEUE, RESOLUTIONS, item

FULL = Bundle(
    queue=QUEUE,
    items=(item(1, 3, truth=2, scores={"0": (1.0, 0.5, 0.25)}), EMPTY.items[1]),
    judgements=tuple(JUDGEMENTS),
    comments=tuple(COMMENTS),
    acts=tuple(one.model_copy(update={"undone_at": 0.1 + 0.2}) for one in ACTS),
    states=(StateRecord(place=1, annotator="ann", seconds=1 / 3, blind=True),),
    resolutions=tuple(RESOLUTIONS),
)
SUFFIXES = pytest.mark.parametrize("suffix", [".jsonl", ".db"])


@pytest.mark.parametrize("suffix", ALL)
def test_a_bundle_is_known_for_one_and_no_file_of_labeled_steps(tmp_path: Path, suffix: str):
    file = tmp_path / f"out{suffix}"
    write_bundle(FULL, file)
    assert is_bundle(file)
    with pytest.raises(InputError, match="is an annotation bundle") as told:
        known_format(file)
    assert "sapo bundle import" in told.value.fix


@pytest.mark.parametrize("name", ["out", "out.txt", "out.json", "out.sapo.bak", "out.sapo", "out.jsonl", "out.db"])
@pytest.mark.parametrize("suffix", [".sapo", ".db"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_bundle_is_known_by_what_is_in_it(tmp_path: Path, store: Store, suffix: str, name: str, packed: bool):
    written, renamed = tmp_path / f"whole{suffix}", tmp_path / name
    write_bundle(FULL, written)
    renamed.write_bytes(gzip.compress(written.read_bytes()) if packed else written.read_bytes())
    assert is_bundle(renamed)
    assert read_bundle(renamed) == FULL
    if packed:
        renamed.write_bytes(renamed.read_bytes()[:-20])
        assert "gzip" in refused(store, renamed).why


def test_a_bundle_in_an_archive_is_to_be_unpacked(tmp_path: Path, store: Store):
    written, packed = tmp_path / "whole.sapo", tmp_path / "packed.sapo"
    write_bundle(FULL, written)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.write(written, "whole.sapo")
    assert "Unpack it" in refused(store, packed).fix


@pytest.mark.parametrize(
    "content", ["", '{"problem": "1 + 1", "steps": ["2"], "label": -1}\n', "SQLite is a database\n"]
)
@pytest.mark.parametrize("suffix", [".jsonl", ".db", ".json", ".jsonl.gz"])
def test_other_files_are_no_bundles(tmp_path: Path, suffix: str, content: str):
    file = tmp_path / f"other{suffix}"
    file.write_text(content)
    assert not is_bundle(file)
    assert not is_bundle(tmp_path / f"nowhere{suffix}")


@SUFFIXES
def test_everything_comes_back(tmp_path: Path, suffix: str):
    file = tmp_path / f"out{suffix}"
    write_bundle(FULL, file)
    assert read_bundle(file) == FULL
    write_bundle(EMPTY, file)
    assert read_bundle(file) == EMPTY
    assert [one.name for one in tmp_path.iterdir()] == [file.name], "nothing is left beside it"


TEXTS = st.characters(exclude_categories=["Cs"])


@settings(max_examples=15)
@given(text=st.text(TEXTS), who=st.text(TEXTS, min_size=1, max_size=40))
def test_any_text_comes_back(tmp_path_factory, text: str, who: str):
    who = name_from_elsewhere(who)  # of a name what shows
    bundle = FULL.model_copy(
        update={
            "comments": (CommentRecord(uid="c", place=1, annotator=who, at=1.0, step=0, text=text),),
            "items": (EMPTY.items[0].model_copy(update={"steps": (text, "b", "c")}), EMPTY.items[1]),
        }
    )
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    write_bundle(bundle, file)
    assert read_bundle(file) == bundle


def refused(store: Store, file: Path) -> InputError:
    """The error of importing `file`, which leaves the store as it was."""
    with pytest.raises(InputError) as told:
        import_bundle(store, file)
    assert str(file) in told.value.what
    assert told.value.why or told.value.fix
    assert store.value("SELECT count(*) FROM runs") + store.value("SELECT count(*) FROM queues") == 0
    return told.value


def changed(file: Path, suffix: str, line: int, content: str | None) -> Path:
    """A bundle with another line, and an end that fits it; without the line where `content` is None."""
    write_bundle(FULL, file)
    lines = [*bundle_files._content(FULL)]
    lines[line : line + 1] = [] if content is None else [content]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bundle_files, "_content", lambda _: iter(lines))
        write_bundle(FULL, file)
    return file


@SUFFIXES
def test_damaged_files_are_refused(tmp_path: Path, store: Store, suffix: str):
    file = tmp_path / f"out{suffix}"
    write_bundle(FULL, file)
    whole = file.read_bytes()
    for length in (0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 200):
        file.write_bytes(whole[:length])
        refused(store, file)
    for content in (b"\0" * 5000, b"\xff\xfe" * 40, os.urandom(5000), b"[" * 5000, b"{}\n", b"null\n", b"1\n"):
        file.write_bytes(content)
        refused(store, file)
    place = whole.index(b"step 2 of 1")
    file.write_bytes(whole[:place] + b"STEP 2 of 1" + whole[place + 11 :])
    assert "changed or damaged" in refused(store, file).why


def test_lines_that_are_missing_or_too_many_are_noticed(tmp_path: Path, store: Store):
    file = tmp_path / "out.jsonl"
    write_bundle(FULL, file)
    lines = file.read_text().splitlines(keepends=True)
    for kept in (lines[:-1], lines[:4] + lines[5:], [*lines, lines[4]], [*lines[:3], lines[4], lines[3], *lines[5:]]):
        file.write_text("".join(kept))
        refused(store, file)


@pytest.mark.parametrize(
    ("line", "content", "why"),
    [
        (0, '{"kind": "bundle", "format": "sapo-annotations", "version": 2}', "version 1"),
        (0, '{"kind": "bundle", "format": "other", "version": 1}', "first line"),
        (1, None, "0 queues"),
        (2, None, "item"),
        (2, '{"kind": "item"}', "is missing"),
        (2, '{"kind": "pickle", "steps": []}', "'pickle'"),
        (4, '{"kind": "judgement", "uid": "u0", "place": 1, "annotator": "ann", "at": 1.0, "steps": []}', "at least 1"),
        (4, '{"kind": "act", "uid": "../../x", "place": 1, "annotator": "a", "at": 1.0, "verb": "save"}', "uid"),
        (4, '{"kind": "state", "place": 1, "annotator": "ann", "seconds": NaN, "blind": true}', "seconds"),
        (4, '{"kind": "state", "place": 1, "annotator": "\\ud800", "seconds": 1.0, "blind": true}', "line 5"),
        (4, '{"kind": "state", "place": 1, "annotator": "ann", "seconds": 1.0, "blind": true, "x": 1}', "Extra"),
        (4, '{"kind": "state", "place": 1' + "0" * 5000 + "}", "line 5"),
    ],
)  # fmt: skip
def test_hostile_lines_are_refused(tmp_path: Path, store: Store, line: int, content: str | None, why: str):
    told = refused(store, changed(tmp_path / "out.jsonl", ".jsonl", line, content))
    assert why.lower() in told.why.lower()


@pytest.mark.parametrize(
    ("part", "records", "why"),
    [
        ("judgements", [JudgementRecord(uid="x", place=2, annotator="a", at=1.0, steps=((3, 1, False),))], "step 3"),
        ("judgements", [JudgementRecord(uid="x", place=9, annotator="a", at=1.0, steps=((1, 1, False),))], "item 9"),
        ("judgements", [JUDGEMENTS[0], JUDGEMENTS[0]], "twice"),
        ("comments", [COMMENTS[1].model_copy(update={"step": 4})], "step 4"),
        ("resolutions", [RESOLUTIONS[0].model_copy(update={"first_error": 1})], "first error is 1"),
        ("items", [item(2, 3), item(1, 3)], "order"),
        ("items", [], "no items"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, store: Store, part: str, records: list, why: str):
    file = tmp_path / "out.db"
    write_bundle(EMPTY.model_copy(update={part: tuple(records)}), file)
    assert why in refused(store, file).why


def test_items_that_do_not_fit_themselves_are_refused():
    for more in ({"gold": 4}, {"truth": 4}, {"scores": {"0": (0.5,)}}, {"scores": {"../1": (0.5, 0.5, 0.5)}}):
        with pytest.raises(ValueError, match=r"steps|verifier|scores"):
            item(1, 3, **more)


def test_another_sqlite_file_is_refused(tmp_path: Path, store: Store):
    file = tmp_path / "out.db"
    for script in (
        "CREATE TABLE other (a)",
        "CREATE TABLE t (c); CREATE VIEW bundle AS SELECT c AS content, 1 AS line FROM t",
        "CREATE TABLE bundle (line INTEGER PRIMARY KEY, content TEXT AS (zeroblob(1000000000)) NOT NULL)",
    ):
        file.unlink(missing_ok=True)
        with closing(sqlite3.connect(file)) as made:
            made.executescript(script)
        assert "table of a bundle" in refused(store, file).why
    file.unlink()
    write_bundle(FULL, file)
    with closing(sqlite3.connect(file)) as made:
        made.execute("UPDATE bundle SET content = zeroblob(10) WHERE line = 3")
        made.commit()
    assert "no text" in refused(store, file).why


def test_places_that_are_no_files_of_bundles(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch):
    for name in ("out.txt", "out", "out.json"):
        with pytest.raises(InputError, match=r"neither .sapo nor .jsonl nor .db"):
            write_bundle(EMPTY, tmp_path / name)
    (tmp_path / "folder.db").mkdir()
    refused(store, tmp_path / "folder.db")
    refused(store, tmp_path / "none.jsonl")
    monkeypatch.setattr(bundle_files, "LARGEST", 1000)
    for suffix in (".jsonl", ".db"):
        write_bundle(FULL, tmp_path / f"out{suffix}")
        with pytest.raises(InputError, match="too large"):
            import_bundle(store, tmp_path / f"out{suffix}")


def test_names_that_look_like_paths_are_names(tmp_path: Path, store: Store):
    queue = QueueRecord(**{**QUEUE.model_dump(), "name": "../../\x1b[31m\n/etc/passwd", "uid": "q7"})
    file = tmp_path / "out.jsonl"
    write_bundle(EMPTY.model_copy(update={"queue": queue}), file)
    found = import_bundle(store, file)
    assert found.queue == queue.name == "../../ [31m /etc/passwd"
    assert "/" not in found.run_id
    assert "\x1b" not in store.value("SELECT name FROM runs")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "out.jsonl"]


def test_what_is_written_is_json_that_others_can_read(tmp_path: Path):
    write_bundle(FULL, tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows[0] == {"kind": "bundle", "format": "sapo-annotations", "version": 1}
    assert rows[1]["name"] == "lab it 1"
    assert [row["kind"] for row in rows[2:5]] == ["item", "item", "judgement"]
    assert rows[-1]["lines"] == len(rows) - 1
    write_bundle(FULL, tmp_path / "out.db")
    with closing(sqlite3.connect(tmp_path / "out.db")) as opened:
        assert [json.loads(line) for (line,) in opened.execute("SELECT content FROM bundle ORDER BY line")] == rows


def test_a_name_that_no_file_can_have_is_refused_in_words():
    with pytest.raises(InputError, match="9999"):
        read_bundle(Path("9" * 5000))
