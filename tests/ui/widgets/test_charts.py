"""The charts on pyqtgraph: what they draw, read, zoom and save, and that they come apart without a trace."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from sapo_studio.errors import InputError
from sapo_ui import theme
from sapo_ui.widgets.charts.histogram import ThresholdHistogram
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from sapo_ui.widgets.charts.plot_math import thin
from sapo_ui.widgets.saving import PNG, SVG

X = np.arange(4.0)
MCE = Line("MCE", X, np.array([0.90, 0.91, 0.92, 0.93]), X * 0 + 0.88, X * 0 + 0.95)
VERIFIER = Line("Verifier", X, np.array([0.82, 0.85, 0.88, 0.92]), series=1)


def shown(qtbot, widget, size=(600, 300)):
    qtbot.addWidget(widget)
    widget.resize(*size)
    widget.show()
    qtbot.waitExposed(widget)
    widget.grab()
    return widget


def texts(chart):
    return [label.text for label in chart.view.ends.labels]


def wheel(chart, delta, at):
    viewport = chart.view.viewport()
    event = QWheelEvent(
        at,
        QPointF(viewport.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


@pytest.mark.slow  # test_imports.py looks at a whole start
def test_pyqtgraph_is_loaded_only_when_there_is_something_to_draw():
    code = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([]);"
        "from sapo_ui.shell import panel_registry; charts = [spec.panel() for spec in panel_registry.PANELS];"
        "assert 'pyqtgraph' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_lines_are_named_at_their_ends_and_read_under_the_pointer(qtbot):
    chart = shown(qtbot, LineChart())
    chart.set_lines([MCE, VERIFIER], between=(0, 1), value_format="{:.2f}".format)
    assert texts(chart) == ["MCE  0.93", "Verifier  0.92"]
    read = []
    chart.hovered.connect(read.append)
    at = chart.view.mapFromScene(chart.view.box.mapViewToScene(QPointF(1.1, 0.9)))
    qtbot.mouseMove(chart.view.viewport(), at)
    qtbot.waitUntil(lambda: read == [1.0])
    assert texts(chart) == ["MCE  0.91", "Verifier  0.85"]
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert read == [1.0, 2.0]
    QApplication.sendEvent(chart.view, QEvent(QEvent.Type.Leave))
    assert read == [1.0, 2.0, None]
    assert texts(chart) == ["MCE  0.93", "Verifier  0.92"]


@pytest.mark.parametrize("width", [150, 170, 240, 600])
def test_the_texts_below_keep_clear_of_the_names_at_the_right(qtbot, width):
    """Three names need more height than a low chart has, and then reach down to where the texts below begin."""
    chart = LineChart()
    x = np.array([0.0, 1.0])
    lines = [Line(name, x, np.array([0.4 + 0.05 * k, 0.45])) for k, name in enumerate(("Greedy", "Sampled", "Fully"))]
    chart.set_lines(lines, x_ticks=[(0.0, "start"), (1.0, "it 1")])
    shown(qtbot, chart, (width, 90))
    image = QImage(10, 10, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    below = [where for where, _, _ in chart.view.bottom.generateDrawSpecs(painter)[2]]
    names = [where for where, _, _ in chart.view.ends.generateDrawSpecs(painter)[2]]
    painter.end()
    assert below
    assert names
    right = max(chart.view.bottom.mapRectToScene(where).right() for where in below)
    assert right < min(chart.view.ends.mapRectToScene(where).left() for where in names)


def test_band_and_gap_are_filled_and_go_with_their_lines(qtbot):
    chart = shown(qtbot, LineChart())
    chart.set_lines([MCE, VERIFIER], between=(0, 1))
    bands = [items.band.fill.path().isEmpty() for items in chart._items]
    assert bands == [False, True]
    assert not chart._shading.fill.path().isEmpty()
    chart.set_lines([VERIFIER])
    assert len(chart._items) == 2
    assert not any(items.band.fill.isVisible() for items in chart._items)
    assert not chart._shading.fill.isVisible()
    assert not chart._items[1].curve.isVisible()
    chart.set_lines([])
    assert not chart.view.isVisible()
    chart.set_lines([MCE])
    assert chart.view.isVisible()


def test_log_scale_leaves_out_what_has_no_logarithm(qtbot):
    chart = shown(qtbot, LineChart())
    chart.set_lines([Line("loss", np.arange(5.0), np.array([100.0, 10.0, 0.0, -1.0, 1.0]))])
    chart.set_log(True)
    x, y = chart._items[0].curve.getData()
    assert x.tolist() == [0, 1, 4]
    assert y.tolist() == pytest.approx([2, 1, 0])
    assert chart.view.left.tickStrings([2.0], 1.0, 1.0) == ["100"]


def test_a_long_curve_keeps_its_spikes_in_few_points(qtbot):
    chart = shown(qtbot, LineChart(zoom=True))
    x = np.arange(200_000.0)
    y = np.zeros(len(x))
    y[[77, 123_456]] = 5.0, -3.0
    chart.set_lines([Line("loss", x, y)])
    _, drawn = chart._items[0].curve.getData()
    assert len(drawn) <= 2 * chart.width() + 2
    assert drawn.max() == 5.0
    assert drawn.min() == -3.0
    assert chart._items[0].curve.opts["pen"].width() == 1


def test_thin_never_loses_an_extreme():
    random = np.random.default_rng(1)
    for n in (1, 5, 99, 1000, 12_345):
        x, y = np.arange(float(n)), random.normal(size=n)
        few, kept = thin(x, y, 50)
        assert len(few) <= 102
        assert kept.max() == y.max()
        assert kept.min() == y.min()
        assert (np.diff(few) > 0).all()


def test_wheel_zooms_y_follows_and_double_click_restores(qtbot):
    chart = shown(qtbot, LineChart(zoom=True))
    x = np.arange(1000.0)
    chart.set_lines([Line("loss", x, 1000.0 - x)])
    whole = chart.view.seen
    wheel(chart, 720, QPointF(300, 100))
    assert chart.zoomed
    low, high = chart.view.seen
    assert whole[0] < low < high < whole[1]
    bottom, top = chart.view.box.viewRange()[1]
    assert bottom == pytest.approx(1000 - high, abs=0.12 * (high - low))
    assert top == pytest.approx(1000 - low, abs=0.12 * (high - low))
    assert texts(chart)[0] == f"loss  {1000 - np.floor(high):.0f}"
    more = np.arange(2000.0)
    chart.set_lines([Line("loss", more, 2000.0 - more)])  # a live run goes on: what one looks at stays
    assert chart.view.seen == pytest.approx((low, high))
    before = chart.view.seen
    viewport = chart.view.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    for step in range(1, 8):
        qtbot.mouseMove(viewport, QPoint(300 - 15 * step, 100))
        qtbot.wait(12)  # pyqtgraph drops moves that come faster than 100 a second
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=QPoint(195, 100))
    assert chart.view.seen[0] > before[0]
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    assert not chart.zoomed
    assert chart.view.seen[1] > 1999


def test_a_chart_without_zoom_stays(qtbot):
    chart = shown(qtbot, LineChart())
    chart.set_lines([MCE])
    before = chart.view.seen
    wheel(chart, 720, QPointF(300, 100))
    assert chart.view.seen == before
    assert "&Reset view" not in [action.text() for action in chart.export.menu().actions()]


@pytest.mark.parametrize("make", [LineChart, ThresholdHistogram])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_pictures(qtbot, tmp_path, make, mode):
    chart = make()
    chart.setAccessibleName("A chart")
    if isinstance(chart, LineChart):
        chart.set_lines([MCE, VERIFIER], between=(0, 1))
    else:
        chart.set_values(np.array([0.1, 0.2, 0.2]))
    shown(qtbot, chart)
    old = theme.manager().mode
    theme.manager().choose(mode)
    try:
        chart.export.write(tmp_path / "chart.png")
        chart.export.write(tmp_path / "chart.svg")
        ground = theme.current().surface
    finally:
        theme.manager().choose(old)
    image = QImage(str(tmp_path / "chart.png"))
    assert image.width() == pytest.approx(2 * chart.view.width(), abs=4)
    assert image.pixelColor(1, image.height() - 2).name() == ground
    svg = (tmp_path / "chart.svg").read_text()
    assert "<title>A chart</title>" in svg
    assert ground in svg
    assert ">MCE  0.930<" in svg or isinstance(chart, ThresholdHistogram)
    for ending in ("png", "svg"):
        with pytest.raises(OSError, match="nowhere"):
            chart.export.write(tmp_path / "nowhere" / f"chart.{ending}")
        (tmp_path / f"folder.{ending}").mkdir()
        os.mkfifo(tmp_path / f"pipe.{ending}")
        (tmp_path / f"null.{ending}").symlink_to("/dev/null")
        for name in ("folder", "pipe", "null"):
            with pytest.raises(InputError, match="not replaced"):
                chart.export.write(tmp_path / f"{name}.{ending}")
        kept = (tmp_path / f"chart.{ending}").read_bytes()
        (tmp_path / f"link.{ending}").symlink_to(tmp_path / "plain")
        chart.export.write(tmp_path / f"link.{ending}")  # what a link leads to is written, whatever it is called
        assert (tmp_path / "plain").read_bytes()[:4] == kept[:4]
        assert (tmp_path / f"link.{ending}").is_symlink()
    with pytest.raises(InputError, match="no file"):
        chart.export.write(Path())


def test_a_picture_that_cannot_be_written_is_told(qtbot, tmp_path, monkeypatch):
    chart = shown(qtbot, LineChart())
    chart.set_lines([MCE])
    (tmp_path / "folder.png").mkdir()
    answer = (str(tmp_path / "folder.png"), "PNG picture (*.png)")
    monkeypatch.setattr("sapo_ui.widgets.saving.QFileDialog.getSaveFileName", lambda *_: answer)
    chart.export.ask("png", PNG)
    (box,) = chart.findChildren(QMessageBox)
    assert "is a folder" in box.informativeText()
    box.close()


def test_export_asks_and_adds_the_ending(qtbot, tmp_path, monkeypatch):
    chart = shown(qtbot, LineChart())
    chart.set_lines([MCE])
    answer = (str(tmp_path / "mine"), "SVG drawing (*.svg)")
    monkeypatch.setattr("sapo_ui.widgets.saving.QFileDialog.getSaveFileName", lambda *_: answer)
    chart.export.ask("svg", SVG)
    assert (tmp_path / "mine.svg").stat().st_size > 1000


def test_threshold_is_dragged_clicked_and_keyed(qtbot):
    chart = shown(qtbot, ThresholdHistogram(name="eta"))
    chart.set_values(np.array([0.05, 0.15, 0.25, 0.35, 0.8]))
    chart.set_threshold(0.1)
    moved = []
    chart.threshold_changed.connect(moved.append)
    viewport = chart.view.viewport()
    start = chart.view.mapFrom(chart, QPoint(round(chart.line_x()), chart.height() // 2))
    qtbot.mouseMove(viewport, start)
    assert viewport.cursor().shape() == Qt.CursorShape.SizeHorCursor
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        qtbot.mouseMove(viewport, start + QPoint(15 * step, 0))
        qtbot.wait(12)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(120, 0))
    assert moved == sorted(moved)
    assert chart.threshold == pytest.approx(0.1 + 120 * chart.view.pixel, abs=0.02)
    assert chart.reaching == int((np.array([0.05, 0.15, 0.25, 0.35, 0.8]) >= chart.threshold).sum())
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(viewport.width() - 40, 40))
    clicked = chart.threshold
    assert clicked > 0.6
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.threshold == pytest.approx(clicked - 0.01)
    chart.set_threshold(9)
    assert chart.threshold == chart._line.x == 1.0


def test_bars_are_cut_at_the_threshold(qtbot):
    chart = shown(qtbot, ThresholdHistogram())
    chart.set_values(np.array([0.0, 0.0, 1.0]))
    chart.set_threshold(0.5)
    assert chart._bars.below.opts["height"].tolist() == [2]
    assert chart._bars.reaching.opts["height"].tolist() == [1]


def test_charts_follow_the_theme(qtbot):
    chart = shown(qtbot, LineChart())
    chart.set_lines([MCE])
    old = theme.manager().mode
    try:
        for mode in ("dark", "light"):
            theme.manager().choose(mode)
            look = theme.current()
            assert chart._items[0].curve.opts["pen"].color().name() == look.series[0]
            assert chart.view.ends.labels[0].colour.name() == look.series_text[0]
            image = chart.grab().toImage()
            assert image.pixelColor(image.width() - 8, image.height() - 8).name() == look.surface
    finally:
        theme.manager().choose(old)


def test_many_charts_come_and_go(qtbot):
    left = []
    for number in range(12):
        chart = LineChart(zoom=True) if number % 2 else ThresholdHistogram()
        if isinstance(chart, LineChart):
            chart.set_lines([MCE, VERIFIER], between=(0, 1))
        else:
            chart.set_values(np.array([0.1, 0.2]))
        chart.resize(300, 200)
        chart.show()
        chart.grab()
        left += [weakref.ref(chart), weakref.ref(chart.view.box)]
        chart.close()
        chart.deleteLater()
        del chart
        if number % 3 == 0:
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
            gc.collect()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    assert not [ref() for ref in left if ref() is not None]
