"""Export report, over a real store: it is written in the background, can be cancelled, and can then be opened."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from sapo_studio.app.html_report import page
from sapo_studio.store import queries
from sapo_ui.features.report.dialog import ReportDialog
from sapo_ui.services import tasks
from sapo_ui.widgets.saving import saving
from tests.fixtures.html_pages import parse
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def dialog(qtbot, home, store, tmp_path):
    run_id = synthetic_run(store, name="mine", iterations=1, trajectories=16, questions=6)
    saving().remember(tmp_path)
    shown = ReportDialog(queries.get_run(store, run_id))
    shown.show()
    yield shown
    if isValid(shown):
        shown.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    tasks.stop()


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_it_is_written_where_one_saved_last_and_can_be_opened(qtbot, dialog, tmp_path, store):
    sections, saved, wanted = [], [], []
    dialog.writer.progressed.connect(lambda one: sections.append((one.section, one.done, one.of)))
    dialog.open_wanted.connect(wanted.append)
    saving().saved.connect(saved.append)
    assert not dialog.open_file.isVisible()
    dialog.traces.setValue(1)
    click(qtbot, dialog.ok)
    assert dialog.progress.isVisible()
    assert not dialog.ok.isEnabled()
    file = tmp_path / "mine-1.html"
    qtbot.waitUntil(dialog.open_file.isVisible)
    saving().saved.disconnect(saved.append)
    assert len(parse(file.read_text()).all("article")) == 1
    assert saved == [file]
    assert dialog.said.text() == f"The report is in {file}."
    assert [done for _, done, _ in sections] == list(range(12))
    assert not dialog.progress.isVisible()
    click(qtbot, dialog.open_file)
    click(qtbot, dialog.show_folder)
    assert wanted == [file, tmp_path]
    dialog.file.setText(str(file) + " ")
    assert "replaced" in dialog.said.text()
    assert dialog.ok.isVisible()
    assert not dialog.open_file.isVisible()


def test_cancelled_it_leaves_no_file_and_the_dialog_open(qtbot, dialog, tmp_path, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()
    build = page.build

    def slow(store, run_id, traces, tick):
        def held(section, done, of):
            tick(section, done, of)
            reached.set()
            go_on.wait(30)

        return build(store, run_id, traces, held)

    monkeypatch.setattr(page, "build", slow)
    click(qtbot, dialog.ok)
    qtbot.waitUntil(reached.is_set)
    click(qtbot, dialog.close_button)
    assert dialog.said.text() == "Stopped. Nothing was written."
    assert dialog.ok.isEnabled()
    go_on.set()
    qtbot.waitUntil(lambda: tasks.pool().idle)
    assert not list(tmp_path.glob("*.html*"))
    assert dialog.isVisible()
    click(qtbot, dialog.close_button)
    assert not isValid(dialog) or not dialog.isVisible()


def test_a_place_that_cannot_be_written_is_told(qtbot, dialog, tmp_path):
    (tmp_path / "folder.html").mkdir()
    for name, why in (("folder.html", "is a folder"), ("no/where.html", "Cannot write")):
        dialog.file.setText(str(tmp_path / name))
        click(qtbot, dialog.ok)
        qtbot.waitUntil(lambda why=why: why in dialog.trouble.text)
        assert dialog.ok.isEnabled()
        assert dialog.said.text() == "Nothing was written."
    dialog.file.setText("")
    assert not dialog.ok.isEnabled()
