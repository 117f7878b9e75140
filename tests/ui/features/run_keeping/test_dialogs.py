"""Notes, tags and the bin by their real dialogs over a real store."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QMessageBox, QPushButton, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, run_keeping, runs
from sapo_ui.features.run_keeping.bin_dialog import BinDialog
from sapo_ui.features.run_keeping.notes_dialog import NotesDialog


def make(store, name: str) -> str:
    run_id = runs.create_run(store, RunConfig(name=name))
    runs.set_status(store, run_id, RunStatus.STOPPED)
    return run_id


def test_a_note_and_tags_are_saved_and_what_is_wrong_is_said(qtbot, store):
    run_id = make(store, "a")
    window = QWidget()  # the dialog deletes itself when it is done
    qtbot.addWidget(window)
    dialog = NotesDialog(queries.get_run(store, run_id), window)
    dialog.show()
    dialog.notes.setFocus()
    qtbot.keyClicks(dialog.notes, "eta too high")
    qtbot.keyClicks(dialog.tags, "paper, " + "x" * 50)
    save = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cannot be the name of a tag" in dialog.trouble.text)
    assert queries.get_run(store, run_id).notes == ""  # neither is written
    dialog.tags.setText("paper, seed 3, ")
    saved = []
    dialog.saved.connect(lambda: saved.append(True))
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: saved == [True])
    run = queries.get_run(store, run_id)
    assert (run.notes, run.tags) == ("eta too high", ("paper", "seed 3"))


def test_the_bin_shows_its_space_restores_and_is_emptied(qtbot, store):
    a, b = make(store, "a"), make(store, "b")
    store.run_dir(b).mkdir(parents=True)
    (store.run_dir(b) / "model").write_bytes(b"x" * 4096)
    for run_id in (a, b):
        run_keeping.put_in_bin(store, run_id)
    dialog = BinDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.list.count() == 2)
    assert dialog.summary.text().startswith("Emptying the bin frees 4.1")
    assert [dialog.list.item(row).text().split("\n")[0] for row in range(2)] == ["b", "a"]
    dialog.list.setCurrentRow(1)
    qtbot.mouseClick(dialog.restore, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.list.count() == 1)
    assert queries.get_run(store, a).binned_at is None
    qtbot.mouseClick(dialog.empty, Qt.MouseButton.LeftButton)
    box = next(box for box in dialog.findChildren(QMessageBox) if box.isVisible())
    button = next(button for button in box.findChildren(QPushButton) if button.text() == "Empty the bin")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.list.count() == 0 and "is empty" in dialog.summary.text())
    assert [run.id for run in queries.list_runs(store)] == [a]
    assert not dialog.empty.isEnabled()
