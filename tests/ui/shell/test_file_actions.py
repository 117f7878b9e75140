"""Files by the menu and by dropping them; how an imported file stands in the window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

from sapo_studio.app.annotation.bundles import export_bundle
from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.formats.base import ReadAs
from sapo_studio.store.db import Store
from sapo_ui.features.evaluation.dialog import EvaluationDialog
from sapo_ui.features.exports.tables_dialog import TablesDialog
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.features.imports.export_dialog import ExportDialog
from sapo_ui.features.imports.import_dialog import ImportDialog
from sapo_ui.features.imports.score_dialog import ScoreDialog
from sapo_ui.features.log.panel import LogPanel
from sapo_ui.features.metrics.gap import GapPanel
from sapo_ui.features.publish.dialog import PublishDialog
from sapo_ui.features.report.dialog import ReportDialog
from sapo_ui.features.traces.reader import Reader
from sapo_ui.panels.panel import PanelSpec
from tests.fixtures.step_files import ROWS, lines
from tests.fixtures.synthetic import synthetic_run
from tests.fixtures.two_people import judged_queue


@pytest.fixture
def imported(store, tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text(lines(ROWS["sapo"]))
    return take_in(store, file, known_format(file), ReadAs()).run_id


def drop(window, *files):
    """Files are dragged over the window and dropped on it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enters = QDragEnterEvent(QPoint(400, 300), *how)
    QApplication.sendEvent(window, enters)
    assert enters.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(400, 300), *how))


@pytest.mark.parametrize(
    ("how", "suffix"), [("opened", ".sapo"), ("dropped", ".sapo.txt"), ("dropped", ".jsonl"), ("chosen", ".db")]
)
def test_a_bundle_is_brought_in_and_its_queue_shown(qtbot, window, tmp_path, how, suffix):
    file = tmp_path / f"from mira{suffix}"
    written = tmp_path / ("out.db" if suffix == ".db" else "out.sapo")
    with Store.open(tmp_path / "other" / "studio.db") as other:
        export_bundle(other, judged_queue(other, name="from Mira"), written)
    written.rename(file)
    if how == "opened":
        window.open_file(file)
    elif how == "chosen":
        dialog = window.file_actions.choose()
        dialog.fileSelected.emit(str(file))
        dialog.reject()
    else:
        drop(window, file)
    qtbot.waitUntil(lambda: window.pages.front_id == "annotate" and window.pages.front.queue is not None)
    assert window.pages.front.top.queue.currentText() == "from Mira"
    (box,) = window.findChildren(QMessageBox)
    assert "Its trajectories are the run" in box.informativeText()


def test_a_file_that_the_program_was_started_with_is_offered_for_import(window, tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text(lines(ROWS["sapo"]))
    window.open_file(file)
    (dialog,) = window.findChildren(ImportDialog)
    dialog.reject()


def test_a_dropped_file_is_taken_in_and_shown(qtbot, window, tmp_path):
    file = tmp_path / "dropped.jsonl"
    file.write_text(lines(ROWS["trl"]))
    drop(window, tmp_path, file, tmp_path / "other.jsonl")
    assert "Of 2 files dropped.jsonl was opened" in window.statusBar().currentMessage()
    (dialog,) = window.findChildren(ImportDialog)
    qtbot.waitUntil(dialog.ok.isEnabled)
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run_page.run_id == "dropped-1")
    assert window.run_page.header.chip.accessibleName() == "Status: imported file"


def test_a_model_of_the_run_that_is_shown_is_published(open_window, store, select):
    run = synthetic_run(store, trajectories=5, questions=2, iterations=1, name="maker")
    window = open_window([PanelSpec(LogPanel, "bottom")])
    select(window, run)
    window.actions_["run.publish"].trigger()
    (dialog,) = window.findChildren(PublishDialog)
    assert dialog.run.text() == f"maker ({run})"
    dialog.close()


