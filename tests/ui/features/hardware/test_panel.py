"""The Hardware panel."""

from __future__ import annotations

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
