"""Evaluating a verifier by mouse and keys: what the engine is asked, and what is shown of its answer."""

from __future__ import annotations

import json

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton
from shiboken6 import isValid

from sapo_studio.app.benchmarks.making import Choice, make_benchmark
from sapo_studio.app.reports.paragraphs import filled
from sapo_studio.app.studies import self_verification_matrix, verifier_page
from sapo_studio.domain.runs import RunStatus
from sapo_studio.requests.kinds import EvaluateRequest
from sapo_studio.requests.limits import BEST_OF, QUESTIONS, TRAJECTORIES
from sapo_studio.store import benchmarks, queries, runs
from sapo_ui import theme
from sapo_ui.features.evaluation.dialog import EvaluationDialog
from sapo_ui.features.evaluation.form import FOLDER, NO_RUN, SEEDS
from sapo_ui.widgets.saving import saving
from tests.fixtures.evaluated import BEST, PAIRS, evaluated
from tests.fixtures.synthetic import synthetic_run
from tests.ui.features.evaluation.conftest import ANSWERS
from tests.ui.layout_faults import faults

REFUSES = """
import json, sys
told = {"error": "InputError", "what": "bench.jsonl:3: there is no field 'steps'", "why": "w", "fix": "Mend the row."}
print(json.dumps(told), file=sys.stderr)
sys.exit(2)
"""


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(box, value):
    box.setCurrentIndex(box.findData(value))


def measure(qtbot, dialog):
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: not dialog.working)


def asked_in(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def shown(dialog):
    return [table.sheet for table in dialog.results.tables]


@pytest.fixture
def frozen(store, make_run):
    """A frozen benchmark of the store."""
    made = make_benchmark(
        store, "chains", [synthetic_run(store, name="source", seed=9)], Choice(labels="oracle"), created_by="me"
    )
    return benchmarks.freeze_benchmark(store, made.benchmark)


def test_it_begins_with_the_requests_own_defaults(qtbot, make_run, opened, engine):
    run = make_run()
    asked = engine()
    dialog = opened(run)
    form = dialog.form
    assert form.runs.hasFocus()
    assert [form.verifier.itemText(at) for at in range(form.verifier.count())] == [
        *("V2, the last", "V1", "V0"),
        "A model's folder",
    ]
    assert (form.samples.minimum(), form.samples.maximum()) == (1, BEST_OF.high)
    assert (form.questions.minimum(), form.trajectories.minimum()) == (QUESTIONS.low, TRAJECTORIES.low)
    measure(qtbot, dialog)
    (request,) = asked_in(asked)
    own = json.loads(EvaluateRequest(run=run.id, verifier=2).to_json())
    assert request | {"run": ""} == own | {"run": ""}
    assert request["run"].endswith(run.id)


def test_the_tables_are_those_of_the_command(qtbot, make_run, opened, engine, store):
    run = make_run()
    asked = engine(leaks=["3 measured questions stand in the training data."], contradictory=["row-7"])
    dialog = opened(run)
    choose(dialog.form.verifier, 1)
    dialog.form.best.setChecked(True)
    dialog.form.samples.setValue(2)
    dialog.form.questions.setValue(50)
    choose(dialog.form.aggregation, "min")
    dialog.form.matrix.setChecked(True)
    dialog.form.trajectories.setValue(30)
    dialog.form.device.setText("cpu")
    measure(qtbot, dialog)
    (request,) = asked_in(asked)
    told = ("verifier", "best_of", "questions", "aggregation", "matrix", "trajectories", "device")
    assert [request[name] for name in told] == [1, 2, 50, "min", True, 30, "cpu"]
    answer = evaluated(best_of=BEST, matrix=PAIRS) | {"run": run.id}
    assert shown(dialog) == list(verifier_page.sheets(answer))
    table = dialog.results.tables[0]
    cell = table.model().index(0, 1)
    assert (cell.data(), table.accessibleName()) == (table.sheet.rows[0][1], table.sheet.title)
    assert dialog.results.notes[0].startswith("In 1 solutions the answer is wrong")
    assert dialog.results.notes[1].startswith("3 measured questions")
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().splitlines()[0] == "\t".join(table.sheet.rows[0])
    assert len(self_verification_matrix.kept(store.run_dir(run.id))) == len(PAIRS)


def test_a_frozen_benchmark_of_the_store(qtbot, make_run, opened, engine, frozen):
    asked = engine()
    dialog = opened(make_run())
    choose(dialog.form.benchmark, frozen.reference)
    measure(qtbot, dialog)
    (request,) = asked_in(asked)
    assert request["benchmark"].endswith(".jsonl")
    assert request["tuning"] == frozen.tuning > 0


def test_a_model_from_elsewhere_on_a_file(qtbot, opened, engine, tmp_path):
    """Without any run; only what such a model can be measured on is there to be chosen."""
    asked = engine()
    dialog = opened(None)
    form = dialog.form
    assert form.runs.currentData() == NO_RUN
    assert not any(widget.isEnabled() for widget in (form.best, form.matrix, dialog.ok))
    chosen = {}
    for place, name, mode in (
        (form.folder, "prm", QFileDialog.FileMode.Directory),
        (form.file, "bench.jsonl", QFileDialog.FileMode.ExistingFile),
    ):
        press(qtbot, place.button)
        (picker,) = form.findChildren(QFileDialog)
        assert picker.fileMode() == mode
        picker.fileSelected.emit(str(tmp_path / name))
        picker.reject()
        qtbot.waitUntil(lambda: not form.findChildren(QFileDialog))
        chosen[name] = place.text
    assert chosen == {name: str(tmp_path / name) for name in chosen}
    measure(qtbot, dialog)
    (request,) = asked_in(asked)
    assert request["run"] is None
    assert (request["verifier"], request["benchmark"]) == (str(tmp_path / "prm"), str(tmp_path / "bench.jsonl"))
    assert request["best_of"] == 0


def test_what_is_ticked_for_a_run_is_not_asked_of_a_model_from_elsewhere(qtbot, make_run, opened, engine, tmp_path):
    asked = engine()
    form = (dialog := opened(make_run())).form
    form.best.setChecked(True)
    form.matrix.setChecked(True)
    choose(form.verifier, FOLDER)
    assert not dialog.ok.isEnabled()
    form.folder.line.setText(str(tmp_path))
    assert not form.samples.isVisible()
    measure(qtbot, dialog)
    (request,) = asked_in(asked)
    assert (request["best_of"], request["matrix"]) == (BEST_OF.default, False)
    choose(form.verifier, 2)
    assert form.samples.isVisible(), "what was ticked is still ticked"


def test_seeds_of_one_configuration_are_put_together(qtbot, make_run, opened, engine):
    first, second = (make_run(name=f"lab {seed}", seed=seed) for seed in (1, 2))
    make_run(name="same seed again", seed=2)
    asked = engine()
    dialog = opened(first)
    choose(dialog.form.runs, SEEDS)
    measure(qtbot, dialog)
    qtbot.waitUntil(lambda: bool(dialog.results.tables))
    folders = [request["run"].rpartition("/")[2] for request in asked_in(asked)]
    assert folders == [first.id, second.id]
    assert "80 solutions" in dialog.results.tables[0].sheet.title


def test_a_folder_that_cannot_be_written_into_is_said_and_the_results_stay(qtbot, make_run, opened, engine, tmp_path):
    engine()
    dialog = opened(make_run())
    measure(qtbot, dialog)
    qtbot.waitUntil(dialog.save.isVisible)
    (tmp_path / "file").write_text("")
    for place in (tmp_path / ("n" * 300), tmp_path / "file" / "inside"):
        dialog._save_in(str(place))
        qtbot.waitUntil(lambda: "Choose another place" in dialog.trouble.text)
        assert dialog.save.isEnabled()
        assert dialog.results.tables
        dialog.trouble.say("")


def test_a_run_that_was_deleted_meanwhile(qtbot, make_run, opened, engine, store):
    asked = engine()
    dialog = opened(run := make_run())
    runs.delete_run(store, run.id)
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: "deleted meanwhile" in dialog.trouble.text)
    assert run.id in dialog.trouble.text
    assert "`sapo" not in dialog.trouble.text, "what to type helps nobody who clicks"
    assert not asked.exists()
    assert dialog.form.isEnabled()


