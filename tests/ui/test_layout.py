"""Every registered page at the sizes people have: no clipped label, no widgets over each other."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from sapo_studio.domain.runs import RunStatus
from sapo_ui import theme
from sapo_ui.services import tasks
from sapo_ui.shell.page_registry import PAGES
from sapo_ui.shell.panel_registry import PANELS
from tests.fixtures.answered_runs import answered_run
from tests.fixtures.synthetic import synthetic_run
from tests.ui.layout_faults import faults
from tests.ui.shell.conftest import control, open_window, select

__all__ = ["control", "open_window", "select"]

SIZES = ((1024, 640), (1280, 800), (1920, 1080))
"""The smallest, the usual one, and a 4K screen at 200 %."""

LONG = "a run with a very long name that goes on and on, seed 1234567890, eta 0.25, again"[:80]


def views_of_a_run(window):
    """(name, what brings it to the front) of the run's page in each of its ways."""
    return [(f"run, {name}", lambda name=name: window._use_run(name)) for name in ("watch", "read")]


def views(window):
    """The same of every page, and of the run's with each drawer."""
    others = [spec.page_id for spec in PAGES if spec.page_id != "run"]
    drawers = [spec.panel for spec in PANELS if spec.area == "bottom"]
    return [
        *((name, lambda name=name: window._show_page(name)) for name in others),
        *views_of_a_run(window),
        *((f"run, {one.title}", lambda name=one.panel_id: window.run_page.panels.go_to(name)) for one in drawers),
    ]


def compared_runs(store):
    """Runs to compare: several seeds, one of other settings, and one that answered other questions."""
    marks = ["1100110011", "1010101010", "1110001110"]
    runs = [answered_run(store, marks[:at], name=f"{LONG[:70]} {at}", seed=at) for at in (1, 2, 3)]
    other = {"labeling": {"rollouts": 3}, "verifier": {"epochs": 3}}
    runs.append(answered_run(store, marks, name="other", samples=[marks] * 3, config=other))
    return [*runs, answered_run(store, marks[:1], name="fewer", questions=[f"Question {at}?" for at in range(10)])]


def looked_at(qtbot, window, shown, sizes=SIZES):
    """Every fault of the views at these sizes."""
    wrong = {}
    for name, show in shown:
        window._show_page("run")
        show()
        for size in sizes:
            window.resize(*size)
            qtbot.waitUntil(lambda: tasks.pool().idle)
            QApplication.processEvents()
            QApplication.processEvents()
            assert window.size().toTuple() == size, f"{name} does not fit {size}"
            try:  # rows that come a few at a time may be on their way to their places
                qtbot.waitUntil(lambda: not faults(window), timeout=10_000)
            except qtbot.TimeoutError:
                wrong[name, size] = faults(window)
    return wrong


def told(wrong):
    return "\n".join(f"{where}: {faults}" for where, faults in wrong.items())


@pytest.mark.parametrize("sizes", [SIZES[:1], pytest.param(SIZES[1:], marks=pytest.mark.slow)], ids=["least", "more"])
def test_no_page_clips_or_overlaps(qtbot, store, open_window, select, sizes):
    run_id = synthetic_run(store, name=LONG, iterations=2, trajectories=60, questions=8)
    window = open_window(PANELS)
    select(window, run_id)
    window.run_page.panels.show_trace(store.value("SELECT trajectory_id FROM rollouts WHERE prefix > 0 LIMIT 1"))
    window.picks.choose([run_id, *compared_runs(store)])
    wrong = looked_at(qtbot, window, views(window), sizes)
    assert not wrong, told(wrong)


def test_a_failed_run_in_the_dark_clips_and_overlaps_nothing(qtbot, store, open_window, select):
    window = open_window(PANELS)
    run_id = synthetic_run(store, name=LONG, iterations=2, trajectories=24, questions=8, status=RunStatus.FAILED)
    select(window, run_id)
    theme.manager().choose("dark")
    try:
        wrong = looked_at(qtbot, window, views_of_a_run(window))
    finally:
        theme.manager().choose("system")
    assert not wrong, told(wrong)


def test_what_is_wrong_is_found(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(300, 100)
    label, button = QLabel("a text that is far too long for its place", page), QPushButton("Start", page)
    label.setGeometry(0, 0, 60, 20)
    button.setGeometry(50, 10, 100, 30)
    page.show()
    clipped, overlapping = faults(page)
    assert "needs" in clipped
    assert "overlap by 10 x 10" in overlapping
