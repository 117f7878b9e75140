"""The line that tells what is unusual about a run, over a real store."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QWidget

from sapo_studio.domain.runs import RESTARTED, RunStatus, Verb
from sapo_studio.store import queries, runs
from sapo_studio.store.alarms import alarms_of
from sapo_ui.features.run_page.status_line import LOADING, SILENT_SECONDS, StatusLine
from sapo_ui.services import run_condition, tasks
from tests.fixtures.held import settled
from tests.fixtures.synthetic import synthetic_queued, synthetic_run


@pytest.fixture
def line(qtbot):
    made = StatusLine()
    qtbot.addWidget(made)
    made.resize(1000, 30)
    yield made
    tasks.stop()


@pytest.fixture
def show(line, store, qtbot):
    """Shows a run as the poller would, and waits until the line has read."""

    def show_(run_id):
        line.show_run(queries.get_run(store, run_id))
        qtbot.waitUntil(lambda: tasks.pool().idle)
        QCoreApplication.processEvents()  # what it has read is on its way

    return show_


@pytest.fixture
def done(store):
    return synthetic_run(store, iterations=1, questions=8, trajectories=16)


@pytest.fixture
def running(store):
    run_id = synthetic_queued(store, iterations=1)
    runs.set_status(store, run_id, RunStatus.RUNNING)
    runs.heartbeat(store, run_id, pid=1, pid_started=1.0)
    store.execute(
        "INSERT INTO phases (run_id, ordinal, name, iteration, weight, status) VALUES (?, 0, 'sft', 0, 1, 'running')",
        (run_id,),
    )
    return run_id


def raised(store, run_id, iteration=1, kind="cut_off", message="50% of the samples end at the length limit."):
    store.execute(
        "INSERT INTO alarms (run_id, iteration, kind, at, message) VALUES (?, ?, ?, 1, ?)",
        (run_id, iteration, kind, message),
    )


def test_it_is_not_there_while_nothing_is_unusual(line, show, done, running, store):
    store.execute("DELETE FROM events")
    assert line.isHidden()
    show(done)
    assert line.isHidden()
    show(running)
    assert line.isHidden()


def test_warnings_are_counted_and_open_the_log(line, show, done, store, qtbot):
    store.execute("DELETE FROM events")
    runs.add_log(store, done, "info", "all is well")
    runs.add_log(store, done, "warning", "0 of 192 pairs reach eta\nsecond line")
    runs.add_log(store, done, "error", "3 answers were cut off")
    runs.add_log(store, done, "warning", "Alarm of iteration 1: it has a badge of its own")
    show(done)
    assert not line.isHidden()
    assert line.warnings.text() == "2 warnings"
    assert line.latest.text() == "latest: 3 answers were cut off"
    with qtbot.waitSignal(line.log_requested):
        qtbot.mouseClick(line.warnings, Qt.MouseButton.LeftButton)


def test_alarms_open_as_a_list_and_are_seen(line, show, done, store, qtbot):
    store.execute("DELETE FROM events")
    raised(store, done)
    raised(store, done, kind="gap", message="The gap grew.")
    show(done)
    assert line.alarms.text() == "2 alarms"
    assert line.list.isHidden()
    qtbot.mouseClick(line.alarms, Qt.MouseButton.LeftButton)
    assert not line.list.isHidden()
    first, second = line.list.buttons
    assert line.withdraw.nextInFocusChain() is first
    assert first.nextInFocusChain() is second
    assert first.accessibleName() == "Seen: Iteration 1: Samples are cut off"
    qtbot.mouseClick(first, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: [alarm.seen_at is not None for alarm in alarms_of(store, done)] == [True, False])
    show(done)
    assert line.alarms.text() == "1 alarm"
    line.list.buttons[0].click()
    qtbot.waitUntil(lambda: all(alarm.seen_at for alarm in alarms_of(store, done)))
    show(done)
    assert line.isHidden()


def test_what_is_asked_can_be_withdrawn(line, show, running, store, qtbot):
    runs.request(store, running, Verb.STOP_AFTER_PHASE, "window")
    show(running)
    assert line.asked.text() == "Stops after this phase \u00b7 asked just now"
    assert "heard from" in line.heard.text()
    qtbot.mouseClick(line.withdraw, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not runs.open_commands(store, running))
    qtbot.waitUntil(line.isHidden)


def test_a_stop_is_told_and_cannot_be_withdrawn(line, show, running, store):
    runs.request(store, running, Verb.STOP, "window")
    show(running)
    assert "Stops at the next step" in line.asked.text()
    assert line.withdraw.isHidden()


def test_restarts_are_told_with_when(line, show, running, store):
    runs.heartbeat(store, running, pid=1, pid_started=1.0, restarts=2)
    runs.add_log(store, running, "warning", f"It was killed. {RESTARTED} (2 of 3).")
    show(running)
    assert line.restarts.text() == "2 restarts, just now"


def test_an_engine_that_is_not_heard_from_is_a_warning(line, show, running, store):
    show(running)
    assert line.isHidden()
    store.execute("UPDATE runs SET heartbeat_at = ?", (time.time() - SILENT_SECONDS - 12,))
    show(running)
    assert not line.isHidden()
    assert line.heard.text().startswith("no sign of life for 4")
    assert line.heard.property("look") == "warning"
    store.execute("UPDATE runs SET status = 'paused'")  # it waits, and its parent may be slow
    show(running)
    assert line.isHidden()


def test_time_passes_without_a_word_from_the_store(line, show, running, store, monkeypatch):
    show(running)
    assert line.isHidden()
    later = time.time() + SILENT_SECONDS + 5
    monkeypatch.setattr(time, "time", lambda: later)
    line._clock.timeout.emit()
    assert not line.isHidden()


def test_loading_is_told_before_the_first_phase(line, show, running, store):
    store.execute("DELETE FROM phases")
    show(running)
    assert line.loading.text() == LOADING
    store.execute(
        "INSERT INTO phases (run_id, ordinal, name, iteration, weight, status) VALUES (?, 0, 'sft', 0, 1, 'running')",
        (running,),
    )
    show(running)
    assert line.isHidden()


def test_another_run_begins_without_what_was_said_of_the_one_before(line, show, done, running, store):
    raised(store, done)
    show(done)
    line.alarms.setChecked(True)
    line.show_run(queries.get_run(store, running))
    assert line.alarms.text() == ""
    assert line.list.isHidden()


def test_what_matters_least_gives_way_where_the_page_is_narrow(line, show, running, store):
    """Badges and what was asked stay; nothing is cut off."""
    page = QWidget()
    line.setParent(page)
    page.show()
    raised(store, running)
    runs.add_log(store, running, "warning", f"A worker died. {RESTARTED} (1 of 3).")
    runs.heartbeat(store, running, pid=1, pid_started=1.0, restarts=1)
    runs.request(store, running, Verb.STOP_AFTER_PHASE, "window")
    line.show()
    line.resize(1200, 30)
    show(running)
    parts = (line.alarms, line.warnings, line.latest, line.asked, line.withdraw, line.restarts, line.heard)
    assert all(part.isVisible() for part in parts)
    line.resize(560, 30)
    stay = (line.alarms, line.warnings, line.asked, line.withdraw)
    assert all(part.isVisible() for part in stay)
    assert line.latest.isHidden()
    assert line.restarts.isHidden()
    assert all(part.geometry().right() <= line.width() for part in parts if part.isVisible())
    assert line.minimumSizeHint().width() < 560
    line.resize(1200, 30)
    assert all(part.isVisible() for part in parts)
    line.setParent(None)
    page.deleteLater()


def test_withdraw_is_pressed_twice_and_a_reading_from_before_is_on_its_way(line, show, running, store, qtbot, hold):
    told = []
    tasks.pool().on_error = told.append
    runs.request(store, running, Verb.PAUSE, "window")
    show(running)
    held = hold(run_condition, "run_condition")
    line.show_run(queries.get_run(store, running))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    qtbot.mouseClick(line.withdraw, Qt.MouseButton.LeftButton)
    assert line.withdraw.isHidden()
    line.withdraw.click()
    seen = []
    line._show_asked = lambda: seen.append(len(line._found.asked))
    held.let_go()
    qtbot.waitUntil(lambda: not runs.open_commands(store, running))
    qtbot.waitUntil(lambda: len(held.found) >= 2)  # the one that was overtaken, and one after what was done
    settled(qtbot)
    qtbot.waitUntil(lambda: bool(seen))
    assert set(seen) == {0}
    assert told == []
