"""The registry of labelers: everybody's list is made from it, and a further one is a file and its name in the list."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain import labelers
from sapo_studio.domain.labelers.base import CheckLimits, Labeler, WrongTrajectory
from sapo_studio.domain.labelers.registry import (
    ALL,
    CASES,
    CHOICES,
    COMPARED,
    LABELERS,
    NONE,
    START_CHOICES,
)
from sapo_studio.domain.labels import from_first_error, simulate
from sapo_studio.errors import InputError

ROOT = Path(__file__).parents[2]
FOLDER = Path(labelers.__file__).parent


def field(name: str) -> dict[str, object]:
    return RunConfig.model_json_schema()["$defs"]["LabelingConfig"]["properties"][name]


def test_what_a_run_may_be_labelled_by():
    assert CHOICES == ("sapo", "omega", "shepherd", "outcome", "none")
    assert START_CHOICES == ("omega", "shepherd", "outcome")
    assert tuple(COMPARED) == ("sapo", "omega", "shepherd")
    assert tuple(LABELERS) == ("sapo", "search", "omega", "shepherd", "outcome")


def test_every_file_of_a_labeler_is_registered():
    there = {file.stem for file in FOLDER.glob("*.py")} - {"__init__", "base", "beforehand", "registry"}
    made = {
        file.stem
        for file in FOLDER.glob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and "Labeler" in ast.dump(node.value.func)
    }
    assert there == made
    assert len(ALL) == len(LABELERS) == len(there)
    assert all(isinstance(labeler, Labeler) and labeler.title and labeler.help for labeler in ALL)
    assert NONE not in LABELERS


def test_no_two_labelers_share_a_case():
    assert len(CASES) == sum(len(labeler.cases) for labeler in ALL)


def test_the_configuration_takes_the_registered_ones_alone():
    assert field("labeler")["enum"] == list(CHOICES)
    assert field("start_labeler")["enum"] == list(START_CHOICES)
    for name, choices in (("labeler", CHOICES), ("start_labeler", START_CHOICES)):
        for key in choices:
            settings = {"labeling": {name: key}, "optimiser": {"reward": "answer"}}
            assert getattr(parse_config(settings).labeling, name) == key
        for wrong in ("search", "Sapo", "", 3, None):
            with pytest.raises(InputError) as caught:
                parse_config({"labeling": {name: wrong}})
            listed = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
            assert caught.value.why == f"labeling.{name}: should be {listed} (given: {wrong!r})"


def test_the_help_explains_every_choice():
    told = str(field("labeler")["description"])
    assert all(f"`{key}`: " in told for key in CHOICES)
    assert all(f"`{labeler.key}`: {labeler.help}." in told for labeler in ALL if labeler.configured)


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 20), st.sampled_from([2, 5, 64]))
def test_each_labels_a_trajectory_and_names_a_case_of_its_own(n: int, error: int, predicted: int, checks: int):
    error, predicted = 1 + error % n, 1 + predicted % n
    known = set(CASES)
    for labeler in ALL:
        trajectory = WrongTrajectory(n, predicted, [1 - step / n for step in range(1, n + 1)])
        limits = CheckLimits(max_checks=checks)
        asked = labeler.asked(trajectory, limits, error)
        if not labeler.rolls_out:
            assert asked == []
            with pytest.raises(ValueError, match="makes no checks"):
                labeler.make_checks(trajectory, limits)
            continue
        verdict, again = simulate(labeler.make_checks(trajectory, limits), lambda prefix: prefix < error)
        assert again == asked
        assert len(verdict.labels) == n
        assert verdict.case in known
        assert all(0 <= prefix < n for prefix in asked)
        if not labeler.guided:  # the truth is as they take it to be
            assert (verdict.labels, verdict.verified) == (from_first_error(error, n), error)


def test_what_no_verifier_guides_asks_the_same_whatever_is_predicted():
    seen = [WrongTrajectory(9, p, [0.8] * (p - 1) + [0.4] * (10 - p)) for p in range(1, 10)]
    for labeler in ALL:
        found = {tuple(labeler.asked(trajectory, CheckLimits(), 5)) for trajectory in seen}
        assert (len(found) > 1) == labeler.guided


FURTHER = '''"""Last step first: checks the longest prefix, then the one before it, until one is right."""

from __future__ import annotations

from sapo_studio.domain.labelers.base import Labeler
from sapo_studio.domain.labels import Checks, Verdict, from_first_error


def backwards(n: int) -> Checks:
    """From the end to the first prefix that can be saved."""
    for prefix in range(n - 1, 0, -1):
        if (yield prefix):
            return Verdict(from_first_error(prefix + 1, n), "walked", 0, prefix + 1)
    return Verdict(from_first_error(1, n), "walked", 0, 1)


BACKWARDS = Labeler(
    key="backwards",
    title="Backwards",
    help="from the last step to the first that holds",
    checks=lambda trajectory, _: backwards(trajectory.n),
    cases={"walked": "Walked (Backwards)"},
    series=3,
)
'''
LOOKED_AT = """
import json
from sapo_studio.app.reports.run_report import ALWAYS
from sapo_studio.app.studies.labeling_page import LOOKS
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import find_preset, parse_toml, to_toml
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.forecast import Machine, find_shape, forecast
from sapo_ui.features.new_run import form_spec
from sapo_ui.wording import CASES

config = parse_config({"labeling": {"labeler": "backwards", "start_labeler": "backwards"}})
fields = {field.path: field for field in form_spec.fields()}
found = forecast(config, find_shape(config), Machine(2, 24 << 30, 20 << 30, 4e10, 8e9))
print(json.dumps({
    "choices": fields["labeling.labeler"].choices,
    "start": fields["labeling.start_labeler"].choices,
    "help": fields["labeling.labeler"].help,
    "toml": parse_toml(to_toml(config))[0].labeling.labeler,
    "bills": {bill.labeler: [bill.chosen, bill.tokens] for bill in found.bills},
    "cases": dict((value, words) for words, value in CASES),
    "study": list(LOOKS),
    "title": METRICS["label_tokens_backwards"].title,
}))
"""


def test_a_further_labeler_is_one_file_and_its_name_in_the_registry(tmp_path: Path):
    for package in ("sapo_studio", "ui/sapo_ui", "resources"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "sapo_studio" / "domain" / "labelers"
    (folder / "backwards.py").write_text(FURTHER, encoding="utf-8")
    registry = folder / "registry.py"
    text = registry.read_text(encoding="utf-8")
    text = text.replace("    OUTCOME,\n", "    OUTCOME,\n    BACKWARDS,\n")
    first = "from sapo_studio.domain.labelers.base import Labeler\n"
    text = text.replace(first, "from sapo_studio.domain.labelers.backwards import BACKWARDS\n" + first)
    registry.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", LOOKED_AT],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(tmp_path / "ui")))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["choices"] == ["sapo", "omega", "shepherd", "outcome", "backwards", "none"]
    assert told["start"] == ["omega", "shepherd", "outcome", "backwards"]
    assert "`backwards`: from the last step to the first that holds." in told["help"]
    assert told["toml"] == "backwards"
    assert told["bills"]["backwards"][0] is True
    assert told["bills"]["omega"][1] < told["bills"]["backwards"][1]
    assert told["cases"]["walked"] == "Walked (Backwards)"
    assert told["study"][-1] == "backwards"
    assert "Backwards" in told["title"]
