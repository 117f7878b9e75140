"""The Accuracy panel."""

from __future__ import annotations

from PySide6.QtCore import Qt

from sapo_studio.store import queries
from sapo_studio.store.records import MetricValue
from sapo_ui.features.metrics.accuracy import AccuracyPanel
from tests.ui.panel_helpers import filled, show


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
