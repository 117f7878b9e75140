"""The Hardware panel."""

from __future__ import annotations

import re

from sapo_ui.features.hardware.panel import HardwarePanel
from tests.ui.panel_helpers import filled, show


def test_hardware_samples_while_visible(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, HardwarePanel(), run_id))
    assert panel.readings
    assert 0 <= panel.readings[0].cpu <= 1
    assert panel.readings[0].used < panel.readings[0].total
    assert panel.gpus.text()
    panel.hide()
    assert not panel._timer.isActive()


def test_the_drawer_says_how_much_memory_is_in_use_while_the_run_is_alive(store, run_id):
    assert HardwarePanel.brief(store, run_id) == ""
    store.execute("UPDATE runs SET status = 'running' WHERE id = ?", (run_id,))
    assert re.fullmatch(r"\S+\s\wi?B of \S+\s\wi?B in use", HardwarePanel.brief(store, run_id))
