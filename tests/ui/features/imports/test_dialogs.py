"""The dialogs over a real store and real files: what they say, what they do, what stays where something is wrong."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from sapo_studio.store import queries
from sapo_ui.features.imports.export_dialog import ExportDialog
from sapo_ui.features.imports.import_dialog import ImportDialog
from sapo_ui.services import tasks
from tests.fixtures.step_files import ROWS, lines


@pytest.fixture
def shown(qtbot, home):
    """Shows dialogs; those that the test has not closed are closed and deleted, in this thread."""
    dialogs = []

    def show(dialog):
        dialogs.append(dialog)
        dialog.show()
        return dialog

    yield show
    for dialog in dialogs:
        if isValid(dialog):
            dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    tasks.stop()


@pytest.fixture
def opened(qtbot, tmp_path, shown):
    def open_(text, name="steps.jsonl"):
        file = tmp_path / name
        file.write_text(text)
        dialog = shown(ImportDialog(file))
        qtbot.waitUntil(lambda: dialog.said.text() != "Reading\u2026")
        return dialog

    return open_


def test_it_says_what_is_kept_and_takes_it_in(qtbot, store, opened):
    dialog = opened(lines(ROWS["trl"], ROWS["trl"] | {"labels": []}))
    assert dialog.said.text() == "TRL stepwise: 1 row kept, with 1 solution; 1 row refused."
    assert dialog.refused.toPlainText() == "line 2: There are 3 completions and 0 labels."
    assert not dialog.threshold.isVisible()
    dialog.keep_odd.click()
    qtbot.waitUntil(lambda: "2 rows" in dialog.said.text())
    assert not dialog.refused.isVisible()
    dialog.name.setText(" ")
    assert not dialog.ok.isEnabled()
    dialog.name.setText("mine")
    found = []
    dialog.imported.connect(found.append)
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(found))
    assert [run.name for run in queries.list_runs(store)] == ["mine"]
    assert found[0].kept == 2


def test_a_threshold_is_asked_for_where_it_decides(qtbot, store, opened):
    dialog = opened(lines(ROWS["math_aps"]))
    assert dialog.threshold.isVisible()
    dialog.threshold.setValue(0.4)
    found = []
    dialog.imported.connect(found.append)
    qtbot.waitUntil(dialog.ok.isEnabled)
    assert dialog.threshold.isVisible()
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(found))
    ids = queries.trace_ids(store, queries.TraceFilter(found[0].run_id, source="import"))
    assert [queries.trace(store, int(one)).labels[0].labels for one in ids] == ["11", "10", "0"]


@pytest.mark.parametrize("text", ["", "{}\n", "no json\n"])
def test_a_file_that_does_not_do_is_told(text, opened):
    dialog = opened(text)
    assert "steps.jsonl" in dialog.said.text()
    assert not dialog.ok.isEnabled()


def test_another_format_is_tried(qtbot, opened):
    dialog = opened(lines(ROWS["trl"]))
    dialog.format.setCurrentText("PRMBench")
    qtbot.waitUntil(lambda: dialog.said.text().startswith("PRMBench: 0 rows"))
    assert dialog.refused.toPlainText().startswith("line 1: modified_process")
    assert not dialog.ok.isEnabled()


def test_an_export_says_what_is_lost_and_writes(qtbot, store, opened, shown, tmp_path):
    dialog = opened(lines(ROWS["prmbench"]))
    found = []
    dialog.imported.connect(found.append)
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(found))
    export = shown(ExportDialog(queries.get_run(store, found[0].run_id), tmp_path))
    export.format.setCurrentText("ProcessBench")
    qtbot.waitUntil(lambda: "ProcessBench cannot hold" in export.said.text())
    assert "labels behind the first error (2 steps)" in export.said.text()
    export.labels.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "Nobody has judged" in export.said.text())
    assert not export.ok.isEnabled()
    export.labels.setCurrentIndex(0)
    export.file.setText(str(tmp_path / "out.jsonl"))
    qtbot.waitUntil(export.ok.isEnabled)
    said = []
    export.written.connect(said.append)
    qtbot.mouseClick(export.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(said))
    assert json.loads((tmp_path / "out.jsonl").read_text())["label"] == 0
