"""The Queue page by its real widgets, over a real store and two pretended cards."""

from __future__ import annotations

import sys
import threading

import pytest
from PySide6.QtCore import QPoint, Qt

from sapo_studio import processes, supervisor
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.scheduling import Need, Wait
from sapo_studio.store import queries, run_queue, runs
from sapo_ui.features.run_queue import page as page_module
from sapo_ui.features.run_queue.page import RunQueuePage
from sapo_ui.features.run_queue.view import ROW_HEIGHT, Columns, box_rect
from sapo_ui.services.poller import StoreChange
from tests.fixtures.held import settled
from tests.fixtures.two_cards import GIB, TwoCards

NEED = Need(1, 20 * GIB, 0.0, GIB, 0, frozenset(), 3600.0)


@pytest.fixture
def cards(monkeypatch) -> TwoCards:
    made = TwoCards()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    monkeypatch.setattr(supervisor, "_detached", lambda *_: processes.identify())  # nothing is started
    return made


@pytest.fixture
def page(qtbot, store, cards):
    made = RunQueuePage()
    qtbot.addWidget(made)
    made.resize(1064, 740)
    yield made
    made.hide()
    made.leave()


def queue(store, *names: str, need: Need = NEED) -> list[str]:
    found = []
    for name in names:
        found.append(runs.create_run(store, RunConfig(name=name)))
        run_queue.add(store, found[-1], need)
    return found


def shown(page: RunQueuePage) -> list[str]:
    return [row.name for row in page.model.rows]


def order(store) -> list[str]:
    return [row.name for row in run_queue.list_queue(store)]


def open_page(qtbot, page: RunQueuePage, *names: str) -> None:
    page.show()
    qtbot.waitUntil(lambda: shown(page) == list(names) and page.found is not None)
    page.view.setFocus()


def test_an_empty_queue_says_what_fills_it(qtbot, page):
    page.show()
    qtbot.waitUntil(lambda: "Add to queue" in page.empty.message)
    assert page.body.currentWidget() is page.empty
    assert page.summary.text() == "0 running, 0 waiting"
    assert not page.plan.isVisible()
    assert [tile.title for tile in page.tiles.tiles] == ["0", "1"]


def test_keys_move_and_the_order_is_stored(qtbot, page, store):
    queue(store, "a", "b", "c")
    open_page(qtbot, page, "a", "b", "c")
    assert page.view.current().name == "a"
    qtbot.keyClick(page.view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(page.view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert shown(page) == ["b", "c", "a"]  # before the store has it
    qtbot.keyClick(page.view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)  # the last: nothing happens
    qtbot.waitUntil(lambda: order(store) == ["b", "c", "a"])
    assert page.view.current().name == "a"
    qtbot.keyClick(page.view, Qt.Key.Key_K)
    assert page.view.current().name == "c"
    qtbot.keyClick(page.view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: order(store) == ["c", "b", "a"])


def test_a_reading_from_before_a_move_does_not_take_it_back(qtbot, page, store, monkeypatch):
    queue(store, "a", "b", "c")
    open_page(qtbot, page, "a", "b", "c")
    overview, read, go_on = page_module.run_queue.overview, [], threading.Event()

    def slow(*given):
        found = overview(*given)
        read.append(found)
        assert go_on.wait(60)
        return found

    monkeypatch.setattr(page_module.run_queue, "overview", slow)
    page.read()
    qtbot.waitUntil(lambda: len(read) == 1)
    qtbot.keyClick(page.view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    orders = []
    page.model.rowsMoved.connect(lambda *_: orders.append(shown(page)))
    page.model.modelReset.connect(lambda: orders.append(shown(page)))
    page.model.dataChanged.connect(lambda *_: orders.append(shown(page)))
    qtbot.waitUntil(lambda: order(store) == ["b", "a", "c"])
    go_on.set()
    qtbot.waitUntil(lambda: len(read) > 1)
    qtbot.waitUntil(lambda: page.found is read[-1])
    assert shown(page) == ["b", "a", "c"]
    assert ["a", "b", "c"] not in orders


def test_dragging_shows_the_timeline_before_the_drop(qtbot, page, store):
    a, _, c = queue(store, "a", "b", "c")
    open_page(qtbot, page, "a", "b", "c")
    viewport = page.view.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=QPoint(100, 2 * ROW_HEIGHT + 20))
    qtbot.mouseMove(viewport, QPoint(100, ROW_HEIGHT))
    qtbot.mouseMove(viewport, QPoint(100, 10))
    assert page.timeline.changed_run == c
    assert page.timeline_note.text() == "as it would be after the drop"
    starts = {bar.run_id: bar.start for lane in page.timeline.lanes for bar in lane.bars}
    assert starts[c] == 0.0
    assert starts[a] == 0.0
    assert order(store) == ["a", "b", "c"]
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=QPoint(100, 10))
    qtbot.waitUntil(lambda: order(store) == ["c", "a", "b"])
    assert page.timeline.changed_run == ""
    # Escape leaves everything as it was.
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=QPoint(100, 2 * ROW_HEIGHT + 20))
    qtbot.mouseMove(viewport, QPoint(100, ROW_HEIGHT))
    qtbot.mouseMove(viewport, QPoint(100, 10))
    assert page.view.dragging
    qtbot.keyClick(page.view, Qt.Key.Key_Escape)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=QPoint(100, 10))
    assert not page.view.dragging
    assert shown(page) == ["c", "a", "b"]


