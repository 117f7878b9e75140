"""The playground in the real window over the real engine: a question from asking to judging what was written."""

from __future__ import annotations

import shutil

import psutil
import pytest
from PySide6.QtCore import Qt

from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_ui.app import Program
from sapo_ui.features.annotate.page import AnnotatePage
from sapo_ui.features.playground.page import PlaygroundPage
from sapo_ui.services import queues
from tests.fixtures.play_run import QUESTION, STEPS, play_run
from tests.fixtures.small_run import config
from tests.fixtures.window_ground import (
    dressed,
    no_references_to_none_lost,
    nothing_left_behind,
    pointer_outside,
    qtbot,
)

__all__ = ["dressed", "no_references_to_none_lost", "nothing_left_behind", "pointer_outside", "qtbot"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CTRL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton
ENGINE = "sapo_engine.service.playground"


def engines():
    """The playground's engines that this process has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if ENGINE in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """That of a run of the lab with two reasoners and two verifiers."""
    return play_run(tmp_path_factory.mktemp("runs") / "lab-1")


@pytest.fixture
def run_id(folder, nothing_left_behind):
    """The same in the store."""
    with Store.open() as store:
        made = runs.create_run(store, config(name="lab"))
        shutil.copytree(folder, store.run_dir(made))
    return made


@pytest.fixture
def program(qapp, run_id):
    made = Program(run=run_id)
    made.open()
    yield made
    assert made.close(), "a thread of the window was left"


def test_a_question_from_asking_to_judging(qtbot, program, run_id):
    window = program.window
    qtbot.waitUntil(lambda: window.run_page.run_id == run_id)
    window.actions_["go.playground"].trigger()
    page = window.pages.front
    assert isinstance(page, PlaygroundPage)
    qtbot.waitUntil(lambda: len(page.choices) == 2)
    assert [choice.checkpoint.iteration for choice in page.choices] == [2, 1]
    assert window.side.folded
    assert "Ctrl+Enter samples" in window.status_line.keys.text()

    # Both sides, stopped in mid-stream: what is written stays.
    page.card.text.setPlainText(QUESTION)
    page.card.solutions.setValue(64)
    qtbot.keyClick(page.card.text, Qt.Key.Key_Return, CTRL)
    board = page.playground.board
    qtbot.waitUntil(lambda: any(one.text for one in board["a"].solutions), timeout=120_000)
    qtbot.keyClick(page.card.text, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.playground.busy)
    # Some 2,000 tokens take a fast machine less than the window takes to hear of the first.
    assert board["b"].done.cancelled or len(board["b"].solutions) == 65
    assert any(one.text for one in board["a"].solutions)
    assert len(engines()) == 1

    # To the end: the lab works the answer out, so all of it is graded; all of it is scored.
    page.card.solutions.setValue(6)
    qtbot.keyClick(page.card.text, Qt.Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: not page.playground.busy)
    for side, panel in page.sides.items():
        assert board[side].trouble is None
        assert panel.count.text() == "6 of 6"
        assert all(row.solution.end.correct is not None for row in panel.list.rows.values())
        means = [panel.list.rows[name].solution.score("mean") for name in panel.list.order]
        assert means == sorted(means, reverse=True)
    best = page.sides["b"].cards.best
    assert best.verdict.score == max(one.score("mean") for one in board["b"].solutions if not one.greedy)
    assert len(engines()) == 1

    # A step is changed into a right one: M_1 knows the lab, so that some rollouts come right.
    solutions = page.sides["b"].list
    solutions.setFocus()
    qtbot.keyClick(solutions, "e")
    editor = solutions.current.opened.editor
    editor.rollouts.setValue(6)
    editor.field.setPlainText(STEPS[0])
    qtbot.keyClick(editor.field, Qt.Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: not page.playground.busy)
    (what_if,) = board["b"].what_ifs
    assert what_if.trouble is None
    assert what_if.result.done == 6
    assert all(one.steps[0] == STEPS[0] for one in what_if.rollouts)
    successes = sum(one.correct for one in what_if.rollouts)
    block = solutions.current.opened.block
    assert block.words.text() == f"{successes} of 6 rollouts from here correct"

    # Kept as a trace, and found on Annotate with one click.
    panel = page.sides["a"]
    panel.list.setFocus()
    kept = panel.list.current.solution
    qtbot.keyClick(panel.list, Qt.Key.Key_Plus)
    qtbot.waitUntil(lambda: not panel.annotate.isHidden())
    qtbot.mouseClick(panel.annotate, LEFT)
    qtbot.waitUntil(lambda: isinstance(window.pages.front, AnnotatePage))
    annotate = window.pages.front
    qtbot.waitUntil(lambda: annotate.queue is not None and annotate.queue.uid == queues.remembered())
    with Store.open() as store:
        ((trajectory,),) = store.rows("SELECT trajectory_id FROM queue_items WHERE queue_id = ?", (annotate.queue.id,))
        trace = queries.trace(store, trajectory)
    assert trace.steps == list(kept.steps)
    assert trace.question == QUESTION

    # Behind another page the engine stays; with the window it ends.
    assert len(engines()) == 1
    window.close()
    qtbot.waitUntil(lambda: not engines())
