"""The page of process benchmarks, by its real widgets over a real store."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton

from sapo_studio.app.benchmarks.making import Choice, make_benchmark
from sapo_studio.errors import StoreError
from sapo_studio.formats.registry import read_file
from sapo_studio.store import benchmarks
from sapo_ui.features.benchmarks.make_form import MakeForm
from sapo_ui.features.benchmarks.page import BenchmarksPage
from sapo_ui.services import benchmarks as services
from sapo_ui.services import tasks
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def page(qtbot, store):
    made = BenchmarksPage()
    qtbot.addWidget(made)
    made.resize(1000, 700)
    return made


def press(qtbot, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def agree(qtbot, page: BenchmarksPage, text: str) -> None:
    box = next(box for box in page.findChildren(QMessageBox) if box.isVisible())
    press(qtbot, next(button for button in box.findChildren(QPushButton) if button.text() == text))


def cells(page: BenchmarksPage, row: int) -> list[str]:
    model = page.model
    return [model.data(model.index(row, at)) for at in range(model.columnCount())]


def test_nothing_is_claimed_of_what_is_not_read_yet(qtbot):
    form = MakeForm()
    qtbot.addWidget(form)
    assert form.hint.text() == ""
    form.show_sources([])
    assert form.hint.text().startswith("There is no run yet")


def test_without_a_run_it_says_what_would_fill_it(qtbot, page):
    page.show()
    qtbot.waitUntil(lambda: "Judge solutions" in page.empty.message)
    assert page.pages.currentWidget() is page.empty
    qtbot.keyClicks(page.form.name, "mine")
    assert not page.form.make.isEnabled()
    assert "no run yet" in page.form.hint.text()
    assert not any(button.isEnabled() for button in (page.freeze, page.copy, page.export, page.delete))


def test_made_frozen_copied_exported_and_deleted(qtbot, page, store, tmp_path, monkeypatch):
    run = synthetic_run(store, trajectories=40, questions=12, iterations=1)
    page.show()
    qtbot.waitUntil(lambda: page.form.source.count() == 1)
    assert page.form.source.currentData() == run
    qtbot.keyClicks(page.form.name, "a b")
    assert not page.form.make.isEnabled()
    assert page.form.name.property("wrong")
    page.form.name.clear()
    qtbot.keyClicks(page.form.name, "mine")
    # Nobody has judged anything: what is wrong is said, and what was typed stays.
    press(qtbot, page.form.make)
    qtbot.waitUntil(lambda: "nothing to make mine of" in page.trouble.text)
    assert page.form.name.text() == "mine"
    page.form.labels.setCurrentIndex(page.form.labels.findData("oracle"))
    page.form.most.setCurrentIndex(page.form.most.findData(20))
    press(qtbot, page.form.make)
    qtbot.waitUntil(lambda: len(page.model.rows) == 1)
    assert page.trouble.text == ""
    assert cells(page, 0)[:3] == ["mine@1", "draft", "20"]
    assert cells(page, 0)[-1] == run
    assert page.notice.text.startswith(cells(page, 0)[6].split()[0])  # how many are trained on
    assert page.form.name.text() == ""
    assert (page.freeze.isEnabled(), page.copy.isEnabled()) == (True, False)

    press(qtbot, page.freeze)
    agree(qtbot, page, "Freeze")
    qtbot.waitUntil(lambda: cells(page, 0)[1] == "frozen")
    assert (page.freeze.isEnabled(), page.copy.isEnabled()) == (False, True)
    press(qtbot, page.copy)
    assert QGuiApplication.clipboard().text() == "benchmark:mine@1"

    numbers = tmp_path / "table.csv"
    page.table.export.write(numbers)
    head, row = (line.split(",") for line in numbers.read_text().splitlines())
    assert dict(zip(head, row, strict=True))["solutions"] == "20"
    assert row[:3] == ["mine", "1", "frozen"]

    file = tmp_path / "out.jsonl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    press(qtbot, page.export)
    qtbot.waitUntil(lambda: "20 solutions are in" in page.done.text())
    frozen = benchmarks.find_benchmark(store, "mine@1")
    assert read_file(file) == benchmarks.solutions(frozen, benchmarks.read_rows(store, frozen))

    press(qtbot, page.delete)
    agree(qtbot, page, "Cancel")
    assert benchmarks.list_benchmarks(store)
    press(qtbot, page.delete)
    agree(qtbot, page, "Delete")
    qtbot.waitUntil(lambda: page.pages.currentWidget() is page.empty)
    assert benchmarks.list_benchmarks(store) == []


def test_esc_goes_back(qtbot, page):
    left = []
    page.left.connect(lambda: left.append(True))
    page.show()
    page.form.name.setFocus()
    qtbot.keyClick(page.form.name, Qt.Key.Key_Escape)
    assert left == [True]


def test_the_table_has_the_focus_first_or_the_name_where_it_is_empty(qtbot, page, store):
    page.show()
    qtbot.waitUntil(lambda: page.form.name is page.focusWidget())
    run = synthetic_run(store, trajectories=40, questions=12, iterations=1)
    make_benchmark(store, "mine", [run], Choice(labels="oracle"))
    other = BenchmarksPage()
    qtbot.addWidget(other)
    other.show()
    qtbot.waitUntil(lambda: other.table is other.focusWidget())
    other.form.name.setFocus()
    other.read()
    qtbot.waitUntil(lambda: tasks.pool().idle)
    assert other.form.name is other.focusWidget(), "whoever went on is not called back"


def test_the_first_benchmark_is_chosen_at_once(qtbot, page, store):
    run = synthetic_run(store, trajectories=40, questions=12, iterations=1)
    for name in ("one", "two"):
        make_benchmark(store, name, [run], Choice(labels="oracle", size=10))
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.table.hasFocus)
    chosen = page.table.selectionModel().selectedRows()
    assert [index.row() for index in chosen] == [0]
    assert page.delete.isEnabled()


def test_while_one_is_made_a_reading_that_fails_lets_nobody_make_another(qtbot, page, store, hold):
    synthetic_run(store, trajectories=40, questions=12, iterations=1)
    page.show()
    qtbot.waitUntil(lambda: page.form.source.count() == 1)
    held = hold(services, "make", unbegun=True)
    reading = hold(services, "read_benchmarks", fails=StoreError("The store cannot be read"))
    page.read()
    qtbot.waitUntil(lambda: reading.called == 1)
    qtbot.keyClicks(page.form.name, "mine")
    page.form.labels.setCurrentIndex(page.form.labels.findData("oracle"))
    press(qtbot, page.form.make)
    qtbot.waitUntil(lambda: held.called == 1)
    reading.let_go()
    qtbot.waitUntil(lambda: bool(reading.found))
    assert not page.form.make.isEnabled()
    held.let_go()
    qtbot.waitUntil(lambda: [one.title for one in benchmarks.list_benchmarks(store)] == ["mine@1"])
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    assert page.trouble.text == ""
