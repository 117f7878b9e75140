"""The Compare page, by its real widgets over a real store."""

from __future__ import annotations

import csv
import json
import threading

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog

from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import runs as store_runs
from sapo_ui.features.compare.run_chooser import RunChooser
from sapo_ui.services import comparison as reading
from sapo_ui.services.picks import RUN_MIME
from tests.fixtures.held import settled
from tests.ui.features.compare.conftest import FEWER, RIGHT


def cells(table):
    model = table.figures
    return [[model.data(model.index(row, at)) for at in range(model.columnCount())] for row in range(model.rowCount())]


def keys(page):
    model = page.board.config.table.keys
    return {
        row.key: [model.data(model.index(at, 1 + run)) for run in range(len(model.runs))]
        for at, row in enumerate(model.rows)
    }


def places(page):
    return [row.place for row in page.board.questions.list.questions.rows]


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# -- what can be picked, and what is said while there is nothing to compare


def test_without_picked_runs_it_says_how_to_pick_some_and_offers_it(qtbot, page, add):
    page.tell()
    assert "There is no run yet" in page.message.words.message
    assert not page.message.button.isVisible()
    add("first")
    page.tell("x")
    assert "Space" in page.message.words.message
    press(qtbot, page.message.button)
    dialog = page.findChild(RunChooser)
    dialog.list.item(0).setCheckState(Qt.CheckState.Checked)
    press(qtbot, dialog.ok)
    qtbot.waitUntil(lambda: page.comparison is not None)
    assert [chip.facts.name for chip in page.chips.chips] == ["first"]
    assert not page.top.baseline.isVisible()  # of one run there is nothing to choose
    assert "Two runs are needed" in page.board.questions.empty.message
    assert not page.board.results.differences.isVisible()


