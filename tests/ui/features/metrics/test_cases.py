"""The Self-verification panel."""

from __future__ import annotations

import json

import pytest

from sapo_studio.store import queries
from sapo_ui.features.metrics.cases import CASES, CasesPanel
from tests.ui.panel_helpers import filled, show


def test_cases(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, CasesPanel(), run_id, (360, 300)))
    counts = queries.case_counts(store, run_id)
    shown = {bar.name: {part.name: part.count for part in bar.parts} for bar in panel.bars.bars}
    wanted = {
        f"it {number}": {name: found[name] for name in CASES if found.get(name)}
        for number, found in counts.items()
        if any(found.get(name) for name in CASES)
    }
    assert shown == wanted
    for bar in panel.bars.bars:  # no label is ever cut
        room = panel.bars.width() - 44
        captions = panel.bars.captions(bar, room)
        metrics = panel.bars.fontMetrics()
        assert sum(metrics.horizontalAdvance(text) + 26 for text in captions) <= room
    assert "\u2013" not in panel.note.text()


@pytest.mark.parametrize("labeling", [{"labeler": "omega"}, {"detection": "random"}])
def test_no_error_where_nothing_is_assigned_beforehand(qtbot, store, run_id, labeling):
    config = json.loads(store.value("SELECT config FROM runs WHERE id = ?", (run_id,)))
    config["labeling"] |= labeling
    store.execute("UPDATE runs SET config = ? WHERE id = ?", (json.dumps(config), run_id))
    store.execute("DELETE FROM metrics WHERE run_id = ? AND name = 'self_verification_error'", (run_id,))
    panel = show(qtbot, CasesPanel(), run_id, (360, 300))
    qtbot.waitUntil(lambda: bool(panel.note.text()))
    why = queries.get_config(store, run_id).labeling.no_self_verification
    assert panel.note.text() == f"Self-verification error: \u2013 ({why})"
