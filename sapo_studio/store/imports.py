"""Writing and reading imported files: their rows as they stood there, and the trajectories that were found in them.

A file is staged in a database of its own, in a temporary file that goes with the process, and then taken over in one
transaction: who is killed leaves nothing, and who works on a run waits for the taking over only.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from sapo_studio.domain.judgements import first_error
from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.extras import Extras
from sapo_studio.store import queries, runs
from sapo_studio.store.codec import id_range, pack_scores, row_id
from sapo_studio.store.db import Store
from sapo_studio.store.resolutions import steps_text

SOURCE = "import"
"""What the source of imported trajectories is called."""
FILE_LABELS = "file"
"""What the source of a file's own labels is called."""
SAMPLED = "sampled"
"""In the settings of solutions that `sapo benchmark sample` has had written: `models`, their `runs`, `like`, and how
many `solutions` these were chosen from."""
_BATCH = 1_000
_STAGE = """
CREATE TABLE import_rows (row INTEGER PRIMARY KEY, raw TEXT);
CREATE TABLE questions (n INTEGER PRIMARY KEY, text TEXT, answer TEXT);
CREATE TABLE solutions (n INTEGER PRIMARY KEY, row INTEGER, place INTEGER, question INTEGER, steps TEXT,
    n_steps INTEGER, correct INTEGER, first_error INTEGER, labels TEXT, extras TEXT);
"""

BUNDLE = "bundle"
"""In place of a file's format: trajectories of another store, that came with a queue (`sapo bundle import`). They have
no labels but those that people give them."""


@dataclass(frozen=True)
class ImportInfo:
    """What an imported file was. `refused` are its rows that were not kept: line and why."""

    run_id: str
    file: str
    format: str
    settings: dict[str, Any]
    frame: dict[str, Any]
    refused: list[dict[str, Any]]