def test_a_run_that_is_dropped_on_it_is_picked(qtbot, page, add, picks):
    run = add("dragged")
    page.tell()
    data = QMimeData()
    data.setData(RUN_MIME, run.encode())
    page.main.dropEvent(
        QDropEvent(
            QPointF(50, 50),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    assert picks.runs == (run,)


def test_a_chip_removes_its_run_and_the_others_keep_their_colours(qtbot, compare, add, picks):
    one, two, three = add("one"), add("two", FEWER, FEWER), add("three", FEWER)
    page = compare(one, two, three)
    middle = page.chips.chips[1]
    middle.setFocus()
    qtbot.keyClick(middle, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(page.comparison.runs) == 2)
    assert [chip.facts.slot for chip in page.chips.chips] == [0, 2]
    last = page.chips.chips[-1]
    qtbot.mouseClick(last, Qt.MouseButton.LeftButton, pos=last.rect().center())
    assert picks.runs == (one, three)  # its name removes nothing
    where = last.rect().center()
    where.setX(last.width() - 10)
    qtbot.mouseClick(last, Qt.MouseButton.LeftButton, pos=where)
    assert picks.runs == (one,)


def test_of_more_than_six_it_says_which_are_left_out_and_lets_choose(qtbot, compare, page, add, picks):
    runs = [add(f"run {at}", FEWER) for at in range(7)]
    compare(*runs)
    qtbot.waitUntil(lambda: len(page.comparison.runs) == 6)
    assert "run 6 left out" in page.notice.text
    press(qtbot, page.choose_button)
    dialog = page.findChild(RunChooser)
    assert not dialog.ok.isEnabled()
    assert "untick 1" in dialog.hint.text()
    items = {dialog.list.item(at).data(Qt.ItemDataRole.UserRole): dialog.list.item(at) for at in range(7)}
    items[runs[0]].setCheckState(Qt.CheckState.Unchecked)
    press(qtbot, dialog.ok)
    assert picks.runs == tuple(runs[1:])
    assert picks.slot(runs[6]) == 0  # the colour that became free
    assert page.notice.text == ""


def test_an_imported_file_is_said_to_have_nothing_to_compare(qtbot, page, add, picks, store):
    run = add("a run")
    store.execute("UPDATE runs SET kind = 'import' WHERE id = ?", (run,))
    page.tell()
    picks.choose([run])
    assert "imported file" in page.notice.text
    assert page.stack.currentWidget() is page.message
    other = add("another")
    page.tell(other)
    picks.add(other)
    qtbot.waitUntil(lambda: page.comparison is not None)
    assert [one.run_id for one in page.comparison.runs] == [other]


def test_a_run_without_an_evaluation_is_shown_as_such(qtbot, compare, add, store):
    waiting = add("waiting", FEWER, status=RunStatus.RUNNING, iterations=3)
    store.execute("DELETE FROM metrics WHERE run_id = ?", (waiting,))
    page = compare(add("one"), waiting)
    assert "nothing has been evaluated yet" in page.board.curves.note.text()
    assert [line.name for line in page.board.curves.chart.lines] == ["one"]
    assert cells(page.board.results.measured)[1][1] == "\u2013"


# -- what is shown


def test_curves_numbers_and_tests_are_those_of_the_comparison(qtbot, compare, add):
    base, better = add("base", FEWER, FEWER), add("better")
    page = compare(base, better)
    chart = page.board.curves.chart
    assert [(line.name, line.y.tolist(), line.series) for line in chart.lines] == [
        ("base", [0.25, 0.25], 0),
        ("better", [0.25, 0.4], 1),
    ]
    assert [page.board.curves.tabs.tabText(at) for at in range(page.board.curves.tabs.count())] == [
        "Greedy",
        "Verifier",
        "Gap",
    ]
    first, second = cells(page.board.results.measured)
    assert (first[0], second[0]) == ("base", "better")
    assert (first[1][:4], second[1][:4]) == ("25.0", "40.0")
    (row,) = cells(page.board.results.differences)
    found = page.comparison.differences[0]
    assert row[0] == "better"
    assert row[1].startswith("+15.0")
    assert row[4] == f"wins {found.wins}, loses {found.losses}" == "wins 10, loses 4"
    assert "McNemar test on 40 questions" in page.board.results.tests.text()
    assert "No difference shown against base: better." in page.board.results.shown.text()
    assert "the same 40 questions" in page.summary.text()


def test_the_axis_and_the_metric_are_kept_for_the_next_time(qtbot, compare, add, picks):
    page = compare(add("one"), add("two", FEWER, FEWER))
    curves = page.board.curves
    curves.axis.setCurrentIndex(1)
    assert [line.x.tolist() for line in curves.chart.lines] == [[0.0, 4e9], [0.0, 4e9]]
    curves.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: page.comparison.tested == ("verifier_step_accuracy",))
    assert curves.chart.lines[0].y.tolist() == [0.8, 0.8]
    assert "not tested" in cells(page.board.results.differences)[0] or not page.board.results.differences.isVisible()
    page.leave()
    assert (picks.view["axis"], picks.view["metric"]) == ("flops", "verifier_step_accuracy")


def test_only_differing_keys_until_d_shows_the_equal_ones(qtbot, compare, add):
    page = compare(add("one"), add("two", config={"labeling": {"rollouts": 3}}))
    assert list(keys(page)) == ["labeling.rollouts"]
    assert keys(page)["labeling.rollouts"][1] == "3"
    table = page.board.config.table
    index = table.keys.index(0, 2)
    assert "unlike the baseline" in table.keys.data(index, Qt.ItemDataRole.AccessibleTextRole)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_D)
    assert len(keys(page)) > 20
    assert "labeling.labeler" in keys(page)
    qtbot.keyClick(table, Qt.Key.Key_D)
    assert len(keys(page)) == 1


def test_b_makes_the_run_in_focus_the_baseline(qtbot, compare, add, picks):
    one, two, three = add("one"), add("two", FEWER, FEWER), add("three", FEWER, RIGHT)
    page = compare(one, two, three)
    table = page.board.results.measured
    table.setFocus()
    table.selectRow(2)
    assert page.board.curves.chart.accessibleDescription() == "In focus: three"
    qtbot.keyClick(table, Qt.Key.Key_B)
    assert picks.baseline == three
    qtbot.waitUntil(lambda: page.comparison.baseline == 2)
    assert page.top.baseline.currentText() == "three"
    chip = page.chips.chips[1]
    chip.setFocus()
    qtbot.keyClick(chip, Qt.Key.Key_B)
    assert picks.baseline == two
    page.top.baseline.setCurrentIndex(0)
    assert picks.baseline == one


def test_a_chip_shows_its_line_for_as_long_as_the_pointer_or_the_focus_is_on_it(qtbot, compare, add):
    page = compare(add("one"), add("two", FEWER, FEWER))
    chart, chip = page.board.curves.chart, page.chips.chips[1]
    page.board.focus_on(0)
    assert chart.accessibleDescription() == "In focus: one"
    chip.setFocus()
    assert chart.accessibleDescription() == "In focus: two"
    assert page.board.results.measured.group == 1
    chart.setFocus()
    assert chart.accessibleDescription() == "In focus: one"
    assert page.board.group == 0


