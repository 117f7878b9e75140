"""The label audit from the window: opened for the run that is shown, and left by Enter and Esc."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from sapo_ui.features.audit.page import AuditPage
from sapo_ui.features.traces.reader import Reader
from sapo_ui.panels.panel import PanelSpec
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def audited(qtbot, store, open_window, select):
    """A window with the audit of a run open."""
    run_id = synthetic_run(store, iterations=1, trajectories=120, questions=12)
    window = open_window((PanelSpec(Reader, "read"),))
    assert not window.actions_["run.audit"].isEnabled()
    select(window, run_id)
    assert window.actions_["run.audit"].isEnabled()
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    page = window.pages.front
    assert isinstance(page, AuditPage)
    qtbot.waitUntil(lambda: page.view is not None)
    assert page.view.run.id == run_id
    return window, page


def test_enter_opens_the_trace_at_the_step(audited, qtbot):
    window, page = audited
    step = page.view.audit.disagreements[0]
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert window.pages.front is window.run_page
    trace = window.run_page.panels["read"].trace
    qtbot.waitUntil(lambda: trace.detail is not None and trace.detail.id == step.trajectory)
    assert trace.steps.chosen == step.step


def test_escape_goes_back_to_the_run(audited, qtbot):
    window, page = audited
    qtbot.keyClick(page.table, Qt.Key.Key_Escape)
    assert window.pages.front is window.run_page
