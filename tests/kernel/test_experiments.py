"""Matrices of runs: the file, the cells, the statistics, the page."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio import supervisor
from sapo_studio.app.experiments import page, runner
from sapo_studio.app.experiments.matrix_file import parse_matrix, read_matrix
from sapo_studio.app.experiments.table import Measured, tabulate
from sapo_studio.config.overrides import merged
from sapo_studio.domain.ledger import Compute
from sapo_studio.domain.methods import METHODS, PAPER
from sapo_studio.domain.runs import PlannedPhase, RunStatus
from sapo_studio.domain.statistics import compared, holm, mean
from sapo_studio.errors import InputError
from sapo_studio.events import kinds as k
from sapo_studio.store import queries, run_queue, runs
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from tests.fixtures.later import Later
from tests.fixtures.racers import race, take_cell

stats = Later("scipy.stats")

BASE = {"name": "m", "preset": "lab-smoke", "methods": ["online-rft", "sapo"], "seeds": [3, 4]}


# -- The file


@pytest.mark.parametrize("name", METHODS)
def test_every_named_method_is_a_configuration(name):
    matrix = parse_matrix(BASE | {"methods": ["sapo", name], "paper": "gsm8k/qwen2.5-0.5b"})
    assert {cell.method for cell in matrix.cells} == {"sapo", name}
    assert METHODS[name].paper in ("", *PAPER["gsm8k/qwen2.5-0.5b"])


def test_a_method_can_have_seeds_of_its_own():
    more = {"method": {"sapo": {"seeds": [3, 4, 5, 6]}, "rpo": {"seeds": [5, 3], "title": "RPO, twice"}}}
    matrix = parse_matrix(BASE | {"methods": ["online-rft", "sapo", "rpo"], **more})
    assert matrix.seeds == (3, 4, 5, 6)
    assert [(cell.seed, cell.method) for cell in matrix.cells] == [
        *[(3, "sapo"), (3, "online-rft"), (3, "rpo")],
        *[(4, "sapo"), (4, "online-rft")],
        *[(5, "sapo"), (5, "rpo")],
        (6, "sapo"),
    ]
    assert matrix.methods["rpo"].title == "RPO, twice"
    assert [cell.config.seed for cell in matrix.cells] == [cell.seed for cell in matrix.cells]


def test_cells_are_tasks_by_seeds_by_methods_with_the_other_first():
    matrix = parse_matrix(
        BASE
        | {
            "set": {"evaluation": {"samples": 2}},
            "tasks": {"short": {}, "long": {"task": {"max_steps": 8}, "evaluation": {"mce_rollouts": 1}}},
            "method": {"online-rft": {"title": "mine", "iterations": 5, "optimiser": {"epochs": 2}}},
        }
    )
    cells = [(cell.task, cell.seed, cell.method) for cell in matrix.cells]
    assert cells == [(task, seed, m) for task in ("short", "long") for seed in (3, 4) for m in ("sapo", "online-rft")]
    last = matrix.cells[-1].config
    assert last.name == "m/long/online-rft/4"
    assert (last.seed, last.iterations, last.evaluation.samples, last.evaluation.mce_rollouts) == (4, 5, 2, 1)
    assert (last.optimiser.kind, last.optimiser.epochs, last.labeling.labeler) == ("sft", 2, "none")
    assert matrix.methods["online-rft"].title == "mine"
    assert len({cell.config.model_dump_json() for cell in matrix.cells}) == len(cells)


def test_a_task_with_methods_of_its_own():
    tasks = {"short": {}, "long": {"methods": ["sapo", "grpo"], "task": {"max_steps": 8}}}
    matrix = parse_matrix(BASE | {"methods": ["rpo", "grpo", "sapo"], "tasks": tasks, "seeds": [1]})
    assert [(cell.task, cell.method) for cell in matrix.cells] == [
        *[("short", name) for name in ("sapo", "rpo", "grpo")],
        *[("long", name) for name in ("sapo", "grpo")],
    ]


def test_rft_dpo_is_the_papers():
    (_, cell) = parse_matrix(BASE | {"methods": ["sapo", "rft-dpo"], "seeds": [1]}).cells
    config = cell.config
    assert [config.optimiser.kind_at(i) for i in range(1, config.iterations + 1)] == ["sft", "dpo"]
    assert [name for name, method in METHODS.items() if method.paper == "RFT+DPO"] == ["rft-dpo"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"methods": ["sapoo", "sapo"]}, "no method 'sapoo'"),
        ({"method": {"grpo": {"iterations": 2}}}, "does not run: grpo"),
        ({"against": "rpo"}, "compares with rpo"),
        ({"paper": "gsm8k/gpt"}, "no figures"),
        ({"set": {"optimiser": {"etta": 1}}}, "not valid"),
        ({"tasks": {"a": {"iterations": -1}}}, "not valid"),
        ({"tasks": {"a": {"methods": ["sapo", "rpo"]}}}, "gives a methods that it does not run"),
        ({"tasks": {"a": {"methods": "sapo"}}}, "gives a methods that it does not run"),
        ({"tasks": {"a": {"methods": ["online-rft"]}}}, "nothing to compare the methods of a with"),
        ({"preset": "nowhere"}, "nowhere"),
        ({"seeds": []}, "not a matrix"),
        ({"method": {"sapo": {"seeds": []}}}, "gives sapo seeds that are none"),
        ({"method": {"sapo": {"seeds": [3, 4, True]}}}, "gives sapo seeds that are none"),
        ({"method": {"online-rft": {"seeds": [3, 9, 8]}}}, "nothing is compared: 8, 9"),
        ({"colour": "red"}, "not a matrix"),
    ],
)
def test_a_fault_is_told(change, told):
    with pytest.raises(InputError) as caught:
        parse_matrix(BASE | change, source="lab.toml")
    assert told in caught.value.what


def test_a_file(tmp_path):
    file = tmp_path / "lab.toml"
    file.write_text(
        'name = "m"\npreset = "lab-smoke"\nmethods = ["sapo"]\nseeds = [1]\n[set]\nevaluation.samples = 3\n'
    )
    assert read_matrix(file).cells[0].config.evaluation.samples == 3
    file.write_text("name = \n")
    with pytest.raises(InputError, match="not valid TOML"):
        read_matrix(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_matrix(tmp_path / "none.toml")


def test_merging_goes_down_into_tables_and_leaves_its_sources_alone():
    low, high = {"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}, "b": {"z": 1}}
    assert merged(low, high) == {"a": {"x": 1, "y": 3}, "b": {"z": 1}}
    assert low == {"a": {"x": 1, "y": 2}, "b": 1}


# -- The statistics


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8))
def test_the_interval_is_students(values):
    found = mean(values)
    if max(values) - min(values) < 1e-6:
        assert found.low == pytest.approx(found.value, abs=1e-5)
        return
    spread = stats.tstd(values) / math.sqrt(len(values))
    low, high = stats.t.interval(0.95, len(values) - 1, loc=found.value, scale=spread)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_one_seed_has_no_interval_and_no_test():
    assert mean([0.5]).low is None
    assert compared([(0.5, 0.4)]).p is None


def test_pairs_that_always_differ_alike():
    assert compared([(0.5, 0.5), (0.7, 0.7)]).p == 1.0
    assert compared([(0.5, 0.25), (0.75, 0.5)]).p == 0.0
    found = compared([(0.6, 0.5), (0.7, 0.5), (0.9, 0.6)])
    assert found.p == pytest.approx(stats.ttest_1samp([0.1, 0.2, 0.3], 0).pvalue)


def test_holms_correction():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holms_correction_keeps_the_order_and_lies_below_bonferronis(ps):
    found = holm(ps)
    for p, q in zip(ps, found, strict=True):
        assert p <= q <= min(1.0, p * len(ps)) + 1e-12
    by_p = [q for _, q in sorted(zip(ps, found, strict=True))]
    assert by_p == sorted(found)
    assert found[ps.index(min(ps))] == pytest.approx(min(1.0, min(ps) * len(ps)))


def test_a_metric_between_two_iterations():
    bills = {i: Compute(flops=100 * i + 100) for i in range(3)}
    run = Measured(0, {0: {"a": 0.5}, 1: {"a": 0.6}, 2: {"a": 0.8}}, bills, 1.0)
    assert run.at("a", 0) == 0.5  # M0 has spent nothing
    assert run.bill == Compute(flops=300)
    assert run.at("a", 100) == pytest.approx(0.55)
    assert run.at("a", 250) == pytest.approx(0.7)
    assert run.at("a", 999) == 0.8


# -- Over a store


def computed(ordinal, flops, **parts):
    """What a phase tells, with `parts` in tokens."""
    none = dict.fromkeys(("generated", "prefill", "scored", "trained_reasoner", "trained_verifier"), 0)
    method, evaluation = (k.ComputeRow(**none | part) for part in (parts | {"flops": flops}, {"flops": 10**12}))
    return k.PhaseCompute(ordinal=ordinal, method=method, evaluation=evaluation)


def finished(store, cell, accuracies, flops, sound=None, counted=True, **parts):
    """A finished run of `cell` whose iterations have these accuracies and cost `flops` each, after a warm-up that
    counts for nobody; a share of `sound` of the correct answers is fully correct. `counted` False: by a version that
    knew no ledger."""
    run_id = runs.create_run(store, cell.config)
    runs.set_status(store, run_id, RunStatus.RUNNING)
    phases = [PlannedPhase(0, "sft", 0)]
    phases += [PlannedPhase(i, "align", i) for i in range(1, len(accuracies))]
    events = [k.Plan(phases=phases)]
    for iteration, value in enumerate(accuracies):
        if counted:
            events.append(computed(iteration, flops if iteration else 10**9, **parts))
        events.append(k.PhaseFinished(ordinal=iteration))
        for name in ("sampled_accuracy", "greedy_accuracy"):
            events.append(k.Metric(iteration=iteration, name=name, value=value))
        if sound is not None:
            events.append(k.Metric(iteration=iteration, name="sound_accuracy", value=value * sound))
            events.append(k.Metric(iteration=iteration, name="false_positives", value=1 - sound))
        events.append(k.Metric(iteration=iteration, name="align_tokens", value=1e6 if iteration else 0))
        events.append(k.Metric(iteration=iteration, name="label_tokens_sapo", value=1e9, estimate=True))
    Ingest(store, run_id).apply(events)
    runs.set_status(store, run_id, RunStatus.DONE)
    return run_id


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "studio.db") as opened:
        yield opened


def test_a_table_at_equal_compute(store, tmp_path):
    matrix = parse_matrix(BASE)
    for cell in matrix.cells:
        if cell.method == "sapo":
            finished(store, cell, [0.5, 0.6, 0.7 + cell.seed / 100], 200)
        else:
            finished(store, cell, [0.5, 0.55], 200)
    found = runner.match_runs(store, matrix)
    assert all(one.done for one in found)
    (table,) = tabulate(store, matrix, found)
    start, sapo, rft = table.rows
    assert (start.title, start.final["sampled_accuracy"].value) == ("warmed up (SFT)", 0.5)
    assert sapo.final["sampled_accuracy"].value == pytest.approx(0.735)
    assert (sapo.share, sapo.compared) == (1.0, {})
    assert rft.share == 0.5
    # After 200 FLOPs SAPO stood at 0.6 with both seeds.
    assert rft.compared["sampled_accuracy"].difference.value == pytest.approx(-0.05)
    # RFT has one iteration: SAPO stood at 0.6 after one.
    assert rft.by_iteration["sampled_accuracy"].difference.value == pytest.approx(-0.05)
    assert set(rft.compared) == {"sampled_accuracy", "greedy_accuracy"}
    for name in ("out", "again"):
        (tmp_path / name).mkdir()
    files = page.write(tmp_path / "out", matrix, [table], [tmp_path / "out" / "m-verifiers.svg"])
    text = files[0].read_text()
    assert "| Online RFT | 2 | 1 | 55.0 (55.0 to 55.0) |" in text
    assert "fully correct" not in text
    assert "| sampled after as many iterations |" in text
    assert "-5.0 (-5.0 to -5.0), p 0, Holm 0" in text
    assert "![accuracy by FLOPs](m.svg)" in text
    assert "(m-verifiers.svg)" in text
    assert json.loads(files[1].read_text())[0]["rows"][2]["share"] == 0.5
    drawn = files[2].read_bytes()
    assert b"Online RFT" in drawn or b"<svg" in drawn
    page.write(tmp_path / "again", matrix, [table])
    assert (tmp_path / "again" / "m.svg").read_bytes() == drawn


def test_scoring_and_prefill_count(store, tmp_path):
    """As many tokens generated and trained on, and not the same compute: the FLOPs by hand, and where SAPO stood."""
    n, v = 1000, 1010
    matrix = parse_matrix(BASE)
    alike = {"generated": 50, "trained_reasoner": 70}
    labeling = {"prefill": 40, "scored": 60, "trained_verifier": 30}
    cheap = 2 * n * 50 + 6 * n * 70
    dear = cheap + 2 * n * 40 + 2 * v * 60 + 6 * v * 30
    for cell in matrix.cells:
        if cell.method == "sapo":
            finished(store, cell, [0.5, 0.6, 0.8], dear, **alike, **labeling)
        else:
            finished(store, cell, [0.5, 0.55, 0.6], cheap, **alike)
    (table,) = tabulate(store, matrix, runner.match_runs(store, matrix))
    _, sapo, rft = table.rows
    parts = {"generated": 100, "prefill": 80, "scored": 120, "trained": 200, "flops": 2 * dear}
    assert {name: value.value for name, value in sapo.compute.items()} == parts
    assert rft.share == pytest.approx(cheap / dear)
    # With all of RFT's FLOPs SAPO was past its first iteration by the rest of them.
    stood = 0.6 + 0.2 * (2 * cheap - dear) / dear
    assert dear < 2 * cheap < 2 * dear
    assert rft.compared["sampled_accuracy"].difference.value == pytest.approx(0.6 - stood)
    text = page.write(tmp_path, matrix, [table])[0].read_text()
    assert "| generated | prefill | scored | trained | FLOPs | share |" in text
    assert f"| 100 | 80 | 120 | 200 | {2 * dear:.3g} | 1.00 |" in text
    assert f"| 100 | 0 | 0 | 140 | {2 * cheap:.3g} | {cheap / dear:.2f} |" in text


def test_runs_that_counted_nothing_are_shown_and_not_compared_by_compute(store, tmp_path):
    matrix = parse_matrix(BASE)
    for cell in matrix.cells:
        finished(store, cell, [0.5, 0.6], 100, counted=cell.method != "sapo" or cell.seed != matrix.seeds[0])
    (table,) = tabulate(store, matrix, runner.match_runs(store, matrix))
    _, sapo, rft = table.rows
    assert (sapo.compute, sapo.tokens, sapo.share, rft.share, rft.compared) == (None, None, None, None, {})
    assert rft.by_iteration["sampled_accuracy"].difference.value == pytest.approx(0)
    assert list(table.curves) == ["online-rft"]
    text = page.write(tmp_path, matrix, [table])[0].read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("| SAPO |"))
    assert "| — | — | — | — | — | — |" in line
    (line,) = (line for line in text.splitlines() if line.startswith("| Online RFT |"))
    assert "| 0 | 0 | 0 | 0 | 100 | — |" in line
    assert "| — | +0.0 (+0.0 to +0.0)" in line
    assert "`sapo delete` them" in text


def test_the_papers_figures_stand_beside_its_own_task_alone(store):
    gsm8k = {"task": {"kind": "gsm8k"}, "model": {"source": "hub:a/b"}}
    matrix = parse_matrix(BASE | {"paper": "gsm8k/qwen2.5-0.5b", "tasks": {"lab": {}, "words": gsm8k}})
    for cell in matrix.cells:
        finished(store, cell, [0.5, 0.6], 100)
    lab, words = tabulate(store, matrix, runner.match_runs(store, matrix))
    assert [row.paper for row in lab.rows] == [None, None, None]
    assert [row.paper for row in words.rows] == [34.19, 41.62, 40.79]
    first, second = page.markdown(matrix, [lab, words]).split("## ")[1:]
    assert "paper (gsm8k/qwen2.5-0.5b), greedy" in second
    assert "paper (" not in first
    assert "are of another task" in first
    assert "are of another task" not in second


def test_p_values_are_corrected_for_all_of_their_table(store):
    matrix = parse_matrix(BASE | {"methods": ["sapo", "rpo", "online-rft", "grpo"], "seeds": [0, 1, 2]})
    for cell in matrix.cells:
        shift = {"sapo": 0.0, "rpo": 0.02, "online-rft": -0.1, "grpo": 0.04}[cell.method]
        finished(store, cell, [0.5, 0.6 + shift + 0.01 * shift * cell.seed + cell.seed**2 / 300], 100)
    (table,) = tabulate(store, matrix, runner.match_runs(store, matrix))
    tests = [one for row in table.rows for part in (row.compared, row.by_iteration) for one in part.values()]
    assert len(tests) == 9  # two metrics at equal compute and one by iteration, of three methods
    raw = [one.p for one in tests]
    assert [one.p_holm for one in tests] == holm(raw)
    assert all(one.p_holm >= one.p for one in tests)
    assert any(one.p_holm > one.p > 0 for one in tests)


def test_one_seed_has_nothing_to_correct(store):
    matrix = parse_matrix(BASE | {"seeds": [0]})
    for cell in matrix.cells:
        finished(store, cell, [0.5, 0.6], 100)
    (table,) = tabulate(store, matrix, runner.match_runs(store, matrix))
    assert {one.p_holm for one in table.rows[2].compared.values()} == {None}
    assert "Holm" not in page.markdown(matrix, [table]).splitlines()[-1]


def test_evaluation_sets_have_columns_and_an_untrained_model_a_row(store, tmp_path):
    matrix = parse_matrix(BASE | {"methods": ["cot", "sapo"], "seeds": [3]})
    for cell in matrix.cells:
        run_id = finished(store, cell, [0.2] if cell.method == "cot" else [0.5, 0.6], 200)
        last = 0 if cell.method == "cot" else 1
        values = [
            k.Metric(iteration=i, name="greedy_accuracy", value=0.3 + 0.1 * i, set="a|b") for i in range(last + 1)
        ]
        Ingest(store, run_id).apply(values)
    (table,) = tabulate(store, matrix, runner.match_runs(store, matrix))
    rows = {row.method: row for row in table.rows}
    assert rows["sapo"].sets["a|b"]["greedy_accuracy"].value == 0.4
    assert rows["cot"].sets["a|b"]["greedy_accuracy"].value == rows[""].sets["a|b"]["greedy_accuracy"].value == 0.3
    assert rows["cot"].iterations == 0
    (tmp_path / "out").mkdir()
    text = page.write(tmp_path / "out", matrix, [table])[0].read_text()
    assert "greedy on a\\|b" in text
    assert "| CoT, untrained | 1 | 0 | 20.0 |" in text


def test_equal_iterations_are_not_equal_compute(store):
    matrix = parse_matrix(BASE)
    for cell in matrix.cells:
        if cell.method == "sapo":
            finished(store, cell, [0.5, 0.6, 0.7, 0.8], 100)
        else:
            finished(store, cell, [0.5, 0.65, 0.75 + cell.seed / 100], 150)
    (table,) = tabulate(store, matrix, runner.match_runs(store, matrix))
    rft = table.rows[2]
    assert [row.iterations for row in table.rows] == [0, 3, 2]
    # Both cost 300 FLOPs, SAPO in three iterations; after two it stood at 0.7.
    assert rft.compared["sampled_accuracy"].difference.value == pytest.approx(0.785 - 0.8)
    assert rft.by_iteration["sampled_accuracy"].difference.value == pytest.approx(0.785 - 0.7)
    assert table.rows[1].by_iteration == {}


def test_what_only_some_runs_have_is_shown_and_compared_where_both_have_it(store, tmp_path):
    names = ["sapo", "rpo", "grpo"]
    matrix = parse_matrix(BASE | {"methods": names, "tasks": {"lab": {}, "words": {"task": {"max_steps": 7}}}})
    for cell in matrix.cells:
        known = cell.task == "lab" and cell.method != "grpo"
        finished(store, cell, [0.5, 0.6], 100, sound={"sapo": 0.9, "rpo": 0.8}[cell.method] if known else None)
    lab, words = tabulate(store, matrix, runner.match_runs(store, matrix))
    start, sapo, rpo, grpo = lab.rows
    assert start.final["sound_accuracy"].value == pytest.approx(0.45)
    assert sapo.final["false_positives"].value == pytest.approx(0.1)
    assert rpo.compared["sound_accuracy"].difference.value == pytest.approx(0.48 - 0.54)
    assert "sound_accuracy" not in grpo.final
    assert "sound_accuracy" not in grpo.compared
    files = page.write(tmp_path, matrix, [lab, words])
    parts = files[0].read_text().split("## ")
    assert "| fully correct | false positives |" in parts[1]
    assert "| fully correct at equal compute |" in parts[1]
    assert "fully correct" not in parts[2]
    pictures = [path.read_text() for path in files[2:]]
    assert [text.count('<g id="axes_') for text in pictures] == [3, 2]


def test_what_is_not_finished_is_left_out(store):
    matrix = parse_matrix(BASE)
    finished(store, matrix.cells[0], [0.5, 0.6], 100)
    runs.create_run(store, matrix.cells[1].config)
    found = runner.match_runs(store, matrix)
    assert [one.done for one in found] == [True, False, False, False]
    assert [bool(one.run_id) for one in found] == [True, True, False, False]
    (table,) = tabulate(store, matrix, found)
    assert [row.method for row in table.rows] == ["", "sapo"]
    assert table.rows[1].seeds == (3,)


def test_a_run_of_another_configuration_is_not_taken(store):
    matrix = parse_matrix(BASE)
    other = parse_matrix(BASE | {"set": {"evaluation": {"samples": 3}}})
    finished(store, other.cells[0], [0.5, 0.6], 100)
    assert not runner.match_runs(store, matrix)[0].run_id


def test_a_run_of_an_earlier_version_which_wrote_down_its_batch_and_back_end_is_taken(store):
    matrix = parse_matrix(BASE)
    older = parse_matrix(BASE | {"set": {"runtime": {"rollout_batch": 512, "backend": "hf"}}})
    finished(store, older.cells[0], [0.5, 0.6], 100)
    assert [one.done for one in runner.match_runs(store, matrix)] == [True, False, False, False]
    other = parse_matrix(BASE | {"set": {"runtime": {"rollout_batch": 512, "threads": 2}}})
    assert not any(one.run_id for one in runner.match_runs(store, other))


@pytest.mark.slow  # two processes
def test_two_that_begin_a_cell_at_once_have_one_run(store):
    rounds = [BASE | {"methods": ["sapo"], "seeds": [seed]} for seed in range(60)]
    told = race(take_cell, store.path, rounds)
    assert all(mine == theirs for mine, theirs in told)
    names = [run.name for run in queries.list_runs(store)]
    assert sorted(names) == sorted(f"m/sapo/{seed}" for seed in range(60))


def test_a_matrix_by_the_queue_waits_for_its_runs(store: Store, monkeypatch: pytest.MonkeyPatch):
    """The queue starts them, here: takes each as done once it is looked at."""
    woken: list[Store] = []

    def wake(store: Store) -> bool:
        woken.append(store)
        for row in run_queue.list_queue(store):
            runs.set_status(store, row.run_id, RunStatus.RUNNING)
            runs.set_status(store, row.run_id, RunStatus.DONE)
            run_queue.forget(store, row.run_id)
        return True

    monkeypatch.setattr(supervisor, "wake_queue", wake)
    matrix = parse_matrix({"name": "m", "preset": "lab-smoke", "methods": ["sapo"], "seeds": [1, 2]})
    told: list[tuple[str, int]] = []
    found = runner.run_matrix(
        store, matrix, jobs=1, tell=lambda one, finished, _: told.append((str(one.status), finished)), queued=True
    )
    assert [one.status for one in found] == [RunStatus.DONE, RunStatus.DONE]
    assert told[-1] == ("done", 2)
    assert woken
    assert [one.run_id for one in runner.run_matrix(store, matrix, jobs=1, tell=print, queued=True)] == [
        one.run_id for one in found
    ]
