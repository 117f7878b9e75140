"""The one background primitive."""

import threading

import pytest
from PySide6.QtCore import QObject
from shiboken6 import delete

from sapo_ui.services import tasks


@pytest.fixture
def owner(qapp):
    return QObject()


def test_work_runs_elsewhere_and_done_on_the_gui_thread(qtbot, owner):
    seen = {}

    def work(store):
        seen["work"] = threading.current_thread()
        return store.path.name

    def done(name):
        seen["done"] = (threading.current_thread(), name)

    tasks.run(owner, work, done)
    qtbot.waitUntil(lambda: "done" in seen)
    assert seen["done"] == (threading.main_thread(), "studio.db")
    assert seen["work"] is not threading.main_thread()


def test_each_thread_keeps_its_own_store(qtbot, owner):
    barrier, pairs = threading.Barrier(2, timeout=5), []

    def work(store):
        barrier.wait()
        return threading.get_ident(), id(store)

    for _ in range(4):
        tasks.run(owner, work, pairs.append)
    qtbot.waitUntil(lambda: len(pairs) == 4)
    assert len(set(pairs)) == 2
    assert len({thread for thread, _ in pairs}) == 2


def test_an_error_goes_to_failed(qtbot, owner):
    caught = []
    tasks.run(owner, lambda store: 1 / 0, lambda _: pytest.fail("delivered"), failed=caught.append)
    qtbot.waitUntil(lambda: bool(caught))
    assert isinstance(caught[0], ZeroDivisionError)


def test_an_error_that_nobody_takes_goes_to_the_pool(qtbot, owner):
    caught = []
    tasks.pool().on_error = caught.append
    tasks.run(owner, lambda store: 1 / 0, lambda _: None)
    qtbot.waitUntil(lambda: bool(caught))


def test_nothing_is_delivered_to_a_dead_parent(qtbot, owner):
    gate, doomed, came = threading.Event(), QObject(), []
    task = tasks.run(doomed, lambda store: gate.wait(5), came.append)
    delete(doomed)
    gate.set()
    assert task.finished.wait(5)
    tasks.run(owner, lambda store: "after", came.append)
    qtbot.waitUntil(lambda: bool(came))
    assert came == ["after"]


def test_cancel_disconnects_first(qtbot, owner):
    gate, begun, came = threading.Event(), threading.Event(), []

    def work(store):
        begun.set()
        gate.wait(5)

    task = tasks.run(owner, work, came.append)
    assert begun.wait(5)
    task.cancel()
    gate.set()
    assert task.finished.wait(5)
    tasks.run(owner, lambda store: "after", came.append)
    qtbot.waitUntil(lambda: bool(came))
    assert came == ["after"]


@pytest.mark.parametrize(("keep", "expected"), [(False, ["last"]), (True, ["first", "last"])])
def test_the_latest_of_a_key_wins(qtbot, owner, keep, expected):
    gate, begun, came = threading.Event(), threading.Event(), []

    def first(store):
        begun.set()
        gate.wait(5)
        return "first"

    tasks.run(owner, first, came.append, key="k")
    assert begun.wait(5)
    tasks.run(owner, lambda store: "dropped", came.append, key="k", keep_running=keep)
    tasks.run(owner, lambda store: "last", came.append, key="k", keep_running=keep)
    gate.set()
    qtbot.waitUntil(lambda: "last" in came)
    assert came == expected


def test_stop_leaves_no_thread_and_delivers_nothing(qtbot, owner):
    before, came, begun = threading.active_count(), [], threading.Event()

    def work(store):
        begun.set()
        return 1

    tasks.run(owner, work, came.append)
    assert begun.wait(5)
    for _ in range(20):
        tasks.run(owner, lambda store: 2, came.append)
    assert tasks.stop()
    qtbot.wait(20)
    assert came in ([], [1])
    assert threading.active_count() == before
    assert tasks.stop()


def test_none_keeps_its_references(qtbot):
    """PySide6 6.12.0 on Python 3.11 loses one in every void call, and aborts."""
    import sys

    from PySide6.QtWidgets import QLabel

    label = QLabel()
    qtbot.addWidget(label)
    before = sys.getrefcount(None)
    for number in range(20_000):
        label.setText(str(number))
    assert sys.getrefcount(None) > before - 1000
