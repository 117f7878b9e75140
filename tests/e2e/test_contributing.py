"""The worked examples of CONTRIBUTING.md: each is taken out of the page, put into a copy of the program and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sapo_studio.formats import processbench
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
ROOTS = (".", "ui", "engine")


def section(title: str) -> str:
    """The part of the page below a heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found, f"CONTRIBUTING.md has no section {title}"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def registered(text: str, hunk: str) -> str:
    """`text` with the lines that `hunk` adds between lines that are there. They are there exactly once."""
    lines = hunk.strip("\n").split("\n")
    before = "\n".join(line[1:] for line in lines if line[0] == " ")
    after = "\n".join(line[1:] for line in lines)
    assert all(line[0] in " +" for line in lines)
    assert text.count(f"{before}\n") == 1, f"not there, or more than once:\n{before}"
    return text.replace(f"{before}\n", f"{after}\n")


CALLED = """
import json, sys
from tests.fixtures.command_line import said

print(json.dumps([said(*line) for line in json.loads(sys.argv[1])]))
"""


class Program:
    """A copy of the program with examples in it, and a data folder of its own."""

    def __init__(self, folder: Path, *examples: str) -> None:
        self.folder = folder / "program"
        self.home = folder / "home"
        # What is compiled of it is copied, too: it is as old as its source there, and is not compiled again.
        for package in ("sapo_studio", "ui/sapo_ui", "engine/sapo_engine"):
            shutil.copytree(ROOT / package, self.folder / package)
        (self.folder / "resources").symlink_to(ROOT / "resources", target_is_directory=True)
        (self.folder / "tests").symlink_to(ROOT / "tests", target_is_directory=True)
        self.files = [self._put(section(example)) for example in examples]

    def _put(self, example: str) -> Path:
        """Make the example's file and register it."""
        (code,) = blocks(example, "python")
        (change,) = blocks(example, "diff")
        file = self.folder / code.removeprefix("# ").partition("\n")[0]
        assert not file.exists(), "an example is a file of its own"
        file.write_text(code, encoding="utf-8")
        name, _, hunks = change.removeprefix("--- ").partition("\n")
        registry = self.folder / name
        text = registry.read_text(encoding="utf-8")
        for hunk in hunks.split("@@\n"):
            text = registered(text, hunk)
        registry.write_text(text, encoding="utf-8")
        return file

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy."""
        found = os.pathsep.join(str(self.folder / root) for root in ROOTS)
        more = {"PYTHONPATH": found, "SAPO_STUDIO_HOME": str(self.home), "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(
            [sys.executable, *arguments], env=os.environ | more, cwd=self.folder, capture_output=True, text=True,
            check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done

    def sapo(self, *lines: tuple[str, ...]) -> list[tuple[int, str, str]]:
        """Call the command line in the copy, line after line: the exit code of each, what it printed, and its errors.
        One process for all of them."""
        return [tuple(said) for said in self.told(CALLED, json.dumps(lines))]

    def told(self, script: str, *arguments: str) -> Any:
        """What a script prints as its last line, read as JSON."""
        return json.loads(self.python("-c", script, *arguments).stdout.splitlines()[-1])


def test_the_examples_keep_to_the_rules(tmp_path: Path):
    examples = re.findall(r"^## (A.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert examples == ["A labeler", "A task kind", "An export format", "A panel"]
    made = Program(tmp_path, *examples)
    shutil.copy(ROOT / "pyproject.toml", made.folder)
    for command in (["check"], ["format", "--check"]):
        made.python("-m", "ruff", *command, *map(str, made.files))
    contracts = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    assert "0 broken" in made.python("-c", contracts).stdout


LABELED = """
import json, sys
import torch
from pathlib import Path
from sapo_engine.labeling.labelers import checker_for, make_checks, run_labeler
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory_builder import TrajectoryDraft
from tests.fixtures.small_run import config

