"""Runs that 256d9fe left unfinished, taken up by the program of today: they end as the uninterrupted ones of 256d9fe.

How exact the comparison is, `test_same_numbers` says.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.interrupted_run import CASES, steps_made, unpack
from tests.fixtures.recorded_run import (
    ABSOLUTE,
    CSV,
    MEASURES,
    QUERIES,
    READS,
    SAME_ARITHMETIC,
    Lab,
    artefact_differences,
    corrected,
    differences,
    digest_differences,
    in_sequences,
    numbers,
    record,
    rows,
    table_differences,
    uncalibrated,
    without_amounts,
    without_corrected,
    without_new,
)

pytestmark = [
    pytest.mark.slow,  # what an older version left is gone on with in tests/engine/test_compute.py, too
    pytest.mark.skipif(os.name != "posix", reason="signals"),
    pytest.mark.timeout(300),
]

RUN = "recorded-1"
ANSWER = 9
"""Place of the answer in a kept trajectory."""


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> bool:
    return SAME_ARITHMETIC and Lab(tmp_path_factory.mktemp("machine")).machine() == record()["machine"]


def older(case: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = unpack(case, tmp_path_factory.mktemp(case) / "another place")
    yield lab
    lab.end()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from older("killed", tmp_path_factory)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from older("stopped", tmp_path_factory)


@pytest.fixture(scope="module")
def ended(stopped: Lab) -> Lab:
    """The stopped one, gone on with to its end."""
    assert status(stopped) == "stopped"
    assert steps_made(stopped.folder / "artefacts" / CASES["stopped"].left) > 0
    resume(stopped)
    return stopped


def status(lab: Lab) -> str:
    return json.loads(lab.said("runs", "--json"))["status"]


def resume(lab: Lab) -> None:
    """Have the run go on to its end. Phases that were done must not be done again."""
    before = done(lab)
    lines = [json.loads(line) for line in lab.said("resume", RUN, "--json").splitlines()]
    assert lines[-1] == {"kind": "run_finished", "run_id": RUN, "status": "done"}
    after = done(lab)
    assert len(after) == len(record()["phases"])
    assert {ordinal: after[ordinal] for ordinal in before} == before


def done(lab: Lab) -> dict[int, Any]:
    connection = sqlite3.connect(lab.home / "studio.db")
    try:
        found = connection.execute("SELECT ordinal, started_at, seconds FROM phases WHERE status = 'done'").fetchall()
    finally:
        connection.close()
    return {ordinal: times for ordinal, *times in found}


def as_recorded(lab: Lab, exact: bool) -> None:
    tables = lab.tables()
    tables["metrics"] = without_new(tables["metrics"])
    want = rows() | {"metrics": corrected(rows()["metrics"], rows(), tables["metrics"])}
    assert [d for name in QUERIES for d in table_differences(name, tables[name], want[name], exact=exact)] == []
    artefacts = uncalibrated(record()["artefacts"], lab.folder)
    assert artefact_differences(lab.artefacts(), artefacts, exact=exact) == []
    row = lab.run_row()
    assert differences({**row, "config": in_sequences(row["config"])}, record()["run"], None) == []


def test_killed_while_it_labelled(killed: Lab, exact: bool) -> None:
    assert status(killed) == "interrupted"
    resume(killed)
    as_recorded(killed, exact)
    # It counted nothing. What was computed since is known, and is told as what it is: not all.
    before, since = json.loads(killed.said("report", RUN, "--json"))["iterations"]
    assert before["compute"] == dict.fromkeys(("generated", "prefill", "scored", "trained", "flops"))
    assert not before["compute_complete"]
    assert not since["compute_complete"]
    assert since["compute_by_phase"]["sample"] == before["compute"]
    assert since["compute_by_phase"]["label"]["generated"] is None  # its only shard was kept
    assert since["compute"]["trained"] == sum(
        row[2] for row in record()["metrics"] if row[:2] in ([1, "verifier_tokens"], [1, "align_tokens"])
    )
    assert "\u2014" in killed.said("report", RUN)
    assert "\u2265" in killed.said("report", RUN)


def test_stopped_while_it_trained(ended: Lab, exact: bool) -> None:
    as_recorded(ended, exact)


def test_killed_between_two_shards(tmp_path: Path, exact: bool) -> None:
    """The shard that was kept is read back, not made again: a word that was changed in it comes through to the store
    and to the artefact. But for this word all is as without a kill."""
    wide = unpack("wide", tmp_path / "another place")
    shard = wide.folder / "artefacts" / CASES["wide"].left
    kept = json.loads(shard.read_text())
    answer = kept[0][ANSWER]
    changed = "x" * len(answer)  # as long: the manifest has the artefacts' sizes
    kept[0][ANSWER] = changed
    shard.write_text(json.dumps(kept))
    try:
        resume(wide)
    finally:
        wide.end()
    want, tables = record()["wide"], wide.tables()
    (row,) = (row for row in tables["trajectories"] if row[7] == changed)
    row[7] = answer
    (artefact,) = wide.folder.glob("artefacts/*-sample-1/trajectories.json")
    written = artefact.read_text()
    assert written.count(f'"{changed}"') == 1
    artefact.write_text(written.replace(f'"{changed}"', f'"{answer}"'))

    # The rows of metrics are compared one by one below, those of phases count in other units since.
    others = [name for name in QUERIES if name not in ("metrics", "phases")]
    assert len(without_amounts(tables["phases"])) == want["tables"]["phases"]["rows"]
    if not exact:
        # Of this run only digests are kept, and which of two pairs with nearly the same margin is used hangs on the
        # last bits: a machine that rounds otherwise may choose the other.
        others.remove("pairs")
        assert len(tables["pairs"]) == want["tables"]["pairs"]["rows"]
    assert [d for n in others for d in digest_differences(n, tables[n], want["tables"][n], exact=exact)] == []
    got = without_new(tables["metrics"])
    assert table_differences("metrics", got, corrected(want["metrics"], tables, got), exact=exact) == []
    assert artefact_differences(wide.artefacts(), uncalibrated(want["artefacts"], wide.folder), exact=exact) == []


def test_what_a_stopped_training_kept_is_used(tmp_path: Path) -> None:
    """It goes on from the weights that were kept, not from its beginning: others show in the verifier."""
    lab = unpack("stopped", tmp_path / "home")
    state = lab.folder / "artefacts" / CASES["stopped"].left
    data = bytearray(state.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    first, last = json.loads(data[8 : 8 + length])["model/0"]["data_offsets"]
    data[8 + length + first : 8 + length + last] = bytes(last - first)
    state.write_bytes(data)
    try:
        lab.said("resume", RUN, "--json")
    finally:
        lab.end()
    got, want = lab.tables()["scores"], rows()["scores"]
    assert table_differences("scores", got, want, exact=False)
    assert [row for row in got if row[1] == 0] == [row for row in want if row[1] == 0]


@pytest.mark.parametrize("name", [*READS, "evaluate"])
def test_what_is_read_and_measured_of_it(ended: Lab, name: str, exact: bool) -> None:
    close = None if exact else ABSOLUTE
    if name in MEASURES:
        got, want = (without_corrected(one) for one in (ended.measure(name), record()["measures"][name]))
        assert differences(got, want, close, name) == []
        return
    got, want = ended.read(name), record()["reads"][name]
    got = in_sequences(got) if name == "config" else got
    if "sha256" in want:
        assert digest_differences(name, got, want, exact=exact) == []
    else:
        want = corrected(want, rows(), got) if name in ("report", "metrics") else want
        got = without_new(got) if name == "metrics" else got
        if READS[name][0] is CSV and not exact:
            got, want = numbers(got), numbers(want)
        assert differences(got, want, close, name) == []
