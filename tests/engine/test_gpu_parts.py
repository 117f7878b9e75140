"""The frame of `make gpu-check`: what does not fit or fails is said, and the rest goes on; the page says all of it."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture
def parts(monkeypatch):
    """The modules of the check by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("PYTHONPATH", "")
    yield lambda name: importlib.import_module(f"gpu_parts.{name}")
    for name in [name for name in sys.modules if name.split(".")[0] == "gpu_parts"]:
        del sys.modules[name]


def fails(_):
    raise RuntimeError("no kernel | here")


def test_what_does_not_fit_or_fails_is_said_and_the_rest_goes_on(parts, tmp_path):
    check_, file = parts("check"), tmp_path / "gpu.json"
    check = check_.Check(torch.device("cpu"), dry=False, budget=100.0, file=file)
    made = []
    share = lambda one: made.append(one) or len(made)  # noqa: E731
    cases = [
        check_.Case("long", "a", 1000, lambda _: {}),
        check_.Case("broken", "a", 1, fails),
        check_.Case("without", "a", 1, fails, needs=("no_such_package",)),
        check_.Case("on a card", "a", 1, fails, card="a card alone can tell"),
        check_.Case("first", "b", 1, lambda one: {"shared": one.ground(share)}),
        check_.Case("second", "b", 1, lambda one: {"shared": one.ground(share)}),
        check_.Case("third", "c", 1, lambda one: {"shared": one.ground(share)}),
    ]
    check.say(case="machine", card="none", cores=1, torch="2")
    check.run(cases)
    found = json.loads(file.read_text())
    assert found == parts("document").document(check.rows)
    assert (found["machine"], found["versions"]) == ({"card": "none", "cores": 1}, {"torch": "2"})
    by_name = {row["case"]: row for row in found["cases"]}
    left_out = {row["case"]: row["why"] for row in found["left_out"]}
    assert left_out["long"].endswith("s left, 1000 needed")
    assert left_out["without"] == "no_such_package not installed"
    assert left_out["on a card"] == "a card alone can tell"
    assert "no kernel" in by_name["broken"]["error"]
    assert [by_name[name]["shared"] for name in ("first", "second", "third")] == [1, 1, 2]
    assert found["failed"] == ["broken"]
    assert not found["complete"]
    page = parts("page").page(found)
    assert "| broken | **failed**: RuntimeError: no kernel \\| here |" in page
    assert "* without: no_such_package not installed" in page
    assert "cut off" in page
    assert "cut off" not in parts("page").page(parts("document").document([*check.rows, {"case": "end"}]))


def test_waits_are_counted(parts):
    count = parts("waits").count_waits
    tensor = torch.arange(6)
    assert count(torch.device("cpu"), lambda: tensor + 1) == 0
    assert count(torch.device("cpu"), lambda: (tensor.sum().item(), tensor[tensor > 2])) == 2


def test_trl_trains_on_the_same_tokens(parts):
    trainers = parts("trl_trainers")
    tokens = (2, 96, 7, 7, 40)
    assert tuple(trainers.words_tokenizer(97)(trainers.words(tokens))["input_ids"]) == tokens


def test_what_can_wait_is_among_the_cases_and_every_case_comes_once(parts):
    cases = parts("cases")
    names = [case.name for case in cases.CASES]
    assert set(names) >= cases.LATER
    assert len(names) == len(set(names))
    assert set(names[-len(cases.LATER) :]) == cases.LATER
