"""The self-verification error: which labelers have one, and how it is reckoned of trajectories as they are sampled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sapo_studio.app.reports.run_report import report, table
from sapo_studio.config.schema import parse_config
from sapo_studio.domain.labelers.beforehand import why_none
from sapo_studio.domain.labelers.registry import CHOICES
from sapo_studio.domain.metrics import mean_share, ratio_share, wilson
from sapo_studio.domain.self_verification import Verified, error_as_sampled
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.runs import create_run
from tests.fixtures import old_stores

ERROR = "self_verification_error"


def test_it_is_the_number_of_sapo_alone():
    have = {labeler for labeler in CHOICES if not why_none(labeler, "verifier", 2)}
    assert have == {"sapo"}
    assert "random step" in why_none("sapo", "random", 2)
    assert "two" in why_none("sapo", "verifier", 3)
    assert "Omega" in why_none("omega", "verifier", 2)
    assert parse_config({}).labeling.no_self_verification == ""
    assert parse_config({"labeling": {"labeler": "shepherd"}}).labeling.no_self_verification


def of(correct, survives, questions):
    return [Verified(question, correct, one) for question, one in zip(questions, survives, strict=True)]


def test_a_balanced_set_is_weighed_as_it_was_sampled():
    # 2 of 4 of the incorrect change, 1 of 4 of the correct; sampled were 100 incorrect and 300 correct.
    rows = [*of(False, [True, True, False, False], range(4)), *of(True, [True, True, True, False], range(4, 8))]
    found = error_as_sampled(rows, correct=300, incorrect=100)
    assert found.value == pytest.approx((100 * 0.5 + 300 * 0.25) / 400)
    assert found.n == 8
    assert found.low < found.value < found.high
    # All that were sampled verified: the plain share.
    assert error_as_sampled(rows, 4, 4).value == pytest.approx(3 / 8)


def test_trajectories_of_a_question_are_no_independent_ones():
    survives = [True, False] * 20
    apart = error_as_sampled(of(False, survives, range(40)), 0, 40)
    # Every question's four trajectories go the same way.
    together = error_as_sampled(of(False, sorted(survives), [k // 4 for k in range(40)]), 0, 40)
    assert (apart.n, together.n) == (40, 10)
    assert together.value == apart.value == 0.5
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


def test_what_was_not_verified_is_not_made_up():
    rows = of(False, [True, False], [1, 2])
    assert error_as_sampled(rows, correct=5, incorrect=2).n == 0
    assert error_as_sampled(rows, correct=0, incorrect=2).value == 0.5
    assert error_as_sampled([], 0, 0).n == 0


def test_an_interval_of_all_or_none_is_not_empty():
    for found in (mean_share([1.0] * 20), ratio_share([3] * 20, [3] * 20)):
        assert (found.value, found.high) == (1.0, 1.0)
        assert found.low == pytest.approx(wilson(20, 20).low)
    assert ratio_share([0, 0], [2, 2]).high > 0.5
    one = ratio_share([1], [2])
    assert (one.low, one.high) == (0.0, 1.0)


def reckoned(store, run_id, iteration):
    """The error from the rows of the store, by SQL and nothing else."""
    rows = store.rows(
        'SELECT t.correct, t.id, l."case", (SELECT min(score) FROM v_step_scores s WHERE s.trajectory_id = t.id'
        " AND s.verifier = ?) FROM trajectories t JOIN labels l ON l.trajectory_id = t.id AND l.source = 'sapo'"
        " WHERE t.run_id = ? AND t.iteration = ? AND t.source = 'sample'",
        (iteration - 1, run_id, iteration),
    )
    parts = []
    for kind in (0, 1):
        sampled = store.value(
            "SELECT count(*) FROM trajectories WHERE run_id = ? AND iteration = ? AND source = 'sample'"
            " AND correct = ?",
            (run_id, iteration, kind),
        )
        changed = [
            lowest < 0.5 if correct else case != "confirmed" for correct, _, case, lowest in rows if correct == kind
        ]
        parts.append((sampled, sum(changed) / len(changed)))
    return sum(count * share for count, share in parts) / sum(count for count, _ in parts)


def old_store(tmp_path: Path, **labeling: object) -> Path:
    """The store of an earlier version, as if its run had been configured so."""
    import sqlite3

    path = old_stores.unpacked(1, tmp_path / "studio.db")
    with sqlite3.connect(path) as connection:
        (config,) = connection.execute("SELECT config FROM runs").fetchone()
        changed = json.loads(config)
        changed["labeling"] |= labeling
        del changed["verifier"]["labels"]  # a key of before the first release
        connection.execute("UPDATE runs SET config = ?", (json.dumps(changed),))
    connection.close()
    return path


def test_an_earlier_versions_figure_is_reckoned_again(tmp_path):
    with Store.open(old_store(tmp_path)) as store:
        (run,) = queries.list_runs(store)
        found = queries.metrics(store, run.id)[1][ERROR]
        assert found.value == pytest.approx(reckoned(store, run.id, 1))
        assert found.value != pytest.approx(0.39)  # what the earlier version had stored
        assert found.low is not None
        assert found.low < found.value
        assert report(store, run.id).as_json()["not_measured"] == {}


@pytest.mark.parametrize("labeling", [{"labeler": "omega"}, {"detection": "random"}, {"max_checks": 9}])
def test_an_earlier_versions_figure_that_never_was_one_goes(tmp_path, labeling):
    with Store.open(old_store(tmp_path, **labeling)) as store:
        (run,) = queries.list_runs(store)
        assert ERROR not in queries.metrics(store, run.id)[1]
        found = report(store, run.id)
        assert found.as_json()["iterations"][1][ERROR] is None
        assert found.as_json()["not_measured"][ERROR]
        from rich.console import Console

        console = Console(width=200)
        with console.capture() as said:
            console.print(table(found))
        assert "Self-verification error: \u2014, since" in said.get()


def test_a_configuration_that_cannot_be_read_keeps_nobody_out(tmp_path):
    import sqlite3

    path = old_stores.unpacked(1, tmp_path / "studio.db")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET config = '{'")
    connection.close()
    with Store.open(path) as store:
        assert store.value("SELECT count(*) FROM metrics WHERE name = ?", (ERROR,)) == 0


def test_a_new_run_says_at_once_that_it_has_none(tmp_path):
    with Store.open(tmp_path / "studio.db") as store:
        run_id = create_run(store, parse_config({"labeling": {"labeler": "outcome"}}))
        assert ERROR in report(store, run_id).not_measured