class Staging:
    """Takes the rows of a file, one after the other, and in the end writes all of them into the store, or none."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.executescript(_STAGE)
        self._questions: dict[bytes, int] = {}
        self.rows = 0
        self.solutions = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, row: int, raw: str, solutions: Sequence[LabeledSolution]) -> None:
        """Take a row with its solutions. Rows come in order, with numbers from 1 on."""
        self._db.execute("INSERT INTO import_rows VALUES (?, ?)", (row, raw))
        self.rows += 1
        for place, one in enumerate(solutions):
            self.solutions += 1
            extras = "" if one.extras == Extras() else one.extras.model_dump_json()
            self._db.execute(
                "INSERT INTO solutions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(self.solutions, row, place, self._question(one.problem, one.answer)),
                    *(json.dumps(list(one.steps), ensure_ascii=False), len(one.steps), one.ends_right),
                    *(one.first_error, one.labels, extras),
                ),
            )

    def _question(self, problem: str, answer: str) -> int:
        key = hashlib.blake2b(f"{len(problem)} {problem}{answer}".encode(), digest_size=16).digest()
        number = self._questions.get(key)
        if number is None:
            number = self._questions[key] = len(self._questions) + 1
            self._db.execute("INSERT INTO questions VALUES (?, ?, ?)", (number, problem, answer))
        return number

    def write(self, store: Store, name: str, info: ImportInfo, *, by_rollouts: bool) -> str:
        """Write everything, in one transaction, and return the id under which it can be found.

        `info` without its `run_id`. `by_rollouts`: the file's labels come from rollouts, and are not the truth.
        """
        with store.atomic():
            number, run_id = runs.create_import(store, name)
            store.execute(
                "INSERT INTO imports (run_id, file, format, settings, frame, refused) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(run_id, info.file, info.format),
                    *(json.dumps(part) for part in (info.settings, info.frame, info.refused)),
                ),
            )
            self._take_over(store, number, run_id, by_rollouts)
        return run_id

    def _take_over(self, store: Store, number: int, run_id: str, by_rollouts: bool) -> None:
        store.execute_many(
            "INSERT INTO import_rows (run_id, row, raw) VALUES (?, ?, ?)",
            ((run_id, *row) for row in self._staged("row, raw FROM import_rows ORDER BY row")),
        )
        store.execute_many(
            "INSERT INTO questions (id, run_id, split, text, solution, answer) VALUES (?, ?, 'import', ?, '', ?)",
            (
                (row_id(number, n), run_id, text, answer)
                for n, text, answer in self._staged("n, text, answer FROM questions ORDER BY n")
            ),
        )
        store.execute_many(
            "INSERT INTO trajectories (id, run_id, question_id, iteration, sample, source, steps, n_steps, correct,"
            f" {'verified' if by_rollouts else 'truth'}) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)",
            (
                (row_id(number, n), run_id, row_id(number, question), place, SOURCE, *facts)
                for n, question, place, *facts in self._staged(
                    "n, question, place, steps, n_steps, correct, first_error FROM solutions ORDER BY n"
                )
            ),
        )
        store.execute_many(
            "INSERT INTO import_trajectories (trajectory_id, row, place) VALUES (?, ?, ?)",
            (
                (row_id(number, n), row, place)
                for n, row, place in self._staged("n, row, place FROM solutions ORDER BY n")
            ),
        )
        store.execute_many(
            "INSERT INTO labels (trajectory_id, source, iteration, labels, verified) VALUES (?, ?, 0, ?, ?)",
            (
                (row_id(number, n), FILE_LABELS, labels, first_error or 0)
                for n, labels, first_error in self._staged("n, labels, first_error FROM solutions ORDER BY n")
            ),
        )
        rollouts = 0
        for n, text in self._staged("n, extras FROM solutions WHERE extras != '' ORDER BY n"):
            extras = Extras.model_validate_json(text)
            write_extras(store, number, row_id(number, n), extras, rollouts)
            rollouts += len(extras.rollouts)

    def _staged(self, what: str) -> Iterator[tuple[Any, ...]]:
        return iter(self._db.execute(f"SELECT {what}"))


def write_extras(store: Store, number: int, identity: int, extras: Extras, rollouts: int) -> None:
    """Write what is known of a trajectory of imported file `number`, which has `rollouts` rollouts already."""
    act = int(store.value("SELECT coalesce(max(act), 0) FROM annotations"))
    judgements = sorted(extras.judgements, key=lambda j: (j.at, j.person, j.step))  # who spoke last counts
    acts = {key: act + n for n, key in enumerate(dict.fromkeys((j.at, j.person) for j in judgements), start=1)}
    store.execute_many(
        "INSERT INTO annotations (trajectory_id, annotator, at, act, step, judgement, filled)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(identity, j.person, j.at, acts[j.at, j.person], j.step, j.judgement, j.filled) for j in judgements],
    )
    uids = sorted(uuid.uuid4().hex for _ in extras.resolutions)  # of several at one time the last one holds, as there
    store.execute_many(
        "INSERT INTO resolutions (uid, trajectory_id, resolver, at, judgements, first_error, taken, why, filled)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(uid, identity, r.person, r.at, steps_text(r.judgements), first_error(r.judgements, len(r.steps))),
                *(r.taken, r.why, json.dumps(sorted(one.step for one in r.steps if one.filled))),
            )
            for uid, r in zip(uids, extras.resolutions, strict=True)
        ],
    )
    store.execute_many(
        "INSERT INTO comments (uid, trajectory_id, step, annotator, at, text) VALUES (?, ?, ?, ?, ?, ?)",
        [(uuid.uuid4().hex, identity, c.step, c.person, c.at, c.text) for c in extras.comments],
    )
    store.execute_many(
        "INSERT OR REPLACE INTO scores (trajectory_id, verifier, scores, mean, predicted) VALUES (?, ?, ?, ?, ?)",
        [
            (identity, s.verifier, pack_scores(s.scores), sum(s.scores) / len(s.scores), s.predicted)
            for s in extras.scores
        ],
    )
    store.execute_many(
        'INSERT OR IGNORE INTO labels (trajectory_id, source, iteration, labels, "case", predicted, verified, rollouts,'
        " tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (identity, s.source, s.iteration, s.labels, s.case, s.predicted, s.verified, s.rollouts, s.tokens)
            for s in extras.labels
        ],
    )
    store.execute_many(
        "INSERT INTO rollouts (id, trajectory_id, iteration, prefix, text, correct, tokens)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (row_id(number, rollouts + n), identity, r.iteration, r.prefix, r.text, r.correct, r.tokens)
            for n, r in enumerate(extras.rollouts)
        ],
    )


# -- Scores


def number_of(store: Store, run_id: str, verifier: str, wanted: int) -> int:
    """Under which number the scores by `verifier` stand in an imported file: the one that it has, else `wanted`, or the
    next one that is free, which is its from now on."""
    settings = info(store, run_id).settings
    scored_by: dict[str, str] = settings.get("scored_by", {})
    number = next((int(taken) for taken, name in scored_by.items() if name == verifier), None)
    if number is None:
        taken = {*queries.verifiers_of(store, run_id), *map(int, scored_by)}
        number = next(free for free in itertools.count(wanted) if free not in taken)
        settings["scored_by"] = {**scored_by, str(number): verifier}
        store.execute("UPDATE imports SET settings = ? WHERE run_id = ?", (json.dumps(settings), run_id))
    return number


def write_scores(
    store: Store, run_id: str, verifier: str, wanted: int, rows: Sequence[tuple[int, Sequence[float], int]]
) -> int:
    """Keep a verifier's scores of trajectories of an imported file: id, scores, predicted first error.

    They stand under the verifier's own number `wanted`, or under the next one that is free; which verifier (`verifier`
    is its name) has which number stands in the file's settings, as `scored_by`. Returns the number. What the same
    verifier said before is replaced.
    """
    with store.atomic():
        number = number_of(store, run_id, verifier, wanted)
        low, high = id_range(queries.get_number(store, run_id))
        store.execute("DELETE FROM scores WHERE verifier = ? AND trajectory_id BETWEEN ? AND ?", (number, low, high))
        store.execute_many(
            "INSERT INTO scores (trajectory_id, verifier, scores, mean, predicted) VALUES (?, ?, ?, ?, ?)",
            [
                (identity, number, pack_scores(scores), sum(scores) / len(scores), predicted)
                for identity, scores, predicted in rows
            ],
        )
    return number


# -- Reading


def info(store: Store, run_id: str) -> ImportInfo:
    """What an imported file was. Raises InputError where `run_id` is a run."""
    row = store.row("SELECT file, format, settings, frame, refused FROM imports WHERE run_id = ?", (run_id,))
    if row is None:
        raise InputError(f"{run_id} is a run, not an imported file", fix="`sapo import FILE` imports one.")
    return ImportInfo(run_id, row[0], row[1], *(json.loads(part) for part in row[2:]))


def counts(store: Store, run_id: str) -> tuple[int, int]:
    """How many rows and how many solutions an imported file has."""
    rows = store.value("SELECT count(*) FROM import_rows WHERE run_id = ?", (run_id,))
    solutions = store.value("SELECT count(*) FROM trajectories WHERE run_id = ?", (run_id,))
    return int(rows), int(solutions)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of an imported file, and its trajectories in the order in which they stand there."""

    row: int
    raw: str
    trajectories: tuple[int, ...]


def stored_rows(store: Store, run_id: str) -> Iterator[StoredRow]:
    """The rows of an imported file in its order, read in batches."""
    last = 0
    while True:
        rows = store.rows(
            "SELECT row, raw FROM import_rows WHERE run_id = ? AND row > ? ORDER BY row LIMIT ?", (run_id, last, _BATCH)
        )
        if not rows:
            return
        # By number: rows are numbered as their trajectories are.
        found: dict[int, list[int]] = {}
        for identity, row in store.rows(
            "SELECT i.trajectory_id, i.row FROM import_trajectories i JOIN trajectories t ON t.id = i.trajectory_id"
            " WHERE t.run_id = ? AND i.row BETWEEN ? AND ? ORDER BY i.trajectory_id",
            (run_id, rows[0][0], rows[-1][0]),
        ):
            found.setdefault(row, []).append(identity)
        for row, raw in rows:
            yield StoredRow(row, raw, tuple(found.get(row, ())))
        last = cast("int", rows[-1][0])