torch.set_num_threads(1)
settings = config(labeling={"labeler": "backward", "start_labeler": "backward"})
session = RunSession(settings, Path(sys.argv[1]), torch.device("cpu"))
model = session.start()
questions = session.task.questions("train")[:12]
answers = session.sampler.sample(model, questions, "sample 1", 4)
drafts = [
    TrajectoryDraft(question, answer.tokens, number=number, iteration=1)
    for number, (question, answer) in enumerate((q, a) for q, found in zip(questions, answers) for a in found)
]
wrong = [trajectory for trajectory in session.builder.trajectories(drafts) if not trajectory.correct]
checker = checker_for(session, model, 1, settings.labeling.rollouts, settings.labeling.wave)
labeled, usage = run_labeler(
    wrong, lambda _, t: make_checks(settings.labeling, "backward", t, None, 0), checker
)
session.close()
verdicts = [(one.verdict.labels, one.verdict.case, one.verdict.verified, one.trajectory.n) for one in labeled]
print(json.dumps([[len(wrong), usage.sequences], verdicts]))
"""


@pytest.mark.slow  # loads torch
def test_a_labeler(tmp_path: Path):
    made = Program(tmp_path, "A labeler")
    (count, rollouts), verdicts = made.told(LABELED, str(tmp_path / "run"))
    assert count == len(verdicts) > 5
    assert rollouts >= count
    for labels, case, verified, steps in verdicts:
        assert case == "backward"
        assert labels == "1" * (verified - 1) + "0" * (steps - verified + 1)
    assert len({verified for *_, verified, _ in verdicts}) > 1
    dry = ("run", "lab-smoke", "--dry-run", "--json", "--set")
    forecast, refused = made.sapo((*dry, "labeling.labeler=backward"), (*dry, "labeling.labeler=backwards"))
    assert any(bill["labeler"] == "backward" and bill["chosen"] for bill in json.loads(forecast[1])["bills"])
    assert refused[0] == 2
    assert "'backward' or 'none'" in refused[2]


RIDDLES = [
    {"question": f"Is {number} even?", "answer": "no" if number % 2 else "Yes", "solution": f"{number} ends in "
     f"{number % 10}.\n{'No' if number % 2 else 'Yes'}."}
    for number in range(80)
]  # fmt: skip
WRITTEN = """
import json, sys
from sapo_engine.tasks import make_task
from sapo_studio.config.schema import parse_config
from sapo_studio.forecast.lengths import lengths

given = {"kind": "yes_no", "train_data": sys.argv[1]}
config = parse_config({"task": given, "model": {"source": "bundled:lab"}}).task
task = make_task(config, 0)
question = task.questions("train")[0]
right, wrong = ("yes", "no") if question.answer == "yes" else ("no", "yes")
grades = task.grade([(question, f"Let me see.\\n{right.title()}!"), (question, wrong), (question, "Perhaps.")])
task.close()
print(json.dumps({
    "prompt": task.prompt(question), "steps": len(question.steps), "grades": [grade.correct for grade in grades],
    "length": lengths(config).longest_solution,
}))
"""


@pytest.mark.slow
def test_a_task_kind(tmp_path: Path):
    made = Program(tmp_path, "A task kind")
    data = tmp_path / "riddles.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in RIDDLES), encoding="utf-8")
    answers = tmp_path / "answers.jsonl"
    said = ["Even: yes.", "It is odd, so no", "no", "No idea"]
    rows = [row | {"completion": text} for row, text in zip(RIDDLES, said, strict=False)]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(json.dumps(RIDDLES[0] | {"answer": "maybe"}) + "\n", encoding="utf-8")
    asked = ("doctor", "--task", "yes_no", "--data")
    graded, offered, seen, refused = made.sapo(
        ("grade", "yes_no", str(answers)), ("grade", "--help"), (*asked, str(data), "--json"), (*asked, str(wrong))
    )
    verdicts = [json.loads(line) for line in graded[1].splitlines()]
    assert [verdict["correct"] for verdict in verdicts] == [True, True, False, True]
    assert "3 of 4 are" in graded[2]
    assert "jsonl or yes_no" in " ".join(offered[1].split())
    read = json.loads(seen[1])
    assert (read["task"], read["rows"], read["with_solution"], read["wrong"]) == ("yes_no", 80, 80, [])
    assert refused[0] == 2
    assert "wrong.jsonl:1: field 'answer' is 'maybe'" in refused[2]
    found = made.told(WRITTEN, str(data))
    assert found["prompt"].startswith("Think step by step")
    assert (found["steps"], found["grades"], found["length"]) == (2, [True, False, False], 320)


READ = """
import json, sys
from pathlib import Path
from sapo_studio.errors import InputError
from sapo_studio.formats.registry import read_file