def test_tab_goes_as_the_eye_does(qtbot, compare, add):
    page = compare(add("one"), add("two", FEWER, FEWER), add("three"))
    qtbot.waitUntil(lambda: page.board.questions.list.current is not None)
    page.top.baseline.setFocus()
    met = [page.top.baseline]
    while len(met) < 40 and met[-1] is not page.board.questions.list:
        qtbot.keyClick(met[-1], Qt.Key.Key_Tab)
        met.append(QApplication.focusWidget())
    wanted = [
        *(page.top.baseline, page.top.seeds, page.top.add, page.top.export, *page.chips.chips),
        *(page.board.curves.tabs, page.board.curves.axis, page.board.curves.chart),
        *(page.board.results.every_pair, page.board.results.measured, page.board.results.differences),
        *(page.board.config.table, page.board.config.equal),
        *(page.board.questions.pair, page.board.questions.parts, page.board.questions.list),
    ]
    assert met == wanted


def test_seeds_of_one_configuration_become_one_line(qtbot, compare, add, picks):
    other = add("other", FEWER, FEWER, config={"labeling": {"rollouts": 3}})
    runs = [add(f"sapo seed {seed}", FEWER, marks, seed=seed) for seed, marks in enumerate((RIGHT, FEWER, RIGHT))]
    page = compare(other, *runs)
    assert page.top.seeds.isVisible()
    press(qtbot, page.top.seeds)
    qtbot.waitUntil(lambda: len(page.board.curves.chart.lines) == 2)
    assert [picks.slot(run) for run in runs] == [1, 1, 1]
    line = page.board.curves.chart.lines[1]
    assert line.y[-1] == pytest.approx((0.4 + 0.25 + 0.4) / 3)
    assert line.low[-1] < line.y[-1] < line.high[-1]
    assert page.board.results.measured.figures.figures.rows[1].note == "3 seeds"
    assert len(keys(page)["labeling.rollouts"]) == 2  # a column a configuration
    press(qtbot, page.top.seeds)
    qtbot.waitUntil(lambda: len(page.board.curves.chart.lines) == 4)
    assert [picks.slot(run) for run in runs] == [1, 2, 3]


def test_more_than_six_seeds_of_two_configurations_are_two_lines(qtbot, compare, page, add, picks):
    config = {"labeling": {"rollouts": 3}}
    runs = [add(f"a {seed}", FEWER, seed=seed) for seed in range(4)]
    runs += [add(f"b {seed}", RIGHT, seed=seed, config=config) for seed in range(4)]
    page.tell()
    picks.group(True)
    compare(*runs)
    qtbot.waitUntil(lambda: [len(group.runs) for group in page.comparison.groups] == [4, 4])
    assert page.notice.text == ""
    assert len({picks.slot(run) for run in runs} - {None}) == 2


def test_a_run_that_goes_on_is_read_again_as_it_evaluates(qtbot, compare, add, store):
    going = add("going", FEWER, status=RunStatus.RUNNING, iterations=3)
    page = compare(add("one"), going)
    chart = page.board.curves.chart
    assert [chart.lines[at].name for at in chart.going] == ["going"]
    assert "still running" in page.board.curves.note.text()
    assert [row.note for row in page.board.results.measured.figures.figures.rows] == ["baseline, it 1", "it 0"]
    shown = page.comparison
    page.tell(going)  # alive, hence changed; nothing that is compared has
    assert page.comparison is shown
    store_runs.set_status(store, going, RunStatus.DONE)
    page.tell(going)
    qtbot.waitUntil(lambda: page.comparison is not shown)
    assert not chart.going


def test_different_questions_are_not_paired_and_the_common_ones_are_offered(qtbot, compare, add, picks):
    texts = [f"What is {place} + 1?" for place in range(40)]
    one = add("one", RIGHT, questions=texts)
    two = add("two", FEWER[:20], questions=texts[:20])
    page = compare(one, two)
    results = page.board.results
    assert results.refused.text
    assert not results.differences.isVisible()
    qtbot.waitUntil(lambda: bool(page.board.questions.refused.text))
    assert not page.board.questions.bar.isVisible()
    press(qtbot, results.common)
    qtbot.waitUntil(results.differences.isVisible)
    assert "on 20 questions" in results.tests.text()
    qtbot.waitUntil(lambda: sum(part.count for part in page.board.questions.bar.parts) == 20)
    assert results.refused.text == ""
    assert picks.view["common"] == "1"


