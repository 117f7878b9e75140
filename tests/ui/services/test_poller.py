"""What the poller finds, how often it looks, and what it costs."""

import time

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import StoreError
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from sapo_ui.services import poller as module
from sapo_ui.services.poller import Poller, StoreChange, compare


def config(name="run"):
    return RunConfig.model_validate({"name": name})


def test_first_look_reports_every_run_then_only_changes(qtbot, store, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.02)
    first, second = runs.create_run(store, config("a")), runs.create_run(store, config("b"))
    poller, changes = Poller(), []
    poller.changed.connect(changes.append)
    poller.start()
    try:
        qtbot.waitUntil(lambda: len(changes) == 1)
        assert changes[0].changed == {first, second}
        runs.rename_run(store, first, "other")
        qtbot.waitUntil(lambda: len(changes) == 2)
        assert changes[1].changed == {first}
        assert changes[1].run(first).name == "other"
        runs.delete_run(store, second)
        qtbot.waitUntil(lambda: len(changes) == 3)
        assert changes[2].removed == {second}
    finally:
        assert poller.stop()


def test_nothing_is_said_while_nothing_changes(qtbot, store, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.005)
    poller, changes = Poller(), []
    poller.changed.connect(changes.append)
    poller.start()
    qtbot.waitUntil(lambda: poller.polls > 20)
    assert poller.stop()
    assert len(changes) == 1


def test_a_live_run_counts_as_changed_and_speeds_polling_up(make_run):
    alive, ended = make_run(1, "alive"), make_run(2, "ended", "done")
    known = {run.id: run for run in (alive, ended)}
    assert compare(known, [alive, ended]).changed == {alive.id}
    assert compare(known, [ended]).removed == {alive.id}
    assert compare({ended.id: ended}, [ended]).changed == {ended.id}, "a judgement on an ended run"
    assert compare(None, []) == StoreChange((), frozenset())
    assert module.BUSY_SECONDS >= 0.5, "at most two polls a second"


def test_hidden_windows_poll_slower_and_look_at_once_when_shown(qtbot, store, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(module, "HIDDEN_SECONDS", 60)
    poller = Poller()
    poller.set_hidden(True)
    poller.start()
    qtbot.waitUntil(lambda: poller.polls >= 1)
    qtbot.wait(80)
    assert poller.polls == 1
    poller.set_hidden(False)
    qtbot.waitUntil(lambda: poller.polls > 3)
    assert poller.stop()


def test_reconcile_is_called_and_what_it_changed_is_told(qtbot, store):
    run_id = runs.create_run(store, config())
    runs.set_status(store, run_id, RunStatus.RUNNING)
    calls, changes = [], []

    def reconcile(own: Store):
        calls.append(own)
        runs.set_status(own, run_id, RunStatus.INTERRUPTED)
        return [run_id]

    poller = Poller(reconcile=reconcile)
    poller.changed.connect(changes.append)
    poller.start()
    qtbot.waitUntil(lambda: bool(changes))
    assert poller.stop()
    assert changes[0].run(run_id).status is RunStatus.INTERRUPTED
    assert len(calls) == 1
    assert calls[0] is not store


def test_trouble_is_told_once_and_taken_back(qtbot, home, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    blocked = home / "studio.db"
    blocked.mkdir()
    poller, troubles, changes = Poller(), [], []
    poller.trouble.connect(troubles.append)
    poller.changed.connect(changes.append)
    poller.start()
    qtbot.waitUntil(lambda: bool(troubles))
    assert isinstance(troubles[0], StoreError)
    assert troubles[0].fix
    blocked.rmdir()
    qtbot.waitUntil(lambda: len(troubles) == 2)
    assert troubles[1] is None
    assert poller.stop()
    assert len(changes) == 1


def test_an_idle_poll_costs_next_to_nothing(qtbot, store):
    """Two polls a second must stay below 2 % of a core: 10 ms of processor time each. One takes well under 1 ms."""
    for number in range(50):
        runs.create_run(store, config(f"r{number}"))
    with Store.open() as own:
        before = time.process_time()
        for _ in range(200):
            own.data_version()
        assert (time.process_time() - before) / 200 < 0.001
