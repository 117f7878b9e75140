"""What is pressed while the store is busy is kept, though its page is left or the window closes just then."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from PySide6.QtCore import Qt
from shiboken6 import isValid

from sapo_studio.errors import StoreError
from sapo_studio.store import annotations, queue_work
from sapo_studio.store.comments import comments
from sapo_ui.features.traces.view import TraceView
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services.annotations import JudgeAction, set_annotator_name
from sapo_ui.services.unfinished import unfinished
from sapo_ui.shell import closing
from tests.ui.shell.test_annotate import judging, prepared


@pytest.fixture
def page(qtbot, window, store):
    """The Annotate page with an item on the desk."""
    prepared(store)
    set_annotator_name("Mira")
    window.annotate()
    return judging(qtbot, window)


@contextmanager
def busy(store):
    """Another program writes to the store."""
    with store.atomic():
        store.execute("UPDATE runs SET name = name")
        yield


def said(store, trajectory):
    return {(one.annotator, one.step): one.judgement for one in annotations.current(store, trajectory)}


def test_the_page_is_left(qtbot, window, page, store):
    judge = page.front
    at = judge.desk.open_item.detail.id
    with busy(store):
        for key in ("1", "j", "3", "c", *"so 1 2", Qt.Key.Key_Return, "j", "2"):
            qtbot.keyClick(judge, key)
        window.leave_form()
        assert window.pages.front is not page
        assert not page.at_rest
    qtbot.waitUntil(lambda: not isValid(page))
    assert said(store, at) == {("Mira", 1): -1, ("Mira", 2): 1, ("Mira", 3): 0}
    assert [(one.step, one.text) for one in comments(store, at)] == [(2, "so 1 2")]
    qtbot.waitUntil(lambda: store.value("SELECT count(*) FROM item_states WHERE at > 0") == 0)


def test_what_nobody_has_seen_is_not_judged(qtbot, window, page, store):
    judge = page.front
    at = judge.desk.open_item.detail.id
    with busy(store):
        for key in ("n", Qt.Key.Key_Return, "1", "s"):
            qtbot.keyClick(judge, key)
        window.leave_form()
    qtbot.waitUntil(lambda: not isValid(page))
    assert store.rows("SELECT verb FROM queue_acts ORDER BY id") == [("judge",), ("save",)]
    assert {trajectory for (trajectory,) in store.rows("SELECT trajectory_id FROM annotations")} == {at}


def test_what_is_pressed_while_a_save_waits_does_nothing_to_the_item_after_it(qtbot, page, store):
    judge = page.front
    first = judge.desk.open_item.detail.id
    with busy(store):
        for key in ("n", Qt.Key.Key_Return, "1", "j", "e", "c", *"12", Qt.Key.Key_Return, "s"):
            qtbot.keyClick(judge, key)
        qtbot.mouseClick(judge.item.buttons.buttons["wrong"], Qt.MouseButton.LeftButton)
        assert judge.desk.open_item.detail.id == first
    qtbot.waitUntil(lambda: judge.at_rest and judge.desk.open_item.detail.id != first)
    second = judge.desk.open_item.detail.id
    assert "does nothing to this one" in judge.item.notice.text
    assert said(store, second) == {}
    assert comments(store, second) == []
    assert judge.item.chosen == 1
    qtbot.keyClick(judge, "3")  # and now it is in sight
    qtbot.waitUntil(lambda: said(store, second) == {("Mira", 1): 1})
    qtbot.waitUntil(lambda: judge.item.notice.text == "")
    with busy(store):
        for key in ("n", Qt.Key.Key_Return, "u"):  # takes back what was done last, wherever that was
            qtbot.keyClick(judge, key)
    qtbot.waitUntil(lambda: judge.at_rest)
    assert judge.desk.open_item.detail.id == second


def test_another_subpage_comes_to_the_front(qtbot, page, store):
    judge = page.front
    at = judge.desk.open_item.detail.id
    with busy(store):
        for key in ("1", "j", "3"):
            qtbot.keyClick(judge, key)
        page._turn_to(1)
    qtbot.waitUntil(lambda: judge.at_rest)
    assert said(store, at) == {("Mira", 1): -1, ("Mira", 2): 1}


def test_another_name_is_chosen(qtbot, page, store):
    """In the middle of an item: what was pressed before stays that of who pressed it."""
    judge = page.front
    at = judge.desk.open_item.detail.id
    with busy(store):
        for key in ("1", "j", "3"):
            qtbot.keyClick(judge, key)
        set_annotator_name("Jonas")
        qtbot.keyClick(judge, "2")  # the item on the screen is Mira's still: it is nobody's now
    qtbot.waitUntil(lambda: judge.at_rest and judge.desk.name == "Jonas" and judge.desk.open_item is not None)
    assert said(store, at) == {("Mira", 1): -1, ("Mira", 2): 1}
    assert judge.desk.open_item.detail.id == at
    qtbot.keyClick(judge, "2")
    qtbot.waitUntil(lambda: ("Jonas", 1) in said(store, at))
    assert page.top.name.currentText() == "Jonas"


def test_the_window_closes_once_it_is_kept(qtbot, window, page, store):
    at = page.front.desk.open_item.detail.id
    with busy(store):
        qtbot.keyClick(page.front, "1")
        window.close()
        window.close()  # somebody is impatient
        assert window.isVisible()
        qtbot.keyClick(page.front, "3")  # too late
        qtbot.waitUntil(lambda: window.banner.text.startswith(closing.WAITING))
    qtbot.waitUntil(lambda: not window.isVisible())
    assert said(store, at) == {("Mira", 1): -1}


def test_a_store_that_stays_locked_is_told_and_the_next_close_closes(qtbot, window, page, store, monkeypatch):
    free = threading.Event()

    def refuse(*_, **__):
        free.wait(20)
        raise StoreError("The store is locked", why="Another program writes to it.")

    with monkeypatch.context() as patched:
        patched.setattr(queue_work, "annotate", refuse)
        qtbot.keyClick(page.front, "1")
        window.close()
        assert window.isVisible()
        free.set()
        qtbot.waitUntil(lambda: window.banner.text.startswith(closing.REFUSED))
    assert window.isVisible()
    qtbot.mouseClick(page.front.banner.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.front.desk.fault is None and page.front.desk.open_item is not None)
    at = page.front.desk.open_item.detail.id
    with busy(store):  # who goes on is asked again
        qtbot.keyClick(page.front, "3")
        window.close()
        assert window.isVisible()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert said(store, at) == {("Mira", 1): 1}


def test_who_closes_again_is_let_go(qtbot, window, page, monkeypatch):
    monkeypatch.setattr(closing, "BOUND_MS", 0)
    free = threading.Event()
    monkeypatch.setattr(queue_work, "annotate", lambda *_, **__: free.wait(20))
    made = closing.Closing(window, window.banner, window.pages.leave)
    monkeypatch.setattr(window, "_closing", made)
    qtbot.keyClick(page.front, "1")
    window.close()
    qtbot.waitUntil(lambda: window.banner.text.startswith(closing.REFUSED))
    assert window.isVisible()
    window.close()
    assert not window.isVisible()
    free.set()
    qtbot.waitUntil(lambda: not unfinished().any)


def test_judgements_of_the_run_page_are_kept_too(qtbot, open_window, store, select):
    run_id = prepared(store)
    set_annotator_name("Mira")
    window = open_window([PanelSpec(TraceView)])
    select(window, run_id)
    (reader,) = window.findChildren(TraceView)
    at = store.value("SELECT min(id) FROM trajectories")
    with busy(store):
        for step, verb in ((1, "right"), (2, "wrong")):
            reader.writer.judge(at, 3, JudgeAction(verb, step))
        window.close()
        assert window.isVisible()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert said(store, at) == {("Mira", 1): 1, ("Mira", 2): -1}
