"""Notes, tags and the bin by their real dialogs over a real store."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QMessageBox, QPushButton, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, run_keeping, runs
from sapo_ui.features.run_keeping.bin_dialog import BinDialog
from sapo_ui.features.run_keeping.notes_dialog import NotesDialog
from tests.fixtures.held import settled


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


def test_only_what_was_asked_about_is_deleted(qtbot, store):
    a, b = make(store, "a"), make(store, "b")
    run_keeping.put_in_bin(store, a)
    dialog = BinDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.list.count() == 1)
    qtbot.mouseClick(dialog.empty, Qt.MouseButton.LeftButton)
    box = next(box for box in dialog.findChildren(QMessageBox) if box.isVisible())
    assert box.text() == "Delete 1 run for good?"
    run_keeping.put_in_bin(store, b)  # in another window, while this one asks
    button = next(button for button in box.findChildren(QPushButton) if button.text() == "Empty the bin")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: [one.run_id for one in dialog.found] == [b])
    assert [run.id for run in queries.list_runs(store)] == [b]


def test_a_second_press_restores_nothing_more_and_the_row_stays(qtbot, store, hold):
    binned = [make(store, name) for name in "abc"]
    for run_id in binned:
        run_keeping.put_in_bin(store, run_id)
    dialog = BinDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(lambda: dialog.list.count() == 3)
    dialog.list.setFocus()
    dialog.list.setCurrentRow(1)
    held = hold(run_keeping, "take_from_bin")
    for _ in range(2):
        qtbot.keyClick(dialog.list, Qt.Key.Key_Return)
    held.let_go()
    qtbot.waitUntil(lambda: dialog.list.count() == 2)
    settled(qtbot)
    assert [one.run_id for one in dialog.found] == [binned[2], binned[0]]
    assert dialog.list.currentRow() == 1
    assert dialog.trouble.text == ""


def test_a_note_that_was_written_a_moment_ago_is_not_lost(qtbot, store):
    run_id = make(store, "a")
    shown = queries.get_run(store, run_id)  # as the window still has it
    run_keeping.set_notes(store, run_id, "eta too high")
    window = QWidget()
    qtbot.addWidget(window)
    dialog = NotesDialog(shown, window)
    qtbot.waitUntil(lambda: dialog.notes.toPlainText() == "eta too high")
    qtbot.keyClicks(dialog.tags, "paper")
    with qtbot.waitSignal(dialog.saved):
        dialog.save()
        assert not dialog.notes.isEnabled()  # nothing is typed that would not be kept
    run = queries.get_run(store, run_id)
    assert (run.notes, run.tags) == ("eta too high", ("paper",))


def test_what_is_typed_before_the_note_is_read_stays(qtbot, store, hold):
    run_id = make(store, "a")
    run_keeping.set_notes(store, run_id, "kept")
    held = hold(queries, "get_run")
    window = QWidget()
    qtbot.addWidget(window)
    dialog = NotesDialog(runs_now(store, run_id), window)
    qtbot.waitUntil(lambda: len(held.found) == 1)
    qtbot.keyClicks(dialog.notes, "mine ")
    held.let_go()
    settled(qtbot)
    assert dialog.notes.toPlainText() == "mine kept"


def runs_now(store, run_id):
    return next(run for run in queries.list_runs(store) if run.id == run_id)
