"""docs/examples on a made-up run, but for the one that loads torch (tests/engine/test_examples.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import matplotlib
import pytest

import sapo_studio
from sapo_studio.store.db import Store
from tests.fixtures.answered_runs import answered_run
from tests.fixtures.examples import FOLDER, run_example, run_notebook
from tests.fixtures.full_store import full_run
from tests.fixtures.synthetic import synthetic_run

matplotlib.use("Agg")
PAGE = (FOLDER.parent / "own-programs.md").read_text(encoding="utf-8")


@pytest.fixture
def lab(home: Path) -> Path:
    """A data folder with two runs."""
    with Store.open() as store:
        full_run(store, name="first")
        synthetic_run(store, name="second", iterations=2, trajectories=60, questions=8)
    return home


def test_the_gap_is_drawn(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run_example("gap_curve.py", "first", "second", "--home", lab, "--out", tmp_path / "gap.svg")
    with sapo_studio.open_store(lab) as store:
        points = len(list(store.table("metrics", where={"metric": "gap", "set": ""})))
    assert f"{points} points" in capsys.readouterr().out
    drawn = (tmp_path / "gap.svg").read_text(encoding="utf-8")
    assert "<svg" in drawn
    assert drawn.count("PathCollection") or drawn.count("FillBetweenPolyCollection") == 2
    with pytest.raises(SystemExit, match="No run has measured nothing"):
        run_example("gap_curve.py", "first", "--home", lab, "--metric", "nothing")


@pytest.mark.parametrize("labels", [(), ("--labels", "sapo")])
def test_a_probe_is_trained(lab: Path, labels: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    run_example("step_probe.py", "first", "--home", lab, *labels)
    said = capsys.readouterr().out
    trained, tested = (int(number) for number in re.findall(r"(\d+) steps to train on, (\d+) of other", said)[0])
    assert trained > tested > 0
    assert all(0.0 <= float(auc) <= 1.0 for auc in re.findall(r"AUC of .*: +(\S+)", said))
    assert len(re.findall(r"AUC of", said)) == 2


def test_two_runs_are_compared_by_question(lab: Path, capsys: pytest.CaptureFixture[str]):
    run_example("questions_won_and_lost.py", "first", "second", "--home", lab, "--source", "sample")
    said = capsys.readouterr().out
    counts = re.findall(r"^Iteration 2, (\d+) questions in both: second-2 is better on (\d+), first-1 on (\d+)", said)
    ((common, better, worse),) = counts
    assert int(better) + int(worse) <= int(common)
    assert said.count("      1. ") == min(3, int(better)) + min(3, int(worse)) > 0
    run_example("questions_won_and_lost.py", "first", "first", "--home", lab, "--source", "sample", "--iteration", 1)
    assert "better on 0, first-1 on 0\nmean difference +0.0%, sign test p = 1\n" in capsys.readouterr().out


def test_without_an_iteration_the_newest_answers_to_test_questions_are_compared(
    home: Path, capsys: pytest.CaptureFixture[str]
):
    with Store.open() as store:
        answered_run(store, ["1000", "1000", "1000"], name="first")
        answered_run(store, ["1000", "1110"], name="second")
    run_example("questions_won_and_lost.py", "first", "second", "--home", home)
    assert "Iteration 1, 4 questions in both: second-2 is better on 2, first-1 on 0" in capsys.readouterr().out


def test_the_notebook_runs_from_top_to_bottom(lab: Path):
    del lab
    names = run_notebook("look_at_a_run.ipynb", RUN="first")
    assert names["run"].id == "first-1"
    assert "gap" in names["overview"]
    assert len(names["steps"]) >= 1
    assert {"text", "truth", "score"} <= set(names["steps"])
    assert len(names["judged"]) == 4


def test_the_notebook_is_one():
    notebook = json.loads((FOLDER / "look_at_a_run.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    for cell in notebook["cells"]:
        assert {"cell_type", "id", "metadata", "source"} <= set(cell)
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_the_page_names_every_example():
    there = {file.name for file in FOLDER.iterdir() if file.is_file()}
    assert set(re.findall(r"`docs/examples/([\w.]+)`", PAGE)) == there
