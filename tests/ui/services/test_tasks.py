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
    barrier, pairs = threading.Barrier(2, timeout=60), []

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


def held(result, begun, gate):
    """Work that says when it has begun, and ends when it is let go."""

    def work(store):
        begun.set()
        assert gate.wait(30)
        return result

    return work


def test_changes_are_made_in_the_order_that_they_were_asked_for_and_none_is_dropped(qtbot, owner):
    gate, begun, made, came = threading.Event(), threading.Event(), [], []

    def first(store):
        begun.set()
        assert gate.wait(30)
        made.append(1)

    def fails(store):
        made.append(2)
        raise ValueError

    tasks.change(owner, first, lambda _: came.append(1))
    assert begun.wait(30)
    tasks.change(owner, fails, lambda _: pytest.fail("it failed"), failed=lambda _: came.append(2))
    tasks.change(owner, lambda store: made.append(3), lambda _: came.append(3))
    other = QObject()
    tasks.change(other, lambda store: None, lambda _: came.append("of another"))  # does not wait for those
    qtbot.waitUntil(lambda: came == ["of another"])
    assert made == []
    gate.set()
    qtbot.waitUntil(lambda: came == ["of another", 1, 2, 3])
    assert made == [1, 2, 3]


@pytest.mark.parametrize("keep", [False, True])
def test_what_was_read_before_a_change_is_read_again_and_not_shown(qtbot, owner, keep):
    gate, begun, kept, shown = threading.Event(), threading.Event(), ["before"], []

    def read(store):
        found = kept[0]
        begun.set()
        assert gate.wait(30)
        return found

    def write(store):
        kept[0] = "after"

    tasks.run(owner, read, shown.append, key="read", keep_running=keep)
    assert begun.wait(30)
    tasks.change(owner, write, lambda _: shown.append("changed"))
    qtbot.waitUntil(lambda: shown == ["changed"])
    gate.set()
    qtbot.waitUntil(lambda: len(shown) > 1)
    assert shown == ["changed", "after"]


def test_what_fails_before_a_change_is_tried_again(qtbot, owner):
    gate, begun, there, shown = threading.Event(), threading.Event(), [], []

    def read(store):
        found = list(there)
        begun.set()
        assert gate.wait(30)
        return found[0]

    tasks.run(owner, read, shown.append, failed=lambda _: pytest.fail("it is there"), key="read")
    assert begun.wait(30)
    tasks.change(owner, lambda store: there.append("it"), lambda _: None)
    gate.set()
    qtbot.waitUntil(lambda: shown == ["it"])


def test_a_reading_waits_for_the_changes_of_its_parent_alone(qtbot, owner):
    gate, begun, shown, other = threading.Event(), threading.Event(), [], QObject()
    tasks.change(owner, held("changed", begun, gate), shown.append)
    assert begun.wait(30)
    tasks.run(owner, lambda store: "read", shown.append, key="read")
    tasks.run(other, lambda store: "read of another", shown.append, key="read")
    qtbot.waitUntil(lambda: shown == ["read of another"])
    gate.set()
    qtbot.waitUntil(lambda: len(shown) == 3)
    assert shown == ["read of another", "changed", "read"]


def test_of_a_stale_reading_and_a_newer_one_only_the_newer_is_done(qtbot, owner):
    gate, begun, shown = threading.Event(), threading.Event(), []
    tasks.run(owner, held("old", begun, gate), shown.append, key="read", keep_running=True)
    assert begun.wait(30)
    tasks.change(owner, lambda store: None, lambda _: None)
    tasks.run(owner, lambda store: "new", shown.append, key="read", keep_running=True)
    gate.set()
    qtbot.waitUntil(lambda: bool(shown))
    tasks.run(owner, lambda store: "last", shown.append, key="read")
    qtbot.waitUntil(lambda: "last" in shown)
    assert shown == ["new", "last"]


def test_what_is_told_elsewhere_overtakes_a_reading(qtbot, owner):
    gate, begun, read, shown = threading.Event(), threading.Event(), [], []

    def work(store):
        read.append(len(read))
        begun.set()
        assert gate.wait(30)
        return read[-1]

    tasks.run(owner, work, shown.append, key="read")
    assert begun.wait(30)
    tasks.overtake(QObject())
    tasks.overtake(owner)
    gate.set()
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == [1]


def test_a_stale_reading_ends_with_its_parent_and_with_the_pool(qtbot):
    gate, begun, doomed = threading.Event(), threading.Event(), QObject()
    task = tasks.run(doomed, held("old", begun, gate), lambda _: pytest.fail("nobody is left"), key="read")
    assert begun.wait(30)
    tasks.overtake(doomed)
    delete(doomed)
    gate.set()
    assert task.finished.wait(30)
    assert tasks.stop()