def test_a_run_that_was_deleted_while_it_was_measured_shows_what_came_of_it(qtbot, make_run, opened, engine, store):
    run = make_run()
    folder = store.run_dir(run.id)
    engine(f"import shutil; shutil.rmtree({str(folder)!r})\n" + ANSWERS)
    dialog = opened(run)
    dialog.form.matrix.setChecked(True)
    measure(qtbot, dialog)
    qtbot.waitUntil(lambda: bool(dialog.results.tables))
    assert "could not be kept" in dialog.results.notes[-1]
    assert not folder.exists(), "a folder of no run would lie there for ever"


def test_an_engine_that_was_killed_is_called_so(qtbot, make_run, opened, engine):
    engine("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    dialog = opened(make_run())
    measure(qtbot, dialog)
    qtbot.waitUntil(lambda: "was killed (SIGKILL)" in dialog.trouble.text)
    assert "install" not in dialog.trouble.text
    assert dialog.ok.isEnabled(), "it can be tried again"


@pytest.mark.parametrize("how", ["escape", "close"])
def test_stopped_it_leaves_no_process(qtbot, make_run, opened, engine, how):
    engine(wait=True)
    dialog = opened(make_run())
    before = set(psutil.Process().children())
    dialog.form.questions.setValue(77)
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: dialog.said.text() == "25\u202f% measured.")
    (process,) = set(psutil.Process().children()) - before
    assert dialog.close_button.text() == "Stop"
    assert dialog.close_button.hasFocus()
    assert not dialog.form.isEnabled()
    if how == "escape":
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert dialog.said.text() == "Stopped. Nothing was kept."
        assert dialog.isVisible()
        assert dialog.form.questions.value() == 77
        assert dialog.ok.isEnabled()
    else:
        dialog.close()
    qtbot.waitUntil(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_bad_input_is_told_in_place_and_the_settings_stay(qtbot, make_run, opened, engine):
    dialog = opened(make_run())
    engine()
    measure(qtbot, dialog)
    before = shown(dialog)
    engine(REFUSES)
    dialog.form.best.setChecked(True)
    wanted = dialog.form.wanted
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: bool(dialog.trouble.text))
    assert dialog.trouble.text == "bench.jsonl:3: there is no field 'steps'. w. Mend the row."
    assert dialog.form.wanted == wanted
    assert dialog.ok.hasFocus()
    assert shown(dialog) == before, "what was measured before stays"
    engine()
    measure(qtbot, dialog)
    assert dialog.trouble.text == ""


