"""The pages and pictures of `sapo label-study`, `sapo evaluate`, and a matrix's verifiers."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.app.experiments import page, pictures, runner
from sapo_studio.app.experiments.matrix_file import parse_matrix
from sapo_studio.app.experiments.table import tabulate
from sapo_studio.app.reports import drawing
from sapo_studio.app.studies import labeling_page, pooled, verifier_page
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.process_measures import CURVE, threshold_rows
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError, StoreError
from sapo_studio.events import kinds as k
from sapo_studio.files import write_output
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from tests.fixtures.evaluated import BEST, PAIRS, evaluated, share


def study(length):
    rows = []
    for place, name in enumerate(LABELERS):
        cost = 0 if name == "outcome" else 100 * (place + 1) * max(length, 1)
        rows.append(
            {"labeler": name, "trajectories": 100, "steps": 8.0, "checks": cost, "rollouts": cost, "tokens": 10 * cost}
            | {"prefill_tokens": cost, "flops": 1e6 * cost, "seconds": cost / 1e4, "step_accuracy": 0.9}
            | {"first_error_accuracy": 0.5, "least_checks": 1.25 if name == "search" else None}
            | ({"promised": 0.9, "reached": 0.8, "kept": 0.75} if name == "search" else {})
        )
    return {"length": length, "labelers": rows}


def labeling(*lengths):
    return {"run": "lab-1", "iteration": 2, "rollouts": 4, "confidence": 0.7, "studies": [study(n) for n in lengths]}


def pages(folder):
    """What is drawn with most in it: a study over lengths, and a verifier with all that is measured."""
    (folder / "study").mkdir()
    (folder / "verifier").mkdir()
    return (
        labeling_page.write(folder / "study", labeling(4, 8, 16)),
        verifier_page.write(folder / "verifier", evaluated(best_of=BEST, matrix=PAIRS)),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Those pages, to be read."""
    return pages(tmp_path_factory.mktemp("pages"))


@pytest.mark.parametrize("lengths", [(4, 8, 16), (0,)])
def test_the_page_of_a_label_study(tmp_path, written, lengths):
    found = labeling(*lengths)
    text, raw, image = written[0] if len(lengths) > 1 else labeling_page.write(tmp_path, found)
    page = text.read_text()
    assert page.count("| SAPO search |") == len(lengths)
    assert ("problems of 16 steps" in page) == (16 in lengths)
    assert "fewer than 1.25 checks" in page
    assert "up to 10 points" in page
    assert f"({image.name})" in page
    assert json.loads(raw.read_text()) == found


def test_a_study_without_a_step_oracle_has_costs_alone(tmp_path):
    found = labeling(4, 8)
    for one in found["studies"]:
        for row in one["labelers"]:
            row["step_accuracy"] = row["first_error_accuracy"] = None
    page = labeling_page.write(tmp_path, found)[0].read_text()
    assert "points (95 %)" not in page
    assert labeling_page.write(tmp_path, labeling(0) | {"studies": found["studies"][:1]})


def test_the_page_of_a_verifier(written):
    text, raw, image = written[1]
    page = text.read_text()
    for words in ("# The verifier V_1 of lab-1", "| ProcessBench F1 | - |", "| 0.4-0.5 | 1500 |", f"({image.name})"):
        assert words in page
    assert "95 % intervals, over the solutions of this one run." in page
    assert "over the 3 runs" in verifier_page.markdown(pooled.evaluations([evaluated()] * 3), "")
    assert "| best of N by the verifier | 50.0 | 70.0 |" in page
    assert "| V_1 | 20.0 (40.0) | 20.0 (40.0) |" in page
    assert json.loads(raw.read_text())["best_of"] == BEST


@pytest.mark.parametrize("parts", [{}, {"best_of": BEST, "benchmark": None}, {"matrix": PAIRS}])
def test_what_was_not_measured_is_not_on_the_page(tmp_path, parts):
    page = verifier_page.write(tmp_path, evaluated(**parts))[0].read_text()
    assert ("One of N" in page) == ("best_of" in parts)
    assert ("Self-verification" in page) == ("matrix" in parts)
    assert ("Reliability" in page) == ("benchmark" not in parts)


def test_nothing_measured_is_no_picture(tmp_path):
    assert len(verifier_page.write(tmp_path, {"verifier": "folder", "benchmark": None})) == 2


