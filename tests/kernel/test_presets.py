"""Presets and configuration files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.config.presets import (
    About,
    delete_preset,
    find_preset,
    line_of,
    list_presets,
    parse_toml,
    read_preset,
    save_preset,
    to_toml,
)
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError


def test_shipped_presets_are_valid_and_described():
    known = {preset.name: preset for preset in list_presets()}
    assert {"lab-smoke", "lab-demo", "lab-full"} <= set(known)
    for preset in known.values():
        assert preset.shipped
        assert preset.description
        # Nobody has timed those for cards; the others say how long they take on two cores.
        assert (preset.minutes is None) == (preset.config.runtime.device == "cuda")


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    seed=st.integers(0, 2**31 - 1),
    rate=st.floats(1e-9, 1.0),
    labeler=st.sampled_from(["sapo", "omega", "shepherd", "outcome"]),
)
def test_toml_brings_back_an_equal_configuration(name: str, seed: int, rate: float, labeler: str):
    config = RunConfig.model_validate(
        {"name": name, "seed": seed, "optimiser": {"learning_rate": rate}, "labeling": {"labeler": labeler}}
    )
    assert parse_toml(to_toml(config, About(title=name)))[0] == config


def test_own_presets_are_kept_found_and_deleted():
    config = RunConfig(name="mine", seed=5)
    path = save_preset("mine", config, About(title="Mine", minutes=3))
    found = find_preset("mine")
    assert (found.config, found.title, found.minutes, found.shipped) == (config, "Mine", 3, False)
    assert find_preset(str(path)).config == config
    assert "mine" in [preset.name for preset in list_presets()]
    delete_preset("mine")
    with pytest.raises(InputError, match="no preset"):
        delete_preset("mine")


@pytest.mark.parametrize("name", ["", "../x", "a b", ".hidden", "lab-demo", "x" * 65])
def test_names_that_cannot_be_taken(name: str):
    with pytest.raises(InputError):
        save_preset(name, RunConfig())


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError) as caught:
        find_preset("lab-dem")
    assert "Did you mean lab-demo?" in caught.value.fix
    assert "lab-smoke" in caught.value.why


def test_faults_carry_file_line_and_key(tmp_path: Path):
    file = tmp_path / "wrong.toml"
    file.write_text('name = "x"\n\n[sampling]\nsamples = 0\nsampels = 3\n\n[optimizer]\nkind = "orpo"\n')
    with pytest.raises(InputError) as caught:
        read_preset(file)
    assert caught.value.why.splitlines() == [
        f"{file}:4: sampling.samples: should be at least 1 (given: 0)",
        f"{file}:5: sampling.sampels: no such key; did you mean sampling.samples?",
        f"{file}:7: optimizer: no such key; did you mean optimiser?",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = [", "not valid TOML"),
        ("[preset]\nautor = 'x'\n", "is not valid"),
        ("[preset]\nminutes = -1\n", "is not valid"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, expected: str):
    file = tmp_path / "file.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=expected):
        read_preset(file)


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        read_preset(tmp_path / "missing.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_preset(tmp_path / "binary.toml")


def test_one_bad_file_does_not_hide_the_others(home: Path):
    (home / "presets").mkdir(parents=True)
    (home / "presets" / "broken.toml").write_text("seed = -1")
    faults: list[InputError] = []
    assert len(list_presets(faults.append)) >= 3
    assert [fault.what for fault in faults] == [f"{home / 'presets' / 'broken.toml'} is not valid"]


def test_lines_of_dotted_and_quoted_keys():
    text = 'sampling.samples = 3\n[ "task" ]\n  "min_steps" = 4\n'
    assert line_of(text, "sampling.samples") == 1
    assert line_of(text, "task") == 2
    assert line_of(text, "task.min_steps") == 3
    assert line_of(text, "task.max_steps") is None
