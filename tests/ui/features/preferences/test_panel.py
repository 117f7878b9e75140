"""The Preferences panel."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt

from sapo_studio.store import queries
from sapo_ui.features.preferences.panel import PreferencesPanel
from sapo_ui.widgets.tinted_lines import ROW
from tests.fixtures.held import settled
from tests.ui.panel_helpers import change_of, filled, show


def test_preferences(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, PreferencesPanel(), run_id))
    pairs = queries.pairs(store, run_id, 2)
    eta = queries.get_config(store, run_id).optimiser.eta
    assert panel.histogram.threshold == eta
    left = [pair for pair in pairs if pair.margin >= eta]
    assert panel.count.text() == f"{len(left):,} of {len(pairs):,} pairs"
    qtbot.waitUntil(lambda: panel.shown_pair is not None)
    assert panel.shown_pair == min(left, key=lambda pair: pair.margin)
    chart = panel.histogram
    plot = chart.view.viewport()
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(plot.width() * 2 // 3, plot.height() // 2))
    assert chart.threshold != eta
    assert panel.count.text().startswith(f"{sum(pair.margin >= chart.threshold for pair in pairs):,} of")
    chart.set_threshold(0.4)
    assert panel.count.text().startswith(f"{sum(pair.margin >= 0.4 for pair in pairs):,} of")
    qtbot.waitUntil(lambda: panel.shown_pair is not None and panel.shown_pair.margin >= 0.4)
    first = panel.shown_pair
    panel.setFocus()
    qtbot.keyClick(panel, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: panel.shown_pair != first)
    winner = queries.trace(store, panel.shown_pair.winner_id)
    assert [text for text, _ in panel.winner.lines] == winner.steps
    assert np.allclose([score for _, score in panel.winner.lines], winner.scores[2])


def test_in_the_drawer_the_pairs_stand_beside_the_histogram(qtbot, run_id):
    panel = filled(qtbot, show(qtbot, PreferencesPanel(), run_id, (1040, 250)))
    qtbot.waitUntil(lambda: panel.shown_pair is not None)
    reader = panel.winner.mapTo(panel, QPoint())
    assert reader.x() > panel.histogram.geometry().right()
    assert panel.histogram.height() >= 120
    assert panel.winner.visibleRegion().boundingRect().height() >= 2 * ROW, "solutions can be read"
    panel.resize(500, 600)
    qtbot.waitUntil(lambda: panel.winner.mapTo(panel, QPoint()).y() > panel.histogram.geometry().bottom())


def test_pairs_of_an_iteration_that_was_left_are_not_shown(qtbot, store, run_id, hold):
    panel = filled(qtbot, show(qtbot, PreferencesPanel(), run_id))
    qtbot.waitUntil(lambda: panel.shown_pair is not None)
    held = hold(queries, "pairs")
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    panel.iteration.setCurrentIndex(panel.iteration.findData(1))
    seen = []
    panel.histogram.set_values = lambda margins: seen.append(len(margins))
    held.found[0].append(held.found[0][0])  # as if there were more pairs by now
    held.let_go()
    settled(qtbot)
    assert seen == [len(queries.pairs(store, run_id, 1))]


def test_the_pair_that_is_read_stays_while_others_come(qtbot, store, run_id):
    panel = filled(qtbot, show(qtbot, PreferencesPanel(), run_id))
    panel.histogram.set_threshold(0.0)
    panel.setFocus()
    for _ in range(2):
        qtbot.keyClick(panel, Qt.Key.Key_J)
    wanted = panel.left[2]
    qtbot.waitUntil(lambda: panel.shown_pair == wanted)
    store.execute("DELETE FROM pairs WHERE id = ?", (panel.left[0].id,))
    panel.refresh(change_of(store, run_id))
    settled(qtbot)
    assert panel.shown_pair == wanted
    assert panel.place.text().startswith("Pair 2 of ")
