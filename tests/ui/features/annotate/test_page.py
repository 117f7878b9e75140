"""The Annotate page around a queue: which one, under whose name, and making, renaming and deleting them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLabel, QMessageBox

from sapo_studio.domain.judgements import Judgement
from sapo_studio.store import annotations, queries, queue_work
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.queues import delete_queue, list_queues, make_queue
from sapo_studio.store.records import TraceFilter
from sapo_ui.features.annotate import page as page_module
from sapo_ui.features.annotate.new_queue import NewQueueDialog
from sapo_ui.features.annotate.page import AnnotatePage
from sapo_ui.features.annotate.subpage import Subpage, SubpageSpec
from sapo_ui.features.annotate.subpages import SUBPAGES
from sapo_ui.services.annotations import annotator_name, set_annotator_name
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.settings import Settings
from tests.fixtures.held import settled
from tests.ui.panel_helpers import change_of
from tests.ui.queue_helpers import press, said


@pytest.fixture
def open_annotate(qtbot, store, run_id):
    """Opens the page, as often as a test likes."""
    opened = []

    def open_page(**more):
        page = AnnotatePage(lambda: run_id, **more)
        qtbot.addWidget(page)
        opened.append(page)
        page.resize(1040, 700)
        page.catch_up(change_of(store, run_id))
        page.show()
        page.activateWindow()
        return page

    yield open_page
    for page in opened:
        page.leave()


def test_the_first_use_offers_to_make_a_queue(open_annotate, qtbot, store, run_id):
    set_annotator_name("Mira")
    page = open_annotate()
    qtbot.waitUntil(page.none.button.isVisible)
    assert "No queue yet" in page.none.words.message
    qtbot.waitUntil(page.none.button.hasFocus)
    assert not page.subpages[0].corner().isVisible()
    qtbot.mouseClick(page.none.button, Qt.MouseButton.LeftButton)
    dialog = page._dialog
    assert dialog.run.currentData() == run_id
    dialog.source.setCurrentIndex(dialog.source.findData("process"))
    dialog.outcome.setCurrentIndex(dialog.outcome.findData("wrong"))
    dialog.rule.setCurrentIndex(dialog.rule.findData("uncertain"))
    dialog.items.setValue(3)
    dialog.seed.setValue(5)
    dialog.overlap.setValue(50)
    dialog.gold.setValue(40)
    assert dialog.name.text() == "synthetic, uncertain"
    qtbot.mouseClick(dialog.make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    (made,) = list_queues(store)
    assert (made.rule, made.seed, made.size, made.gold, made.created_by) == ("uncertain", 5, 3, 1, "Mira")
    assert (made.source["source"], made.source["outcome"], made.overlap) == ("process", "wrong", 0.5)
    assert page.top.queue.currentText() == "synthetic, uncertain"


def test_a_refusal_stays_in_the_dialog(open_annotate, qtbot, store, queue):
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None)
    qtbot.mouseClick(page.top.make, Qt.MouseButton.LeftButton)
    dialog = page._dialog
    dialog.name.setText(queue.name)
    qtbot.mouseClick(dialog.make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "already" in dialog.notice.text)
    dialog.name.setText("second")
    dialog.text.setText("no such words")
    qtbot.mouseClick(dialog.make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "can come into" in dialog.notice.text)
    dialog.text.clear()
    qtbot.mouseClick(dialog.make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.queue.name == "second")
    qtbot.waitUntil(lambda: page.findChild(NewQueueDialog) is None)


def test_nothing_to_make_one_from(open_annotate, qtbot):
    page = open_annotate()
    qtbot.waitUntil(page.none.button.isVisible)
    page.catch_up(StoreChange((), frozenset()))
    assert page.make_queue() is None
    assert "start a run" in page.none.words.message


def test_names_are_offered_and_kept(open_annotate, qtbot, store, queue):
    trajectory = int(store.value("SELECT max(id) FROM trajectories"))
    annotations.annotate(store, trajectory, "Jonas", {1: Judgement.RIGHT})
    set_annotator_name("Mira")
    page = open_annotate()
    qtbot.waitUntil(lambda: page.front.desk.open_item is not None)
    names = [page.top.name.itemText(row) for row in range(page.top.name.count())]
    assert names == ["Mira", "Jonas", "Another name\u2026"]
    page.top.name.setCurrentIndex(1)
    page.top.name.activated.emit(1)
    assert annotator_name() == "Jonas"
    qtbot.waitUntil(lambda: page.front.desk.open_item is not None)
    press(qtbot, page.front, "1")
    assert said(store, page.front.desk.open_item.detail.id, "Jonas") == {1: (-1, False)}
    page.top.name.activated.emit(page.top.name.count() - 1)
    page.top.name.setCurrentIndex(page.top.name.count() - 1)
    page.top.name.activated.emit(page.top.name.count() - 1)
    dialog = page.window().findChild(QInputDialog)
    dialog.setTextValue("Eva")
    dialog.accept()
    assert (annotator_name(), page.top.name.currentText()) == ("Eva", "Eva")


def test_the_queue_of_last_time_is_opened(open_annotate, qtbot, store, run_id, queue):
    make_queue(store, QueueSpec("second", TraceFilter(run_id), rule="random", size=2), "x")
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None)
    assert page.queue.name == "second"  # the newest
    page.top.queue.setCurrentIndex(1)
    page.top.queue.activated.emit(1)
    qtbot.waitUntil(lambda: page.queue.name == "first" and page.front.desk.open_item is not None)
    assert Settings().text("annotate.queue") == queue.uid
    again = open_annotate()
    qtbot.waitUntil(lambda: again.queue is not None)
    assert again.queue.name == "first"


def test_a_queue_that_another_process_deletes(open_annotate, qtbot, store, run_id, queue):
    """No other queue takes its place by itself: who judges goes on pressing keys."""
    make_queue(store, QueueSpec("other", TraceFilter(run_id), size=2), "mira")
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    gone = page.queue
    delete_queue(store, gone.id)
    for key in ("1", "n", Qt.Key.Key_Return, "3"):
        qtbot.keyClick(page.front, key)
    qtbot.waitUntil(page.none.isVisible)
    assert page.none.words.message.startswith(f"The queue {gone.name} is gone")
    assert page.queue is None
    assert store.value("SELECT count(*) FROM annotations") == 0
    page.top.queue.activated.emit(0)
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)


def test_rename_and_delete(open_annotate, qtbot, store, queue):
    page = open_annotate()
    qtbot.waitUntil(lambda: page.front.desk.open_item is not None)
    press(qtbot, page.front, "1")
    trajectory = page.front.desk.open_item.detail.id
    page.top.rename.emit()
    dialog = page.window().findChild(QInputDialog)
    dialog.setTextValue("another")
    dialog.accept()
    qtbot.waitUntil(lambda: page.top.queue.currentText() == "another")
    assert page.front.desk.open_item.detail.id == trajectory
    page.top.delete.emit()
    box = page.window().findChild(QMessageBox)
    next(one for one in box.buttons() if one.text() == "Delete queue").click()
    qtbot.waitUntil(page.none.button.isVisible)
    assert list_queues(store) == []
    assert queries.trace(store, trajectory).annotations


class Counting(Subpage):
    """A subpage that counts, and is told what it is told."""

    help = "### Counting"

    def __init__(self):
        super().__init__()
        self.told = []
        self.label = QLabel("corner", self)

    def show_queue(self, queue):
        self.told.append(None if queue is None else queue.name)
        self.counted.emit(9)

    def refresh(self):
        self.told.append("refresh")

    def corner(self):
        return self.label


def test_further_subpages(open_annotate, qtbot, queue):
    page = open_annotate(subpages=(*SUBPAGES[:1], SubpageSpec("counting", "Counting", Counting)))
    qtbot.waitUntil(lambda: page.front.desk.open_item is not None)
    assert page.help.startswith("### Annotate")
    qtbot.waitUntil(lambda: [text for text, _ in page.top.switch._items] == ["Judge", "Counting 9"])
    page.top.switch.setFocus()
    qtbot.keyClick(page.top.switch, Qt.Key.Key_Right)
    other = page.front
    assert isinstance(other, Counting)
    assert other.isVisible()
    assert other.label.isVisible()
    assert not page.subpages[0].blind.isVisible()
    assert other.told == ["first", "refresh"]
    assert page.help == "### Counting"


def test_a_queue_that_is_chosen_while_the_list_is_read_stays(open_annotate, qtbot, store, run_id, queue, hold):
    make_queue(store, QueueSpec("second", TraceFilter(run_id), rule="random", size=2), "x")
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    assert page.queue.name == "second"
    held = hold(page_module, "list_queues")
    page.take(StoreChange((), frozenset(), frozenset({"another run"})))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    page.top.queue.setCurrentIndex(1)
    page.top.queue.activated.emit(1)
    assert page.queue.name == "first"
    held.let_go()
    settled(qtbot)
    qtbot.waitUntil(lambda: page.front.desk.open_item is not None)
    assert (page.queue.name, page.front.desk.queue_id) == ("first", queue.id)
    assert page.top.queue.currentText() == "first"


def test_a_new_name_does_not_bring_a_queue_back_that_was_left(open_annotate, qtbot, store, run_id, queue, hold):
    make_queue(store, QueueSpec("second", TraceFilter(run_id), rule="random", size=2), "x")
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    held = hold(page_module.queues.queues, "rename_queue")
    page.top.rename.emit()
    dialog = page.window().findChild(QInputDialog)
    dialog.setTextValue("renamed")
    dialog.accept()
    qtbot.waitUntil(lambda: len(held.found) == 1)
    page.top.queue.setCurrentIndex(1)
    page.top.queue.activated.emit(1)
    held.let_go()
    qtbot.waitUntil(lambda: page.top.queue.itemText(0) == "renamed")
    assert page.queue.name == page.top.queue.currentText() == "first"


def test_who_writes_a_comment_is_not_disturbed_by_a_run_that_goes(open_annotate, qtbot, store, run_id, queue, hold):
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    press(qtbot, page.front, "c")
    field = page.front.item.comment.field
    qtbot.keyClicks(field, "half a sent")
    held = hold(page_module, "list_queues")
    held.let_go()
    page.take(StoreChange((), frozenset(), frozenset({"another run"})))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    settled(qtbot)
    assert field.hasFocus()
    assert page.front.item.comment.writing
    assert field.toPlainText() == "half a sent"


def test_looking_again_puts_no_queue_in_the_place_of_one_that_is_gone(open_annotate, qtbot, store, run_id, queue, hold):
    make_queue(store, QueueSpec("other", TraceFilter(run_id), size=2), "mira")
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    delete_queue(store, page.queue.id)
    qtbot.keyClick(page.front, "1")
    qtbot.waitUntil(page.none.isVisible)
    held = hold(page_module, "list_queues")
    held.let_go()
    page._clock.timeout.emit()
    qtbot.waitUntil(lambda: len(held.found) == 1)
    settled(qtbot)
    assert page.queue is None
    assert page.none.isVisible()


def test_an_item_is_not_given_back_after_it_was_taken_again(open_annotate, qtbot, store, queue, hold):
    page = open_annotate()
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    desk, held = page.front.desk, hold(queue_work, "release", unbegun=True)
    desk.release()
    qtbot.waitUntil(lambda: held.called == 1)
    page.front.show_queue(page.queue)
    held.let_go()
    qtbot.waitUntil(lambda: not desk.busy and desk.open_item is not None)
    settled(qtbot)
    holder = store.value("SELECT holder FROM item_states WHERE item_id = ?", (desk.open_item.item.id,))
    assert holder == desk._worker.holder
