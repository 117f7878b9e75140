"""The page of a run that failed: from failure to running in one Enter."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from sapo_studio.app.set_up.effect import Effect
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from sapo_studio.store.records import ErrorText
from sapo_ui.features.run_page import failed as failed_page
from sapo_ui.features.run_page.failed import FailureView
from tests.fixtures.held import settled
from tests.fixtures.synthetic import synthetic_run

MEMORY = ErrorText("The device ran out of memory", "CUDA out of memory. Tried to allocate 1.90 GiB.", "Use less.")
TRACEBACK = """The end of the worker's log:
Traceback (most recent call last):
  File "/opt/venv/lib/sapo_engine/loop.py", line 120, in run
    train(context)
  File "/opt/venv/lib/sapo_engine/verifier/train.py", line 188, in step
    loss.backward()
  File "/opt/venv/lib/torch/_tensor.py", line 522, in backward
    torch.autograd.backward(self)
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.90 GiB"""


@pytest.fixture
def failed_run(store):
    """Makes a run that failed by `error`, in the middle of an iteration."""

    def make(error, **config):
        run_id = runs.create_run(store, RunConfig.model_validate({"name": "mine", **config}), "lab-demo")
        runs.set_status(store, run_id, RunStatus.RUNNING)
        for number in range(20):
            runs.add_log(store, run_id, "info", f"step {number}")
        runs.add_log(store, run_id, "error", TRACEBACK)
        runs.set_status(store, run_id, RunStatus.FAILED, error)
        return queries.get_run(store, run_id)

    return make


@pytest.fixture
def view(qtbot):
    made = FailureView()
    qtbot.addWidget(made)
    made.resize(1000, 640)
    return made


@pytest.fixture
def shown(qtbot, view):
    """Shows a run, and waits for all that is read."""

    def show(run):
        assert view.show_run(run)
        qtbot.waitUntil(lambda: view.failure is not None)
        view.activateWindow()
        return view

    return show


def buttons(view):
    return [button.text() for button in (view.primary, view.resume, view.all, view.copy) if button.isVisible()]


def test_the_setting_to_blame_is_changed_and_the_run_goes_on(qtbot, shown, failed_run, monkeypatch):
    monkeypatch.setattr(
        failed_page,
        "effects",
        lambda failure: {"runtime.rollout_batch": Effect("Card 0", 25, 16, 24, "16 instead of 25")},
    )
    view = shown(failed_run(MEMORY))
    assert view.what.text() == "The device ran out of memory"
    assert (view.change.path, view.change.editor.text()) == ("runtime.micro_tokens", "1760")
    assert view.primary.text() == "Edit and start again"
    assert buttons(view) == ["Edit and start again", "Resume unchanged", "Open all settings", "Copy report"]
    view.change.editor.setFocus()
    view.change.editor.selectAll()
    qtbot.keyClicks(view.change.editor, "8")
    with qtbot.waitSignal(view.resume_requested) as asked:
        qtbot.keyClick(view.change.editor, Qt.Key.Key_Return)
    assert asked.args == [["runtime.micro_tokens=8"]]
    with qtbot.waitSignal(view.resume_requested) as unchanged:
        qtbot.mouseClick(view.resume, Qt.MouseButton.LeftButton)
    assert unchanged.args == [[]]


def test_a_change_that_the_checkpoint_does_not_allow_begins_anew_and_says_so(qtbot, shown, failed_run):
    view = shown(failed_run(MEMORY))
    chips = {chip.text(): chip for chip in view.others.findChildren(QPushButton)}
    qtbot.mouseClick(chips["Model: tuning lora"], Qt.MouseButton.LeftButton)
    assert view.primary.text() == "Start from the beginning"
    with qtbot.waitSignal(view.restart_requested) as asked:
        qtbot.mouseClick(view.primary, Qt.MouseButton.LeftButton)
    (config,) = asked.args
    assert (config.model.tuning, config.name) == ("lora", "mine")
    with qtbot.waitSignal(view.edit_requested) as edited:
        qtbot.mouseClick(view.all, Qt.MouseButton.LeftButton)
    assert edited.args[0].model.tuning == "lora"


def test_a_value_that_is_none_is_told_and_nothing_can_be_started_with_it(shown, failed_run):
    view = shown(failed_run(MEMORY))
    for text in ("many", "-1", "", "0"):
        view.change.editor.setText(text)
        assert not view.primary.isEnabled(), text
    view.change.editor.setText("-1")
    assert "runtime.micro_tokens" in view.change.said.text()
    view.change.editor.setText("16")
    assert view.primary.isEnabled()


def test_a_file_that_only_the_user_knows_is_asked_for(shown, failed_run):
    own = {"kind": "jsonl", "train_data": "/d/gone.jsonl"}
    error = ErrorText("There is no data file /d/gone.jsonl", bad_input=True)
    view = shown(failed_run(error, task=own, model={"source": "hub:a/b"}))
    assert (view.change.path, view.change.before.text()) == ("task.train_data", "/d/gone.jsonl")
    assert view.change.editor.text() == ""
    assert not view.primary.isEnabled()
    assert "Resume unchanged" not in buttons(view), "what the user gave stays wrong"
    view.change.editor.setText("/d/there.jsonl")
    assert view.primary.isEnabled()
    assert view.changed_config().task.train_data == "/d/there.jsonl"


def test_an_unknown_error_has_no_field_and_copies_its_report_first(qtbot, shown, failed_run):
    error = ErrorText("Unexpected engine error: IndexError\nmore of it", "list index out of range", "Please report it.")
    run = failed_run(error)
    view = shown(run)
    assert view.what.text() == "Unexpected engine error: IndexError"
    assert view.why.text() == "more of it\nlist index out of range"
    assert not view.change.isVisible()
    assert buttons(view) == ["Open all settings", "Copy report"]
    assert view.buttons.itemAt(0).widget() is view.copy
    assert view.copy.property("look") == "primary"
    qtbot.mouseClick(view.copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    for part in ("IndexError", run.id, "list index out of range", "train.py", "step 19"):
        assert part in copied


def test_the_log_around_the_error_has_its_traceback_as_one_line(qtbot, shown, failed_run):
    view = shown(failed_run(MEMORY))
    tree = view.log.tree
    texts = [tree.topLevelItem(at).text(2) for at in range(tree.topLevelItemCount())]
    at = texts.index("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.90 GiB")
    assert texts[at - 1] == "step 19"
    assert texts[at + 1] == "sapo_engine/verifier/train.py:188 in step   loss.backward()"
    assert not tree.topLevelItem(at).isExpanded()
    assert tree.topLevelItem(at).childCount() == len(TRACEBACK.splitlines())
    assert view.log.count.text().endswith(" of 21 log lines")
    with qtbot.waitSignal(view.log_requested):
        qtbot.mouseClick(view.log.whole, Qt.MouseButton.LeftButton)


def test_what_was_kept_and_what_is_lost(qtbot, view, store):
    run_id = synthetic_run(store, iterations=1, questions=10, trajectories=20)
    store.execute(
        "UPDATE phases SET status = 'pending', done = 3, total = 9 WHERE run_id = ? AND name = 'align'", (run_id,)
    )
    store.execute("UPDATE runs SET status = 'failed', phase_ordinal = NULL WHERE id = ?", (run_id,))
    view.show_run(queries.get_run(store, run_id))
    qtbot.waitUntil(lambda: view.failure is not None)
    assert view.failure.phase == "align"
    assert "Align of iteration 1, at 3 of 9 trajectories" in view.failure.under_way
    assert any(text.startswith("Verifier") for text in view.failure.kept)
    assert view.what.text() == "The run failed", "it left no reason"


def test_a_run_that_did_not_fail_hides_it(view, make_run):
    assert not view.show_run(make_run(status="running"))
    assert view.isHidden()


def test_effects_of_one_failure_are_not_told_of_another(qtbot, shown, failed_run, monkeypatch, hold):
    sixteen = {"runtime.micro_tokens": Effect("Card 0", 25, 16, 24, "16 instead of 25")}
    monkeypatch.setattr(failed_page, "effects", lambda failure: sixteen if failure.run.name == "mine" else {})
    held = hold(failed_page, "effects")
    view = shown(failed_run(MEMORY))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    other = failed_run(ErrorText("Something else", "Nobody knows.", ""), name="other")
    view.show_run(other)
    held.let_go()
    qtbot.waitUntil(lambda: view.failure is not None and view.failure.run.id == other.id)
    settled(qtbot)
    later = hold(failed_page, "effects")
    again = shown(failed_run(MEMORY, name="third"))
    qtbot.waitUntil(lambda: len(later.found) == 1)  # what is said of this one is not known yet
    assert again.change.path == "runtime.micro_tokens"
    assert again.change.bar.isHidden()
