"""What all panels over the store do alike: they say what would fill them, and read when they are shown."""

from __future__ import annotations

import pytest

from sapo_ui.features.metrics.accuracy import AccuracyPanel
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.shell.panel_registry import PANELS
from tests.fixtures.synthetic import synthetic_queued, synthetic_run
from tests.ui.panel_helpers import change_of, filled, show

KINDS = [spec.panel for spec in PANELS if issubclass(spec.panel, DataPanel)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.panel_id)
def test_empty_state_says_what_fills_it(qtbot, store, kind):
    panel = show(qtbot, kind(), synthetic_queued(store))
    assert kind.empty_headline
    assert kind.empty_text
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
