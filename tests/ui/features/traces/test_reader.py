"""Reading: the list follows the open trajectory, the open trajectory the list, and both come back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from sapo_studio.store import queries
from sapo_ui import theme
from sapo_ui.features.traces.reader import Reader


def opened(qtbot, run_id, position=None):
    made = Reader()
    qtbot.addWidget(made)
    made.resize(1200, 700)
    made.show()
    made.restore_position(position or {})
    made.show_run(run_id)
    qtbot.waitUntil(lambda: len(made.table.model.ids) > 0)
    return made


@pytest.fixture
def reader(qtbot, run_id):
    return opened(qtbot, run_id)


def shows(reader, row):
    """Whether the trajectory of a row of the list is open."""
    return reader.trace.detail is not None and reader.trace.detail.id == int(reader.table.model.ids[row])


def test_moving_in_the_list_opens_and_leaves_the_focus_there(reader, qtbot):
    reader.table.table.setFocus()
    qtbot.waitUntil(reader.table.table.hasFocus)
    for row in range(3):
        qtbot.keyClick(reader.table.table, Qt.Key.Key_J)
        qtbot.waitUntil(lambda row=row: shows(reader, row))
        assert reader.table.table.hasFocus()
    assert reader.trace.head.position.text() == f"3 of {len(reader.table.model.ids):,}"
    qtbot.keyClick(reader.table.table, Qt.Key.Key_Return)
    qtbot.waitUntil(reader.trace.hasFocus)
    qtbot.keyClick(reader.trace, Qt.Key.Key_Escape)
    assert reader.table.table.hasFocus()


def test_j_and_k_go_on_from_inside_a_trajectory(reader, qtbot):
    reader.trace.setFocus()
    qtbot.keyClick(reader.trace, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: shows(reader, 0))
    qtbot.keyClick(reader.trace, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: shows(reader, 1))
    assert reader.table.table.currentIndex().row() == 1
    qtbot.keyClick(reader.trace, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: shows(reader, 0))


def test_neighbours_are_ready_before_anybody_asks(reader, qtbot):
    reader.table.go(1)
    qtbot.waitUntil(lambda: shows(reader, 0))
    qtbot.waitUntil(lambda: reader.trace.ahead.ready(int(reader.table.model.ids[1])) is not None)
    reader.trace.moved.emit(1)
    assert shows(reader, 1), "without waiting for the store"


def test_filtering_keeps_what_is_open_and_says_where_it_is(reader, qtbot, store):
    row = next(at for at, one in enumerate(reader.table.model.ids) if queries.trace(store, int(one)).correct)
    reader.trace.preview(int(reader.table.model.ids[row]))
    qtbot.waitUntil(lambda: shows(reader, row))
    kept = reader.trace.detail.id
    outcome = reader.table.filters.outcome
    outcome.setCurrentIndex(outcome.findData("wrong"))
    qtbot.waitUntil(lambda: reader.trace.head.position.text() == "not in this filter")
    assert reader.trace.detail.id == kept
    assert reader.table.selected_id is None
    outcome.setCurrentIndex(0)
    qtbot.waitUntil(lambda: reader.trace.head.position.text().endswith(f"of {len(reader.table.model.ids):,}"))
    assert reader.table.selected_id == kept


def test_list_filters_trajectory_and_step_come_back(reader, qtbot, run_id, store):
    found = queries.trace_ids(store, queries.TraceFilter(run_id, iteration=2, outcome="wrong"))
    one = next(int(one) for one in found if len(queries.trace(store, int(one)).steps) > 2)
    reader.table.filters.iteration.setCurrentIndex(reader.table.filters.iteration.findData(2))
    reader.trace.preview(one)
    qtbot.waitUntil(lambda: reader.trace.detail is not None and reader.trace.detail.id == one)
    reader.trace.steps.choose(3)
    kept = reader.position()
    again = opened(qtbot, run_id, kept)
    qtbot.waitUntil(lambda: again.trace.detail is not None)
    assert again.trace.detail.id == one
    assert again.trace.steps.chosen == 3
    assert again.table.filters.iteration.currentData() == 2
    assert again.position() == kept


def test_opening_a_step_moves_only_what_is_below(reader, qtbot, store, run_id):
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, sort="steps", descending=True))
    reader.trace.preview(int(ids[0]))
    qtbot.waitUntil(lambda: reader.trace.detail is not None)
    steps = reader.trace.steps
    steps.choose(1)
    QApplication.processEvents()
    tops = [card.mapTo(steps.viewport(), card.rect().topLeft()).y() for card in steps.cards]
    steps.choose(3)
    QApplication.processEvents()
    after = [card.mapTo(steps.viewport(), card.rect().topLeft()).y() for card in steps.cards]
    bar = steps.verticalScrollBar()
    moved = after[2] - tops[2]
    assert moved == 0 or bar.value() in (bar.minimum(), bar.maximum()), "as far as there is something to scroll"


def test_shared_rollouts_are_counted_and_linked(reader, qtbot, store):
    shared = next(
        detail
        for detail in (queries.trace(store, int(one)) for one in reader.table.model.ids)
        if any(one.lender is not None for one in detail.shared)
    )
    lent = shared.shared[0]
    lender = queries.trace(store, lent.lender)
    assert lender.question_id == shared.question_id
    assert lender.steps[: lent.prefix] == shared.steps[: lent.prefix]
    reader.trace.preview(shared.id, lent.prefix)
    qtbot.waitUntil(lambda: reader.trace.detail is not None and reader.trace.detail.id == shared.id)
    row = reader.trace.steps.cards[lent.prefix - 1]
    at = [one for one in shared.evidence if one.prefix == lent.prefix]
    assert (row.row.tries.succeeded, row.row.tries.made) == (sum(one.correct for one in at), len(at))
    link = row.opened.links[lent.lender]
    qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: reader.trace.detail.id == lent.lender)


def test_tab_goes_from_the_search_to_the_list_and_into_the_trajectory(reader, qtbot):
    reader.table.go(1)
    qtbot.waitUntil(lambda: shows(reader, 0))
    reader.table.filters.search.setFocus()
    qtbot.waitUntil(reader.table.filters.search.hasFocus)
    seen = []
    for _ in range(8):
        seen.append(QApplication.focusWidget())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    wanted = [
        reader.table.filters.search,
        reader.table.filters.button,
        reader.table.views,
        reader.table.table,
        reader.table.views,
        reader.table.queue,
        reader.trace,
        reader.trace.head.before,
        reader.trace.head.after,
    ]
    assert seen[: len(wanted)] == wanted


def test_one_place_alone_has_the_frame_of_the_focus(reader, qtbot):
    reader.table.go(1)
    qtbot.waitUntil(lambda: shows(reader, 0) and len(reader.trace.steps.cards) > 0)
    (row,) = [card for card in reader.trace.steps.cards if card.chosen]

    def framed():
        picture = row.grab().toImage()
        edge = picture.pixelColor(picture.width() // 2, picture.height() - 2).name()
        return edge == QColor(theme.current().accent).name()

    reader.trace.setFocus()
    qtbot.waitUntil(reader.trace.hasFocus)
    assert framed()
    reader.table.table.setFocus()
    qtbot.waitUntil(reader.table.table.hasFocus)
    assert not framed()
