"""A process benchmark chosen by name in the form."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from sapo_studio.domain.process_benchmark import BenchmarkRow
from sapo_studio.store import benchmarks
from sapo_ui.features.new_run.benchmark_picker import FIELD, NONE_FROZEN, BenchmarkPicker, picker_for
from sapo_ui.features.new_run.form_spec import fields
from sapo_ui.features.new_run.pickers import DataPicker
from sapo_ui.services import tasks


@pytest.fixture
def parent(qtbot):
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def line(parent):
    return QLineEdit(parent)


@pytest.fixture
def make(qtbot, line, parent):
    chosen = []

    def make_():
        spec = next(spec for spec in fields() if spec.path == FIELD)
        picker = picker_for(spec)(line, lambda: chosen.append(line.text()), parent)
        qtbot.waitUntil(lambda: tasks.pool().idle)
        return picker, chosen

    return make_


def actions(picker):
    return [action for action in picker.menu().actions() if not action.isSeparator()]


def test_frozen_benchmarks_are_listed_with_version_and_rows(qtbot, store, line, make):
    rows = [BenchmarkRow(f"question {n}?", "1", (), ("a",), 0, True) for n in range(3)]
    for name, frozen in (("chains", True), ("chains", True), ("chains", False), ("drafted", False)):
        one = benchmarks.create_benchmark(store, name, rows, source={})
        if frozen:
            benchmarks.freeze_benchmark(store, one)
    picker, chosen = make()
    qtbot.waitUntil(lambda: len(actions(picker)) == 3)
    assert [action.text() for action in actions(picker)[1:]] == ["chains@2, 3 solutions", "chains@1, 3 solutions"]
    actions(picker)[2].trigger()
    assert line.text() == "benchmark:chains@1"
    assert chosen == ["benchmark:chains@1"]
    benchmarks.freeze_benchmark(store, benchmarks.find_benchmark(store, "drafted"))
    picker.menu().aboutToShow.emit()  # as the menu opens
    qtbot.waitUntil(lambda: [a.text() for a in actions(picker)][-1] == "drafted@1, 3 solutions")


def test_without_one_it_says_where_they_are_made(store, line, make, monkeypatch, tmp_path):
    picker, chosen = make()
    file, none = actions(picker)
    assert (none.text(), none.isEnabled()) == (NONE_FROZEN, False)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "own.jsonl"), ""))
    file.trigger()
    assert chosen == [str(tmp_path / "own.jsonl")]


def test_other_files_of_questions_are_chosen_as_before():
    specs = {spec.path: spec for spec in fields()}
    assert picker_for(specs["task.train_data"]) is DataPicker
    assert picker_for(specs[FIELD]) is BenchmarkPicker
