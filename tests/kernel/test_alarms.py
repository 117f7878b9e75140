"""What raises an alarm, that it is told once, and where it is read."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.alarms import TITLES, alarms
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.domain.runs import PhaseName
from sapo_studio.store import queries
from sapo_studio.store.alarms import alarms_of, mark_seen, raise_alarms
from sapo_studio.store.records import MetricValue
from tests.fixtures.command_line import sapo
from tests.fixtures.synthetic import synthetic_queued, synthetic_run

EVEN = {
    "mean_reward": 0.6,
    "greedy_accuracy": MetricValue(0.8, 0.77, 0.83, 500),
    "reward_with_length": 0.1,
    "reward_with_correctness": 0.3,
    "gap": MetricValue(0.1, 0.07, 0.13, 400),
    "sampler_trainer_logprob_gap": 1e-7,
    "pairs": 3000.0,
    "pairs_used": 600.0,
    "cut_off": 0.001,
    "bad_golds_share": 0.001,
    "verifier_ece": 0.15,
}
"""An iteration with nothing to remark."""


def numbers(*changes):
    """Iterations like EVEN, each with some numbers changed."""
    return {
        iteration: {
            name: value if isinstance(value, MetricValue) else MetricValue(value)
            for name, value in {**EVEN, **change}.items()
        }
        for iteration, change in enumerate(changes)
    }


def found(*changes, paired=True, sets=None):
    made = alarms(numbers(*changes), paired=lambda _: paired, eta=0.1, sets=sets or {})
    return [(alarm.iteration, alarm.kind) for alarm in made]


def accuracy(value):
    return MetricValue(value, value - 0.02, value + 0.02, 500)


PARTING = [
    {"mean_reward": 0.60, "greedy_accuracy": accuracy(0.90)},
    {"mean_reward": 0.65, "greedy_accuracy": accuracy(0.86)},
    {"mean_reward": 0.70, "greedy_accuracy": accuracy(0.80)},
]


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ([{}, {}, {}, {}], []),
        (PARTING, [(2, "reward_and_truth")]),
        # Reward falls once; accuracy falls within its interval.
        ([*PARTING[:2], {"mean_reward": 0.64, "greedy_accuracy": accuracy(0.80)}], []),
        ([*PARTING[:2], {"mean_reward": 0.70, "greedy_accuracy": accuracy(0.89)}], []),
        ([{}, {"reward_with_length": 0.45}], [(1, "reward_with_length")]),
        ([{}, {"reward_with_length": -0.45}], [(1, "reward_with_length")]),
        ([{}, {"reward_with_length": 0.45, "reward_with_correctness": 0.5}], []),
        ([{}, {"gap": MetricValue(0.15, 0.12, 0.18)}, {}], [(1, "gap")]),
        ([{}, {"gap": MetricValue(0.14, 0.11, 0.17)}], []),  # more than one interval, less than both
        ([{}, {"gap": MetricValue(0.12, 0.08, 0.16)}], []),
        ([{}, {"gap": MetricValue(0.05, 0.01, 0.09)}], []),
        ([{}, {"sampler_trainer_logprob_gap": 2e-3}], [(1, "sampler")]),
        ([{}, {"sampler_trainer_logprob_gap": 3e-4}], []),  # rounding, whatever it was before
        ([{"sampler_trainer_logprob_gap": 8e-4}, {"sampler_trainer_logprob_gap": 3e-3}], []),
        # What is out of range does not widen it.
        (
            [{}, {"sampler_trainer_logprob_gap": 2e-3}, {"sampler_trainer_logprob_gap": 4e-3}],
            [(1, "sampler"), (2, "sampler")],
        ),
        ([{"sampler_trainer_logprob_gap": 0.3}], [(0, "sampler")]),
        ([{}, {"pairs_used": 12.0}], [(1, "few_pairs")]),
        ([{}, {"pairs_used": 0.0}], [(1, "few_pairs")]),
        ([{}, {"cut_off": 0.2}], [(1, "cut_off")]),
        ([{"bad_golds_share": 0.03}, {}], [(0, "bad_golds")]),
        ([{}, {"verifier_ece": 0.21}, {"verifier_ece": 0.22}], [(1, "calibration")]),
        ([{}, {"verifier_ece": 0.19}], []),
        ([{}, {"verifier_ece": 0.21}, {}, {"verifier_ece": 0.23}], [(1, "calibration"), (3, "calibration")]),
    ],
)
def test_what_raises_an_alarm(changes, want):
    assert found(*changes) == want


def test_few_pairs_matter_to_who_learns_from_pairs():
    assert found({}, {"pairs_used": 0.0}, paired=False) == []


def test_a_set_of_questions_with_bad_references_is_named():
    sets = {
        "hard": {0: {"bad_golds_share": MetricValue(0.5, n=10)}},
        "easy": {0: {"bad_golds_share": MetricValue(0.0)}},
    }
    (alarm,) = alarms(numbers({}), paired=lambda _: True, eta=0.1, sets=sets)
    assert "50.0% of 10 in the set hard" in alarm.message
    assert "easy" not in alarm.message


@given(
    st.dictionaries(
        st.integers(0, 5),
        st.dictionaries(
            st.sampled_from(sorted(EVEN)),
            st.builds(MetricValue, st.floats(allow_nan=True), st.none() | st.floats(), st.none() | st.floats()),
        ),
    )
)
def test_any_numbers_can_be_looked_at(rows):
    for alarm in alarms(rows, paired=lambda _: True, eta=0.1, sets={"other": rows}):
        assert alarm.title == TITLES[alarm.kind]
        assert "nan" not in alarm.message
        assert not any(math.isnan(value) for value in alarm.facts.values())
        json.dumps(alarm.facts)


def test_every_number_that_is_looked_at_is_one_that_runs_store():
    assert set(EVEN) <= set(METRICS)


# -- Kept, told, seen


def put(store, run_id, iteration, **metrics):
    for name, value in metrics.items():
        store.execute(
            "INSERT OR REPLACE INTO metrics (run_id, \"set\", iteration, name, value) VALUES (?, '', ?, ?, ?)",
            (run_id, iteration, name, value),
        )


@pytest.fixture
def cut(store):
    """A finished run half of whose samples of iteration 1 were cut off."""
    run_id = synthetic_run(store, iterations=2, questions=20, trajectories=60)
    put(store, run_id, 1, cut_off=0.5)
    return run_id


def kinds(store, run_id):
    return [alarm.kind for alarm in raise_alarms(store, run_id, queries.get_config(store, run_id))]


def test_an_alarm_is_raised_once_and_warned_of_in_the_log(store, cut):
    assert "cut_off" in kinds(store, cut)
    assert kinds(store, cut) == []
    lines = [line for line in queries.log(store, cut, levels=["warning"]) if "Samples are cut off" in line.message]
    assert len(lines) == 1
    assert "50%" in lines[0].message
    assert "task.max_new_tokens" in lines[0].message
    assert "cut_off" in [alarm.kind for alarm in queries.get_run(store, cut).alarms]
    (listed,) = queries.list_runs(store)
    assert listed.alarms == queries.get_run(store, cut).alarms


def test_an_iteration_that_is_not_evaluated_yet_raises_none(store):
    run_id = synthetic_queued(store, iterations=2)
    put(store, run_id, 1, cut_off=0.5)
    assert kinds(store, run_id) == []
    store.execute(
        "INSERT INTO phases (run_id, ordinal, name, iteration, weight, status) VALUES (?, 1, ?, 1, 1, 'done')",
        (run_id, PhaseName.EVALUATE.value),
    )
    assert kinds(store, run_id) == ["cut_off"]


@pytest.mark.parametrize(
    ("kind", "phase", "iteration", "figures"),
    [
        ("cut_off", PhaseName.SAMPLE, 1, {"cut_off": 0.5}),
        ("few_pairs", PhaseName.PAIRS, 1, {"pairs": 192, "pairs_used": 0}),
        ("bad_golds", PhaseName.SFT, 0, {"bad_golds_share": 0.2}),
        ("reward_with_length", PhaseName.RATE, 1, {"reward_with_length": 0.9}),
        ("calibration", PhaseName.EVALUATE, 1, {"verifier_ece": 0.9}),
    ],
)
def test_it_is_raised_as_soon_as_its_figures_are_final(store, kind, phase, iteration, figures):
    run_id = synthetic_queued(store, iterations=2)
    put(store, run_id, 0, verifier_ece=0.1)
    put(store, run_id, iteration, **figures)
    for ordinal, name in enumerate(PhaseName):
        assert kinds(store, run_id) == []
        store.execute(
            "INSERT INTO phases (run_id, ordinal, name, iteration, weight, status) VALUES (?, ?, ?, ?, 1, 'done')",
            (run_id, ordinal, name.value, iteration),
        )
        if name is phase:
            break
    assert kinds(store, run_id) == [kind]


def test_what_was_seen_stays_and_is_not_counted(store, cut):
    kinds(store, cut)
    mark_seen(store, [alarm.id for alarm in alarms_of(store, cut)])
    seen = [alarm.seen_at for alarm in alarms_of(store, cut)]
    assert all(seen)
    assert queries.get_run(store, cut).alarms == ()
    mark_seen(store, [alarm.id for alarm in alarms_of(store, cut)])
    assert [alarm.seen_at for alarm in alarms_of(store, cut)] == seen
    assert kinds(store, cut) == []


def test_the_report_has_them(store, cut):
    kinds(store, cut)
    assert "Iteration 1: Samples are cut off. 50% of the samples" in sapo("report", cut).stdout
    alarms_told = json.loads(sapo("report", cut, "--seen", "--json").stdout)["alarms"]
    told = [alarm for alarm in alarms_told if alarm["kind"] == "cut_off"]
    assert [(alarm["iteration"], alarm["facts"]) for alarm in told] == [(1, {"share": 0.5})]
    assert told[0]["seen_at"] >= told[0]["raised_at"]
