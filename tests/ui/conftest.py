"""Ground for every test of the window: a data folder of its own, no screen needed, and nothing may be left behind."""

from __future__ import annotations

import gc
import os
import sys
import threading

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import time

import pytest
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui import tasks, theme

NONE_SLACK = 5000
"""References to None come and go with objects; the PySide 6.12 fault on 3.11 loses one a call, so tens of thousands."""


@pytest.fixture(scope="session", autouse=True)
def _dressed(qapp):
    """The application looks as it does in the program."""
    theme.manager().attach(qapp)
    return qapp


@pytest.fixture(autouse=True)
def _no_references_to_none_lost():
    """Fail where None lost references (findings: PySide6 6.12.0 on Python 3.11)."""
    before = sys.getrefcount(None)
    yield
    lost = before - sys.getrefcount(None)
    assert lost < NONE_SLACK, f"None lost {lost} references in this test"


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path, monkeypatch, _no_references_to_none_lost):
    """Fail where a thread, a running timer or a top-level widget is left."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(home))
    threads = set(threading.enumerate())
    timers = _running_timers()
    widgets = {id(widget) for widget in QApplication.topLevelWidgets()}
    yield
    assert tasks.stop(), "a task thread did not end"
    left = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in left:
        thread.join(2)
    assert not [thread.name for thread in left if thread.is_alive()], "threads were left running"
    _settle()
    gc.collect()
    _settle()
    widgets_left = [w for w in QApplication.topLevelWidgets() if id(w) not in widgets and not _is_furniture(w)]
    assert not widgets_left, f"top-level widgets were left: {widgets_left}"
    timers_left = [timer for timer in _running_timers().values() if id(timer) not in timers]
    assert not timers_left, f"timers were left running: {[(t, t.parent()) for t in timers_left]}"


def _settle() -> None:
    for _ in range(3):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        QApplication.processEvents()


def _running_timers() -> dict[int, QTimer]:
    return {id(o): o for o in gc.get_objects() if isinstance(o, QTimer) and isValid(o) and o.isActive()}


def _is_furniture(widget: QObject) -> bool:
    """What Qt itself keeps: the tooltip's label and the popups of combo boxes that are being deleted."""
    return widget.metaObject().className() in ("QTipLabel", "QComboBoxPrivateContainer", "QComboBoxListView")


@pytest.fixture
def home(tmp_path):
    """The data folder of this test."""
    return tmp_path / "home"


@pytest.fixture
def store():
    """The test's own connection to the store."""
    with Store.open() as opened:
        yield opened


@pytest.fixture
def make_run():
    """Makes run summaries out of thin air: `make_run(3, "name", "running", progress=0.5)`."""

    def make(number: int = 1, name: str = "run", status: str = "running", **more) -> RunSummary:
        now = time.time()
        values = {
            "id": f"{name}-{number}",
            "number": number,
            "name": name,
            "preset": "",
            "status": RunStatus(status),
            "progress": 0.0,
            "eta_seconds": None,
            "phase_ordinal": None,
            "phase": "",
            "iteration": 0,
            "iterations": 3,
            "created_at": now,
            "started_at": now,
            "finished_at": None,
            "active_seconds": 0.0,
            "pid": None,
            "pid_started": None,
            "heartbeat_at": None,
            "restarts": 0,
            "device": "cpu",
            "error": None,
            "headline": {},
        }
        return RunSummary(**{**values, **more})

    return make