def test_a_study_says_what_its_search_promised_and_kept():
    for found in (labeling(0), pooled.studies([labeling(0), labeling(0)])):
        text = labeling_page.markdown(found, "a.svg")
        assert "The search is 90.0% sure of its first errors on average" in text
        assert "it reached the confidence asked for in 80.0% of trajectories, and 75.0% of these first errors" in text
    older = labeling(0)
    for row in older["studies"][0]["labelers"]:
        for name in ("promised", "reached", "kept"):
            row.pop(name, None)
    for found in (older, pooled.studies([older, older])):
        assert "sure of its first errors" not in labeling_page.markdown(found, "a.svg")


def test_studies_of_several_runs_are_added_up():
    first, second = labeling(4, 8), labeling(4, 8) | {"run": "lab-2"}
    shepherd = next(row for row in second["studies"][1]["labelers"] if row["labeler"] == "shepherd")
    shepherd |= {"trajectories": 300, "tokens": 100, "step_accuracy": 0.5, "steps": 4.0}
    both = pooled.studies([first, second])
    found = next(row for row in both["studies"][1]["labelers"] if row["labeler"] == "shepherd")
    alone = next(row for row in first["studies"][1]["labelers"] if row["labeler"] == "shepherd")
    assert (found["trajectories"], found["tokens"]) == (400, alone["tokens"] + 100)
    assert found["steps"] == 5.0
    assert found["step_accuracy"] == pytest.approx((0.9 * 800 + 0.5 * 1200) / 2000)  # by steps
    assert found["first_error_accuracy"] == 0.5
    assert "lab-1, lab-2, iteration 2" in labeling_page.markdown(both, "a.svg")
    with pytest.raises(InputError, match="cannot be pooled"):
        pooled.studies([first, second | {"iteration": 1}])


def test_evaluations_of_several_runs_are_means_over_them(tmp_path):
    other = evaluated(best_of=BEST, matrix=[cell | {"error": share(0.7)} for cell in PAIRS]) | {"run": "lab-2"}
    other["benchmark"] |= {"step_accuracy": share(0.9), "auroc": 0.89}
    other["benchmark"]["thresholds"] = threshold_rows([([0.2], 0), ([0.1], 1)] * 5) | {"tuned": None}
    other["benchmark"]["reliability"] = [{"low": 0.4, "high": 0.5, "n": 500, "score": 0.49, "right": 0.65}]
    both = pooled.evaluations([evaluated(best_of=BEST, matrix=PAIRS), other])
    steps = both["benchmark"]["step_accuracy"]
    assert steps["value"] == pytest.approx(0.85)
    assert steps["high"] - steps["value"] == pytest.approx(min(0.15, 12.706 * 0.05), abs=1e-3)  # Student's t of two
    assert both["benchmark"]["auroc"] == pytest.approx(0.88)
    assert both["benchmark"]["f1"] is None
    assert (both["benchmark"]["solutions"], both["best_of"]["questions"]) == (80, 100)
    half = both["benchmark"]["thresholds"]["half"]
    assert half["correct_accuracy"] == pytest.approx((0.5 + 0.0) / 2)
    assert half["threshold"] == 0.5
    assert both["benchmark"]["thresholds"]["tuned"] is None
    assert len(both["benchmark"]["thresholds"]["curve"]) == len(CURVE)
    assert both["benchmark"]["aggregations"] == evaluated()["benchmark"]["aggregations"]
    (point,) = both["benchmark"]["reliability"]
    assert (point["n"], point["score"], point["right"]) == (2000, pytest.approx(0.46), pytest.approx(0.35))
    assert [one["value"] for one in both["best_of"]["best_of_n"]] == [0.5, 0.7]
    assert [cell["error"]["value"] for cell in both["matrix"]] == pytest.approx([0.5, 0.5, 0.45, 0.45])
    page = verifier_page.write(tmp_path, both)[0].read_text()
    assert "V_1 of lab-1, lab-2" in page
    assert "best lowest step score" in page
    assert "| tuned | - | - |" in page
    with pytest.raises(InputError, match="differ in verifier"):
        pooled.evaluations([evaluated(), evaluated() | {"verifier": 2}])
    with pytest.raises(InputError, match="differ in aggregation"):
        pooled.evaluations([evaluated(best_of=BEST), evaluated(best_of=BEST | {"aggregation": "mean"})])


