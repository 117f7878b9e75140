"""What a resolution keeps, and that it comes back whole however it travels."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.app.annotation.bundle_files import read_bundle, write_bundle
from sapo_studio.app.exports.extras import extras_of
from sapo_studio.app.exports.step_labels import written
from sapo_studio.app.imports.take_in import take_in
from sapo_studio.domain.judgements import UNKNOWN, first_error, first_error_here
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.extras import Extras, Resolution, ResolvedStep
from sapo_studio.formats.raw_rows import RawRow
from sapo_studio.formats.registry import format_named
from sapo_studio.formats.rows import RowFormat
from sapo_studio.store import queries
from sapo_studio.store.bundle_records import ResolutionRecord
from sapo_studio.store.bundles import bring_in, merge, read_queue
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import human_verdicts
from sapo_studio.store.resolutions import Resolution as Stored
from sapo_studio.store.resolutions import resolve, standing_resolutions
from tests.fixtures.old_stores import unpacked
from tests.fixtures.step_files import ROWS
from tests.fixtures.two_people import judged_queue

OWN = "sapo"


def resolved(store: Store) -> tuple[int, int, int]:
    """A queue, one of its trajectories that Eva resolved, and its number of steps: the first error is step 2, step 3
    was called incorrect by hand, what follows it was filled in."""
    queue_id = judged_queue(store)
    trajectory, n = store.rows(
        "SELECT t.id, t.n_steps FROM queue_items i JOIN trajectories t ON t.id = i.trajectory_id"
        " WHERE i.queue_id = ? AND t.n_steps > 3 LIMIT 1",
        (queue_id,),
    )[0]
    said = first_error_here(n, 2)
    resolve(store, trajectory, "Eva", said, filled=set(said) - {2, 3}, taken="Mira", why="72 / 2\nis 36")
    return queue_id, trajectory, n


def facts(found: Sequence[Stored]) -> list[tuple[object, ...]]:
    """What has to come back of resolutions: all but the names that a store gives them."""
    return [(one.resolver, one.at, one.steps, one.filled, one.first_error, one.taken, one.why) for one in found]


def of(store: Store, trajectory: int) -> list[tuple[object, ...]]:
    """The same of those of one trajectory."""
    return facts(standing_resolutions(store, trajectory, trajectory).get(trajectory, []))


def test_what_was_judged_by_hand_behind_the_first_error_counts(store: Store):
    _, trajectory, _ = resolved(store)
    verdict = human_verdicts(store, trajectory, trajectory)[trajectory]
    assert (verdict.how, verdict.first_error, verdict.steps) == ("resolution", 2, {1: 1, 2: -1, 3: -1})


def test_through_the_programs_own_format(store: Store, tmp_path: Path):
    _, trajectory, _ = resolved(store)
    run = store.value("SELECT run_id FROM trajectories WHERE id = ?", (trajectory,))
    before = of(store, trajectory)
    again = [line for line in written(format_named(OWN), store, run, labels="human") if "Eva" in line]
    for name in ("first.jsonl", "second.jsonl"):
        (tmp_path / name).write_text("".join(again))
        taken = take_in(store, tmp_path / name, format_named(OWN), ReadAs())
        (copy,) = map(int, queries.trace_ids(store, queries.TraceFilter(taken.run_id, source="import")))
        assert of(store, copy) == before
        verdicts = [human_verdicts(store, one, one)[one] for one in (trajectory, copy)]
        assert verdicts[0] == verdicts[1]
        again = list(written(format_named(OWN), store, taken.run_id, labels="human"))


@pytest.mark.parametrize("suffix", [".jsonl", ".db"])
def test_in_a_bundle(store: Store, tmp_path: Path, suffix: str):
    queue_id, trajectory, _ = resolved(store)
    file = tmp_path / f"there{suffix}"
    write_bundle(read_queue(store, queue_id), file)
    bundle = read_bundle(file)
    with Store.open(tmp_path / "other.db") as other:
        bring_in(other, bundle, file.name)
        (copy,) = other.row("SELECT DISTINCT trajectory_id FROM resolutions") or ()
        assert of(other, copy) == of(store, trajectory)
        for _ in range(2):
            assert not merge(other, bundle).anything
        assert read_queue(other, 1).resolutions == bundle.resolutions
    assert not merge(store, bundle).anything


def test_what_earlier_versions_did_not_keep(store: Store, tmp_path: Path):
    """A store and a bundle of theirs are taken for the same, so that a merge finds nothing new."""
    queue_id, _, n = resolved(store)
    (record,) = read_queue(store, queue_id).resolutions
    old = ResolutionRecord.model_validate(record.model_dump(exclude={"filled"}))
    assert old.filled == tuple(range(3, n + 1))
    path = unpacked(5, tmp_path / "old.db")
    with closing(sqlite3.connect(path)) as before:
        trajectory = before.execute("SELECT id FROM trajectories").fetchone()[0]
        before.executemany(
            "INSERT INTO resolutions (uid, trajectory_id, resolver, at, judgements, first_error)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("whole", trajectory, "eva", 1.0, json.dumps({str(step): said for step, said in old.steps}), 2),
                ("none", trajectory, "zoe", 2.0, '{"1": 1, "2": 1}', 0),
                ("damaged", trajectory, "ann", 3.0, "{", 2),
            ],
        )
        before.commit()
    with Store.open(path) as migrated:
        kept = dict(migrated.rows("SELECT uid, filled FROM resolutions"))
    assert {uid: tuple(json.loads(filled)) for uid, filled in kept.items()} == {
        "whole": old.filled,
        "none": (),
        "damaged": (),
    }


def test_a_fill_that_its_judgements_do_not_have_is_refused():
    record = {"uid": "u", "place": 1, "annotator": "a", "at": 1.0, "first_error": 2, "taken": "", "why": ""}
    for filled in ((3,), (2, 1), (1, 1)):
        with pytest.raises(ValueError, match="fills in"):
            ResolutionRecord(**record, steps=((1, 1), (2, -1)), filled=filled)


def _own_rows() -> RowFormat:
    rows = format_named(OWN).load().rows
    assert rows is not None
    return rows


STEPS = len(ROWS[OWN]["steps"])
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
RESOLUTIONS = st.builds(
    Resolution,
    person=WORDS,
    at=st.floats(0, 1e10),
    steps=st.dictionaries(st.integers(1, STEPS), st.tuples(st.sampled_from([-1, 0, 1]), st.booleans()), min_size=1)
    .filter(lambda said: first_error({step: one for step, (one, _) in said.items()}, STEPS) != UNKNOWN)
    .map(lambda said: tuple(ResolvedStep(step=s, judgement=j, filled=f) for s, (j, f) in sorted(said.items()))),
    taken=WORDS,
    why=WORDS,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(RESOLUTIONS, max_size=3, unique_by=lambda one: one.person))
def test_any_resolutions_come_back_from_a_row(found: list[Resolution]):
    rows = _own_rows()
    (plain,) = rows.solutions(RawRow(1, 1, "", json.dumps(ROWS[OWN]), ROWS[OWN]), ReadAs())
    solution = LabeledSolution.model_validate(
        {**dict(plain), "extras": plain.extras.model_copy(update={"resolutions": tuple(found)})}
    )
    text = json.dumps(rows.write(solution))
    (read,) = rows.solutions(RawRow(1, 1, "", text, json.loads(text)), ReadAs())
    assert read.extras == solution.extras


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([{"step": 4, "judgement": -1}], "step 4"),
        ([{"step": 1, "judgement": 1}], "does not say"),
        ([{"step": 1, "judgement": -1}, {"step": 1, "judgement": 1}], "twice"),
        ([], "resolutions"),
    ],
)
def test_resolutions_that_cannot_be_are_refused(store: Store, tmp_path: Path, steps: list[object], why: str):
    bad = ROWS[OWN] | {"resolutions": [{"person": "ann", "at": 1.0, "steps": steps}]}
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in (ROWS[OWN], bad)))
    found = take_in(store, file, format_named(OWN), ReadAs())
    assert [one.line for one in found.refused] == [2]
    assert why in found.refused[0].why


def test_the_last_one_of_each_person_is_exported(store: Store):
    _, trajectory, n = resolved(store)
    for who, error in (("Mira", 1), ("Eva", 3), ("Jonas", 1)):
        resolve(store, trajectory, who, first_error_here(n, error))
    store.execute("UPDATE resolutions SET undone_at = 1 WHERE resolver = 'Jonas'")
    (extras,) = extras_of(store, [trajectory]).values()
    assert extras != Extras()
    assert [(one.person, first_error(one.judgements, n)) for one in extras.resolutions] == [("Mira", 1), ("Eva", 3)]