def test_digits_and_clicks_choose_cards(qtbot, page, store):
    (a,) = queue(store, "a")
    open_page(qtbot, page, "a")
    qtbot.keyClick(page.view, Qt.Key.Key_0)
    qtbot.waitUntil(lambda: run_queue.get(store, a).cards == ("GPU-1",))
    qtbot.waitUntil(lambda: [box.chosen for box in page.model.rows[0].boxes] == [False, True])
    # The last one cannot be taken away.
    qtbot.keyClick(page.view, Qt.Key.Key_1)
    assert "needs a card" in page.trouble.text
    rect = page.view.visualRect(page.model.index(0))
    box = box_rect(rect.toRectF(), Columns(rect.width(), 2), 0)
    qtbot.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    qtbot.waitUntil(lambda: run_queue.get(store, a).cards == ())  # all that there are: any
    qtbot.keyClick(page.view, Qt.Key.Key_7)
    assert page.trouble.text == "a cannot use card 7: not in this machine."


def test_what_is_taken_out_can_be_put_back(qtbot, page, store):
    _, b, _ = queue(store, "a", "b", "c")
    open_page(qtbot, page, "a", "b", "c")
    qtbot.keyClick(page.view, Qt.Key.Key_J)
    qtbot.keyClick(page.view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: shown(page) == ["a", "c"])
    assert page.undo_bar.isVisible()
    assert queries.get_run(store, b).status is RunStatus.STOPPED
    qtbot.keyClick(page.view, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: shown(page) == ["a", "b", "c"])
    assert not page.undo_bar.isVisible()
    qtbot.keyClick(page.view, Qt.Key.Key_Delete)
    qtbot.waitUntil(page.undo_bar.isVisible)
    page._undo_clock.timeout.emit()  # ten seconds are over
    assert not page.undo_bar.isVisible()
    qtbot.keyClick(page.view, Qt.Key.Key_U)
    assert len(order(store)) == 2


def test_the_queue_is_paused_and_goes_on(qtbot, page, store):
    queue(store, "a")
    open_page(qtbot, page, "a")
    qtbot.mouseClick(page.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.hold.text() == "Resume queue")
    assert run_queue.is_paused(store)
    assert page.model.rows[0].starts == "the queue is paused"
    assert "paused" in page.notice.text
    qtbot.mouseClick(page.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.hold.text() == "Pause queue")
    assert not run_queue.is_paused(store)


