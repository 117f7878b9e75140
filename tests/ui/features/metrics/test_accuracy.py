"""The Accuracy panel."""

from __future__ import annotations

from PySide6.QtCore import Qt

from sapo_studio.events.kinds import Metric
from sapo_studio.store import queries
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.records import MetricValue
from sapo_ui.features.metrics.accuracy import AccuracyPanel
from tests.ui.panel_helpers import change_of, filled, show


def test_accuracy(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, AccuracyPanel(), run_id))
    metrics = queries.metrics(store, run_id)
    names = ("greedy_accuracy", "sampled_accuracy", "sound_accuracy")
    for line, name in zip(panel.chart.lines, names, strict=True):
        assert line.y.tolist() == [metrics[number][name].value for number in sorted(metrics) if name in metrics[number]]
    assert "false positives" in panel.readout.text()
    panel.chart.setFocus()
    qtbot.keyClick(panel.chart, Qt.Key.Key_Left)
    assert "greedy" in panel.readout.text()


def test_accuracy_of_a_task_without_a_step_oracle(qtbot):
    panel = AccuracyPanel()
    qtbot.addWidget(panel)
    panel.metrics = {0: {"greedy_accuracy": MetricValue(0.7), "sampled_accuracy": MetricValue(0.4)}}
    assert panel.show_metrics(panel.metrics)
    assert [line.name for line in panel.chart.lines] == ["Greedy", "Sampled"]
    assert "false positives" not in panel.readout.text()


def test_a_set_can_be_chosen(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, AccuracyPanel(), run_id))
    assert not panel.sets.isVisible()
    own = panel.chart.lines[0].y.tolist()
    values = [Metric(iteration=i, name="greedy_accuracy", value=0.1 * (i + 1), set="MATH") for i in range(2)]
    Ingest(store, run_id).apply(values)
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(panel.sets.isVisible)
    assert panel.chart.lines[0].y.tolist() == own
    panel.sets.setCurrentIndex(panel.sets.findData("MATH"))
    assert [line.y.tolist() for line in panel.chart.lines] == [[0.1, 0.2]]
    panel.sets.setCurrentIndex(0)
    assert panel.chart.lines[0].y.tolist() == own
