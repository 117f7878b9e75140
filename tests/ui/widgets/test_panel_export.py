"""What can be taken out of every chart and table: its picture and its numbers, and that the window says where they
are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QLineEdit, QMenu, QTableView, QVBoxLayout, QWidget

from sapo_studio.app.studies.self_verification_matrix import Cell
from sapo_ui import format as fmt
from sapo_ui.features.trust.matrix_cells import MatrixCells
from sapo_ui.shell.status_line import StatusLine
from sapo_ui.widgets.charts.cost_bars import CostBar, CostBars
from sapo_ui.widgets.charts.histogram import ThresholdHistogram
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from sapo_ui.widgets.charts.stacked_bars import Bar, Part, StackedBars
from sapo_ui.widgets.panel_export import offer_near
from sapo_ui.widgets.saving import NUMBERS, PNG, documents, saving
from sapo_ui.widgets.table_export import TableExport


def line_chart():
    chart = LineChart()
    x = np.arange(3.0)
    lines = [Line("a, b", x, np.array([0.1, np.nan, 1 / 3]), x, x + 1), Line("c", x[:1], x[:1])]
    chart.set_lines(lines, units=("iteration", "fraction"))
    rows = [["a, b", 0.0, 0.1, 0.0, 1.0], ["a, b", 1.0, "", 1.0, 2.0], ["a, b", 2.0, 1 / 3, 2.0, 3.0]]
    return chart, [
        ["series", "x (iteration)", "value (fraction)", "low (fraction)", "high (fraction)"],
        *rows,
        ["c", 0.0, 0.0, "", ""],
    ]


def histogram():
    chart = ThresholdHistogram(units=("margin", "pairs"))
    chart.set_values(np.array([0.1, 0.2, 0.2]))
    bins = list(chart.table())[1:]
    assert sum(count for _, _, count in bins) == 3
    return chart, [["from (margin)", "to (margin)", "count (pairs)"], *map(list, bins)]


def stacked_bars():
    chart = StackedBars(unit="trajectories")
    chart.set_bars([Bar("it 1", (Part("confirmed", 3, 0, ""), Part("later", 1, 1, "")))])
    return chart, [["bar", "part", "count (trajectories)"], ["it 1", "confirmed", 3], ["it 1", "later", 1]]


def cost_bars():
    chart = CostBars()
    uncounted = CostBar("Compute", "Method", 0.0, fmt.NONE, "not counted", unit="FLOP")
    chart.set_bars([CostBar("Tokens", "SAPO", 12.5, "12.5", "x", estimate=True, unit="tokens"), uncounted])
    return chart, [
        ["group", "name", "amount", "unit", "estimate", "remark"],
        ["Tokens", "SAPO", 12.5, "tokens", 1, "x"],
        ["Compute", "Method", "", "FLOP", 0, "not counted"],
    ]


def table():
    view = QTableView()
    model = QStandardItemModel(2, 2, view)
    model.setHorizontalHeaderLabels(["word", "number"])
    for row, texts in enumerate((("one", "1.5"), ("two", "2.5"))):
        for column, text in enumerate(texts):
            model.setItem(row, column, QStandardItem(text))
    view.setModel(model)
    view.export = TableExport(view, lambda: [("word", "number"), ("one", np.float64(1.5)), ("two", np.float32(2.5))])
    return view, [["word", "number"], ["one", 1.5], ["two", 2.5]]


def matrix():
    cells = MatrixCells()
    cells.show_cells([Cell(0, 1, 0.25, 0.2, 0.3, 40)])
    heads = ["verifier", "reasoner", "error (fraction)", "low (fraction)", "high (fraction)", "n (trajectories)"]
    return cells, [heads, ["V0", "M1", 0.25, 0.2, 0.3, 40]]


MAKERS = [line_chart, histogram, stacked_bars, cost_bars, table, matrix]


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def made(request, qtbot):
    chart, rows = request.param()
    chart.setAccessibleName("A chart")
    qtbot.addWidget(chart)
    chart.resize(400, 240)
    chart.show()
    qtbot.waitExposed(chart)
    return chart, rows


@pytest.fixture
def own_folder(tmp_path):
    saving().remember(tmp_path)
    yield tmp_path
    saving().remember(None)


def test_numbers_are_written_in_full(made, tmp_path):
    chart, rows = made
    chart.export.write(tmp_path / "numbers.csv")
    with (tmp_path / "numbers.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found == [[repr(cell) if isinstance(cell, float) else str(cell) for cell in row] for row in rows]


def test_the_picture_can_be_copied_and_written(made, tmp_path):
    chart, _ = made
    chart.export.copy_picture()
    copied = QGuiApplication.clipboard().image()
    chart.export.write(tmp_path / "a.png")
    chart.export.write(tmp_path / "a.svg")
    image = QImage(str(tmp_path / "a.png"))
    assert image.size() == copied.size()
    colours = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert len(colours) > 2
    assert "<title>A chart</title>" in (tmp_path / "a.svg").read_text()


TEXTS = {"table": "two", "matrix": "25.0", "stacked_bars": "confirmed", "cost_bars": "SAPO", "line_chart": "a, b"}


def test_the_drawing_has_real_text(request, made, tmp_path):
    chart, _ = made
    chart.export.write(tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert TEXTS.get(request.node.callspec.id, "eta") in text or request.node.callspec.id == "histogram"
    assert "<text" in text


def offered(menu):
    return [action.text().replace("&", "") for action in menu.actions()]


ALL = ["Copy picture", "Save as PNG\u2026", "Save as SVG\u2026", "Save numbers (CSV)\u2026"]


def test_every_chart_offers_them_by_the_right_button_and_by_keyboard(qtbot, made):
    chart, _ = made
    menu = chart.export.menu()
    assert offered(menu)[:4] == ALL
    menu.deleteLater()
    opened = []
    chart.export.menu = lambda: opened.append(1) or QMenu(chart)
    target = chart.viewport() if isinstance(chart, QTableView) else chart
    at = QPoint(20, 20)
    QApplication.sendEvent(target, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, target.mapToGlobal(at)))
    assert opened == [1]


def test_around_the_focus_what_is_nearest_is_offered_and_of_more_each_by_name(qtbot):
    page, left, right = QWidget(), QWidget(), QWidget()
    row = QHBoxLayout(page)
    for side, maker in ((left, cost_bars), (right, stacked_bars)):
        chart, _ = maker()
        chart.setAccessibleName(maker.__name__)
        QVBoxLayout(side).addWidget(chart)
        field = QLineEdit()
        side.layout().addWidget(field)
        side.field = field
        row.addWidget(side)
    qtbot.addWidget(page)
    page.show()
    near = offer_near(left.field, page)
    assert offered(near) == ALL
    near.close()
    for focus in (None, QLineEdit(page.parentWidget())):
        both = offer_near(focus, page)
        assert offered(both) == ["cost_bars", "stacked_bars"]
        assert offered(both.actions()[1].menu()) == ALL
        both.close()
    left.findChild(CostBars).set_bars([])
    other = offer_near(left.field, page)
    assert offered(other) == ALL  # that of the other side: nothing nearer has anything
    other.close()
    right.hide()
    assert offer_near(left.field, page) is None


def test_saving_begins_in_the_last_folder_and_says_where_the_file_is(qtbot, own_folder, tmp_path, monkeypatch):
    chart, _ = cost_bars()
    chart.setAccessibleName("Labeling cost")
    qtbot.addWidget(chart)
    line = StatusLine(tmp_path / "studio.db")
    qtbot.addWidget(line)
    line.show()
    saving().saved.connect(line.say_saved)
    other = tmp_path / "other"
    other.mkdir()
    asked = []

    def answer(_, __, start, kinds):
        asked.append(start)
        return str(other / "mine"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    chart.export.ask("csv", NUMBERS)
    assert (other / "mine.csv").is_file()
    assert line.currentMessage() == f"Saved mine.csv in {other}"
    wanted = []
    line.folder_wanted.connect(wanted.append)
    qtbot.mouseClick(line.folder_button, Qt.MouseButton.LeftButton)
    assert wanted == [other]
    line.say("Something else.")
    assert not line.folder_button.isVisible()
    chart.export.ask("png", PNG)
    assert asked == [str(own_folder / "labeling-cost.csv"), str(other / "labeling-cost.png")]
    saving().saved.disconnect(line.say_saved)


def test_without_a_last_folder_it_is_the_one_for_documents(own_folder):
    assert saving().folder == own_folder
    saving().remember(Path("/nowhere/at/all"))
    assert saving().folder == documents()
