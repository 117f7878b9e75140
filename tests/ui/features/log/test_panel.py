"""The Log panel."""

from __future__ import annotations

from sapo_studio.store import queries
from sapo_studio.store.records import LogLine
from sapo_ui.features.log.panel import LogPanel
from tests.fixtures.held import settled
from tests.ui.panel_helpers import change_of, filled, show


def test_log_follows_searches_and_holds_still(qtbot, store, run_id):
    store.execute_many(
        "INSERT INTO events (run_id, at, level, message) VALUES (?, ?, ?, ?)",
        [(run_id, 1.78e9 + i, "warning" if i % 10 == 0 else "info", f"line {i}") for i in range(1000)],
    )
    panel = filled(qtbot, show(qtbot, LogPanel(), run_id))
    qtbot.waitUntil(lambda: panel.model.rowCount() >= 1000)
    assert panel.model.lines[-1].message == "line 999"
    qtbot.waitUntil(lambda: panel.following)
    panel.table.verticalScrollBar().setValue(10)
    store.execute(
        "INSERT INTO events (run_id, at, level, message) VALUES (?, ?, ?, ?)", (run_id, 1.79e9, "error", "a\nfresh one")
    )
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: panel.model.lines[-1].message == "a\nfresh one")
    assert panel.table.verticalScrollBar().value() == 10
    assert panel.newest.isVisible()
    panel.newest.click()
    assert panel.following
    panel.search.setText("line 99")
    wanted = {"line 99", *(f"line {n}" for n in range(990, 1000))}
    qtbot.waitUntil(lambda: {line.message for line in panel.model.lines} == wanted)
    panel.search.clear()
    panel.level.setCurrentIndex(panel.level.findData("error"))
    qtbot.waitUntil(lambda: [line.message for line in panel.model.lines] == ["a\nfresh one"])


def test_log_takes_a_hundred_thousand_lines(qtbot):
    panel = LogPanel()
    qtbot.addWidget(panel)
    panel.model.replace([LogLine(i, 1.78e9, "info", f"line {i}") for i in range(1, 100_001)])
    panel.model.append([LogLine(100_001, 1.78e9, "error", "last"), LogLine(5, 1.78e9, "info", "old")])
    assert panel.model.rowCount() == 100_001
    assert panel.model.last_id == 100_001


def test_lines_that_were_to_come_after_others_do_not_begin_a_list(qtbot, store, run_id, hold):
    def write(*numbers):
        store.execute_many(
            "INSERT INTO events (run_id, at, level, message) VALUES (?, ?, 'info', ?)",
            [(run_id, 1.78e9 + number, f"line {number}") for number in numbers],
        )

    write(1, 2)
    panel = filled(qtbot, show(qtbot, LogPanel(), run_id))
    qtbot.waitUntil(lambda: panel.model.rowCount() >= 2)
    before = panel.model.rowCount()
    write(3)
    held = hold(queries, "log")
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: len(held.found) == 1)
    panel.level.setCurrentIndex(panel.level.findData("error"))
    panel.level.setCurrentIndex(panel.level.findData("info"))
    held.let_go()
    settled(qtbot)
    assert panel.model.rowCount() == before + 1