def test_what_cannot_be_read_is_said_and_the_last_picture_stays(qtbot, compare, add, picks, monkeypatch):
    page = compare(add("one"), add("two", FEWER))

    def broken(store, asked):
        raise OSError("the disk is gone")

    monkeypatch.setattr(reading, "read_comparison", broken)
    picks.add(add("three", FEWER))
    page.tell("x")
    qtbot.waitUntil(lambda: "the disk is gone" in page.trouble.text)
    assert page.stack.currentWidget() is page.board
    assert len(page.board.curves.chart.lines) == 2


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_the_comparison_is_exported_as_the_command_writes_it(qtbot, compare, add, tmp_path, monkeypatch, ending):
    page = compare(add("one"), add("two", FEWER, FEWER))
    file = tmp_path / f"out.{ending}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    actions = {action.text().partition(" as ")[2]: action for action in page.top.export.menu().actions()}
    actions[f"{ending.upper()}\u2026"].trigger()
    qtbot.waitUntil(file.exists)
    qtbot.waitUntil(lambda: file.stat().st_size > 0)
    text = file.read_text()
    if ending == "json":
        assert [run["name"] for run in json.loads(text)["runs"]] == ["one", "two"]
    else:
        rows = list(csv.DictReader(text.splitlines()))
        assert {row["table"] for row in rows} >= {"curve", "difference"}


def test_while_it_reads_the_last_picture_stays_and_it_says_so(qtbot, compare, add, picks, monkeypatch):
    page = compare(add("one"), add("two", FEWER))
    third = add("three", FEWER)
    go_on, read = threading.Event(), reading.read_comparison

    def slow(store, asked):
        assert go_on.wait(60)
        return read(store, asked)

    monkeypatch.setattr(reading, "read_comparison", slow)
    page.tell()
    picks.add(third)
    qtbot.waitUntil(lambda: page.summary.text() == "Reading\u2026")
    assert page.stack.currentWidget() is page.board
    assert len(page.board.curves.chart.lines) == 2
    go_on.set()
    qtbot.waitUntil(lambda: len(page.board.curves.chart.lines) == 3)
    assert page.summary.text().startswith("3 runs")


def test_the_papers_figures_are_hollow_marks_where_there_are_any_and_can_be_hidden(qtbot, compare, add):
    paper = {"task": {"kind": "gsm8k"}, "model": {"source": "hub:Qwen/Qwen2.5-0.5B"}}
    page = compare(add("sapo", FEWER, FEWER, RIGHT, RIGHT, config=paper), add("lab", FEWER, RIGHT))
    (figures,) = page.board.curves.chart.marks
    assert figures.name == "paper, SAPO"
    run = page.comparison.runs[0]
    assert figures.y.tolist() == [run.paper[at] for at in range(4)]
    assert page.top.papers.isVisible()
    measured = page.board.results.measured.figures
    assert measured.figures.titles[-1] == "Paper, greedy"
    assert cells(page.board.results.measured)[1][-1] == "\u2013"
    press(qtbot, page.top.papers)
    assert page.board.curves.chart.marks == ()
    assert page.top.papers.isVisible()
    assert measured.figures.titles[-1] != "Paper, greedy"


def test_runs_are_compared_on_an_evaluation_set_where_they_were_measured_on_one(qtbot, compare, add):
    one, two = add("one", FEWER, RIGHT, set="far"), add("two", FEWER, FEWER, set="far")
    page = compare(one, two, add("own alone"))
    assert page.top.sets.isVisible()
    page.top.sets.setCurrentIndex(page.top.sets.findData("far"))
    qtbot.waitUntil(lambda: page.comparison.set == "far")
    assert [line.name for line in page.board.curves.chart.lines] == ["one", "two"]
    page.picks.choose([page.picks.runs[2]])  # which knows nothing of the set
    qtbot.waitUntil(lambda: page.comparison.set == "")
    assert page.trouble.text == ""
    assert [line.name for line in page.board.curves.chart.lines] == ["own alone"]


def test_what_is_wrong_with_runs_that_were_left_is_not_told_of_others(qtbot, compare, add, picks, hold):
    page = compare(add("one"), add("two", FEWER))
    third = add("three", FEWER)
    held = hold(reading, "read_comparison", fails=InputError("these cannot be compared"))
    page.tell()
    picks.add(third)
    qtbot.waitUntil(lambda: len(held.found) == 1)
    picks.toggle(third)
    picks.choose([picks.runs[0]])
    held.let_go()
    qtbot.waitUntil(lambda: [run.label for run in page.comparison.runs] == ["one"])
    settled(qtbot)
    assert page.trouble.text == ""
    assert page.stack.currentWidget() is page.board
