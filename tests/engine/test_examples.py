"""docs/examples: the one that loads torch, and all of them on a real run of the lab."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import pytest
from transformers import AutoModelForCausalLM

import sapo_studio
from sapo_studio.store.db import Store
from tests.fixtures.command_line import sapo
from tests.fixtures.examples import run_example, run_notebook
from tests.fixtures.synthetic import synthetic_run

matplotlib.use("Agg")


def test_labels_become_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with Store.open(tmp_path / "studio.db") as store:
        synthetic_run(store, iterations=1, trajectories=40, questions=10)
        labeled = store.value("SELECT count(*) FROM labels WHERE source = 'sapo'")
    run_example("prm_dataset.py", "--home", tmp_path, "--epochs", 1)
    said = capsys.readouterr().out
    train, test = re.findall(r"([\d,]+) solutions to train on, ([\d,]+) of other", said)[0]
    assert int(train) + int(test) == labeled
    assert re.search(r"epoch 1: loss \d\.\d+, held out [\d.]+%", said)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_examples_run_on_a_real_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    done = sapo("run", "lab-smoke", "--name", "real", "--set", "runtime.device=cpu")
    assert done.returncode == 0, done.stderr
    run_example("gap_curve.py", "--out", tmp_path / "gap.svg")
    run_example("step_probe.py", "real")
    run_example("prm_dataset.py", "real", "--epochs", 1)
    run_example("questions_won_and_lost.py", "real", "real")
    assert run_notebook("look_at_a_run.ipynb")["run"].name == "real"
    with sapo_studio.open_store() as store:
        made = store.run("real").checkpoint(1)
        assert AutoModelForCausalLM.from_pretrained(made.reasoner).num_parameters() > 0
        assert made.verifier is not None
        assert (made.verifier / "head.safetensors").is_file()
