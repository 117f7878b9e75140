"""The panels Trust and V x M matrix, over a real store."""

from __future__ import annotations

import json
import sys

import pytest
from PySide6.QtCore import Qt

from sapo_studio.app.studies import self_verification_matrix as matrices
from sapo_studio.errors import InputError
from sapo_studio.processes import is_running
from sapo_studio.requests import client
from sapo_studio.store import queries
from sapo_studio.store.alarms import raise_alarms
from sapo_ui.features.trust.matrix import MatrixPanel
from sapo_ui.features.trust.panel import TrustPanel
from sapo_ui.features.trust.table import LINES
from tests.fixtures.synthetic import synthetic_run
from tests.ui.panel_helpers import change_of, filled, show


@pytest.fixture
def run_id(store):
    made = synthetic_run(store, iterations=2, questions=20, trajectories=60)
    for iteration, share in ((1, 0.02), (2, 0.5)):
        store.execute(
            "INSERT OR REPLACE INTO metrics (run_id, \"set\", iteration, name, value) VALUES (?, '', ?, 'cut_off', ?)",
            (made, iteration, share),
        )
    raise_alarms(store, made, queries.get_config(store, made))
    return made


def cell(panel, title, column, role=Qt.ItemDataRole.DisplayRole):
    model = panel.model
    (row,) = [row for row in range(model.rowCount()) if model.index(row, 0).data().startswith(title)]
    columns = [model.headerData(at, Qt.Orientation.Horizontal) for at in range(model.columnCount())]
    return model.index(row, columns.index(column)).data(role)


def test_trust_has_a_line_for_each_number_and_marks_alarms(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, TrustPanel(), run_id))
    assert cell(panel, "Samples cut off", "it 1") == "2.0\u202f%"
    assert cell(panel, "Samples cut off", "it 2") == "50.0\u202f%"
    assert cell(panel, "Samples cut off", "it 1", Qt.ItemDataRole.DecorationRole) is None
    assert cell(panel, "Samples cut off", "it 2", Qt.ItemDataRole.DecorationRole) is not None
    assert "task.max_new_tokens" in cell(panel, "Samples cut off", "it 2", Qt.ItemDataRole.ToolTipRole)
    assert "alarm: Samples are cut off" in cell(panel, "Samples cut off", "it 2", Qt.ItemDataRole.AccessibleTextRole)
    assert "samples are cut off (iteration 2)" in panel.note.text()
    stored = queries.metrics(store, run_id)
    assert panel.model.rowCount() == sum(any(line.metric in row for row in stored.values()) for line in LINES)


MATRIX = [
    {"verifier": v, "reasoner": m, "error": {"value": 0.1 * (v + m), "low": 0.0, "high": 0.9, "n": 30}}
    for v in (0, 1, 2)
    for m in (1, 2)
]
ENGINE = "import json, sys, time; told = json.load(sys.stdin); {}"


@pytest.fixture
def engine(monkeypatch):
    """An engine that does what it is given, in Python."""
    return lambda does: monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", ENGINE.format(does)))


def test_the_matrix_is_measured_when_asked_for_and_kept(qtbot, store, run_id, engine):
    store.run_dir(run_id).mkdir(parents=True, exist_ok=True)
    panel = filled(qtbot, show(qtbot, MatrixPanel(), run_id))
    assert panel.note.text().startswith("Not measured.")
    assert panel.cells.isHidden()
    engine(f"assert told['matrix']; print(json.dumps({{'matrix': {MATRIX!r}}}))")
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.cells.isHidden())
    assert "V2 with M1: 30.0\u202f% (0.0\u202f% to 90.0\u202f%, n 30)" in panel.cells.accessibleDescription()
    assert panel.button.text() == "Measure again"
    again = filled(qtbot, show(qtbot, MatrixPanel(), run_id))
    assert not again.cells.isHidden()
    assert not again.cells.grab().isNull()
    assert len(matrices.kept(store.run_dir(run_id))) == 6


def test_what_goes_wrong_is_told_and_measuring_can_be_cancelled(qtbot, store, run_id, engine):
    panel = filled(qtbot, show(qtbot, MatrixPanel(), run_id))
    error = json.dumps({"error": "InputError", "what": "No card", "why": "", "fix": "Get one."})
    engine(f"print({error!r}, file=sys.stderr); sys.exit(2)")
    panel.button.click()
    qtbot.waitUntil(lambda: panel.note.text() == "No card. Get one.")
    engine("time.sleep(600)")
    panel.button.click()
    qtbot.waitUntil(lambda: panel.study._process is not None and bool(panel.study._process.processId()))
    pid = panel.study._process.processId()
    qtbot.waitUntil(lambda: panel.button.text() == "Cancel")
    panel.button.click()
    qtbot.waitUntil(lambda: not is_running(pid))
    qtbot.waitUntil(lambda: panel.button.text() == "Measure")
    assert matrices.kept(store.run_dir(run_id)) == []


def test_the_matrix_is_measured_by_the_python_of_its_run(qtbot, store, run_id, tmp_path, engine):
    engine("sys.exit('not this one')")
    answering = tmp_path / "python"
    answer = json.dumps({"matrix": MATRIX})
    answering.write_text(f"#!/bin/sh\ncat >/dev/null\ncat <<'END'\n{answer}\nEND\n")
    answering.chmod(0o755)
    config = store.run_dir(run_id) / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[runtime]\nengine_python = "{answering}"\n')
    panel = filled(qtbot, show(qtbot, MatrixPanel(), run_id))
    panel.button.click()
    qtbot.waitUntil(lambda: not panel.cells.isHidden())
    assert len(matrices.kept(store.run_dir(run_id))) == len(MATRIX)


@pytest.mark.parametrize("text", ["", "[1]", '[{"verifier": 1}]', "null"])
def test_a_matrix_that_cannot_be_read_is_measured_again(tmp_path, text):
    (tmp_path / matrices.FILE).write_text(text)
    assert matrices.kept(tmp_path) == []


def test_what_goes_wrong_with_one_run_is_not_told_of_another(qtbot, store, run_id, engine):
    other = synthetic_run(store, name="other", iterations=1, questions=8, trajectories=16)
    panel = filled(qtbot, show(qtbot, MatrixPanel(), run_id))
    engine("time.sleep(600)")
    panel.button.click()
    qtbot.waitUntil(lambda: panel.study._process is not None and bool(panel.study._process.processId()))
    panel.show_run(other)
    qtbot.waitUntil(lambda: panel.filled)
    said = panel.note.text()
    panel.study.failed.emit(InputError("No card"))
    assert panel.note.text() == said
    panel.study.end_now()


def test_the_cell_that_is_read_stays_while_the_run_goes_on(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, TrustPanel(), run_id, (700, 120)))
    bottom = panel.table.verticalScrollBar().maximum()
    panel.table.setCurrentIndex(panel.model.index(2, 1))
    panel.table.verticalScrollBar().setValue(bottom)
    name = panel.model.measure(2)
    store.execute("UPDATE metrics SET value = 0.25 WHERE iteration = 1 AND name = 'cut_off'")
    store.execute("DELETE FROM metrics WHERE name = ?", (panel.model.measure(0),))
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: panel.model.measure(1) == name)
    at = panel.table.currentIndex()
    assert (panel.model.measure(at.row()), at.column()) == (name, 1)
    assert panel.table.verticalScrollBar().value() == panel.table.verticalScrollBar().maximum()
