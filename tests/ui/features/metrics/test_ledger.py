"""The ledger."""

from __future__ import annotations

from sapo_studio.store import queries
from sapo_studio.store.records import MetricValue
from sapo_ui.features.metrics.ledger import TOTAL, LedgerPanel, entries_of, verdict
from sapo_ui.features.run_page.headlines import headlines
from tests.ui.panel_helpers import filled, show


def test_ledger(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, LedgerPanel(), run_id))
    metrics = queries.metrics(store, run_id)
    paid, shepherd = (
        sum(row[f"label_rollouts_{who}"].value for number, row in metrics.items() if number)
        for who in ("sapo", "shepherd")
    )
    costs = {cost.name: cost for cost in panel.bars.bars if cost.group == "Rollouts"}
    assert list(costs) == ["SAPO", "Omega (estimate)", "Shepherd (estimate)", "Start (Omega)"]
    assert (costs["SAPO"].amount, costs["SAPO"].estimate) == (paid, False)
    assert (costs["Shepherd (estimate)"].amount, costs["Shepherd (estimate)"].estimate) == (shepherd, True)
    assert costs["Start (Omega)"].amount == metrics[0]["label_rollouts_omega"].value
    card = headlines(metrics)[-1]
    assert panel.verdict.text().startswith(f"{card.value} Shepherd's tokens (estimate)"), "card and ledger agree"


def bars_of(panel, group):
    return {bar.name: bar for bar in panel.bars.bars if bar.group == group}


def test_the_four_parts_of_compute(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, LedgerPanel(), run_id))
    for span, where in ((TOTAL, "1"), (2, "iteration = 2")):
        panel.span.setCurrentIndex(panel.span.findData(span))
        sums = "sum(generated), sum(prefill), sum(scored), sum(trained), sum(flops)"
        counted = f"SELECT {sums} FROM v_compute WHERE run_id = ? AND purpose = 'method' AND phase != 'sft' AND {where}"
        *parts, flops = store.row(counted, (run_id,))
        tokens = bars_of(panel, "Compute, tokens")
        assert list(tokens) == ["Generated", "Prompts computed", "Scored", "Trained on"]
        assert [bar.amount for bar in tokens.values()] == parts
        assert all(parts)
        assert bars_of(panel, "Compute, FLOPs")["Method"].amount == flops
    panel.span.setCurrentIndex(panel.span.findData(0))
    assert (
        bars_of(panel, "Compute, FLOPs")["Warm-up"].amount > 0 < bars_of(panel, "Compute, FLOPs")["Evaluation"].amount
    )


def test_what_was_not_counted_is_not_zero(qtbot, store, run_id):
    store.execute("DELETE FROM compute WHERE run_id = ?", (run_id,))
    panel = filled(qtbot, show(qtbot, LedgerPanel(), run_id))
    for group in ("Compute, tokens", "Compute, FLOPs"):
        assert {bar.text for bar in bars_of(panel, group).values()} == {"\u2013"}


def test_what_was_counted_from_some_point_on_is_at_least_that(qtbot, store, run_id):
    store.execute("DELETE FROM compute WHERE run_id = ? AND ordinal IN (0, 2)", (run_id,))
    panel = filled(qtbot, show(qtbot, LedgerPanel(), run_id))
    assert all(bar.text.startswith("\u2265") for bar in bars_of(panel, "Compute, tokens").values())
    assert bars_of(panel, "Compute, FLOPs")["Warm-up"].text == "\u2013"
    panel.span.setCurrentIndex(panel.span.findData(2))
    assert not any(bar.text.startswith("\u2265") for bar in bars_of(panel, "Compute, tokens").values())


def test_ledger_counts_the_first_labels_apart():
    metrics = {
        0: {"label_tokens_omega": MetricValue(50), "label_tokens_sapo": MetricValue(20, estimate=True)},
        1: {"label_tokens_sapo": MetricValue(30), "label_tokens_omega": MetricValue(60, estimate=True)},
        2: {"label_tokens_sapo": MetricValue(30), "label_tokens_omega": MetricValue(40, estimate=True)},
    }
    assert [(entry.name, entry.value.value, entry.compared) for entry in entries_of(metrics, "tokens")] == [
        ("SAPO", 60, True),
        ("Omega (estimate)", 100, True),
        ("Start (Omega)", 50, False),
    ]
    assert verdict(metrics).startswith("0.60\u00d7 Omega")
    start = {0: metrics[0] | {"label_tokens_shepherd": MetricValue(100, estimate=True)}}
    assert [entry.name for entry in entries_of(start, "tokens")] == ["Start (Omega)", "Shepherd (estimate)"]
    assert verdict(start).startswith("0.50\u00d7 Shepherd")
