"""Helpers of the panel tests: a finished run, and showing a panel over it."""

from __future__ import annotations

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.runs import set_status
from sapo_ui.services.poller import StoreChange
from tests.fixtures.synthetic import SteppingClock, live_events, synthetic_queued


def show(qtbot, panel, run_id, size=(800, 420)):
    """Show `panel` over a run and wait until it has read."""
    qtbot.addWidget(panel)
    panel.resize(*size)
    panel.show()
    panel.show_run(run_id)
    return panel


def filled(qtbot, panel):
    """`panel`, once it has something to show."""
    qtbot.waitUntil(lambda: panel.filled)
    return panel


def change_of(store, run_id):
    """What the poller would say now."""
    return StoreChange(tuple(queries.list_runs(store)), frozenset({run_id}))


class Live:
    """A run whose events are applied batch by batch."""

    def __init__(self, store, **kwargs):
        self.store = store
        self.run_id = synthetic_queued(store, iterations=kwargs.get("iterations", 3))
        set_status(store, self.run_id, RunStatus.RUNNING)
        self.ingest = Ingest(store, self.run_id, SteppingClock())
        self.batches = live_events(**kwargs)

    def until(self, wanted):
        """Apply batches until `wanted(event)` is true for one of those applied. False at the end of the run."""
        for batch in self.batches:
            self.ingest.apply(batch)
            if any(wanted(event) for event in batch):
                return True
        return False
