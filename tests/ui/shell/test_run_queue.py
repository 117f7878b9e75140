"""The queue from the window: opened by its key, left by Esc, and filled from a run's menu."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from sapo_studio import processes, supervisor
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, run_queue, runs
from sapo_ui.features.run_queue.page import RunQueuePage


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch):
    monkeypatch.setattr(supervisor, "_detached", lambda *_: processes.identify())


def stopped(store, name: str = "a") -> str:
    run_id = runs.create_run(store, RunConfig(name=name, runtime={"device": "cpu"}))
    runs.set_status(store, run_id, RunStatus.STOPPED)
    return run_id


def test_its_key_opens_it_and_escape_leaves(qtbot, store, open_window, select):
    run_id = stopped(store)
    window = open_window()
    select(window, run_id)
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_U, Qt.KeyboardModifier.ControlModifier)
    page = window.pages.front
    assert isinstance(page, RunQueuePage)
    qtbot.waitUntil(lambda: page.found is not None)
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert window.pages.front is window.run_page


def test_a_run_is_added_by_its_menu_and_opened_from_the_queue(qtbot, store, open_window, select):
    run_id = stopped(store)
    window = open_window()
    select(window, run_id)
    assert window.actions_["run.queue"].isEnabled()
    window.actions_["run.queue"].trigger()
    qtbot.waitUntil(lambda: [row.run_id for row in run_queue.list_queue(store)] == [run_id], timeout=20_000)
    assert queries.get_run(store, run_id).status is RunStatus.QUEUED
    qtbot.waitUntil(lambda: not window.actions_["run.queue"].isEnabled())
    window.actions_["go.queue"].trigger()
    page = window.pages.front
    qtbot.waitUntil(lambda: page.view.current() is not None)
    qtbot.keyClick(page.view, Qt.Key.Key_Return)
    assert window.pages.front is window.run_page
    assert window.run_page.run_id == run_id


def test_del_moves_a_run_to_the_bin(qtbot, store, open_window, select):
    kept, gone = stopped(store, "kept"), stopped(store, "gone")
    window = open_window()
    select(window, gone)
    window.run_list.view.setFocus()
    qtbot.keyClick(window.run_list.view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: queries.get_run(store, gone).binned_at is not None)
    qtbot.waitUntil(lambda: window.run_list.model.row_of(gone) < 0)
    qtbot.waitUntil(lambda: window.run_page.run_id != gone)
    assert window.run_list.model.row_of(kept) >= 0
