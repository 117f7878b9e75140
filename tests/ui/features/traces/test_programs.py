"""A trajectory that is a program: its lines, colors and tests."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import Qt

from sapo_engine.tasks.kinds import KINDS, load_problems
from sapo_studio.config.schema import RunConfig
from sapo_studio.events import kinds as k
from sapo_studio.processes import is_running
from sapo_studio.requests import client
from sapo_studio.store import queries, runs
from sapo_studio.store.ingest import Ingest
from sapo_ui.features.traces.view import TraceView
from sapo_ui.trajectory.step_text import spans
from tests.fixtures.written_tasks import mbpp_file
from tests.ui.panel_helpers import show

STEPS = ["def times_2(numbers):\n    # start with nothing\n    found = []", "    return found"]


@pytest.fixture
def view(qtbot, store, tmp_path):
    data = str(mbpp_file(tmp_path / "mbpp.jsonl", 3))
    task = {"kind": "mbpp", "train_data": data, "unsandboxed": True}
    config = RunConfig.model_validate({"name": "code", "task": task, "model": {"source": "hub:some/model"}})
    run_id = runs.create_run(store, config)
    text = load_problems(KINDS["mbpp"], data)[0].question
    question = k.QuestionRow(number=1, split="train", text=text, solution="", answer="")
    one = k.TrajectoryRow(
        number=1, question=1, iteration=1, sample=0, source="sample", steps=STEPS, correct=False, answer=""
    )
    Ingest(store, run_id).apply([k.Questions(rows=[question]), k.Trajectories(rows=[one])])
    made = show(qtbot, TraceView(), run_id, (900, 700))
    made.show_trace(int(queries.trace_ids(store, queries.TraceFilter(run_id))[0]))
    qtbot.waitUntil(lambda: made.detail is not None)
    return made


def test_lines_are_numbered_through_the_whole_program(view):
    assert [card.row.line for card in view.steps.cards] == [1, 4]
    assert view.tests.isVisible()


def test_the_tests_are_run_on_demand_and_say_what_was_returned(view, qtbot):
    assert not view.tests.rows
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    qtbot.keyClick(view, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: len(view.tests.rows) == 3)
    assert [row.result.passed for row in view.tests.rows] == [False, True, False]
    assert view.tests.rows[0].told.text() == "returned []"
    assert "2 of 3 fail" in view.tests.said.text()
    qtbot.keyClick(view, Qt.Key.Key_T)
    assert view.tests.at == 0
    qtbot.keyClick(view, Qt.Key.Key_T)
    assert view.tests.at == 2


@pytest.fixture
def hanging(view, qtbot, monkeypatch):
    """The process of an engine that was asked for the tests, and does not answer."""
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", "import time; time.sleep(600)"))
    view.tests.run.click()
    assert view.tests.said.text() == "running in the sandbox"
    qtbot.waitUntil(lambda: view._engine._process is not None and bool(view._engine._process.processId()))
    return view._engine._process.processId()


def test_an_engine_that_does_not_answer_is_given_up_and_ended(view, qtbot, hanging):
    view._engine._patience.timeout.emit()
    assert view.tests.said.text() == "The engine has not answered within 120 seconds."
    assert view.tests.run.isEnabled()
    qtbot.waitUntil(lambda: not is_running(hanging))


def test_another_run_ends_the_tests_of_the_one_before(view, qtbot, hanging):
    view.show_run(None)
    qtbot.waitUntil(lambda: not is_running(hanging))
    assert not view._engine.running


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("    return 12", [(0, 4, 6, "keyword"), (0, 11, 2, "number")]),
        ("x = 'a'  # why", [(0, 4, 3, "string"), (0, 9, 5, "comment")]),
        ("if (", [(0, 0, 2, "keyword")]),
        ("'''open", []),
        ("\tfor", [(0, 1, 3, "keyword")]),
    ],
)
def test_any_part_of_a_program_is_colored_as_far_as_it_can_be_read(code, wanted):
    assert spans(code) == wanted
