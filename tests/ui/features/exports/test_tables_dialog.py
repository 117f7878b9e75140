"""Tables of a run by mouse: what is ticked is written, it says how far it is, and it can be stopped."""

from __future__ import annotations

import csv
import sys
import threading

import pyarrow.parquet as pq
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QCheckBox
from shiboken6 import isValid

from sapo_studio.app.exports.tables import folder as use_case
from sapo_studio.app.exports.tables.schema import TABLES
from sapo_studio.store import queries
from sapo_ui.features.exports import tables_dialog
from sapo_ui.features.exports.tables_dialog import TablesDialog
from sapo_ui.services import tasks
from sapo_ui.widgets.saving import saving
from tests.fixtures import keyboard
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def dialog(qtbot, store, tmp_path):
    run_id = synthetic_run(store, trajectories=20, questions=6, iterations=1)
    made = TablesDialog(queries.get_run(store, run_id), tmp_path)
    made.show()
    qtbot.waitUntil(lambda: bool(made.folder.text()))
    yield made
    if isValid(made):
        made.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    tasks.stop()


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_everything_is_written_and_it_says_so(qtbot, dialog, tmp_path):
    place = tmp_path / "synthetic-1-tables"
    assert dialog.folder.text() == str(place)
    assert f"{len(TABLES)} tables of synthetic-1" in dialog.said.text()
    told = []
    saving().saved.connect(told.append)
    press(qtbot, dialog.ok)
    assert dialog.progress.isVisible()
    assert not dialog.ok.isEnabled()
    qtbot.waitUntil(lambda: "Exported" in dialog.said.text())
    saving().saved.disconnect(told.append)
    rows = sum(pq.read_metadata(file).num_rows for file in place.glob("*.parquet"))
    assert f"{len(TABLES)} tables with {rows:,} rows" in dialog.said.text()
    assert dialog.said.text().endswith(f" to {place}.")
    assert told == [place]
    assert saving().folder == tmp_path
    assert dialog.close_button.text() == "Close"
    assert not dialog.ok.isEnabled()
    dialog.folder.setText(str(tmp_path / "again"))
    assert dialog.ok.isEnabled()
    press(qtbot, dialog.close_button)
    assert not dialog.isVisible()


def test_only_what_is_ticked_as_csv(qtbot, dialog, store, tmp_path):
    press(qtbot, dialog.none)
    assert not dialog.ok.isEnabled()
    assert dialog.said.text() == "Tick a table."
    for name in ("metrics", "steps"):
        dialog.boxes[name].click()
    dialog.format.setCurrentText("CSV")
    dialog.folder.setText(str(tmp_path / "few"))
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: "Exported 2 tables" in dialog.said.text())
    assert sorted(file.name for file in (tmp_path / "few").iterdir()) == [
        *("README.md", "datapackage.json", "metrics.csv", "steps.csv")
    ]
    with (tmp_path / "few/metrics.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == store.value("SELECT count(*) FROM metrics")


def test_a_folder_that_is_there_is_refused_and_another_one_proposed(qtbot, dialog, store, tmp_path):
    (tmp_path / "synthetic-1-tables").mkdir()
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: "exists already" in dialog.trouble.text)
    assert dialog.ok.isEnabled()
    second = TablesDialog(queries.get_run(store, "synthetic-1"), tmp_path)
    qtbot.waitUntil(lambda: second.folder.text() == str(tmp_path / "synthetic-1-tables-2"))
    second.close()


@pytest.mark.parametrize("how", ["stop", "close"])
def test_it_is_stopped_and_nothing_is_left(qtbot, dialog, tmp_path, monkeypatch, how):
    begun, go_on = threading.Event(), threading.Event()
    read = use_case.read

    def slowly(*asked):
        begun.set()
        go_on.wait(20)
        return read(*asked)

    monkeypatch.setattr(use_case, "read", slowly)
    press(qtbot, dialog.ok)
    qtbot.waitUntil(begun.is_set)
    qtbot.waitUntil(lambda: dialog.said.text().startswith("Writing comments"))
    assert dialog.close_button.text() == "Stop"
    if how == "stop":
        press(qtbot, dialog.close_button)
    else:
        dialog.close()
    go_on.set()
    if how == "stop":
        qtbot.waitUntil(lambda: dialog.said.text() == "Stopped. Nothing was kept.")
        assert dialog.ok.isEnabled()
    qtbot.waitUntil(lambda: tasks.pool().idle)
    assert [place.name for place in tmp_path.iterdir() if place.name != "home"] == []


def test_without_pyarrow_it_begins_with_csv_and_says_why_not_parquet(qtbot, store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(tables_dialog, "parquet_there", lambda: False)
    run_id = synthetic_run(store, trajectories=8, questions=4, iterations=1)
    dialog = TablesDialog(queries.get_run(store, run_id), tmp_path)
    qtbot.waitUntil(lambda: bool(dialog.folder.text()))
    assert dialog.format.currentText() == "CSV"
    assert dialog.ok.isEnabled()
    dialog.format.setCurrentText("Parquet")
    assert not dialog.ok.isEnabled()
    assert "pip install pyarrow" in dialog.said.text()
    dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    tasks.stop()


def test_tab_goes_from_table_to_table_and_on_to_the_buttons(dialog):
    boxes = dialog.findChildren(QCheckBox)
    assert [box.accessibleName() for box in boxes] == [f"Table {table.name}" for table in TABLES]
    assert all(box.toolTip() for box in boxes)
    dialog.activateWindow()
    dialog.all.setFocus()
    for wanted in (dialog.none, *boxes, dialog.format, dialog.folder, dialog.choose, dialog.ok, dialog.close_button):
        assert wanted.accessibleName() or wanted.text()
        keyboard.press(keyboard.TAB)
        assert keyboard.focused() is wanted
