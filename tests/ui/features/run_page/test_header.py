"""The top of the run page: where a run is, and what can be done to it."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from sapo_ui.features.run_page.header import where


def test_header_shows_where_a_run_is(page, make_run):
    run = make_run(1, "lab", phase="label", iteration=2, progress=0.61, eta_seconds=128)
    assert where(run) == "iteration 2 of 3 \u00b7 label \u00b7 61.0\u202f% \u00b7 ETA 2\u202fmin \u00b7 cpu"
    page.show_run(run)
    assert page.header.name.text() == "lab"
    assert page.header.chip.status == "running"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("running", {"run.pause", "run.stop_after", "run.stop"}),
        ("paused", {"run.continue", "run.stop_after", "run.stop"}),
        ("stopped", {"run.resume"}),
        ("failed", {"run.resume"}),
        ("interrupted", {"run.resume"}),
        ("queued", {"run.resume", "run.stop"}),
        ("done", set()),
    ],
)
def test_header_offers_what_can_be_done(qtbot, page, make_run, fired, status, expected):
    page.show_run(make_run(1, "lab", status))
    shown = {name for name, button in page.header.buttons.items() if button.isVisible()}
    assert shown == expected
    for name in shown:
        qtbot.mouseClick(page.header.buttons[name], Qt.MouseButton.LeftButton)
    assert set(fired) == expected


@pytest.mark.parametrize(
    ("pressed", "first", "between", "then", "focused"),
    [
        ("run.pause", "running", (), "paused", "run.continue"),
        ("run.continue", "paused", (), "running", "run.pause"),
        ("run.resume", "stopped", ("done",), "running", "run.pause"),
        ("run.stop", "running", ("done",), "stopped", "run.resume"),
    ],
)
def test_whoever_presses_space_twice_does_not_stop_a_run(page, make_run, pressed, first, between, then, focused):
    """A button that goes hands the focus to what takes its place, also where that comes later, and to no neighbor."""
    page.show_run(make_run(1, "lab", first))
    header = page.header
    page.activateWindow()
    header.buttons[pressed].setFocus()
    assert header.buttons[pressed].hasFocus()
    for status in between:
        page.show_run(make_run(1, "lab", status))
        assert header.more.hasFocus()
    page.show_run(make_run(1, "lab", then))
    assert header.buttons[focused].hasFocus()


def test_a_long_name_leaves_phase_and_eta_their_place(page, make_run):
    name = "a run with a very long name that goes on and on, seed 1234567890, eta 0.25"
    page.show_run(make_run(1, name, phase="label", iteration=2, progress=0.61, eta_seconds=128))
    page.resize(1040, 740)
    QApplication.processEvents()
    shown = "".join(page.header.where.shown())
    assert "label" in shown
    assert "ETA 2\u202fmin" in shown
    assert "".join(page.header.name.shown()).startswith("a run with")
