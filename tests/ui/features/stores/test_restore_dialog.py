"""The backups of the store by the real dialog, over a real store with real backups."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.maintenance import back_up_now
from sapo_ui.features.stores.restore_dialog import RestoreDialog


def test_without_a_backup_it_says_how_one_comes(qtbot, store):
    window = QWidget()
    qtbot.addWidget(window)
    dialog = RestoreDialog(window)
    dialog.show()
    qtbot.waitUntil(lambda: "no backup yet" in dialog.summary.text())
    assert not dialog.go.isEnabled()
    dialog.accept()


def test_going_back_brings_the_run_back(qtbot, home):
    with Store.open() as store:
        first = runs.create_run(store, RunConfig(name="first"))
        made, said = back_up_now(store)
        assert (made.runs, said) == (1, "")
        runs.create_run(store, RunConfig(name="second"))
    window = QWidget()
    qtbot.addWidget(window)
    dialog = RestoreDialog(window)
    told: list[str] = []
    dialog.restored.connect(told.append)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.list.count() == 1)
    assert "1 run" in dialog.list.item(0).text()
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    box = next(box for box in dialog.findChildren(QMessageBox) if box.isVisible())
    button = next(button for button in box.findChildren(QPushButton) if button.text() == "Go back")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].startswith("The store is that of ")
    with Store.open(create=False) as store:
        assert [run.id for run in queries.list_runs(store)] == [first]
