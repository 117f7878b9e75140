"""`sapo label-study` and `sapo evaluate` as a person types them, over a small run in a store."""

from __future__ import annotations

import json

import pytest

from sapo_studio import paths
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from tests.fixtures.command_line import sapo
from tests.fixtures.small_run import SMALLEST, config, finished_run


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A data folder with a finished run."""
    home = tmp_path_factory.mktemp("home")
    with Store.open(home / "studio.db") as store:
        settings = config(name="small", **SMALLEST)
        run_id = runs.create_run(store, settings)
        runs.set_status(store, run_id, RunStatus.RUNNING)
        finished_run(store.run_dir(run_id), settings)
        runs.set_status(store, run_id, RunStatus.DONE)
    return home


@pytest.fixture
def there(small, monkeypatch):
    """That data folder, for the program in this process."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(small))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.slow
def test_label_study(there, tmp_path):
    done = sapo("label-study", "small", "--trajectories", "12", "--out", str(tmp_path / "a" / "page"))
    assert done.returncode == 0, done.stderr
    assert "12 incorrect trajectories" in done.stdout
    for name in ("SAPO", "SAPO search", "Omega", "Shepherd", "outcome"):
        assert any(line.startswith(name) for line in done.stdout.splitlines()), name
    page = (tmp_path / "a" / "page" / "results.md").read_text()
    assert "12 incorrect trajectories" in page
    assert "| Shepherd |" in page
    assert "(labelers.svg)" in page
    assert (tmp_path / "a" / "page" / "labelers.svg").read_text().endswith("</svg>\n")
    assert json.loads((tmp_path / "a" / "page" / "results.json").read_text())["run"] == "small-1"
    done = sapo("label-study", "small", "--trajectories", "12", "--json")
    assert json.loads(done.stdout)["run"] == "small-1"


@pytest.mark.slow
def test_evaluate(there, tmp_path):
    out = ("--out", str(tmp_path))
    done = sapo("evaluate", "small", "--best-of", "4", "--questions", "10", "--matrix", "--trajectories", "10", *out)
    assert done.returncode == 0, done.stderr
    for words in ("V_1 of small-1", "ProcessBench F1", "Reliability", "best of N by the verifier", "M_1"):
        assert words in done.stdout
    assert {file.name for file in tmp_path.iterdir()} == {"results.md", "results.json", "verifier.svg"}
    done = sapo("evaluate", "small", "small", "--verifier", "0", "--json")
    found = json.loads(done.stdout)
    assert (found["verifier"], found["run"]) == (0, "small-1, small-1")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("label-study", "nothing"), "There is no run 'nothing'"),
        (("label-study", "small", "--lengths", "4;8"), "is not a list of numbers"),
        (("evaluate", "small", "--verifier", "5"), "no verifier V_5"),
        (("evaluate", "--benchmark", "nowhere.jsonl"), "nothing to evaluate"),
        (("evaluate", "small", "--verifier", "prm", "--matrix"), "a process benchmark alone"),
        (("evaluate", "--verifier", "prm", "--benchmark", "b.jsonl", "--best-of", "4"), "a process benchmark alone"),
        (("label-study", "small", "--out", f"{__file__}/page"), "Cannot make the folder"),
        (("evaluate", "small", "--out", f"{__file__}/page"), "Cannot make the folder"),
    ],
)
def test_bad_input_is_told_in_three_parts(there, arguments, what):
    done = sapo(*arguments)
    assert done.returncode == 2
    assert what in done.stderr
    assert "Traceback" not in done.stderr
