"""What was asked of a run and is not done yet, and `sapo withdraw`. tests/e2e/test_alarms.py has an engine heed it."""

from __future__ import annotations

import json

import pytest

from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.store import queries, runs
from sapo_studio.store.pending_commands import ASKED, pending
from tests.fixtures.command_line import sapo
from tests.fixtures.synthetic import synthetic_queued


@pytest.fixture
def running(store):
    run_id = synthetic_queued(store)
    runs.set_status(store, run_id, RunStatus.RUNNING)
    return run_id


def test_every_verb_that_waits_has_words(store, running):
    for verb in Verb:
        runs.request(store, running, verb, "test")
    assert [command.verb for command in pending(store, running)] == [verb for verb in Verb if verb in ASKED]
    assert set(Verb) - set(ASKED) == {Verb.RECONFIGURE}


def test_withdraw_takes_back_what_waits(store, running):
    runs.request(store, running, Verb.STOP_AFTER_PHASE, "window")
    runs.request(store, running, Verb.RECONFIGURE, "window")
    done = sapo("withdraw", running, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"kind": "run", "run_id": running, "withdrawn": ["stop_after_phase"]}
    # Another configuration is in the store: nothing is left of it to take back.
    assert [command.verb for command in runs.open_commands(store, running)] == [Verb.RECONFIGURE]
    (line,) = [line.message for line in queries.log(store, running) if "withdrawn" in line.message]
    assert line == "Stops after this phase: withdrawn by sapo withdraw"


def test_withdraw_says_what_was_taken_back_and_refuses_where_nothing_waits(store, running):
    runs.request(store, running, Verb.PAUSE, "window")
    assert "withdrawn: pauses at the next step." in sapo("withdraw", running).stdout
    again = sapo("withdraw", running)
    assert again.returncode == 2
    assert "Nothing that was asked" in again.stderr
    assert sapo("withdraw", "no-such-run").returncode == 2
