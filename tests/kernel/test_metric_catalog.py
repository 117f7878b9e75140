"""The catalogue has every metric that the engine sends, and none that it does not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from sapo_studio.app.experiments import page, table
from sapo_studio.app.reports import run_report
from sapo_studio.domain.metric_catalog import HEADLINES, LABEL_COSTS, METRICS, SHOWN, label_cost
from sapo_studio.store import queries
from tests.fixtures.synthetic import synthetic_run

ENGINE = Path(__file__).parents[2] / "engine" / "sapo_engine"
ROOMS = ("phases", "evaluation", "labeling")
"""Where a run's phases are worked."""
SENDERS = {"metric", "send_share", "share"}
"""What the engine calls to send one, as a function or as a method."""


def sent() -> list[str]:
    """Every name that the engine sends, as a regular expression: what is put in when it runs stands for anything."""
    found: list[str] = []
    for file in sorted(file for room in ROOMS for file in (ENGINE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            if name not in SENDERS:
                continue
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.append(re.escape(argument.value))
                elif isinstance(argument, ast.JoinedStr):
                    parts = [p.value if isinstance(p, ast.Constant) else None for p in argument.values]
                    found.append("".join("[a-z0-9_]+" if part is None else re.escape(str(part)) for part in parts))
                elif isinstance(argument, ast.Call) and getattr(argument.func, "id", "") == "label_cost":
                    found.append("|".join(label_cost(cost, "[a-z]+") for cost in LABEL_COSTS))
    return found


def test_every_metric_that_is_sent_is_in_the_catalogue_and_the_other_way_round():
    patterns = sent()
    assert len(patterns) > 20, "the search found too little"
    for pattern in patterns:
        assert any(re.fullmatch(pattern, name) for name in METRICS), f"{pattern} is sent and not in the catalogue"
    for name in METRICS:
        assert any(re.fullmatch(pattern, name) for pattern in patterns), f"{name} is in the catalogue and never sent"


def test_every_metric_of_a_run_in_the_store_is_known(store):
    run_id = synthetic_run(store, trajectories=24, questions=8)
    names = {name for row in queries.metrics(store, run_id).values() for name in row}
    assert len(names) > 20
    assert names <= set(METRICS)


def test_everybody_who_names_metrics_names_known_ones():
    named = {*run_report.ALWAYS, *run_report.ROWS, *page.COLUMNS}
    named |= {*table.FINAL, *table.WARM, *table.COMPARED, *table.COMPARED_BY_ITERATION}
    assert named <= set(METRICS)
    shares = {METRICS[name].unit for name in page.COLUMNS}
    assert shares == {"share", "points"}, "this table writes per cent"


def test_each_metric_says_what_it_is():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.title
        assert metric.unit in SHOWN
        assert metric.better in (-1, 0, 1)
        assert not metric.meaning.endswith("."), name
        assert metric.definition.endswith("."), name
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


def test_what_stands_in_columns_and_on_cards_has_its_short_name():
    assert [metric.name for metric in HEADLINES] == [
        "sampled_accuracy",
        "greedy_accuracy",
        "verifier_step_accuracy",
        "mce",
        "gap",
    ]
    assert all(metric.short for metric in HEADLINES)
    assert all(METRICS[name].column for name in page.COLUMNS)
