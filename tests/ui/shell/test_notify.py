"""Desktop notifications."""

import dataclasses

from PySide6.QtWidgets import QSystemTrayIcon

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.records import UnseenAlarm
from sapo_ui.services.poller import StoreChange
from sapo_ui.shell.notify import Notifier, notifications
from sapo_ui.shell.tray import Tray, state_text


def test_notices_tell_of_runs_that_ended_by_themselves(make_run):
    before = {"a-1": RunStatus.RUNNING, "b-2": RunStatus.RUNNING, "c-3": RunStatus.RUNNING, "d-4": RunStatus.DONE}
    now = (
        make_run(1, "a", "done", headline={"sampled_accuracy": 0.5}, active_seconds=120),
        make_run(2, "b", "failed"),
        make_run(3, "c", "stopped"),
        make_run(4, "d", "done"),
    )
    told = notifications(before, StoreChange(now, frozenset()))
    assert [(notification.run_id, notification.bad) for notification in told] == [("a-1", False), ("b-2", True)]
    assert told[0].text == "Sampled accuracy 50.0\u202f%. Took 2\u202fmin."


def test_each_alarm_is_told_once_and_none_that_was_there_before(qapp, make_run):
    def change(*alarms):
        run = dataclasses.replace(make_run(1, "a", "running"), alarms=alarms)
        return StoreChange((run,), frozenset({run.id}))

    old, new = (UnseenAlarm(id_, 2, "gap", f"It grew {id_} times.") for id_ in (1, 2))
    notifier, told = Notifier(), []
    notifier.notified.connect(told.append)
    notifier.see(change(old))
    assert told == []
    notifier.see(change(old, new))
    assert [(one.run_id, one.title, one.text, one.bad) for one in told] == [
        ("a-1", "a: The gap widens", "It grew 2 times.", True)
    ]
    notifier.see(change(old, new))
    notifier.see(change())  # seen
    notifier.see(change(new))
    assert len(told) == 1
    notifier.close()


def test_the_tray_says_what_goes_on_and_brings_the_window_back(qtbot, make_run, monkeypatch):
    shown = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))

    def show(icon) -> None:
        shown.append(icon)

    monkeypatch.setattr(QSystemTrayIcon, "show", show)
    runs = (make_run(1), make_run(2, status="paused"), make_run(3, status="queued", waits_for="waits for 1 core"))
    tray = Tray()
    tray.see(StoreChange(runs, frozenset()))
    assert len(shown) == 1
    assert tray.icon.toolTip() == "SAPO Studio: 1 running, 1 paused, 1 waiting"
    assert [action.text() for action in tray.menu.actions() if action.text()] == [
        "1 running, 1 paused, 1 waiting",
        "Open SAPO Studio",
        "Quit (runs keep going)",
    ]
    with qtbot.waitSignal(tray.open_wanted):
        tray.open.trigger()
    with qtbot.waitSignal(tray.quit_wanted):
        tray.quit.trigger()
    tray.see(StoreChange((), frozenset()))
    assert tray.icon.toolTip() == "SAPO Studio: no run is active"
    tray.close()
    assert tray.icon is None


def test_without_a_tray_there_is_none(make_run, monkeypatch):
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: False))
    tray = Tray()
    tray.see(StoreChange((make_run(1),), frozenset()))
    tray.show_message("title", "text", bad=False)
    assert tray.icon is None
    assert state_text(StoreChange((make_run(1),), frozenset())) == "1 running"
