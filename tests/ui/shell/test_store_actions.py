"""The Store menu: other data folders open in windows of their own, and what cannot be opened is said."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from sapo_studio.errors import InputError
from sapo_studio.store.db import Store
from sapo_ui.services import stores
from sapo_ui.shell.store_actions import StoreActions


@pytest.fixture
def started(monkeypatch, tmp_path) -> list[list[str]]:
    """Command lines that were started, and the list of recent folders in a place of this test's."""
    found: list[list[str]] = []
    monkeypatch.setattr(stores, "recent_file", lambda: tmp_path / "config" / "recent.json")
    monkeypatch.setattr(stores, "start_detached", lambda command: found.append(command[1:]))
    return found


@pytest.fixture
def actions(qtbot, store):
    window = QWidget()
    qtbot.addWidget(window)
    said: list[str] = []
    errors: list[Exception] = []
    made = StoreActions(window, say=said.append, on_error=errors.append, on_change=list)
    made.said, made.errors = said, errors
    return made


def test_a_folder_with_a_store_opens_and_is_remembered(actions, started, tmp_path):
    other = tmp_path / "other"
    Store.open(other / "studio.db").close()
    actions.open_folder(other)
    assert started == [["-P", "-m", "sapo_ui.app", "--home", str(other)]]
    assert actions.said == [f"Opening {other} in a window of its own."]
    assert stores.recent() == [other]
    dialog = actions.recent()
    assert dialog.comboBoxItems() == [str(other)]
    dialog.reject()


def test_what_is_no_store_is_refused(actions, started, tmp_path):
    actions.open_folder(tmp_path / "nothing")
    Store.open(tmp_path / "full" / "studio.db").close()
    actions.open_new(tmp_path / "full")
    assert started == []
    assert [type(error) for error in actions.errors] == [InputError, InputError]
    actions.open_new(tmp_path / "new")
    assert len(started) == 1


def test_a_damaged_list_of_folders_is_empty(actions, started):
    stores.recent_file().parent.mkdir(parents=True)
    for damage in ("{", '"x"', "[1, null]"):
        stores.recent_file().write_text(damage, encoding="utf-8")
        assert stores.recent() == []


def test_a_backup_is_made_and_said(qtbot, actions, store):
    actions.back_up()
    qtbot.waitUntil(lambda: bool(actions.said))
    assert actions.said[0].startswith("Backed up: studio.backup.db of ")
