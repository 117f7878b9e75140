"""What all panels over the store do alike: they say why they are empty, and read when they are shown."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.runs import create_import, create_run, delete_run, set_status
from sapo_ui.features.metrics.accuracy import AccuracyPanel
from sapo_ui.features.traces.panel import TracesPanel
from sapo_ui.features.traces.view import TraceView
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services import run_condition, tasks
from sapo_ui.shell.panel_registry import PANELS
from tests.fixtures.synthetic import synthetic_queued, synthetic_run
from tests.ui.panel_helpers import change_of, filled, show

KINDS = [spec.panel for spec in PANELS if issubclass(spec.panel, DataPanel)]


FROM_USER = [kind for kind in KINDS if kind.waits_for_user]
FROM_RUN = [kind for kind in KINDS if not kind.waits_for_user]
of_all = pytest.mark.parametrize("kind", FROM_RUN, ids=lambda kind: kind.panel_id)


def said(qtbot, panel, state):
    """What `panel` says once it is empty in this way."""
    qtbot.waitUntil(lambda: panel.emptiness == state)
    assert not panel.filled
    return panel.empty.message


def settled(qtbot, parent):
    """Wait until nothing is read any more, and what was read has arrived."""
    qtbot.waitUntil(lambda: tasks.pool().idle)
    arrived: list[None] = []
    tasks.run(parent, lambda _: None, arrived.append)
    qtbot.waitUntil(lambda: bool(arrived))


@pytest.mark.parametrize("kind", [*KINDS, TracesPanel, TraceView], ids=lambda kind: kind.panel_id or kind.__name__)
def test_a_run_that_was_deleted_meanwhile_is_no_error(qtbot, store, kind, monkeypatch):
    """It is read when the panel is shown, and again when the store says that it has changed."""
    told: list[Exception] = []
    monkeypatch.setattr(tasks.pool(), "on_error", told.append)
    run_id = synthetic_run(store, iterations=1)
    change = change_of(store, run_id)
    delete_run(store, run_id)
    panel = show(qtbot, kind(), run_id)
    settled(qtbot, panel)
    panel.refresh(change)
    settled(qtbot, panel)
    assert told == []
    assert not panel.filled


def test_what_follows_a_run_is_silent_when_it_is_gone_and_only_then(qtbot, store, monkeypatch):
    told: list[Exception] = []
    monkeypatch.setattr(tasks.pool(), "on_error", told.append)
    parent, heard = QWidget(), []
    qtbot.addWidget(parent)
    tasks.follow(parent, lambda store: queries.get_config(store, "gone"), heard.append, key="config")
    run_condition.read(parent, "gone", lambda _, found: heard.append(found))
    settled(qtbot, parent)
    assert told == []
    assert len(heard) == 1  # nothing is unusual of it

    def broken(_: object) -> None:
        raise InputError("Something else")

    tasks.follow(parent, broken, heard.append, key="config")
    settled(qtbot, parent)
    assert [str(error) for error in told] == ["Something else"]


@of_all
def test_while_it_reads_it_says_so(qtbot, store, kind, monkeypatch):
    """Nothing for a moment, then that it reads; another thread has the store all that time."""
    go_on = threading.Event()
    for _ in range(tasks.THREADS):
        tasks.run(QApplication.instance(), lambda _: go_on.wait(20), lambda _: None)
    panel = show(qtbot, kind(), synthetic_queued(store))
    assert panel.empty.message.strip() == ""
    panel._patience.timeout.emit()
    assert said(qtbot, panel, "loading").startswith("Reading")
    go_on.set()
    assert kind.empty_headline in said(qtbot, panel, "not_yet")


@of_all
def test_early_in_a_run_it_says_what_will_fill_it(qtbot, store, kind):
    run_id = synthetic_queued(store)
    set_status(store, run_id, RunStatus.RUNNING)
    panel = show(qtbot, kind(), run_id)
    assert said(qtbot, panel, "not_yet") == f"{kind.empty_headline} {kind.empty_text}"
    # Stopped before it came to that, it says what brings it; done without, that it does not come.
    set_status(store, run_id, RunStatus.STOPPED)
    panel.refresh(change_of(store, run_id))
    assert "Resume" in said(qtbot, panel, "not_yet")
    set_status(store, run_id, RunStatus.RUNNING)
    set_status(store, run_id, RunStatus.DONE)
    panel.refresh(change_of(store, run_id))
    message = said(qtbot, panel, "never")
    assert "The run is done" in message
    assert "yet" not in message


@of_all
def test_of_an_imported_file_it_says_that(qtbot, store, kind):
    _, run_id = create_import(store, "a file")
    panel = show(qtbot, kind(), run_id)
    qtbot.waitUntil(lambda: panel.filled or panel.emptiness == "never")
    assert panel.filled or kind.import_text in panel.empty.message


WITHOUT = {
    "gap": ({"labeling": {"labeler": "none"}, "optimiser": {"kind": "sft"}}, "labeling.labeler"),
    "heatmap": ({"iterations": 0}, "iterations = 0"),
    "cases": ({"labeling": {"labeler": "outcome"}}, ""),
    "preferences": ({"optimiser": {"kind": "grpo"}}, "optimiser.kind"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_the_settings_leave_out_is_said_at_once_with_the_setting(qtbot, store, name):
    settings, key = WITHOUT[name]
    run_id = create_run(store, RunConfig.model_validate({"name": "without", **settings}))
    set_status(store, run_id, RunStatus.RUNNING)
    (kind,) = [kind for kind in KINDS if kind.panel_id == name]
    message = said(qtbot, show(qtbot, kind(), run_id), "never")
    assert "It will not be: " in message
    assert key in message


@pytest.mark.parametrize("kind", FROM_USER, ids=lambda kind: kind.panel_id)
def test_what_the_user_fills_says_how(qtbot, store, kind):
    panel = show(qtbot, kind(), synthetic_queued(store))
    assert kind.empty_text in panel.empty.message
    panel.show_run(None)
    assert not panel.filled


def test_hidden_panels_read_when_shown(qtbot, store):
    run_id = synthetic_run(store, iterations=2, questions=20, trajectories=60)
    panel = AccuracyPanel()
    qtbot.addWidget(panel)
    panel.show_run(run_id)
    panel.refresh(change_of(store, run_id))
    assert not panel.filled
    panel.show()
    filled(qtbot, panel)
