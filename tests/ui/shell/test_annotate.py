"""The Annotate page in the window: how one comes to it, and back."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QListView

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.queues import make_queue
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.traces import trace_ids
from sapo_ui.features.annotate.page import AnnotatePage
from sapo_ui.features.traces.reader import Reader
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.settings import Settings
from tests.fixtures.synthetic import synthetic_run


def prepared(store):
    run_id = synthetic_run(store, iterations=0, questions=12, trajectories=24)
    make_queue(store, QueueSpec("q", TraceFilter(run_id), rule="random", size=5), "mira")
    return run_id


def judging(qtbot, window):
    page = window.pages.front
    assert isinstance(page, AnnotatePage)
    qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
    qtbot.waitUntil(lambda: not page.front.desk.busy)
    return page


def test_ways_there_and_back(qtbot, window, store, select):
    run_id = prepared(store)
    select(window, run_id)
    qtbot.waitActive(window)
    qtbot.keyClick(window.run_list.view, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    page = judging(qtbot, window)
    qtbot.waitUntil(page.front.hasFocus)
    window.annotate()
    assert window.pages.front is page  # it is there already
    held = "SELECT count(*) FROM item_states WHERE at > 0"
    assert store.value(held) > 0
    qtbot.keyClick(page.front, Qt.Key.Key_Escape)
    assert window.pages.front is window.run_page
    qtbot.waitUntil(lambda: store.value(held) == 0)
    qtbot.mouseClick(window.side.buttons["annotate"], Qt.MouseButton.LeftButton)
    judging(qtbot, window)
    place = window.run_list.view.visualRect(window.run_list.view.currentIndex()).center()
    qtbot.mouseClick(window.run_list.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.pages.front is window.run_page
    palette = window.view_actions.open_palette()
    qtbot.keyClicks(palette.line, "annot")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    page = judging(qtbot, window)
    assert "One hand on the keyboard" in window.view_actions.open_help().page.toPlainText()


def test_every_control_is_named_and_reachable(qtbot, window, store):
    prepared(store)
    window.annotate()
    page = judging(qtbot, window)
    checked = 0
    for kind in (QAbstractButton, QLineEdit, QComboBox, QListView):
        for widget in page.findChildren(kind):
            if widget.isVisible() and not widget.objectName().startswith("qt_"):
                checked += 1
                assert widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), widget
                assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, (widget, widget.accessibleName())
    assert checked > 12


def test_it_fits_the_smallest_window(qtbot, window, store):
    prepared(store)
    window.resize(1024, 640)
    window.annotate()
    page = judging(qtbot, window)
    assert window.size().toTuple() == (1024, 640)
    item = page.front.item
    for widget in (item.steps, *item.buttons.buttons.values(), page.front.queue.bar):
        if widget.isVisible():
            corner = widget.mapTo(window, widget.rect().bottomRight())
            assert window.rect().contains(corner), widget
    assert item.steps.height() >= 150


def test_a_view_of_the_trace_table_becomes_a_queue(qtbot, open_window, store, select):
    run_id = synthetic_run(store, iterations=1, questions=12, trajectories=24)
    window = open_window([PanelSpec(Reader, "read")])
    select(window, run_id)
    traces = window.run_page.panels["read"].table
    window.actions_["run.read"].trigger()
    qtbot.waitUntil(lambda: traces.filled)
    traces.filters.iteration.setCurrentIndex(traces.filters.iteration.findData(1))
    traces.filters.outcome.setCurrentIndex(traces.filters.outcome.findData("wrong"))
    traces.filters.people.setCurrentIndex(traces.filters.people.findData(0))
    traces.filters.search.setText("loses")
    qtbot.mouseClick(traces.queue, Qt.MouseButton.LeftButton)
    dialog = window.pages.front._dialog
    view = TraceFilter(run_id, iteration=1, outcome="wrong", annotated=False, text="loses")
    assert dialog.spec.filter == view
    qtbot.mouseClick(dialog.make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.pages.front.queue is not None)
    listed = [item for (item,) in store.rows("SELECT trajectory_id FROM queue_items ORDER BY trajectory_id")]
    assert listed == sorted(trace_ids(store, view).tolist())
    judging(qtbot, window)


def test_the_page_stays_when_the_run_that_is_chosen_is_deleted(qtbot, window, store, select, add_run):
    prepared(store)
    other = add_run("other", RunStatus.DONE)
    select(window, other)
    window.annotate()
    page = judging(qtbot, window)
    runs.delete_run(store, other)
    window._parts.poller.nudge()
    qtbot.waitUntil(lambda: window.run_page.run_id != other)
    assert window.pages.front is page
    assert page.front.desk.open_item is not None


def test_the_page_stays_when_the_window_hears_of_the_run_of_last_time(qtbot, store, open_window, add_run):
    prepared(store)
    settings = Settings()
    settings.set_text("last_run", add_run("other", RunStatus.DONE))
    settings.save()
    window = open_window()
    window.annotate()
    page = window.pages.front
    window._parts.poller.changed.emit(StoreChange(tuple(queries.list_runs(store)), frozenset()))
    judging(qtbot, window)
    assert window.pages.front is page