def test_what_was_measured_is_there_again_when_it_is_opened_again(qtbot, make_run, opened, engine):
    engine()
    run = make_run()
    first = opened(run)
    jobs = []
    first.measured.connect(jobs.append)
    measure(qtbot, first)
    sheets = shown(first)
    first.close()
    again = EvaluationDialog(run, before=jobs[0])
    qtbot.addWidget(again)
    again.show()
    assert shown(again) == sheets
    assert again.save.isVisible()
    qtbot.waitUntil(again.form.isEnabled)


def test_what_is_not_there_is_told_before_an_engine_starts(qtbot, make_run, opened, engine, frozen, store):
    asked = engine()
    dialog = opened(make_run())
    choose(dialog.form.benchmark, frozen.reference)
    benchmarks.delete_benchmark(store, frozen)
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: bool(dialog.trouble.text))
    assert "neither a file nor a process benchmark" in dialog.trouble.text
    assert not asked.exists()


def test_results_are_saved_as_the_command_writes_them(qtbot, make_run, opened, engine, tmp_path):
    engine()
    run = make_run()
    dialog = opened(run)
    dialog.form.best.setChecked(True)
    measure(qtbot, dialog)
    assert dialog.save.hasFocus()
    folder = tmp_path / "results"
    folder.mkdir()

    def save():
        press(qtbot, dialog.save)
        (picker,) = dialog.findChildren(QFileDialog)
        picker.fileSelected.emit(str(folder))
        picker.reject()
        qtbot.waitUntil(lambda: not dialog.findChildren(QFileDialog))

    save()
    qtbot.waitUntil(lambda: str(folder) in dialog.said.text().replace("\u200b", ""))
    found = evaluated(best_of=BEST) | {"run": run.id, "verifier": 2}
    assert (folder / "results.md").read_text() == filled(verifier_page.markdown(found, "verifier.svg"))
    assert json.loads((folder / "results.json").read_text()) == json.loads(json.dumps(found))
    assert sorted(file.name for file in folder.iterdir()) == sorted(verifier_page.FILES)
    assert saving().folder == folder
    (folder / "results.md").write_text("mine")
    save()
    (box,) = dialog.findChildren(QMessageBox)
    assert "results.md" in box.informativeText()
    press(qtbot, next(button for button in box.findChildren(QPushButton) if button.text() == "Cancel"))
    assert (folder / "results.md").read_text() == "mine"


def test_a_run_without_a_verifier_says_so(qtbot, home, store, opened):
    run = queries.get_run(store, synthetic_run(store, status=RunStatus.QUEUED))
    dialog = opened(run)
    assert dialog.form.hint.text().startswith("This run has no verifier yet.")
    assert dialog.form.verifier.currentData() == FOLDER
    assert not dialog.ok.isEnabled()


def test_by_keys_alone(qtbot, make_run, opened, engine):
    """Tab reaches every field that is shown and every table, and each says what it is."""
    engine()
    dialog = opened(make_run())
    dialog.form.best.setChecked(True)
    measure(qtbot, dialog)
    dialog.form.runs.setFocus()
    reached = []
    while dialog.focusWidget() not in reached:
        reached.append(dialog.focusWidget())
        qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
    names = [widget.accessibleName() or getattr(widget, "text", str)() for widget in reached]
    assert all(names), names
    form = dialog.form
    shown_fields = (form.runs, form.verifier, form.benchmark, form.best, form.samples, form.questions)
    for widget in (*shown_fields, form.aggregation, form.matrix, form.device, *dialog.results.tables, dialog.save):
        assert widget in reached, widget
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not isValid(dialog) or not dialog.isVisible())


def test_nothing_is_cut_off_or_covered(qtbot, make_run, opened, engine):
    """With results and an error at once, long names, at the least width and a wide one, light and dark."""
    dialog = opened(make_run(name="a run with a name that is longer than any field of the form"))
    engine(leaks=["A long sentence about questions that stand in the training data, too. " * 3])
    dialog.form.best.setChecked(True)
    dialog.form.matrix.setChecked(True)
    measure(qtbot, dialog)
    engine(REFUSES.replace("bench.jsonl", "/a/place/of/many/folders/one/in/the/other/" * 2 + "bench.jsonl"))
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: bool(dialog.trouble.text))
    for mode in ("light", "dark"):
        theme.manager().choose(mode)
        for size in ((dialog.minimumSizeHint().width(), 640), (1280, 800)):
            dialog.resize(*size)
            QApplication.processEvents()
            assert faults(dialog) == [], (mode, size)
    theme.manager().choose("system")