def test_one_run_is_left_as_it_is():
    assert pooled.evaluations([evaluated()]) == evaluated()
    assert pooled.studies([labeling(4)]) == labeling(4)


def test_the_same_numbers_are_the_same_file(written, tmp_path):
    for before, again in zip(written, pages(tmp_path), strict=True):
        assert [path.read_bytes() for path in before] == [path.read_bytes() for path in again]


def test_a_missing_matplotlib_is_told_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="need matplotlib"):
        drawing.prepare(tmp_path / "page")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write into")
def test_a_place_that_takes_no_files_is_told_before_anything_is_done():
    with pytest.raises(InputError, match="written into the folder /proc/self"):
        drawing.prepare(Path("/proc/self"))


def test_what_cannot_be_written_is_told(tmp_path):
    found, folder = evaluated(best_of=BEST, matrix=PAIRS), tmp_path / "gone"
    with pytest.raises(StoreError, match=r"verifier\.svg"):
        verifier_page.write(folder, found)
    with pytest.raises(StoreError, match=r"results\.md"):
        write_output(folder / "results.md", "text")


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.2))
def test_labels_stand_apart_and_in_their_order(wanted, gap):
    wanted = sorted(wanted)
    places = drawing.spread(wanted, gap)
    assert len(places) == len(wanted)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(places))
    if all(b - a >= gap for a, b in pairwise(wanted)):
        assert places == pytest.approx(wanted)


def test_the_verifiers_of_a_matrix(tmp_path):
    matrix = parse_matrix(
        {"name": "m", "preset": "lab-smoke", "methods": ["sapo", "online-rft", "orm"], "seeds": [1, 2]}
    )
    with Store.open(tmp_path / "studio.db") as store:
        for cell in matrix.cells:
            run_id = runs.create_run(store, cell.config)
            runs.set_status(store, run_id, RunStatus.RUNNING)
            for i in range(3):
                values = {"sampled_accuracy": 0.5}
                if cell.method != "online-rft":
                    values |= {"gap": 0.1 - 0.02 * i, "mce": 0.97, "verifier_step_accuracy": 0.87 + 0.02 * i}
                    values |= {"self_verification_error": 0.3} if i else {}
                Ingest(store, run_id).apply([k.Metric(iteration=i, name=n, value=v) for n, v in values.items()])
            runs.set_status(store, run_id, RunStatus.DONE)
        found = runner.match_runs(store, matrix)
        (image,) = pictures.verifiers(tmp_path, store, matrix, found)
        assert image.name == "m-verifiers.svg"
        assert image.read_text().endswith("</svg>\n")
        without = [one for one in found if one.cell.method == "online-rft"]
        assert pictures.verifiers(tmp_path, store, matrix, without) == []


def test_a_matrix_says_who_has_no_self_verification_error(tmp_path):
    names = ["sapo", "omega", "wo-dv", "online-rft"]
    matrix = parse_matrix({"name": "m", "preset": "lab-smoke", "methods": names, "seeds": [1]})
    with Store.open(tmp_path / "studio.db") as store:
        for cell in matrix.cells:
            run_id = runs.create_run(store, cell.config)
            runs.set_status(store, run_id, RunStatus.RUNNING)
            Ingest(store, run_id).apply([k.Metric(iteration=i, name="gap", value=0.1) for i in range(2)])
            runs.set_status(store, run_id, RunStatus.DONE)
        tables = tabulate(store, matrix, runner.match_runs(store, matrix))
    text = page.markdown(matrix, tables, ["m-verifiers.svg"])
    (line,) = (line for line in text.splitlines() if line.startswith("Self-verification error: \u2014 for "))
    assert "Omega labels (Omega assigns no labels before it checks)" in line
    assert "w/o DV, a random step (a random step is no prediction of the verifier)" in line
    assert "RFT" not in line
    assert "SAPO" not in line


def test_curves_are_over_what_all_seeds_have_measured():
    curves = pictures.by_iteration([{0: {"gap": 0.1}, 1: {"gap": 0.0}}, {0: {"gap": 0.3}}])
    ((iteration, mean),) = curves["gap"]
    assert (iteration, mean.value) == (0, pytest.approx(0.2))
    assert set(curves) == {"gap"}
