"""Judging a queue by keyboard, from key press to store."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSlider, QApplication

from sapo_studio.errors import StoreError
from sapo_studio.store import queries, queue_work
from sapo_studio.store.comments import comments
from sapo_studio.store.queue_items import Worker
from sapo_studio.store.queue_progress import progress
from sapo_studio.store.queues import delete_queue
from sapo_ui.services import queues
from sapo_ui.services.annotations import annotation_events, set_annotator_name
from tests.ui.queue_helpers import ENTER, ESCAPE, open_page, press, said, save_as, settled


def at(judge):
    return judge.desk.open_item.detail.id


def steps(judge):
    return len(judge.desk.open_item.detail.steps)


def test_one_hand_on_the_keyboard(judge, qtbot, store, queue):
    first, n = at(judge), steps(judge)
    press(qtbot, judge, "3", "j", "2", "j", "e")
    wanted = {1: (1, False), 2: (0, False), 3: (-1, False)} | dict.fromkeys(range(4, n + 1), (-1, True))
    assert said(store, first) == wanted
    card = judge.item.steps.cards[2]
    assert card.step.first_error
    assert "first error" in card.accessibleName()
    assert [one.filled for one in judge.item.shown_steps] == [step > 3 for step in range(1, n + 1)]
    assert judge.item.said.text() == (f"3 of {n} steps judged" + (f", {n - 3} filled in" if n > 3 else ""))
    press(qtbot, judge, ENTER)
    assert at(judge) != first
    assert judge.item.chosen == 1
    press(qtbot, judge, "n", ENTER, "s")
    found = progress(store, queue.id, "Mira")
    assert (found.saved, found.skipped, found.left) == (2, 1, queue.size - 3)
    qtbot.waitUntil(lambda: judge.queue.done.text() == f"2 of {queue.size}")


def test_fast_typing_keeps_every_press_in_order(patient, judge, qtbot, store, queue):
    first = at(judge)
    for key in ("1", "3", "j", "1", "j", "2", "u", "n", ENTER, "1", "e", ENTER, "u", "u"):
        qtbot.keyClick(judge, key)
    settled(qtbot, judge)
    assert set(said(store, first).values()) == {(1, False), (1, True)}
    verbs = [verb for (verb,) in store.rows("SELECT verb FROM queue_acts WHERE undone_at IS NULL ORDER BY id")]
    assert verbs == ["judge", "judge", "judge", "judge", "save", "judge"]
    assert at(judge) != first


def test_no_press_is_dropped_however_many_wait(patient, judge, qtbot, store):
    first = at(judge)
    for key in ("1", *"jk" * 60, "3"):
        qtbot.keyClick(judge, key)
    settled(qtbot, judge)
    assert said(store, first) == {1: (1, False)}


def test_a_comment_typed_while_the_store_is_busy_is_text(judge, qtbot, store):
    first = at(judge)
    qtbot.keyClick(judge, "1")
    assert judge.desk.busy
    text = "c e n s u b o j k 1 2 3 \u00e4"
    for key in ("c", *text):
        qtbot.keyClick(judge, key)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Delete, "z", ENTER, "j", "3"):
        qtbot.keyClick(judge, key)
    settled(qtbot, judge)
    qtbot.waitUntil(lambda: [(one.step, one.text) for one in comments(store, first)] == [(1, text[:-1] + "z")])
    assert said(store, first) == {1: (-1, False), 2: (1, False)}
    assert at(judge) == first


def test_a_comment_on_a_step_out_of_sight_opens_at_once(judge, qtbot, monkeypatch):
    monkeypatch.setattr(type(judge.item.steps), "in_view", False)
    press(qtbot, judge, "c")
    assert judge.item.comment.field.isVisible()
    judge.item.comment.close_field(keep=False)


@pytest.mark.parametrize("key", ["s", "u", "e"])
def test_a_key_that_is_held_down_is_one_press(judge, qtbot, store, key):
    press(qtbot, judge, "1", ENTER, key)
    acts = store.value("SELECT count(*) FROM queue_acts")
    lying = at(judge)
    for _ in range(5):
        held = QKeyEvent(QEvent.Type.KeyPress, ord(key.upper()), Qt.KeyboardModifier.NoModifier, key, True)
        QApplication.sendEvent(judge, held)
    settled(qtbot, judge)
    assert store.value("SELECT count(*) FROM queue_acts") == acts
    assert at(judge) == lying


def test_undo_goes_back_over_items_and_restarts(judge, qtbot, store, queue):
    first = at(judge)
    press(qtbot, judge, "1", ENTER)
    second = at(judge)
    press(qtbot, judge, "3")
    judge.leave()
    judge.hide()
    again = open_page(qtbot, queue)
    assert at(again) == second
    press(qtbot, again, "u")
    assert said(store, second) == {}
    press(qtbot, again, "u")
    assert at(again) == first
    assert said(store, first) == {1: (-1, False)}
    press(qtbot, again, "u")
    assert said(store, first) == {}
    press(qtbot, again, "u")
    assert "nothing to take back" in again.item.notice.text


def test_text_stays_text(judge, qtbot, store):
    press(qtbot, judge, "j", "c")
    field = judge.item.comment.field
    assert QApplication.focusWidget() is field
    qtbot.keyClicks(field, "jens skips 123 buns")
    qtbot.keyClick(field, Qt.Key.Key_Up)
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(field, Qt.Key.Key_Down)
    qtbot.keyClicks(field, "e")
    assert said(store, at(judge)) == {}
    assert judge.item.chosen == 2
    qtbot.keyClick(field, ENTER)
    settled(qtbot, judge)
    (one,) = comments(store, at(judge))
    assert (one.step, one.annotator) == (2, "Mira")
    assert one.text == "jens skips 123 buns\ne"
    assert judge.item.shown_steps[1].comment == one.text
    assert QApplication.focusWidget() is judge
    press(qtbot, judge, "c")
    assert field.toPlainText() == one.text
    qtbot.keyClicks(field, "x")
    qtbot.keyClick(field, ESCAPE)
    settled(qtbot, judge)
    assert [again.text for again in comments(store, at(judge))] == [one.text]
    assert not field.isVisible()
    press(qtbot, judge, "u")
    assert comments(store, at(judge)) == []


def test_a_comment_is_kept_where_the_field_is_left_for_a_button(judge, qtbot, store):
    first = at(judge)
    press(qtbot, judge, "n", "c")
    qtbot.keyClicks(judge.item.comment.field, "fine")
    qtbot.mouseClick(judge.item.buttons.buttons["save"], Qt.MouseButton.LeftButton)
    settled(qtbot, judge)
    assert [one.text for one in comments(store, first)] == ["fine"]
    assert at(judge) != first


def test_buttons_do_the_same(judge, qtbot, store):
    first = at(judge)
    for verb in ("wrong", "first_error"):
        qtbot.mouseClick(judge.item.buttons.buttons[verb], Qt.MouseButton.LeftButton)
        settled(qtbot, judge)
    assert said(store, first)[1] == (-1, False)
    assert QApplication.focusWidget() is judge  # a click leaves the focus
    judge.item.buttons.buttons["skip"].setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(judge.item.buttons.buttons["skip"], ENTER)
    settled(qtbot, judge)
    assert store.rows("SELECT verb FROM queue_acts ORDER BY id DESC LIMIT 1") == [("skip",)]
    qtbot.keyClick(judge.item.buttons.buttons["skip"], "3")
    settled(qtbot, judge)
    assert said(store, at(judge)) == {1: (1, False)}


def test_saving_what_is_not_judged_is_refused_in_place(judge, qtbot, store):
    first = at(judge)
    press(qtbot, judge, "3", ENTER)
    assert at(judge) == first
    assert "Not every step is judged" in judge.item.notice.text
    press(qtbot, judge, "n", ENTER)
    assert at(judge) != first


def test_a_step_that_was_scrolled_away_comes_back_before_it_is_judged(judge, qtbot, store):
    judge.item.steps.setFixedHeight(60)
    judge.item.steps.choose(1)
    bar = judge.item.steps.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 60)
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMaximum)
    assert not judge.item.steps.in_view
    press(qtbot, judge, "1")
    assert judge.item.steps.in_view
    assert said(store, at(judge)) == {}
    press(qtbot, judge, "1")
    assert said(store, at(judge)) == {1: (-1, False)}


def test_what_others_have_is_said_and_passed_over(qtbot, store, run_id, judge, queue):
    store.execute("UPDATE queue_items SET shared = 0")
    jonas = Worker("Jonas", "his window")
    item = queue_work.next_item(store, queue.id, jonas)
    judge.refresh()
    qtbot.waitUntil(lambda: any(one.taken_by == "Jonas" for one in judge.queue.waiting.rows.items))
    judge.queue.waiting.chosen.emit(item.id)
    settled(qtbot, judge)
    assert "Jonas has this item" in judge.item.notice.text
    for _ in range(queue.size):
        press(qtbot, judge, "n", ENTER)
    assert judge.stack.currentWidget() is judge.message
    qtbot.waitUntil(lambda: "1 is with others" in judge.message.words.message)


def test_the_end_of_a_queue_and_what_was_skipped(patient, judge, qtbot, store, queue):
    press(qtbot, judge, "s", "s")
    for _ in range(queue.size - 2):
        press(qtbot, judge, "n", ENTER)
    qtbot.waitUntil(lambda: "2 were skipped" in judge.message.words.message)
    qtbot.mouseClick(judge.message.button, Qt.MouseButton.LeftButton)
    settled(qtbot, judge)
    assert judge.stack.currentWidget() is judge.item
    press(qtbot, judge, "n", ENTER, "n", ENTER)
    assert progress(store, queue.id, "Mira").saved == queue.size
    qtbot.waitUntil(lambda: f"You have saved {queue.size} of {queue.size}" in judge.message.words.message)
    press(qtbot, judge, "u")
    assert judge.stack.currentWidget() is judge.item


def test_saved_items_open_with_the_scores_and_can_be_opened_again(judge, qtbot, store):
    first = at(judge)
    press(qtbot, judge, "n", ENTER)
    qtbot.waitUntil(lambda: len(judge.queue.saved.rows.items) == 1)
    judge.queue.saved.chosen.emit(judge.queue.saved.rows.items[0].id)
    settled(qtbot, judge)
    assert at(judge) == first
    newest = queries.trace(store, first).scores[max(queries.trace(store, first).scores)]
    assert [one.models.score for one in judge.item.shown_steps] == pytest.approx(newest.tolist())
    before = said(store, first)
    press(qtbot, judge, "1")
    assert said(store, first) == before
    assert "This item is saved" in judge.item.notice.text
    press(qtbot, judge, "o", "1")
    assert said(store, first)[1] == (-1, False)
    assert judge.item.shown_steps[0].models is None  # blind again
    press(qtbot, judge, ENTER)
    assert at(judge) != first


def test_the_next_item_is_claimed_and_read_beforehand(judge, qtbot, store):
    qtbot.waitUntil(lambda: judge.desk._next is not None)
    ahead = judge.desk._next
    assert store.value("SELECT count(*) FROM item_states WHERE status = 'claimed'") == 2
    press(qtbot, judge, "n", ENTER)
    assert judge.desk.open_item.item.id == ahead.item.id
    assert judge.desk.open_item.detail.scores is ahead.detail.scores  # not read again
    judge.leave()
    qtbot.waitUntil(lambda: store.value("SELECT count(*) FROM item_states WHERE status = 'claimed' AND at > 0") == 0)


def test_under_another_name(judge, qtbot, store, queue):
    save_as(store, queue, "Jonas", 2)
    judge.refresh()
    qtbot.waitUntil(lambda: judge.queue.others[0].text() == "Jonas: 2 saved, 0 by both")
    first = at(judge)
    press(qtbot, judge, "n", ENTER)
    set_annotator_name("Eva")
    judge.show_queue(queue)
    qtbot.waitUntil(lambda: judge.desk.open_item is not None)
    assert at(judge) == first
    press(qtbot, judge, "1")
    assert said(store, first, "Eva") == {1: (-1, False)}


def test_the_heatmap_hears_of_it(judge, qtbot):
    told = []
    annotation_events().judged.connect(lambda *args: told.append(args))
    press(qtbot, judge, "j", "e")
    assert told[-1] == (at(judge), 2)
    annotation_events().judged.disconnect()


def test_a_store_that_cannot_be_written(judge, qtbot, store, monkeypatch):
    def refuse(*_, **__):
        raise StoreError("The disk is full", fix="Free some space.")

    first = at(judge)
    with monkeypatch.context() as patched:
        patched.setattr(queue_work, "annotate", refuse)
        press(qtbot, judge, "1", "3")
        assert judge.banner.isVisible()
        assert "The disk is full" in judge.banner.text
        assert not any(button.isEnabled() for button in judge.item.buttons.buttons.values())
        press(qtbot, judge, "2")
    assert said(store, first) == {}
    qtbot.mouseClick(judge.banner.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: judge.desk.fault is None and judge.desk.open_item is not None)
    assert not judge.banner.isVisible()
    press(qtbot, judge, "1")
    assert said(store, first) == {1: (-1, False)}


def test_a_queue_that_goes(judge, qtbot, store, queue):
    delete_queue(store, queue.id)
    press(qtbot, judge, "1")
    assert "gone" in judge.item.notice.text
    assert store.value("SELECT count(*) FROM annotations") == 0


def test_time_at_work_is_recorded_and_breaks_are_not(judge, qtbot, store, monkeypatch):
    now = [judge.desk._pressed_at]
    monkeypatch.setattr(queues, "time", SimpleNamespace(monotonic=lambda: now[0]))
    item = judge.desk.open_item.item.id
    for seconds, key in ((10, "3"), (500, "j"), (20, "n"), (5, ENTER)):
        now[0] += seconds
        press(qtbot, judge, key)
    assert store.value("SELECT seconds FROM item_states WHERE item_id = ?", (item,)) == pytest.approx(35)
    qtbot.waitUntil(lambda: judge.queue.pace.text().startswith("1.7 a minute"))


def test_the_cursor_in_the_list_stays_on_its_item(judge, qtbot, store, queue):
    waiting = judge.queue.waiting
    qtbot.waitUntil(lambda: waiting.rows.rowCount() == 6)
    waiting.setCurrentIndex(waiting.rows.index(3))
    wanted = waiting.rows.items[3].id
    press(qtbot, judge, "n", ENTER)
    qtbot.waitUntil(lambda: waiting.rows.rowCount() == 5)
    assert waiting.rows.items[waiting.currentIndex().row()].id == wanted
