"""What the Run menu and the buttons of a run do to it."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMessageBox

from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.store import queries, runs
from sapo_ui.services import run_keeping, tasks


@pytest.mark.parametrize(
    ("action", "verb"),
    [
        ("run.pause", Verb.PAUSE),
        ("run.stop_after", Verb.STOP_AFTER_PHASE),
        ("run.stop", Verb.STOP),
    ],
)
def test_header_buttons_write_command_rows(qtbot, window, store, action, verb, add_run, select):
    run_id = add_run(status=RunStatus.RUNNING)
    select(window, run_id)
    qtbot.mouseClick(window.run_page.header.buttons[action], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(runs.open_commands(store, run_id)))
    assert [(c.verb, c.sender) for c in runs.open_commands(store, run_id)] == [(verb, "window")]


def test_stopping_a_run_that_waits_names_no_engine(qtbot, window, store, add_run, select):
    run_id = add_run("mine")
    select(window, run_id)
    qtbot.mouseClick(window.run_page.header.buttons["run.stop"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "mine is stopped" in window.status_line.currentMessage())
    assert queries.get_run(store, run_id).status is RunStatus.STOPPED


def test_resume_launches_an_engine(qtbot, window, control, add_run, select):
    run_id = add_run(status=RunStatus.INTERRUPTED)
    select(window, run_id)
    qtbot.mouseClick(window.run_page.banner.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: control.launched == [run_id])


def test_rename_and_delete_ask_first(qtbot, window, store, add_run, select):
    run_id = add_run("before", status=RunStatus.STOPPED)
    select(window, run_id)
    window.actions_["run.rename"].trigger()
    dialog = window.findChild(QInputDialog)
    dialog.setTextValue("after")
    dialog.accept()
    qtbot.waitUntil(lambda: window.run_page.header.name.text() == "after")
    window.actions_["run.delete"].trigger()
    box = window.findChild(QMessageBox)
    box.reject()
    assert queries.list_runs(store)
    window.actions_["run.delete"].trigger()
    box = next(b for b in window.findChildren(QMessageBox) if b.isVisible())
    button = next(b for b in box.buttons() if b.text() == "Delete run")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.pages.front is window.pages["empty"])
    assert queries.list_runs(store) == []


def test_what_is_done_to_a_run_is_done_in_its_order(qtbot, window, store, add_run, select, hold):
    run_id = add_run("mine", status=RunStatus.STOPPED)
    select(window, run_id)
    held = hold(run_keeping, "archive", unbegun=True)
    window.actions_["run.archive"].trigger()
    qtbot.waitUntil(lambda: held.called == 1)
    window.actions_["run.bin"].trigger()
    window.actions_["run.rename"].trigger()
    dialog = window.findChild(QInputDialog)
    dialog.setTextValue("after")
    dialog.accept()
    came = []
    tasks.run(window, lambda _: None, came.append)
    qtbot.waitUntil(lambda: bool(came))  # the other thread is free, and does not begin what was asked for later
    assert queries.get_run(store, run_id).name == "mine"
    held.let_go()
    qtbot.waitUntil(lambda: queries.get_run(store, run_id).name == "after")
    run = queries.get_run(store, run_id)
    assert run.archived_at is not None
    assert run.binned_at is not None