whole, broken = map(Path, sys.argv[1:])
try:
    read_file(broken)
except InputError as error:
    print(json.dumps([[one.model_dump() for one in read_file(whole)], f"{error.what} {error.why}"]))
"""


def test_an_export_format(tmp_path: Path):
    made = Program(tmp_path, "An export format")
    with Store.open(made.home / "studio.db") as store:
        run_id = synthetic_run(store, trajectories=24, questions=8)
    target, none, broken = (tmp_path / name for name in ("steps.csv", "none.csv", "broken.csv"))
    written, there, offered, nothing = made.sapo(
        ("export", run_id, "step_table", "--labels", "oracle", "-o", str(target)),
        ("export", run_id, "processbench", "--labels", "oracle"),
        ("export", "--help"),
        ("export", run_id, "step_table", "-o", str(none)),
    )
    assert written[0] == 0
    assert "annotated trajectories as a CSV table with a row for each step." in " ".join(offered[1].split())
    assert nothing[0] == 2
    assert "Nobody has annotated" in nothing[2]
    assert not none.exists()
    rows = target.read_text(encoding="utf-8").split("\n")
    broken.write_text("\n".join([*rows[:2], rows[2].replace("True", "so so").replace("False", "so so"), *rows[3:]]))
    told, refused = made.told(READ, str(target), str(broken))
    same = [one.model_dump(mode="json") for one in processbench.FORMAT.read(there[1].splitlines())]
    assert len(same) > 20
    assert told == same
    assert {one["first_error"] for one in told} > {0, 1}
    assert refused.startswith(f"{broken}:3 is not a step table final_answer")


IN_THE_DRAWER = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import QEventLoop
from sapo_ui.app import Program

def wait_until(ready):
    end = time.monotonic() + 60
    while not ready() and time.monotonic() < end:
        program.app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)

program = Program(run=sys.argv[1], settings=Path(sys.argv[2]))
window = program.open()
window.resize(1400, 900)
panels = window.run_page.panels
panel = panels["reward"]
wait_until(lambda: window.run_page.run_id == sys.argv[1])
panels.go_to("reward")
wait_until(lambda: panel.filled)
shown = {
    "filled": panel.filled,
    "values": [float(value) for line in panel.chart.lines for value in line.y],
    "opened": panel.isVisible() and panels.watch.drawer == "reward",
    "menu": [action.text() for action in panels.view_actions],
}
ended = program.close()
print(json.dumps(shown | {"ended": ended}))
"""


@pytest.mark.slow
def test_a_panel(tmp_path: Path):
    made = Program(tmp_path, "A panel")
    with Store.open(made.home / "studio.db") as store:
        run_id = synthetic_run(store, trajectories=24, questions=8)
        kept = store.rows("SELECT value FROM metrics WHERE name = 'mean_reward' ORDER BY iteration")
    shown = made.told(IN_THE_DRAWER, run_id, str(tmp_path / "window.ini"))
    assert shown["filled"]
    assert shown["opened"]
    assert len(kept) > 1
    assert shown["values"] == pytest.approx([value for (value,) in kept])
    assert "Reward" in shown["menu"]
    assert shown["ended"]
