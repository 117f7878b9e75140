"""What a configuration names of this disk: whole paths, wherever a configuration comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sapo_studio.app.experiments.matrix_file import read_matrix
from sapo_studio.config.places import beside, whole_paths
from sapo_studio.config.presets import read_preset, save_preset
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.errors import InputError
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store


def config(**task: str) -> RunConfig:
    return parse_config({"task": {"kind": "gsm8k", **task}, "model": {"source": "model"}})


@pytest.mark.parametrize("source", ["fresh", "bundled:lab", "hub:owner/name"])
def test_what_is_no_path_stays(source: str):
    given = parse_config({"model": {"source": source}, "task": {"train_data": "hub:owner/name:train"}})
    assert whole_paths(given) == given
    assert beside(given, Path("/")) == given


def test_every_field_that_a_file_is_picked_for_is_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    found = whole_paths(config(train_data="a.jsonl", test_data="../b.jsonl", process_data="c/d.json"))
    task = found.task
    assert [found.model.source, task.train_data, task.test_data, task.process_data] == [
        str(tmp_path / name) for name in ("model", "a.jsonl", "../b.jsonl", "c/d.json")
    ]
    assert whole_paths(found) == found


def test_beside_a_file_is_what_is_there(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text("")
    found = beside(config(train_data="a.jsonl", test_data="b.jsonl"), tmp_path)
    assert (found.task.train_data, found.task.test_data) == (str(tmp_path / "a.jsonl"), "b.jsonl")


def test_a_run_keeps_whole_paths_whoever_makes_it(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    run_id = runs.create_run(store, config(train_data="a.jsonl"))
    assert queries.get_config(store, run_id).task.train_data == str(tmp_path / "a.jsonl")
    with pytest.raises(InputError, match="path"):
        runs.create_run(store, config(train_data="~nobody-of-this-name/a.jsonl"))


def test_a_preset_of_ones_own_means_the_same_from_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    kept = read_preset(save_preset("mine", config(train_data="a.jsonl")))
    assert kept.config.task.train_data == str(tmp_path / "a.jsonl")


def test_a_matrix_names_files_from_its_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "train.jsonl").write_text("")
    (tmp_path / "model").mkdir()
    file = tmp_path / "matrix.toml"
    file.write_text(
        'name = "m"\npreset = "lab-smoke"\nmethods = ["sapo"]\nseeds = [0]\n'
        '[set]\nmodel.source = "model"\n[tasks.gsm]\ntask.kind = "gsm8k"\n'
        'task.train_data = "train.jsonl"\ntask.test_data = "test.jsonl"\n'
    )
    (cell,) = read_matrix(file).cells
    assert cell.config.model.source == str(tmp_path / "model")
    assert cell.config.task.train_data == str(tmp_path / "train.jsonl")
    assert cell.config.task.test_data == str(tmp_path / "here" / "test.jsonl")
