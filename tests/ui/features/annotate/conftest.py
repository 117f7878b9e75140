"""A queue over a finished run, and the page that judges it."""

from __future__ import annotations

import pytest

from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.queues import list_queues, make_queue
from sapo_studio.store.records import TraceFilter
from sapo_ui.services import queues
from sapo_ui.services.annotations import set_annotator_name
from tests.fixtures.synthetic import synthetic_run
from tests.ui.queue_helpers import open_page

SIZE = 6


@pytest.fixture
def run_id(store):
    """One iteration of 24 samples of 12 questions."""
    return synthetic_run(store, iterations=1, questions=12, trajectories=24)


@pytest.fixture
def queue(store, run_id):
    """A queue of a run's samples, in random order and for everybody."""
    spec = QueueSpec("first", TraceFilter(run_id, iteration=1, outcome="wrong"), rule="random", size=SIZE)
    make_queue(store, spec, "mira")
    return list_queues(store)[0]


@pytest.fixture
def patient(monkeypatch):
    """What is typed ahead is taken however busy the machine is: no write counts as late (`QueueDesk.late`)."""
    monkeypatch.setattr(queues, "PATIENCE", 30.0)


@pytest.fixture
def judge(qtbot, queue):
    """The page that judges `queue` as Mira, with the first item on the desk."""
    set_annotator_name("Mira")
    page = open_page(qtbot, queue)
    yield page
    page.leave()
