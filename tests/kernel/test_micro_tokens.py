"""`runtime.micro_tokens`, and what becomes of `runtime.micro_batch`, its name in earlier versions."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sapo_studio.app.experiments.matrix_file import parse_matrix
from sapo_studio.config.changes import changed
from sapo_studio.config.gone import SEQUENCES, TOKENS
from sapo_studio.config.overrides import configure
from sapo_studio.config.schema import parse_config
from sapo_studio.config.text_lengths import longest_text
from sapo_studio.errors import InputError
from sapo_studio.forecast import Machine, ModelShape, forecast
from sapo_studio.forecast.lengths import lengths
from sapo_studio.forecast.memory import Batch, Numerics, micro_tokens_on_cpu, micro_tokens_that_fit, training
from sapo_studio.hardware import Card
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures import old_stores

GIB = 2**30
GSM8K = {"task": {"kind": "gsm8k"}, "model": {"source": "hub:a/b"}}
TEXT = 230 + 320  # the longest of GSM8K, as far as the configuration knows
LAB = 7 + 8 + 4 * 10  # of the lab's problems of 6 to 8 steps
BIG = ModelShape("big", 49_152, 576, 30, 9, 3, 64, 1536, tied=True)


# -- The old name


@pytest.mark.parametrize(
    ("task", "longest"),
    [
        ({"kind": "gsm8k"}, TEXT),
        ({"kind": "gsm8k", "max_new_tokens": 100}, 330),
        ({"kind": "gsm8k", "prompt": "few-shot", "shots": 2}, TEXT + 2 * (95 + 130)),
        ({"kind": "mbpp"}, 300 + 400),
        ({}, LAB),
    ],
)
def test_sequences_become_as_many_tokens_as_the_longest_texts_have(task: dict[str, object], longest: int):
    told: list[str] = []
    found = parse_config({**GSM8K, "task": task, "runtime": {"micro_batch": 8}}, tell=told.append)
    assert found.runtime.micro_tokens == 8 * longest
    (line,) = told
    assert f"{SEQUENCES} = 8 has become {TOKENS} = {8 * longest}" in line
    assert longest_text(found.task) == longest == lengths(found.task).longest


def test_the_whole_batch_becomes_what_memory_has_room_for_and_nothing_is_said():
    told: list[str] = []
    assert parse_config({"runtime": {"micro_batch": 0}}, tell=told.append).runtime.micro_tokens == 0
    assert parse_config({"runtime": {"micro_batch": 0, "micro_tokens": 7}}, tell=told.append).runtime.micro_tokens == 7
    assert not told


@pytest.mark.parametrize("value", [-1, 2.5, "many", True, None])
def test_what_was_never_valid_is_answered_with_the_new_name(value: object):
    with pytest.raises(InputError, match="not valid") as told:
        parse_config({"runtime": {"micro_batch": value}})
    assert f"{SEQUENCES}: no such key; did you mean {TOKENS}?" in told.value.why


def test_both_names_with_different_values_contradict_each_other():
    with pytest.raises(InputError, match=TOKENS) as told:
        parse_config({**GSM8K, "runtime": {"micro_batch": 2, "micro_tokens": 8000}}, source="mine.toml")
    assert "mine.toml" in told.value.what
    assert str(2 * TEXT) in told.value.why
    same = parse_config({**GSM8K, "runtime": {"micro_batch": 2, "micro_tokens": 2 * TEXT}})
    assert same.runtime.micro_tokens == 2 * TEXT


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (["micro_batch=8"], 8 * LAB),
        (["micro_batch=0"], 0),
        (["micro_tokens=500"], 500),
        (["micro_batch=8", "micro_tokens=500"], 500),
        (["micro_tokens=500", "micro_batch=8"], 8 * LAB),
    ],
)
@pytest.mark.parametrize("before", ["micro_batch = 4", "micro_tokens = 70"])
def test_what_is_said_later_wins_under_either_name(tmp_path: Path, settings: list[str], found: int, before: str):
    file = tmp_path / "mine.toml"
    file.write_text(f"[runtime]\n{before}\n", encoding="utf-8")
    wanted = [f"runtime.{setting}" for setting in settings]
    _, config = configure(str(file), wanted, seed=None, name=None)
    assert config.runtime.micro_tokens == found
    was = parse_config({"runtime": {"micro_tokens": 70}})
    assert changed(was, wanted, ())[0].runtime.micro_tokens == found


def test_a_matrix_may_have_the_old_name_in_any_of_its_tables():
    data = {
        "name": "m",
        "preset": "lab-smoke",
        "methods": ["sapo", "omega"],
        "against": "sapo",
        "seeds": [1],
        "set": {"runtime": {"micro_batch": 2}},
    }
    of = {cell.method: cell.config for cell in parse_matrix(data).cells}
    assert {config.runtime.micro_tokens for config in of.values()} == {2 * LAB}
    data["method"] = {"omega": {"runtime": {"micro_batch": 3}}}
    data["tasks"] = {"few": {"runtime": {"micro_tokens": 99}}}
    of = {cell.method: cell.config for cell in parse_matrix(data).cells}
    assert (of["sapo"].runtime.micro_tokens, of["omega"].runtime.micro_tokens) == (99, 3 * LAB)
    data["set"] = {"runtime": {"micro_batch": 2, "micro_tokens": 99}}
    data["tasks"], data["method"] = {}, {}
    with pytest.raises(InputError, match=TOKENS):
        parse_matrix(data)


def test_a_users_file_and_set_say_what_it_has_become(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n[runtime]\nmicro_batch = 4\n[verifier]\nlabels = "current"\n', encoding="utf-8")
    told: list[str] = []
    _, config = configure(str(file), [], seed=None, name=None, tell=told.append)
    assert config.runtime.micro_tokens == 4 * 55
    assert len(told) == 1
    _, config = configure("lab-demo", ["runtime.micro_batch=3"], seed=None, name=None, tell=told.append)
    assert config.runtime.micro_tokens == 3 * 55
    assert len(told) == 2


def test_stored_configurations_and_changes_of_them_are_carried_over(tmp_path: Path):
    path = old_stores.unpacked(6, tmp_path / "studio.db")
    before = sqlite3.connect(path)
    (run_id, text) = before.execute("SELECT id, config FROM runs WHERE kind = 'run' LIMIT 1").fetchone()
    config = json.loads(text)
    config["runtime"]["micro_batch"] = 16
    config["runtime"].pop("micro_tokens", None)
    broken = "{no JSON"
    before.execute("UPDATE runs SET config = ? WHERE id = ?", (json.dumps(config), run_id))
    columns = [name for _, name, *_ in before.execute("PRAGMA table_info(runs)")]
    copied = ["'broken'" if name == "id" else "number + 100" if name == "number" else name for name in columns]
    before.execute(
        f"INSERT INTO runs ({', '.join(columns)}) SELECT {', '.join(copied)} FROM runs WHERE id = ?", (run_id,)
    )
    before.execute("UPDATE runs SET config = ? WHERE id = 'broken'", (broken,))
    before.execute(
        "INSERT INTO config_changes (run_id, at, phase_ordinal, sender, key, before, after) "
        "VALUES (?, 1.0, 1, 'ann', ?, '0', '16')",
        (run_id, SEQUENCES),
    )
    before.commit()
    before.close()
    with Store.open(path) as store:
        longest = longest_text(queries.get_config(store, run_id).task)
        raw = queries.raw_config(store, run_id)
        assert raw["runtime"]["micro_tokens"] == 16 * longest
        assert "micro_batch" not in raw["runtime"]
        (change,) = queries.config_changes(store, run_id)
        assert (change.key, change.before, change.after) == (TOKENS, 0, 16 * longest)
        assert store.value("SELECT config FROM runs WHERE id = 'broken'") == broken


# -- What is taken where nobody says


@pytest.mark.parametrize(
    "how", [Numerics("full", 16, "bf16"), Numerics("full", 16, "fp32"), Numerics("lora", 16, "bf16")]
)
@pytest.mark.parametrize("free", [4 * GIB, 10 * GIB])
def test_a_part_of_what_fits_fits_and_one_and_a_half_of_it_would_not(how: Numerics, free: float):
    length = 320
    found = micro_tokens_that_fit(BIG, how, length, free)

    def beside(tokens: float) -> float:
        parts = training("", BIG, how, Batch(round(tokens / length), length)).parts
        return sum(part.bytes for part in parts if part.name not in ("weights", "adapters"))

    assert 0.75 * free < beside(found) <= free < beside(1.5 * found)
    # Moments that are there already are not allocated again.
    assert micro_tokens_that_fit(BIG, how, length, free, there=8.0 * how.trained(BIG)) > found


def test_no_room_is_one_position_and_plenty_as_many_as_a_card_is_given():
    how = Numerics("full", 16, "bf16")
    assert micro_tokens_that_fit(BIG, how, 320, 0) == micro_tokens_that_fit(BIG, how, 320, -1e9) == 1
    assert micro_tokens_that_fit(BIG, how, 320, 1e15) == 2**16


def test_on_a_cpu_it_is_the_same_whatever_is_free():
    how = Numerics("full", 16, "fp32")
    assert micro_tokens_on_cpu(replace(BIG, layers=1, vocab=60), how, 40) == 8192
    assert 256 < micro_tokens_on_cpu(BIG, how, 320) < 4096
    small = Machine(cores=2, total=24 * GIB, free=20 * GIB, matrix=40e9, bandwidth=8e9)
    open_ = parse_config(GSM8K)
    fixed = parse_config({**GSM8K, "runtime": {"micro_tokens": micro_tokens_on_cpu(BIG, how, TEXT)}})
    assert forecast(open_, BIG, small).memory == forecast(fixed, BIG, small).memory


def test_on_a_card_the_forecast_goes_by_its_free_memory():
    def told(free: int) -> tuple[int, float]:
        card = Card(0, "made up", 96 * GIB, free * GIB, 1e14, 1e12, "made up")
        machine = Machine(2, 64 * GIB, 60 * GIB, matrix=40e9, bandwidth=8e9, cards=(card,))
        found = forecast(parse_config(GSM8K), BIG, machine)
        (line,) = [one for one in found.assumptions if one.startswith("Training: ")]
        tokens = int(line.split()[1].replace(",", ""))
        return tokens, max(peak.bytes for peak in found.memory[0].peaks if peak.use == "Alignment")

    found = [told(free) for free in (8, 16, 32)]
    assert found[0][0] < found[1][0] < found[2][0]
    assert all(taken <= free * GIB for (_, taken), free in zip(found, (8, 16, 32), strict=True))