def test_the_menu_evaluates_a_verifier_of_the_run_that_is_shown(qtbot, open_window, store, imported, select):
    run = synthetic_run(store, trajectories=5, questions=2, iterations=1, name="maker")
    window = open_window([PanelSpec(LogPanel, "bottom")])
    window.actions_["run.evaluate"].trigger()
    select(window, run)
    window.actions_["run.evaluate"].trigger()
    select(window, imported)
    window.actions_["run.evaluate"].trigger()
    dialogs = window.findChildren(EvaluationDialog)
    qtbot.waitUntil(lambda: all(dialog.form.runs.count() for dialog in dialogs))
    shown = [dialog.form.runs.currentText() for dialog in dialogs]
    assert shown == ["None: a model from elsewhere", f"maker ({run})", "None: a model from elsewhere"]
    for dialog in dialogs:
        dialog.close()


def test_what_is_a_runs_alone_is_not_offered(qtbot, open_window, imported, select):
    window = open_window([PanelSpec(HeatmapPanel, "main"), PanelSpec(Reader, "read")])
    select(window, imported)
    assert not window.run_page.strip.isVisible()
    for name in ("run.clone", "run.resume", "run.stop", "run.pause", "run.folder", "run.watch", "run.publish"):
        assert not window.actions_[name].isEnabled(), name
    for name in ("run.rename", "run.delete", "run.export"):
        assert window.actions_[name].isEnabled(), name
    traces = window.run_page.panels["read"].table
    heatmap = window.run_page.panels["heatmap"]
    qtbot.waitUntil(lambda: traces.filled)
    assert len(traces.model.ids) == 1
    assert not traces.filters.popup.form.isRowVisible(traces.filters.source)
    window.run_page.panels.go_to("heatmap")
    qtbot.waitUntil(lambda: heatmap.filled)
    assert (heatmap.verifier, heatmap.data.total) == (1, 1)
    window.actions_["run.score"].trigger()
    (scoring,) = window.findChildren(ScoreDialog)
    assert window.run_page.header.buttons["run.score"].isVisible()
    scoring.close()
    window.actions_["run.export"].trigger()
    (dialog,) = window.findChildren(ExportDialog)
    assert dialog.labels.currentText() == "The file's own"
    dialog.format.setCurrentText("SAPO Studio")
    qtbot.waitUntil(lambda: "1 row would be written" in dialog.said.text())
    dialog.reject()
    window.actions_["run.report"].trigger()
    (report,) = window.findChildren(ReportDialog)
    assert report.file.text().endswith(f"{imported}.html")
    report.close()


def test_the_menu_asks_for_a_file(window):
    dialog = window.file_actions.choose()
    assert dialog.windowTitle() == "Import file"
    dialog.reject()


def said(panel):
    return " ".join(line.text() for line in panel.empty.findChildren(QLabel))


def test_empty_panels_of_an_imported_file_promise_nothing_that_a_run_does(qtbot, open_window, imported, store, select):
    store.execute("DELETE FROM scores")
    run = synthetic_run(store, trajectories=10, questions=6, iterations=1)
    store.execute("DELETE FROM metrics")
    window = open_window([PanelSpec(HeatmapPanel), PanelSpec(GapPanel, "side"), PanelSpec(LogPanel, "bottom")])
    panels = window.run_page.panels
    select(window, imported)
    for name, told in (("heatmap", "Score with a verifier"), ("gap", "process benchmark"), ("log", "No engine")):
        panels.go_to(name)
        panel = panels[name]
        qtbot.waitUntil(lambda panel=panel, told=told: told in said(panel))
        assert not panel.filled
    panels.go_to("gap")
    select(window, run)
    qtbot.waitUntil(lambda: bool(said(panels["gap"]).strip()) and GapPanel.import_text not in said(panels["gap"]))


def test_the_menu_opens_the_export_of_tables(qtbot, open_window, store, select):
    run = synthetic_run(store, trajectories=8, questions=4, iterations=1)
    window = open_window([])
    select(window, run)
    window.actions_["run.tables"].trigger()
    (found,) = window.findChildren(TablesDialog)
    qtbot.waitUntil(lambda: found.folder.text().endswith(f"{run}-tables"))
    found.close()
