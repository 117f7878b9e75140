"""What can be taken out of every chart: its picture and its numbers, and that the window says where they are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from sapo_ui.shell.status_line import StatusLine
from sapo_ui.widgets.charts.cost_bars import CostBar, CostBars
from sapo_ui.widgets.charts.histogram import ThresholdHistogram
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from sapo_ui.widgets.charts.stacked_bars import Bar, Part, StackedBars
from sapo_ui.widgets.saving import documents, saving


def line_chart():
    chart = LineChart()
    x = np.arange(3.0)
    chart.set_lines([Line("a, b", x, np.array([0.1, np.nan, 1 / 3]), x, x + 1), Line("c", x[:1], x[:1])])
    rows = [["a, b", 0.0, 0.1, 0.0, 1.0], ["a, b", 1.0, "", 1.0, 2.0], ["a, b", 2.0, 1 / 3, 2.0, 3.0]]
    return chart, [["series", "x", "value", "low", "high"], *rows, ["c", 0.0, 0.0, "", ""]]


def histogram():
    chart = ThresholdHistogram()
    chart.set_values(np.array([0.1, 0.2, 0.2]))
    bins = chart.table()[1:]
    assert sum(count for _, _, count in bins) == 3
    return chart, [["from", "to", "count"], *map(list, bins)]


def stacked_bars():
    chart = StackedBars()
    chart.set_bars([Bar("it 1", (Part("confirmed", 3, 0, ""), Part("later", 1, 1, "")))])
    return chart, [["bar", "part", "count"], ["it 1", "confirmed", 3], ["it 1", "later", 1]]


def cost_bars():
    chart = CostBars()
    chart.set_bars([CostBar("Tokens", "SAPO", 12.5, "12.5", "x", estimate=True)])
    return chart, [["group", "name", "amount", "estimate", "remark"], ["Tokens", "SAPO", 12.5, 1, "x"]]


MAKERS = [line_chart, histogram, stacked_bars, cost_bars]


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
    chart.export.write_numbers(tmp_path / "numbers.csv")
    with (tmp_path / "numbers.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found == [[repr(cell) if isinstance(cell, float) else str(cell) for cell in row] for row in rows]


def test_the_picture_can_be_copied_and_written(made, tmp_path):
    chart, _ = made
    chart.export.copy_picture()
    copied = QGuiApplication.clipboard().image()
    chart.export.write_picture(tmp_path / "a.png")
    chart.export.write_picture(tmp_path / "a.svg")
    image = QImage(str(tmp_path / "a.png"))
    assert image.size() == copied.size()
    colours = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert len(colours) > 2
    assert "<title>A chart</title>" in (tmp_path / "a.svg").read_text()


def test_every_chart_offers_them(made):
    chart, _ = made
    menu = chart.context_menu()
    assert [action.text().replace("&", "") for action in menu.actions()][:3] == [
        "Copy picture",
        "Export picture\u2026",
        "Export numbers\u2026",
    ]
    menu.deleteLater()


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
    chart.export.ask_numbers()
    assert (other / "mine.csv").is_file()
    assert line.currentMessage() == f"Saved mine.csv in {other}"
    wanted = []
    line.folder_wanted.connect(wanted.append)
    qtbot.mouseClick(line.folder_button, Qt.MouseButton.LeftButton)
    assert wanted == [other]
    line.say("Something else.")
    assert not line.folder_button.isVisible()
    chart.export.ask_picture()
    assert asked == [str(own_folder / "labeling-cost.csv"), str(other / "labeling-cost.png")]
    saving().saved.disconnect(line.say_saved)


def test_without_a_last_folder_it_is_the_one_for_documents(own_folder):
    assert saving().folder == own_folder
    saving().remember(Path("/nowhere/at/all"))
    assert saving().folder == documents()
