"""Scoring an imported file by mouse: an engine of a few lines stands for the real one, as a process of its own."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.formats.base import ReadAs
from sapo_studio.requests import client
from sapo_studio.store import queries
from sapo_ui.features.imports.score_dialog import NONE_YET, ScoreDialog
from sapo_ui.services import tasks
from tests.fixtures.step_files import ROWS, lines
from tests.fixtures.synthetic import synthetic_run

SCORES = """
import json, sys, time
asked = json.loads(sys.stdin.read())
solutions = asked["solutions"]
for done in range(1, len(solutions) + 1):
    print(json.dumps({"progress": done / len(solutions)}), file=sys.stderr, flush=True)
    if WAIT:
        time.sleep(60)
rows = [[one["number"], [0.25] * len(one["steps"]), 1] for one in solutions[:-1]]
print(json.dumps({"verifier": asked["verifier"], "scores": rows, "left_out": {"too long": 1}}))
"""
REFUSES = """
import json, sys
told = {"error": "InputError", "what": "The run has no verifier V_1", "why": "w", "fix": "f"}
print(json.dumps(told), file=sys.stderr)
sys.exit(2)
"""


def engine(monkeypatch, script):
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", script))


@pytest.fixture
def imported(home, store, tmp_path):
    file = tmp_path / "steps.jsonl"
    file.write_text(lines(*[ROWS["trl"]] * 3))
    return queries.get_run(store, take_in(store, file, known_format(file), ReadAs()).run_id)


@pytest.fixture
def run(home, store):
    """A run that has ended, with two verifiers in its folder, and one under way."""
    made = synthetic_run(store, trajectories=5, questions=2, iterations=1, name="scorer")
    for name in ("003-verifier-0", "009-verifier-1", "012-verifier-2.shards", "010-align-1"):
        (store.run_dir(made) / "artefacts" / name).mkdir(parents=True)
    return made


@pytest.fixture
def opened(qtbot, imported):
    dialogs = []

    def open_():
        dialog = ScoreDialog(imported)
        dialogs.append(dialog)
        dialog.show()
        qtbot.waitUntil(lambda: not dialog.said.text().startswith("Looking"))
        return dialog

    yield open_
    for dialog in dialogs:
        if isValid(dialog):
            dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    tasks.stop()


def test_any_iteration_of_any_run_that_has_ended(qtbot, store, run, opened):
    dialog = opened()
    assert [dialog.run.itemData(at) for at in range(dialog.run.count())] == [run]
    assert [dialog.verifier.itemText(at) for at in range(dialog.verifier.count())] == ["V1, the last", "V0"]
    assert dialog.run.hasFocus()


def test_scores_stand_in_the_store(qtbot, monkeypatch, store, run, imported, opened):
    engine(monkeypatch, SCORES.replace("WAIT", "False"))
    dialog = opened()
    told = []
    dialog.scored.connect(told.append)
    dialog.verifier.setCurrentIndex(1)
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(told))
    assert dialog.said.text() == f"2 solutions scored by {run}/V_0, shown as V0.\n1 solution left out: too long."
    assert queries.verifiers_of(store, imported.id) == [0]
    of_the_file = "SELECT count(*) FROM scores s JOIN trajectories t ON t.id = s.trajectory_id WHERE t.run_id = ?"
    assert store.value(of_the_file, (imported.id,)) == 2
    assert dialog.close_button.text() == "Close"
    assert not dialog.progress.isVisible()


def test_it_can_be_stopped_and_nothing_is_kept(qtbot, monkeypatch, store, run, imported, opened):
    engine(monkeypatch, SCORES.replace("WAIT", "True"))
    dialog = opened()
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.said.text() == "33\u202f% scored.")
    assert (dialog.progress.value(), dialog.progress.maximum()) == (333, 1000)
    assert not dialog.run.isEnabled()
    assert dialog.close_button.text() == "Stop"
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.said.text() == "Stopped. No score was kept."
    assert dialog.isVisible()
    assert dialog.ok.isEnabled()
    assert queries.verifiers_of(store, imported.id) == []
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not isValid(dialog) or not dialog.isVisible())


@pytest.mark.parametrize(
    ("script", "told"),
    [(REFUSES, "The run has no verifier V_1"), ("import sys; sys.exit(1)", "The engine could not do this")],
)
def test_what_goes_wrong_is_said_in_place(qtbot, monkeypatch, store, run, imported, opened, script, told):
    engine(monkeypatch, script)
    dialog = opened()
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: told in dialog.trouble.text)
    assert dialog.ok.isEnabled(), "another verifier may do"
    assert queries.verifiers_of(store, imported.id) == []


def test_an_engine_that_is_not_there(qtbot, monkeypatch, run, opened):
    monkeypatch.setattr(client, "COMMAND", ("/nowhere/python",))
    dialog = opened()
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "could not be started" in dialog.trouble.text)


def test_without_a_verifier_it_says_so(opened):
    dialog = opened()
    assert dialog.said.text() == NONE_YET
    assert not dialog.ok.isEnabled()