def test_a_running_run_keeps_its_cards_and_is_not_taken_out(qtbot, page, store, make_run):
    a, b = queue(store, "a", "b")
    runs.set_status(store, a, RunStatus.RUNNING)
    runs.heartbeat(store, a, pid=processes.identify().pid, pid_started=processes.identify().started)
    run_queue.mark_started(store, a, ["GPU-1"])
    page.take(StoreChange((queries.get_run(store, a), queries.get_run(store, b)), frozenset()))
    open_page(qtbot, page, "a", "b")
    row = page.view.current()
    assert (row.place, row.starts) == (0, "running")
    assert [box.chosen for box in row.boxes] == [False, True]
    qtbot.keyClick(page.view, Qt.Key.Key_Delete)
    assert "Stop it on its page" in page.trouble.text
    qtbot.keyClick(page.view, Qt.Key.Key_0)
    assert "cards are fixed" in page.trouble.text
    opened: list[str] = []
    page.run_opened.connect(opened.append)
    qtbot.keyClick(page.view, Qt.Key.Key_Return)
    assert opened == [a]
    assert [action.isEnabled() for action in page.menu_of(page.model.rows[1]).actions() if action.text()][1:4] == [
        *(False, False, False)
    ]


def test_a_driver_that_falls_silent_leaves_the_last_values(qtbot, page, store, cards):
    queue(store, "a")
    open_page(qtbot, page, "a")
    cards.silent = True
    page.read()
    qtbot.waitUntil(lambda: page.tiles.stale != "")
    assert [tile.title for tile in page.tiles.tiles] == ["0", "1"]
    assert "does not answer" in page.notice.text
    cards.silent = False
    page.read()
    qtbot.waitUntil(lambda: page.tiles.stale == "")


def test_without_cards_the_machine_stands_there(qtbot, page, store, cards):
    cards.held.clear()
    queue(store, "a", need=Need(0, 0, 0.0, GIB, 1, frozenset(), 60.0))
    open_page(qtbot, page, "a")
    (tile,) = page.tiles.tiles
    assert (tile.title, tile.state) == ("Main memory", "no card")
    assert page.model.rows[0].on_cpu
    assert [lane.title for lane in page.timeline.lanes] == ["CPU"]


def test_what_never_fits_is_marked(qtbot, page, store):
    (a,) = queue(store, "a", need=Need(1, 99 * GIB, known=True))
    run_queue.note_waits(store, {a: Wait("does not fit", hopeless=True)})
    open_page(qtbot, page, "a")
    assert page.model.rows[0].trouble
    assert not any(box.room for box in page.model.rows[0].boxes)
    qtbot.keyClick(page.view, Qt.Key.Key_0)
    assert page.trouble.text == "a cannot use card 0: too small for it."


def test_presses_that_follow_at_once_go_on_from_each_other(qtbot, page, store, cards, hold):
    (a,) = queue(store, "a")
    open_page(qtbot, page, "a")
    held = hold(page_module.run_queue, "choose_cards", unbegun=True)
    qtbot.keyClick(page.view, Qt.Key.Key_0)
    assert [box.chosen for box in page.model.rows[0].boxes] == [False, True]
    qtbot.keyClick(page.view, Qt.Key.Key_1)
    assert "needs a card" in page.trouble.text  # it is the last one by now
    qtbot.keyClick(page.view, Qt.Key.Key_0)
    held.let_go()
    qtbot.waitUntil(lambda: len(held.found) == 2)
    settled(qtbot)
    assert run_queue.get(store, a).cards == ()
    assert [box.chosen for box in page.model.rows[0].boxes] == [True, True]


def test_a_second_press_takes_nothing_more_out(qtbot, page, store, hold):
    queue(store, "a", "b", "c")
    open_page(qtbot, page, "a", "b", "c")
    held = hold(page_module.run_queue, "remove")
    for _ in range(2):
        qtbot.keyClick(page.view, Qt.Key.Key_Delete)
    held.let_go()
    qtbot.waitUntil(lambda: shown(page) == ["b", "c"])
    settled(qtbot)
    assert order(store) == ["b", "c"]
    assert page.trouble.text == ""
    qtbot.keyClick(page.view, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: shown(page) == ["a", "b", "c"])
