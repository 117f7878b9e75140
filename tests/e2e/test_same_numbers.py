"""Same seed, same numbers: `lab-smoke` as commit 256d9fe ran it, against the program of today.

Bit for bit where the program rounds as that one did (`SAME_ARITHMETIC`) and this machine computes as the one of the
record: the same versions of Python, torch and what else writes results, and the same last bits in a little training of
plain torch (`tests.fixtures.rounding`). Both are asked for the same kernels (`PINS`). Elsewhere numbers with a fraction
may be off by what rounding does to them (`RELATIVE`, `ABSOLUTE`); everything that is counted, drawn or written must
still be the same.
"""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.recorded_run import (
    ABSOLUTE,
    CSV,
    ERROR,
    MEASURES,
    NEW,
    QUERIES,
    READS,
    SAME_ARITHMETIC,
    SHORT,
    SMOKE,
    Lab,
    artefact_differences,
    corrected,
    differences,
    digest,
    digest_differences,
    in_sequences,
    keys_by_kind,
    numbers,
    record,
    rows,
    table_differences,
    uncalibrated,
    without_corrected,
    without_new,
)

pytestmark = [pytest.mark.skipif(os.name != "posix", reason="signals"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("same numbers"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def exact(lab: Lab) -> bool:
    return SAME_ARITHMETIC and lab.machine() == record()["machine"]


@pytest.fixture(scope="module")
def told(lab: Lab) -> str:
    """What `sapo run lab-smoke --json` said; everything else here reads what it left."""
    done = lab.sapo("run", *SMOKE)
    assert done.returncode == 0, (done.stderr, lab.log())
    return done.stdout


@pytest.mark.slow
def test_it_tells_as_much_as_ever(told: str) -> None:
    assert keys_by_kind(told) == record()["lines"]


@pytest.mark.parametrize("name", QUERIES)
def test_the_rows(lab: Lab, told: str, name: str, exact: bool) -> None:
    got, want = lab.tables()[name], rows()[name]
    if name == "metrics":
        assert {row[1] for row in got} >= set(NEW)
        got, want = without_new(got), corrected(want, rows(), got)
    assert table_differences(name, got, want, exact=exact) == []


def as_recorded(config: Any) -> Any:
    """How many sequences are generated at a time was 512 where it was left open; now 0 is written down, for which a CPU
    takes 512 as before (tests/engine/test_batch_size.py). The sampler was `hf`; now it is `auto`, which is `hf`."""
    runtime = in_sequences(config)["runtime"]
    assert (runtime["rollout_batch"], runtime["backend"]) == (0, "auto")
    return {**config, "runtime": {**runtime, "rollout_batch": 512, "backend": "hf"}}


def test_the_run_and_its_configuration(lab: Lab, told: str) -> None:
    got = lab.run_row()
    assert differences({**got, "config": as_recorded(got["config"])}, record()["run"], None) == []


def test_the_artefacts(lab: Lab, told: str, exact: bool) -> None:
    want = uncalibrated(record()["artefacts"], lab.folder)
    assert artefact_differences(lab.artefacts(), want, exact=exact) == []
    heads = [json.loads(head.read_text()) for head in lab.folder.glob("artefacts/*/verifier/head.json")]
    assert heads == [{"kind": "likelihood"}] * 2


@pytest.mark.parametrize("name", READS)
def test_what_other_programs_read(lab: Lab, told: str, name: str, exact: bool) -> None:
    got, want = lab.read(name), record()["reads"][name]
    if name == "config":
        got = as_recorded(got)
    if "sha256" in want:
        assert digest_differences(name, got, want, exact=exact) == []
    else:
        want = corrected(want, rows(), got) if name in ("report", "metrics") else want
        got = without_new(got) if name == "metrics" else got
        if READS[name][0] is CSV and not exact:
            got, want = numbers(got), numbers(want)
        assert differences(got, want, None if exact else ABSOLUTE, name) == []


def test_an_exported_model_is_the_artefact(lab: Lab, told: str, tmp_path: Path) -> None:
    lab.called("export", "last", "model", "--output", str(tmp_path / "model"))
    kept = lab.folder / "artefacts" / "013-align-1" / "model"
    exported = {file.name: file.read_bytes() for file in (tmp_path / "model").iterdir()}
    assert exported == {file.name: file.read_bytes() for file in kept.iterdir()}


def test_what_was_computed(lab: Lab, told: str) -> None:
    """Generated and trained come to what the record's metrics have; the rest was not counted by 256d9fe."""
    values = {(i, name): value for i, name, value, _, _, _, estimate in record()["metrics"] if not estimate}
    old = ("sample_tokens", "label_tokens_omega", "label_tokens_sapo", "verifier_tokens", "align_tokens")
    for found in lab.read("report")["iterations"]:
        compute, i = found["compute"], found["iteration"]
        assert list(compute) == ["generated", "prefill", "scored", "trained", "flops"]
        assert found["compute_complete"]
        assert compute["generated"] + compute["trained"] == sum(values.get((i, name), 0) for name in old)
        assert compute["scored"] > 0 < compute["prefill"]
        parts = list(found["compute_by_phase"].values())
        assert compute == {name: sum(part[name] for part in parts) for name in compute}
        assert found["compute_by_phase"]["rate"]["scored"] > 0 == found["compute_by_phase"]["rate"]["trained"]
        assert found["compute_evaluation"]["generated"] > 0 == found["compute_evaluation"]["trained"]
        assert (found["compute_warm_up"]["trained"] > 0) == (i == 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
def test_what_is_measured_of_a_finished_run(lab: Lab, told: str, name: str, exact: bool) -> None:
    got, want = (without_corrected(one) for one in (lab.measure(name), record()["measures"][name]))
    assert differences(got, want, None if exact else ABSOLUTE, name) == []


# -- Whether the comparison sees what it is to see


def test_the_record_is_whole() -> None:
    assert record()["commit"] == "256d9fe"
    assert {name: digest(rows()[name]) for name in QUERIES if name not in SHORT} == record()["tables"]
    assert all(rows()[name] for name in QUERIES)
    assert [row[:4] for row in record()["phases"]][:2] == [[0, "sft", 0, "done"], [1, "sample", 0, "done"]]
    assert record()["reads"]["report"]["iterations"][1]["guard_kept"] == 0.0


def altered(name: str, row: int, cell: int, value: Any) -> list[list[Any]]:
    changed = copy.deepcopy(rows()[name])
    assert changed[row][cell] != value
    changed[row][cell] = value
    return changed


def test_a_changed_letter_is_seen_on_every_machine() -> None:
    for changed in (
        altered("trajectories", 3, 13, '["1 + 1 = 2"]'),
        altered("labels", 5, 3, "1?"),
        altered("rollouts", 7, 6, 99),
        altered("questions", 0, 4, "-1"),
    ):
        name = next(name for name in QUERIES if len(rows()[name]) == len(changed) and rows()[name][1] == changed[1])
        for exact in (True, False):
            assert len(table_differences(name, changed, rows()[name], exact=exact)) == 1
            assert digest_differences(name, changed, digest(rows()[name]), exact=exact)
    assert table_differences("pairs", rows()["pairs"][:-1], rows()["pairs"], exact=False)


def test_a_changed_bit_is_seen_where_machines_are_alike() -> None:
    margin = rows()["pairs"][0][5]
    for value, elsewhere in ((math.nextafter(margin, 2), 0), (margin + 1e-4, 1)):
        changed = altered("pairs", 0, 5, value)
        assert len(table_differences("pairs", changed, rows()["pairs"], exact=True)) == 1
        assert len(table_differences("pairs", changed, rows()["pairs"], exact=False)) == elsewhere
    units = rows()["scores"][0][2]
    for by, elsewhere in ((1, 0), (2, 1)):
        changed = altered("scores", 0, 2, [units[0] + by, *units[1:]])
        assert len(table_differences("scores", changed, rows()["scores"], exact=True)) == 1
        assert len(table_differences("scores", changed, rows()["scores"], exact=False)) == elsewhere


def test_only_the_corrected_number_is_corrected() -> None:
    before, after = rows()["metrics"], corrected(rows()["metrics"], rows(), [])
    assert [row for row in after if row not in before] == [row for row in after if row[1] == ERROR]
    assert len(after) == len(before)
    report = record()["reads"]["report"]
    told = differences(corrected(report, rows(), report), report, None)
    assert len(told) == 4
    assert all(ERROR in line for line in told)
    # Numbers that are only nearly these are not taken for them.
    off = [[*row[:2], row[2] * (1 + 1e-9), *row[3:]] if row[1] == ERROR else row for row in after]
    assert corrected(before, rows(), off) == after


def test_a_key_may_come_and_none_may_go() -> None:
    report = record()["reads"]["report"]
    assert differences(report | {"new": 1}, report, None) == []
    assert differences({k: v for k, v in report.items() if k != "seed"}, report, ABSOLUTE) == ["/seed: is gone"]
    assert differences(report | {"seed": 5.0}, report, ABSOLUTE) == ["/seed: 5.0 instead of 5"]


def test_other_bytes_are_seen() -> None:
    want = record()["artefacts"]
    for name, elsewhere in (("013-align-1/model/model.safetensors", 0), ("001-sample-0/trajectories.json", 1)):
        assert len(artefact_differences(want | {name: "0"}, want, exact=True)) == 1
        assert len(artefact_differences(want | {name: "0"}, want, exact=False)) == elsewhere
    assert artefact_differences(want | {"015-more-1/data.json": "0"}, want, exact=False)
    assert artefact_differences({}, want, exact=False)
