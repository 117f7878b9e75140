"""The headline numbers."""

from sapo_studio.store.records import MetricValue
from sapo_ui.features.run_page.headlines import headlines


def test_headlines_show_value_change_and_interval():
    metrics = {
        0: {"sampled_accuracy": MetricValue(0.401), "gap": MetricValue(0.082)},
        1: {
            "sampled_accuracy": MetricValue(0.502, 0.48, 0.52, 500),
            "gap": MetricValue(0.024),
            "label_tokens_sapo": MetricValue(450),
            "label_tokens_shepherd": MetricValue(1000, estimate=True),
        },
    }
    sampled, greedy, _verifier, _mce, gap, tokens = headlines(metrics)
    assert (sampled.value, sampled.note, sampled.trend) == ("50.2\u202f%", "+10.1\u202fpt since it 0", "better")
    assert sampled.history == (0.401, 0.502)
    assert "95 % interval 48.0 to 52.0" in sampled.tip
    assert (greedy.value, greedy.note) == ("\u2013", "after the first evaluation")
    assert (gap.value, gap.note, gap.trend) == ("2.4\u202fpt", "\u22125.8\u202fpt closer", "better")
    assert (tokens.value, tokens.note) == ("0.45\u00d7", "of Shepherd (estimate)")
    assert "1,000 tokens" in tokens.tip


def test_a_gap_below_zero_is_none_and_cannot_widen():
    def gap(first, second):
        shown = headlines({0: {"gap": MetricValue(first)}, 1: {"gap": MetricValue(second)}})[4]
        return shown.trend, shown.note.rsplit("pt", 1)[-1]

    assert gap(0.02, -0.01) == ("better", ", none left")
    assert gap(-0.003, -0.005) == ("same", ", none left")
    assert gap(-0.01, 0.03) == ("worse", " wider")
    assert gap(0.01, 0.01) == ("same", "")
