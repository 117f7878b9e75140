"""The Gap panel and its alarm."""

from __future__ import annotations

from sapo_studio.events.kinds import Metric
from sapo_studio.store import queries
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.records import MetricValue
from sapo_ui.features.metrics.gap import GapPanel, alarm_text
from tests.ui.panel_helpers import change_of, filled, show


def test_gap(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, GapPanel(), run_id))
    metrics = queries.metrics(store, run_id)
    for line, name in zip(panel.chart.lines, ("mce", "verifier_step_accuracy"), strict=True):
        there = sorted(number for number in metrics if name in metrics[number])
        assert line.x.tolist() == there
        assert line.y.tolist() == [metrics[number][name].value for number in there]
        assert line.low.tolist() == [metrics[number][name].low for number in there]
    gap = metrics[max(metrics)]["gap"]
    assert f"{100 * gap.value:.1f}".replace("-", "\u2212") in panel.readout.text()


def test_gap_alarm():
    def row(value, low):
        return {"gap": MetricValue(value, low, 2 * value - low)}

    assert not alarm_text({0: row(0.05, 0.03)})
    assert not alarm_text({0: row(0.05, 0.03), 1: row(0.06, 0.04)})
    assert "iteration 1" in alarm_text({0: row(0.05, 0.03), 1: row(0.09, 0.07)})
    assert not alarm_text({0: row(0.05, 0.03), 1: row(0.09, 0.07), 2: row(0.02, 0.0)})


def test_on_how_much_of_the_benchmark_it_is_measured(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, GapPanel(), run_id))
    assert not panel.coverage.text
    ingest = Ingest(store, run_id)
    counts = {"mce_solutions": 39, "mce_left_out": 111}
    ingest.apply([Metric(iteration=0, name=name, value=value) for name, value in counts.items()])
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: "39 of the 150" in panel.coverage.text)
    panel.show_run(None)
    assert not panel.filled
