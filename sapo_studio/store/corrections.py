"""Corrections of figures that earlier versions have stored, from what lies beside them: steps of `migrations`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from sapo_studio.domain.labelers.beforehand import why_none
from sapo_studio.domain.labelers.registry import LABELERS, NONE
from sapo_studio.domain.self_verification import Verified, error_as_sampled
from sapo_studio.store.codec import unpack_scores

if TYPE_CHECKING:
    import sqlite3

    from sqlite_utils import Database

ERROR = "self_verification_error"


def self_verification_errors(database: Database) -> None:
    """The self-verification error as it is sampled, and none where nothing is assigned beforehand.

    It was stored for labelers that assign nothing (Omega, Shepherd, a random step, a search), and over a set that
    `labeling.right_share` had balanced. Where scores or labels are not in the store, so that it cannot be reckoned
    again, it goes.
    """
    connection = database.conn
    stored = connection.execute(
        "SELECT r.id, r.config, m.iteration FROM metrics m JOIN runs r ON r.id = m.run_id WHERE m.name = ?", (ERROR,)
    ).fetchall()
    for run_id, config, iteration in stored:
        labeling = _labeling(config)
        labeler = str(labeling.get("labeler", ""))
        found = None
        if (labeler in LABELERS or labeler == NONE) and not why_none(
            labeler, str(labeling.get("detection", "verifier")), int(labeling.get("max_checks", 2))
        ):
            correct, incorrect = _sampled(connection, run_id, iteration)
            found = error_as_sampled(_verified(connection, run_id, iteration, labeler), correct, incorrect)
        if found is None or not found.n:
            connection.execute(
                "DELETE FROM metrics WHERE run_id = ? AND iteration = ? AND name = ?", (run_id, iteration, ERROR)
            )
        else:
            connection.execute(
                "UPDATE metrics SET value = ?, low = ?, high = ?, n = ?"
                " WHERE run_id = ? AND iteration = ? AND name = ?",
                (found.value, found.low, found.high, found.n, run_id, iteration, ERROR),
            )


def _labeling(config: str) -> dict[str, Any]:
    """The section of a stored configuration; empty where it cannot be read."""
    try:
        read = json.loads(config)
    except ValueError:
        return {}
    section = cast("dict[str, Any]", read).get("labeling") if isinstance(read, dict) else None
    return cast("dict[str, Any]", section) if isinstance(section, dict) else {}


def _sampled(connection: sqlite3.Connection, run_id: str, iteration: int) -> tuple[int, int]:
    """Trajectories of S_i with a correct and with an incorrect answer."""
    row = connection.execute(
        "SELECT coalesce(sum(correct), 0), count(*) FROM trajectories"
        " WHERE run_id = ? AND source = 'sample' AND iteration = ?",
        (run_id, iteration),
    ).fetchone()
    return int(row[0]), int(row[1]) - int(row[0])


def _verified(connection: sqlite3.Connection, run_id: str, iteration: int, labeler: str) -> Iterator[Verified]:
    """Those of S_i that V_{i-1} has scored and the labeler has labeled."""
    for question, correct, case, scores in connection.execute(
        'SELECT t.question_id, t.correct, l."case", s.scores FROM trajectories t'
        " JOIN labels l ON l.trajectory_id = t.id AND l.source = ? AND l.iteration = t.iteration"
        " JOIN scores s ON s.trajectory_id = t.id AND s.verifier = t.iteration - 1"
        " WHERE t.run_id = ? AND t.source = 'sample' AND t.iteration = ?",
        (labeler, run_id, iteration),
    ):
        yield Verified.of(question, bool(correct), unpack_scores(scores).tolist(), case)
