"""Whoever asks what people say of a trajectory hears the same: tables, charts, exports, benchmarks, training, audit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.benchmarks.candidates import candidates, find_source
from sapo_studio.app.exports.run_files import trajectory_lines
from sapo_studio.app.exports.step_labels import written
from sapo_studio.app.imports.take_in import take_in
from sapo_studio.domain.human_labels import outranked
from sapo_studio.domain.judgements import first_error, first_error_here
from sapo_studio.domain.labels import from_first_error
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.raw_rows import RawRow
from sapo_studio.formats.registry import FORMATS, format_named
from sapo_studio.formats.step_labels import UNKNOWN, first_error_of
from sapo_studio.store import annotations, queries
from sapo_studio.store.codec import row_number
from sapo_studio.store.db import Store
from sapo_studio.store.evidence import evidence
from sapo_studio.store.human_verdicts import steps_by_people
from sapo_studio.store.resolutions import resolve
from tests.fixtures.synthetic import synthetic_run


@dataclass
class Asked:
    """One trajectory of a run, and every place that says something of it."""

    store: Store
    run: str
    trajectory: int
    n: int

    def first_errors(self) -> dict[str, int | None]:
        """What each place says is the first error."""
        store, run, one = self.store, self.run, self.trajectory
        drawn = queries.heatmap(store, queries.HeatmapQuery(run, -1, 1))
        lines = [json.loads(text) for text in trajectory_lines(store, run)]
        found: dict[str, int | None] = {
            "heatmap": int(drawn.human[drawn.ids.tolist().index(one)]),
            "table": queries.trace_rows(store, [one])[0].human,
            "trace": queries.trace(store, one).human,
            "trajectories": next(line["human"] for line in lines if line["number"] == row_number(one)),
        }
        found["benchmark"] = next(candidates(store, find_source(store, run), "human")).first_error
        for known in FORMATS:
            (text,) = written(known, store, run, labels="human")
            found[known.name] = solutions(known.name, text)[0].first_error
        return found

    def labels(self) -> str:
        """What is exported."""
        return labels_in(own_format(self.store, self.run))

    def trained_on(self) -> str:
        """The labels that the next verifier is trained on, whatever rollouts said."""
        number = queries.get_number(self.store, self.run)
        said = steps_by_people(self.store, number)[row_number(self.trajectory)]
        labels, reasons = outranked("?" * self.n, "w" * self.n, said)
        assert set(reasons) == {"p"}
        return labels

    def says(self, error: int, labels: str) -> None:
        """Every place says this first error, and these are the labels."""
        assert set(self.first_errors().values()) == {error}, self.first_errors()
        assert self.labels() == labels.ljust(self.n, UNKNOWN)
        assert first_error_of(self.labels()) == error
        assert self.trained_on() == from_first_error(error, self.n)


def own_format(store: Store, run: str) -> str:
    """The judged trajectory in the format that holds everything."""
    (text,) = written(format_named("sapo"), store, run, labels="human")
    return text


def labels_in(text: str) -> str:
    """The labels of the only row."""
    (read,) = solutions("sapo", text)
    return read.labels


def solutions(name: str, text: str) -> Sequence[LabeledSolution]:
    """The solutions of the only row."""
    rows = format_named(name).load().rows
    assert rows is not None
    return rows.solutions(RawRow(1, 1, "", text, json.loads(text)), ReadAs())


def judged(asked: Asked, who: str, error: int) -> None:
    """`who` presses "the first error is here": the steps behind it are filled in."""
    meant = first_error_here(asked.n, error)
    annotations.annotate(asked.store, asked.trajectory, who, meant, filled=set(meant) - {error})


def taken_in_again(asked: Asked, folder: Path) -> str:
    """People's labels once the trajectory went out in the program's own format, and came back."""
    file = folder / "own.jsonl"
    file.write_text(own_format(asked.store, asked.run))
    return labels_in(own_format(asked.store, take_in(asked.store, file, format_named("sapo"), ReadAs()).run_id))


def test_three_people_and_a_resolution(store: Store, tmp_path: Path):
    run = synthetic_run(store, trajectories=24, questions=8, iterations=1)
    labeled = [one.evidence for one in evidence(store, run, 1)]
    trajectory, n = next((one.trajectory, one.n) for one in labeled if one.n >= 5)
    asked = Asked(store, run, trajectory, n)
    judged(asked, "zoe", 2)
    asked.says(2, "10")
    judged(asked, "ben", 4)
    asked.says(4, "1110")  # they differ: who spoke last
    assert taken_in_again(asked, tmp_path) == "1110".ljust(n, UNKNOWN), "who spoke last is known from the times"
    annotations.annotate(store, trajectory, "cleo", {1: 0, 2: -1, 3: 1})
    asked.says(2, "n01")  # two of three; cleo looked at what is behind it, zoe did not
    judged(asked, "ben", 4)
    asked.says(2, "n01")  # whoever speaks last
    uid = resolve(store, trajectory, "dora", first_error_here(n, 3))
    asked.says(3, "110")
    store.execute("UPDATE resolutions SET undone_at = 1 WHERE uid = ?", (uid,))
    asked.says(2, "n01")
    people = {one.evidence.trajectory: one.evidence.people for one in evidence(store, run, 1)}[trajectory]
    firsts = {who: first_error(steps, n) for who, steps in people.items()}
    assert firsts == {"ben": 4, "cleo": 2, "zoe": 2}, "the audit holds one person against another"
    assert taken_in_again(asked, tmp_path) == "n01".ljust(n, UNKNOWN), "what was filled in comes back as such"
