"""What is asked for a shadow verifier, and what is kept of it. That an engine answers: test_benchmark_services."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

from sapo_studio.app.studies import shadow as shadows
from sapo_studio.app.studies.audit import audit
from sapo_studio.domain.consensus import Bounds, filtered
from sapo_studio.errors import InputError
from sapo_studio.requests import client
from sapo_studio.store.codec import row_id, row_number
from tests.fixtures.command_line import sapo
from tests.fixtures.synthetic import synthetic_run

BOUNDS = Bounds(0.3, 0.7)


def share(value):
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 40}


FOUND = {
    "run": "audited-1",
    "iteration": 2,
    "trained_on": 100,
    "changed": 30,
    "gone": 1,
    "own": {"step_accuracy": share(0.8)},
    "shadow": {"step_accuracy": share(0.83)},
    "difference": {"value": 0.03, "low": -0.01, "high": 0.07},
}


@pytest.fixture
def run_id(store):
    return synthetic_run(store, name="audited", iterations=2, questions=30, trajectories=160)


def test_labels_are_those_that_the_page_shows_as_kept(store, run_id):
    found = audit(store, run_id, 2)
    labels = shadows.filtered_labels(store, found, BOUNDS)
    kept = 0
    for one, beliefs in found.believed():
        marks = labels[row_number(one.evidence.trajectory)]
        assert marks == filtered(one.evidence.labels, beliefs, BOUNDS)[0]
        kept += len(marks.replace("?", ""))
    assert kept == found.filtered(BOUNDS).after.labels
    asked = shadows.ask_for(store, found, BOUNDS)
    assert asked.labels == labels
    assert (asked.iteration, asked.run) == (2, store.run_dir(run_id))


def test_an_expanded_rollout_inherits_the_beliefs_of_its_prefix(store, run_id):
    found = audit(store, run_id, 2)
    (parent, beliefs) = next((one, b) for one, b in found.believed() if len(one.steps) > 2)
    steps = [*parent.steps[:2], "another step", "and another"]
    row = row_id(1, 900_000)
    store.execute(
        "INSERT INTO trajectories (id, run_id, question_id, iteration, sample, source, steps, n_steps, correct, answer,"
        " tokens, copies) VALUES (?, ?, ?, 2, 0, 'expansion', ?, 4, 0, '', 9, 1)",
        (row, run_id, parent.evidence.question, json.dumps(steps)),
    )
    store.execute(
        "INSERT INTO labels (trajectory_id, source, iteration, labels) VALUES (?, 'expansion', 2, '1100')", (row,)
    )
    labels = shadows.filtered_labels(store, found, BOUNDS)
    assert labels[900_000] == filtered("1100", [*beliefs[:2], beliefs[1], beliefs[1]], BOUNDS)[0]


def test_what_people_said_keeps_its_labels(store, run_id):
    found = audit(store, run_id, 2)
    trajectory = found.labeled[0].evidence.trajectory
    n = found.labeled[0].evidence.n
    store.execute(
        "INSERT INTO training_labels (trajectory_id, verifier, labels, reasons) VALUES (?, 2, ?, ?)",
        (trajectory, "1" * n, "p" * n),
    )
    assert row_number(trajectory) not in shadows.filtered_labels(store, found, BOUNDS)


def test_what_cannot_be_measured_is_refused(store, run_id):
    with pytest.raises(InputError, match="cannot be measured"):
        shadows.ask_for(store, audit(store, run_id, 0), BOUNDS)
    store.execute("UPDATE phases SET status = 'pending' WHERE name = 'verifier' AND iteration = 2")
    with pytest.raises(InputError, match="V2 is not trained yet"):
        shadows.ask_for(store, audit(store, run_id, 2), BOUNDS)


def test_it_is_kept_in_the_runs_folder(store, run_id):
    shadows.keep(store, run_id, BOUNDS, FOUND)
    shadows.keep(store, run_id, Bounds(0.1, 0.9), FOUND)
    shadows.keep(store, run_id, BOUNDS, FOUND | {"changed": 31})
    (store.run_dir(run_id) / shadows.FOLDER / "2-0.5-0.5.json").write_text('{"low": 0.5}')
    newest, other = shadows.kept(store, run_id, 2)
    assert (newest.bounds, newest.found["changed"]) == (BOUNDS, 31)
    assert other.bounds == Bounds(0.1, 0.9)
    assert shadows.kept(store, run_id, 1) == []


def test_the_command_measures_keeps_and_shows(store, run_id, monkeypatch):
    asked = []

    def ask(request):
        asked.append(request)
        return FOUND

    monkeypatch.setattr(client, "ask", ask)
    done = sapo("audit", run_id, "--shadow", "--low", "0.3", "--high", "0.7", "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["shadows"]
    assert (told["low"], told["high"], told["difference"]) == (0.3, 0.7, FOUND["difference"])
    assert len(asked) == 1
    monkeypatch.setenv("COLUMNS", "200")  # in a narrow terminal cells are broken into lines
    again = sapo("audit", run_id).stdout
    assert "+3.0 points (-1.0 to +7.0)" in again
    assert "0.3 and 0.7" in again
    assert len(asked) == 1


ENGINE = """
import json, sys
json.load(sys.stdin)
for done in (0.25, 0.5, 1):
    print(json.dumps({"progress": done}), file=sys.stderr, flush=True)
print("a warning of torch", file=sys.stderr)
if ANSWER is None:
    print(json.dumps({"error": "InputError", "what": "No card", "why": "", "fix": ""}), file=sys.stderr)
print("x" * 200_000)
print(json.dumps(ANSWER))
sys.exit(2 if ANSWER is None else 0)
"""


def engine(monkeypatch, answer):
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", f"ANSWER = {answer!r}\n{ENGINE}"))


@pytest.mark.slow  # a process of its own
def test_on_a_terminal_a_bar_says_how_far_it_is(store, run_id, monkeypatch):
    engine(monkeypatch, FOUND)
    primary, terminal = pty.openpty()
    code = (
        f"import sys; from sapo_studio.requests import client; client.COMMAND = {client.COMMAND!r};"
        f"sys.argv = ['sapo', 'audit', {run_id!r}, '--shadow']; from sapo_studio.cli import main; main()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=terminal, text=True)
    os.close(terminal)
    shown = b""
    with suppress(OSError):  # Linux's way to say that the other end is closed
        while part := os.read(primary, 65536):
            shown += part
    os.close(primary)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert b"Training a shadow of the verifier" in shown
    assert b"100%" in shown
    assert "a warning" not in out
    assert len(shadows.kept(store, run_id, 2)) == 1


def test_progress_is_heard_in_order_and_an_error_is_the_engines(store, run_id, monkeypatch):
    request = shadows.ask_for(store, audit(store, run_id, 2), BOUNDS)
    engine(monkeypatch, FOUND)
    heard = []
    assert client.ask(request, hear=heard.append) == FOUND
    assert heard == [0.25, 0.5, 1.0]
    engine(monkeypatch, None)
    with pytest.raises(InputError, match="No card"):
        client.ask(request, hear=heard.append)
