"""`sapo report | runs | export | presets | doctor | rename | delete`: what they print, and their exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sapo_studio import cli
from sapo_studio.app import diagnosis
from sapo_studio.config.presets import parse_toml, save_preset
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.formats import processbench
from sapo_studio.formats.registry import read_file
from sapo_studio.store import annotations, queries
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run


class Sapo:
    """Runs `sapo ARGUMENTS` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.argv", ["sapo", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        told = self._capsys.readouterr()
        return code, told.out, told.err


@pytest.fixture
def sapo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Sapo:
    return Sapo(capsys, monkeypatch)


@pytest.fixture
def run_id(store: Store) -> str:
    return synthetic_run(store, name="lab demo", trajectories=24, questions=8)


def test_report_as_json(sapo: Sapo, store: Store, run_id: str):
    code, out, _ = sapo("report", run_id, "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    assert (found["run_id"], found["status"], len(found["iterations"])) == (run_id, "done", 4)
    metrics = queries.metrics(store, run_id)
    for iteration in found["iterations"]:
        own = metrics[iteration["iteration"]]
        for name in ("greedy_accuracy", "sampled_accuracy", "verifier_step_accuracy", "mce", "gap"):
            assert iteration[name] == own[name].value
            assert iteration["intervals"][name] == [own[name].low, own[name].high]
        assert set(iteration["label_cost"]) == {"sapo", "omega", "shepherd"}
        for labeler, cost in iteration["label_cost"].items():
            assert cost["rollouts"] == own[f"label_rollouts_{labeler}"].value
            assert cost["tokens"] == own[f"label_tokens_{labeler}"].value
            really_used = "omega" if iteration["iteration"] == 0 else "sapo"
            assert cost["estimate"] == (labeler != really_used)
        assert not [name for name in iteration if name.startswith("label_tokens")]
    assert found["iterations"][0]["self_verification_error"] is None
    assert found["iterations"][3]["self_verification_error"] == metrics[3]["self_verification_error"].value


def test_report_as_a_table(sapo: Sapo, run_id: str):
    code, out, _ = sapo("report")
    assert code == 0
    assert "lab demo (lab-demo-1): done" in out
    (gap,) = [line for line in out.splitlines() if line.startswith("Gap, points")]
    assert gap.split() == ["Gap,", "points", "7.5", "±2.0", "5.2", "±2.0", "2.9", "±2.0", "0.6", "±2.0"]
    (shepherd,) = [line for line in out.splitlines() if "shepherd" in line]
    assert "~" in shepherd


def test_reports_of_runs_that_have_nothing_yet(sapo: Sapo, store: Store):
    run_id = synthetic_run(store, status=RunStatus.QUEUED)
    assert json.loads(sapo("report", run_id, "--json")[1])["iterations"] == []
    assert "measured nothing yet" in sapo("report", run_id)[1]


def test_runs(sapo: Sapo, store: Store, run_id: str):
    other = synthetic_run(store, status=RunStatus.FAILED, trajectories=24, questions=8)
    code, out, _ = sapo("runs", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(line["run_id"], line["status"]) for line in lines] == [(other, "failed"), (run_id, "done")]
    shown = sapo("runs")[1]
    assert "100 %" in shown
    assert other in shown
    for one in (other, run_id):
        sapo("archive", one)
    assert sapo("runs")[1] == "All runs are in the archive or in the bin: sapo runs --archived, sapo bin list\n"
    assert sapo("runs", "--tag", "none")[1] == "No run is so. `sapo runs` lists the others.\n"


def test_nothing_there_yet(sapo: Sapo, home: Path):
    assert sapo("runs") == (0, "No runs yet. Start one: sapo run lab-demo\n", "")
    code, out, err = sapo("report", "last")
    assert (code, out) == (2, "")
    assert "There is no store" in err
    assert not home.exists()


def test_export_processbench(sapo: Sapo, store: Store, run_id: str, tmp_path: Path):
    target = tmp_path / "steps.jsonl"
    code, _, err = sapo("export", run_id, "processbench", "-o", str(target))
    assert code == 2
    assert "Nobody has annotated" in err
    assert list(tmp_path.glob("steps*")) == []
    identity = int(queries.trace_ids(store, queries.TraceFilter(run_id))[0])
    annotations.annotate(store, identity, "ann", {1: -1})
    assert sapo("export", run_id, "processbench", "-o", str(target))[0] == 0
    assert json.loads(target.read_text())["label"] == 0
    (solution,) = read_file(target)
    assert solution.first_error == 1
    out = sapo("export", run_id, "processbench", "--labels", "oracle", "--source", "process")[1]
    assert len(list(processbench.FORMAT.read(out.splitlines()))) == 8


def test_export_trajectories(sapo: Sapo, store: Store, run_id: str):
    out = sapo("export", run_id, "trajectories")[1]
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == store.value("SELECT count(*) FROM trajectories")
    for line in lines[:40]:
        assert all(len(scores) == len(line["steps"]) for scores in line["scores"].values())
        assert all(len(labels) == len(line["steps"]) for labels in line["labels"].values())
    only = sapo("export", run_id, "trajectories", "--iteration", "2", "--source", "sample")[1]
    assert {(json.loads(line)["iteration"], json.loads(line)["source"]) for line in only.splitlines()} == {
        (2, "sample")
    }
    assert sapo("export", run_id, "trajectories", "--iteration", "9")[0] == 2


def test_export_metrics_and_config(sapo: Sapo, store: Store, run_id: str):
    rows = list(csv.DictReader(io.StringIO(sapo("export", run_id, "metrics")[1])))
    metrics = queries.metrics(store, run_id)
    assert len(rows) == sum(map(len, metrics.values()))
    for row in rows:
        value = metrics[int(row["iteration"])][row["name"]]
        assert (float(row["value"]), row["estimate"]) == (value.value, str(int(value.estimate)))
    assert parse_toml(sapo("export", run_id, "config")[1])[0] == queries.get_config(store, run_id)


def test_export_model(sapo: Sapo, store: Store, run_id: str, tmp_path: Path):
    target = tmp_path / "model"
    assert sapo("export", run_id, "model")[0] == 2
    code, _, err = sapo("export", run_id, "model", "-o", str(target))
    assert code == 1
    assert "no longer" in err
    for phase in queries.phases(store, run_id):
        if phase.name in ("sft", "align"):
            folder = store.run_dir(run_id) / "artefacts" / phase.artefact / "model"
            folder.mkdir(parents=True)
            (folder / "config.json").write_text(str(phase.iteration))
    assert sapo("export", run_id, "model", "-o", str(target))[0] == 0
    assert (target / "config.json").read_text() == "3"
    assert sapo("export", run_id, "model", "-o", str(target))[0] == 2  # never over something
    assert sapo("export", run_id, "model", "--iteration", "0", "-o", str(tmp_path / "first"))[0] == 0
    assert (tmp_path / "first" / "config.json").read_text() == "0"
    assert sapo("export", run_id, "model", "--iteration", "7", "-o", str(tmp_path / "x"))[0] == 2


def test_export_model_of_a_lora_run_is_its_adapter(sapo: Sapo, store: Store, run_id: str, tmp_path: Path):
    for phase in queries.phases(store, run_id):
        if phase.name in ("sft", "align"):
            folder = store.run_dir(run_id) / "artefacts" / phase.artefact / "adapter"
            folder.mkdir(parents=True)
            (folder / "adapter_config.json").write_text(str(phase.iteration))
    code, _, told = sapo("export", run_id, "model", "-o", str(tmp_path / "mine"))
    assert code == 0, told
    assert (tmp_path / "mine" / "adapter_config.json").read_text() == "3"
    assert f"a peft adapter for {queries.get_config(store, run_id).model.source}" in " ".join(told.split())


def test_a_model_is_exported_to_a_new_folder_alone(
    sapo: Sapo, store: Store, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for phase in queries.phases(store, run_id):
        if phase.name in ("sft", "align"):
            (store.run_dir(run_id) / "artefacts" / phase.artefact / "model").mkdir(parents=True)
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "model.partial").mkdir()
    (tmp_path / "model.partial" / "mine").write_text("kept")
    places = ["", ".", "/", "/dev/null", "file", "folder", "pipe", "dangling", "file/model", "new/..", "a\0b"]
    monkeypatch.chdir(tmp_path)
    before = sorted(one.name for one in tmp_path.iterdir())
    for place in places:
        code, _, told = sapo("export", run_id, "model", "-o", place)
        assert (place, code) == (place, 2), told
        assert sorted(one.name for one in tmp_path.iterdir()) == before, place
    assert sapo("export", run_id, "model", "-o", "model")[0] == 0
    assert (tmp_path / "model").is_dir()
    assert (tmp_path / "model.partial" / "mine").read_text() == "kept"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert sapo("export", run_id, "model", "-o", "~/deep/er")[0] == 0
    assert (tmp_path / "deep" / "er").is_dir()


def test_export_to_a_place_that_is_not_there(sapo: Sapo, run_id: str, tmp_path: Path):
    code, _, err = sapo("export", run_id, "metrics", "-o", str(tmp_path / "no" / "where.csv"))
    assert code == 1
    assert "Cannot write" in err


def test_a_preset_of_ones_own_is_deleted(sapo: Sapo):
    save_preset("mine", RunConfig(name="mine"))
    assert sapo("presets", "mine")[0] == 0
    assert sapo("presets", "--delete", "mine")[0] == 0
    assert sapo("presets", "mine")[0] == 2
    for name in ("mine", "lab-demo", "../x"):  # gone, not one's own, no name at all
        code, _, err = sapo("presets", "--delete", name)
        assert code == 2
        assert "no preset" in err
    assert sapo("presets", "lab-demo")[0] == 0


def test_presets(sapo: Sapo):
    lines = [json.loads(line) for line in sapo("presets", "--json")[1].splitlines()]
    assert {"lab-smoke", "lab-demo", "lab-full"} <= {line["name"] for line in lines}
    config, about = parse_toml(sapo("presets", "lab-demo")[1])
    assert about.title
    assert json.loads(sapo("presets", "lab-demo", "--json")[1])["config"] == config.model_dump(mode="json")
    code, _, err = sapo("presets", "lab-demoo")
    assert code == 2
    assert "Did you mean lab-demo?" in err


def test_rename_and_delete(sapo: Sapo, store: Store, run_id: str):
    assert sapo("rename", run_id, "long chains")[0] == 0
    assert queries.get_run(store, run_id).name == "long chains"
    assert sapo("delete", "long chains", "--yes")[0] == 0
    assert queries.list_runs(store) == []


def test_doctor(sapo: Sapo, home: Path, run_id: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist names its terminal's; a pipe has none
    code, out, _ = sapo("doctor", "--json")
    found = {check["name"]: check for check in json.loads(out)["checks"]}
    assert (code, json.loads(out)["ready"]) == (0, True)
    assert {"python", "sqlite", "torch", "vllm", "sandbox", "data folder", "store", "presets"} <= set(found)
    assert "1 run," in found["store"]["finding"]
    assert str(home) in found["data folder"]["finding"]
    shown = sapo("doctor")[1]
    assert "lab-demo" in shown
    lines = shown.splitlines()
    assert not [line for line in lines if line != line.rstrip()], "in a pipe nothing is filled up with spaces"
    place = lines[0].index(sys.version.split()[0])
    advice = next(check["advice"] for check in json.loads(out)["checks"] if check["advice"])
    assert " " * place + advice in lines, "below what was found, however long other findings are"


def test_doctor_finds_what_is_wrong(sapo: Sapo, home: Path):
    home.mkdir(parents=True)
    (home / "studio.db").write_bytes(os.urandom(8192))
    code, out, _ = sapo("doctor", "--json")
    assert (code, json.loads(out)["ready"]) == (1, False)
    (bad,) = [check for check in json.loads(out)["checks"] if check["state"] == "bad"]
    assert (bad["name"], bool(bad["advice"])) == ("store", True)


@pytest.mark.parametrize(
    ("version", "state"), [((3, 40, 1), "note"), ((3, 51, 2), "note"), ((3, 51, 3), "good"), ((3, 52, 0), "good")]
)
def test_doctor_knows_the_sqlite_versions_with_the_bug(version: tuple[int, ...], state: str):
    assert diagnosis.sqlite_check(version).state == state
