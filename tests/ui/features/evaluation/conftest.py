"""An engine of a few lines stands for the real one, as a process of its own; runs and a benchmark to measure."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from sapo_studio.files import write_folder
from sapo_studio.requests import client
from sapo_studio.store import queries
from sapo_ui.features.evaluation.dialog import EvaluationDialog
from sapo_ui.services import tasks
from tests.fixtures.evaluated import BEST, PAIRS, evaluated
from tests.fixtures.synthetic import synthetic_run

ANSWERS = """
import json, pathlib, sys, time
asked = json.loads(sys.stdin.read())
with open(ASKED, "a") as file:
    file.write(json.dumps(asked) + "\\n")
print(json.dumps({"progress": 0.25}), file=sys.stderr, flush=True)
if WAIT:
    time.sleep(60)
found = FOUND | {"verifier": asked["verifier"]}
if asked["run"]:
    found["run"] = pathlib.Path(asked["run"]).name
for part, wanted in (("best_of", asked["best_of"]), ("matrix", asked["matrix"])):
    if not wanted:
        found.pop(part, None)
print(json.dumps(found))
"""


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """Put an engine in place that answers, or waits; what it was asked is in the file that comes back."""
    asked = tmp_path / "asked.jsonl"

    def put(script: str = ANSWERS, *, wait: bool = False, **parts):
        text = script.replace("WAIT", str(wait)).replace("ASKED", repr(str(asked)))
        text = text.replace("FOUND", repr(evaluated(best_of=BEST, matrix=PAIRS, **parts)))
        monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", text))
        return asked

    return put


@pytest.fixture
def make_run(home, store):
    """Makes a run that has ended, with verifiers of iterations 0 to 2."""

    def make(**more):
        made = synthetic_run(store, trajectories=5, questions=2, iterations=2, **more)
        for phase in queries.phases(store, made):
            if phase.name == "verifier":
                inside = store.run_dir(made) / "artefacts" / phase.artefact
                write_folder(inside, lambda part: (part / "verifier").mkdir(), {})
        return queries.get_run(store, made)

    return make


@pytest.fixture
def opened(qtbot):
    """Opens the dialog for a run, or for none."""
    dialogs = []

    def open_(run):
        dialog = EvaluationDialog(run)
        dialogs.append(dialog)
        dialog.show()
        qtbot.waitUntil(dialog.form.isEnabled)
        return dialog

    yield open_
    for dialog in dialogs:
        if isValid(dialog):
            dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    tasks.stop()
