"""Gap, accuracy, self-verification, ledger, training, preferences, log, hardware: they show what the store holds."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_studio.store.records import LogLine, MetricValue
from sapo_ui.features.hardware.panel import HardwarePanel
from sapo_ui.features.log.panel import LogPanel
from sapo_ui.features.metrics.accuracy import AccuracyPanel
from sapo_ui.features.metrics.cases import CASES, CasesPanel
from sapo_ui.features.metrics.gap import GapPanel, alarm_text
from sapo_ui.features.metrics.ledger import LedgerPanel, bills_of, verdict
from sapo_ui.features.metrics.training import TrainingPanel
from sapo_ui.features.preferences.panel import PreferencesPanel
from sapo_ui.features.run_page.headlines import headlines
from sapo_ui.shell.panel_registry import AREAS, PANELS
from tests.fixtures.synthetic import synthetic_queued, synthetic_run
from tests.ui.panel_bench import Live, change_of, show


@pytest.fixture
def run_id(store):
    return synthetic_run(store, iterations=2, questions=20, trajectories=60)


def filled(qtbot, panel):
    qtbot.waitUntil(lambda: panel.filled, timeout=5000)
    return panel


def test_every_panel_says_what_it_is(qtbot):
    assert len(PANELS) == len(AREAS) == 11
    for kind in PANELS:
        assert kind.panel_id
        assert kind.title
        assert kind.help.startswith("###")


@pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.panel_id)
def test_empty_state_says_what_fills_it(qtbot, store, kind):
    panel = show(qtbot, kind(), synthetic_queued(store))
    assert kind.empty_headline
    assert kind.empty_text
    assert kind.empty_text in panel.empty.message
    panel.show_run(None)
    assert not panel.filled


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


def test_cases(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, CasesPanel(), run_id, (360, 300)))
    counts = queries.case_counts(store, run_id)
    shown = {bar.name: {part.name: part.count for part in bar.parts} for bar in panel.bars.bars}
    wanted = {
        f"it {number}": {name: found[name] for name in CASES if found.get(name)}
        for number, found in counts.items()
        if any(found.get(name) for name in CASES)
    }
    assert shown == wanted
    for bar in panel.bars.bars:  # no label is ever cut
        room = panel.bars.width() - 44
        captions = panel.bars.captions(bar, room)
        metrics = panel.bars.fontMetrics()
        assert sum(metrics.horizontalAdvance(text) + 26 for text in captions) <= room


def test_ledger(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, LedgerPanel(), run_id))
    metrics = queries.metrics(store, run_id)
    paid, shepherd = (
        sum(row[f"label_rollouts_{who}"].value for number, row in metrics.items() if number)
        for who in ("sapo", "shepherd")
    )
    bills = {bill.name: bill for bill in panel.bars.bills if bill.group == "Roll-outs"}
    assert list(bills) == ["SAPO", "Omega (estimate)", "Shepherd (estimate)", "Start (Omega)"]
    assert (bills["SAPO"].amount, bills["SAPO"].estimate) == (paid, False)
    assert (bills["Shepherd (estimate)"].amount, bills["Shepherd (estimate)"].estimate) == (shepherd, True)
    assert bills["Start (Omega)"].amount == metrics[0]["label_rollouts_omega"].value
    card = headlines(metrics)[-1]
    assert panel.verdict.text().startswith(f"{card.value} Shepherd's tokens (estimate)"), "card and ledger agree"


def test_ledger_counts_the_first_labels_apart():
    metrics = {
        0: {"label_tokens_omega": MetricValue(50), "label_tokens_sapo": MetricValue(20, estimate=True)},
        1: {"label_tokens_sapo": MetricValue(30), "label_tokens_omega": MetricValue(60, estimate=True)},
        2: {"label_tokens_sapo": MetricValue(30), "label_tokens_omega": MetricValue(40, estimate=True)},
    }
    assert [(entry.name, entry.value.value, entry.compared) for entry in bills_of(metrics, "tokens")] == [
        ("SAPO", 60, True),
        ("Omega (estimate)", 100, True),
        ("Start (Omega)", 50, False),
    ]
    assert verdict(metrics).startswith("0.60\u00d7 Omega")
    start = {0: metrics[0] | {"label_tokens_shepherd": MetricValue(100, estimate=True)}}
    assert [entry.name for entry in bills_of(start, "tokens")] == ["Start (Omega)", "Shepherd (estimate)"]
    assert verdict(start).startswith("0.50\u00d7 Shepherd")


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
    qtbot.waitUntil(lambda: points() == stored(), timeout=5000)
    assert len(points()) > 2
    assert panel.chart.lines
    panel.log_scale.click()
    assert not panel.grab().isNull()


def test_preferences(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, PreferencesPanel(), run_id))
    pairs = queries.pairs(store, run_id, 2)
    eta = queries.get_config(store, run_id).optimiser.eta
    assert panel.histogram.threshold == eta
    left = [pair for pair in pairs if pair.margin >= eta]
    assert panel.count.text() == f"{len(left):,} of {len(pairs):,} pairs"
    qtbot.waitUntil(lambda: panel.shown_pair is not None)
    assert panel.shown_pair == min(left, key=lambda pair: pair.margin)
    chart = panel.histogram
    plot = chart.view.viewport()
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(plot.width() * 2 // 3, plot.height() // 2))
    assert chart.threshold != eta
    assert panel.count.text().startswith(f"{sum(pair.margin >= chart.threshold for pair in pairs):,} of")
    chart.set_threshold(0.4)
    assert panel.count.text().startswith(f"{sum(pair.margin >= 0.4 for pair in pairs):,} of")
    qtbot.waitUntil(lambda: panel.shown_pair is not None and panel.shown_pair.margin >= 0.4)
    first = panel.shown_pair
    panel.setFocus()
    qtbot.keyClick(panel, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: panel.shown_pair != first)
    winner = queries.trace(store, panel.shown_pair.winner_id)
    assert [text for text, _ in panel.winner.lines] == winner.steps
    assert np.allclose([score for _, score in panel.winner.lines], winner.scores[2])


def test_log_follows_searches_and_holds_still(qtbot, store, run_id):
    store.execute_many(
        "INSERT INTO events (run_id, at, level, message) VALUES (?, ?, ?, ?)",
        [(run_id, 1.78e9 + i, "warning" if i % 10 == 0 else "info", f"line {i}") for i in range(1000)],
    )
    panel = filled(qtbot, show(qtbot, LogPanel(), run_id))
    qtbot.waitUntil(lambda: panel.model.rowCount() >= 1000)
    assert panel.model.lines[-1].message == "line 999"
    qtbot.waitUntil(lambda: panel.following)
    panel.table.verticalScrollBar().setValue(10)
    store.execute(
        "INSERT INTO events (run_id, at, level, message) VALUES (?, ?, ?, ?)", (run_id, 1.79e9, "error", "a\nfresh one")
    )
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: panel.model.lines[-1].message == "a\nfresh one")
    assert panel.table.verticalScrollBar().value() == 10
    assert panel.newest.isVisible()
    panel.newest.click()
    assert panel.following
    panel.search.setText("line 99")
    wanted = {"line 99", *(f"line {n}" for n in range(990, 1000))}
    qtbot.waitUntil(lambda: {line.message for line in panel.model.lines} == wanted)
    panel.search.clear()
    panel.level.setCurrentIndex(panel.level.findData("error"))
    qtbot.waitUntil(lambda: [line.message for line in panel.model.lines] == ["a\nfresh one"])


def test_log_takes_a_hundred_thousand_lines(qtbot):
    panel = LogPanel()
    qtbot.addWidget(panel)
    panel.model.replace([LogLine(i, 1.78e9, "info", f"line {i}") for i in range(1, 100_001)])
    panel.model.append([LogLine(100_001, 1.78e9, "error", "last"), LogLine(5, 1.78e9, "info", "old")])
    assert panel.model.rowCount() == 100_001
    assert panel.model.last_id == 100_001


def test_hardware_samples_while_visible(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, HardwarePanel(), run_id))
    assert panel.readings
    assert 0 <= panel.readings[0].cpu <= 1
    assert panel.readings[0].used < panel.readings[0].total
    assert panel.gpus.text()
    panel.hide()
    assert not panel._timer.isActive()


def test_hidden_panels_read_when_shown(qtbot, store, run_id):
    panel = AccuracyPanel()
    qtbot.addWidget(panel)
    panel.show_run(run_id)
    panel.refresh(change_of(store, run_id))
    assert not panel.filled
    panel.show()
    filled(qtbot, panel)
