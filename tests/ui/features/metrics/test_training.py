"""The Training panel."""

from __future__ import annotations

from sapo_studio.domain.runs import PHASE_LABELS
from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_ui import format as fmt
from sapo_ui.features.metrics.training import TrainingPanel
from tests.ui.panel_helpers import Live, change_of, filled, show


def test_training_reads_only_what_is_new(qtbot, store):
    live = Live(store, iterations=2, questions=20, trajectories=60)
    assert live.until(lambda event: isinstance(event, k.CurvePoint))
    panel = filled(qtbot, show(qtbot, TrainingPanel(), live.run_id))

    def points():
        return {key: curve.values.tolist() for key, curve in panel._curves.items()}

    def stored():
        return {(c.ordinal, c.name): c.values.tolist() for c in queries.curves(store, live.run_id, None)}

    assert points() == stored()
    while live.until(lambda event: isinstance(event, k.PhaseFinished)):
        panel.refresh(change_of(store, live.run_id))
    panel.refresh(change_of(store, live.run_id))
    qtbot.waitUntil(lambda: points() == stored())
    assert len(points()) > 2
    assert panel.chart.lines
    panel.log_scale.click()
    assert not panel.grab().isNull()


def test_the_drawer_says_the_last_loss(store):
    live = Live(store, iterations=1, questions=20, trajectories=60)
    assert TrainingPanel.brief(store, live.run_id) == ""
    while live.until(lambda event: isinstance(event, k.PhaseFinished)):
        pass
    last = [curve for curve in queries.curves(store, live.run_id) if curve.name == "loss"][-1]
    said = f"{PHASE_LABELS[last.phase]} loss {fmt.number(last.values[-1])}"
    assert TrainingPanel.brief(store, live.run_id) == said
