"""Ground for every test of the window: a data folder of its own, no screen needed, and nothing may be left behind."""

from __future__ import annotations

import time

import pytest

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui.services.trace_search import search_words
from sapo_ui.widgets.saving import saving
from tests.fixtures.held import hold
from tests.fixtures.ready_stores import stores_are_copied
from tests.fixtures.window_ground import (
    dressed,
    no_references_to_none_lost,
    nothing_left_behind,
    pointer_outside,
    qtbot,
)

__all__ = [
    "dressed",
    "hold",
    "no_references_to_none_lost",
    "nothing_left_behind",
    "pointer_outside",
    "qtbot",
    "stores_are_copied",
]


@pytest.fixture
def home(tmp_path):
    """The data folder of this test."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def first_start():
    """Nobody has saved a file or searched for anything yet."""
    saving().remember(None)
    search_words().set_text("")


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
