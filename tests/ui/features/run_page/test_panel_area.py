"""Where panels stand, the two ways to use them, the drawer, and what comes back."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from sapo_ui.features.run_page.page import RunPage
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.settings import Settings
from tests.ui.features.run_page.conftest import PANELS


def rect(page, name):
    """Where a panel is drawn on the page."""
    panel = page.panels[name]
    return panel.rect().translated(panel.mapTo(page, QPoint()))


def focused():
    return QApplication.focusWidget()


def test_watch_gives_the_heatmap_the_room_and_the_curves_the_side(page, make_run):
    page.show_run(make_run(1, "lab"))
    heatmap, gap, cases = (rect(page, name) for name in ("heatmap", "gap", "cases"))
    assert heatmap.right() < gap.left()
    assert gap.bottom() < cases.top()
    assert heatmap.height() >= 0.7 * page.height()
    assert heatmap.width() >= 0.6 * page.width()
    assert not page.panels["log"].isVisible()
    assert not page.panels["read"].isVisible()


def test_a_trace_is_shown_by_the_panel_for_it_and_esc_goes_back(qtbot, page, make_run):
    page.show_run(make_run(1, "lab"))
    heatmap, read = page.panels["heatmap"], page.panels["read"]
    heatmap.button.setFocus()
    qtbot.waitUntil(heatmap.button.hasFocus)
    heatmap.trace_requested.emit(2**33 + 5, 3)
    assert read.calls[-1] == ("trace", 2**33 + 5, 3)
    assert page.panels.mode == "read"
    assert read.isVisible()
    assert not page.strip.isVisible(), "the whole height is the trajectory's"
    read.button.setFocus()
    read.back_requested.emit()
    assert page.panels.mode == "watch"
    assert heatmap.button.hasFocus()


def test_the_drawer_opens_over_the_lower_part_and_moves_nothing(qtbot, page, make_run):
    page.show_run(make_run(1, "lab"))
    bar = page.panels.watch.bar
    qtbot.waitUntil(lambda: bar.buttons["log"].value == "log of lab-1")
    before = {name: rect(page, name) for name in ("heatmap", "gap", "cases")}
    qtbot.mouseClick(bar.buttons["log"], Qt.MouseButton.LeftButton)
    assert page.panels["log"].isVisible()
    assert {name: rect(page, name) for name in before} == before
    assert page.panels.watch.sheet.height() <= 0.5 * page.height()
    page.panels.watch.sheet.close_button.setFocus()
    qtbot.keyClick(page.panels.watch.sheet.close_button, Qt.Key.Key_Escape)
    assert not page.panels["log"].isVisible()
    assert bar.buttons["log"].hasFocus()
    qtbot.mouseClick(bar.buttons["more"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(bar.buttons["more"], Qt.MouseButton.LeftButton)
    assert page.panels.watch.drawer == ""


def test_going_to_a_panel_never_closes_it(page, make_run):
    page.show_run(make_run(1, "lab"))
    actions = {action.text(): action for action in page.panels.view_actions}
    for _ in range(2):
        actions["Log"].trigger()
        assert page.panels["log"].isVisible()
        assert page.panels["log"].button.hasFocus()
    actions["Read"].trigger()
    assert page.panels["read"].button.hasFocus()
    actions["Log"].trigger()
    assert page.panels.mode == "watch"
    assert page.panels["log"].button.hasFocus()
    actions["Gap"].trigger()
    assert page.panels["gap"].button.hasFocus()
    assert page.panels.watch.drawer == "", "it would lie over what was asked for"
    page.panels.go_to("more", {"level": "warning"})
    assert page.panels["more"].chosen == {"level": "warning"}
    actions["Close the drawer"].trigger()
    assert page.panels.watch.drawer == ""


def test_a_panel_without_controls_leaves_the_focus_at_its_way_out(qtbot, page, make_run):
    page.show_run(make_run(1, "lab"))
    page.panels["log"].button.hide()
    page.panels.go_to("log")
    assert page.panels.watch.sheet.close_button.hasFocus()
    qtbot.keyClick(focused(), Qt.Key.Key_Escape)
    assert page.panels.watch.drawer == ""


@pytest.mark.parametrize("mode", ["watch", "read"])
def test_tab_reaches_only_what_is_in_sight(qtbot, page, make_run, mode):
    page.show_run(make_run(1, "lab"))
    page.panels.choose_mode(mode)
    first, seen = focused(), []
    assert first is not None
    for _ in range(40):
        qtbot.keyClick(focused(), Qt.Key.Key_Tab)
        seen.append(focused())
        assert focused().isVisible()
        assert not focused().visibleRegion().isEmpty()
        if focused() is first:
            break
    assert first in seen, "Tab comes round"


def test_what_a_failed_run_squeezes_grows_back(qtbot, page, make_run):
    page.show_run(make_run(1, "lab"))
    page.resize(1200, 740)
    QApplication.processEvents()
    before = {name: rect(page, name) for name in ("heatmap", "gap", "cases")}
    for size in ((1200, 740), (760, 420), (1200, 740)):
        page.show_run(make_run(2, "cut off", "interrupted"))
        assert page.banner.isVisible()
        page.resize(*size)
        page.show_run(make_run(1, "lab"))
    qtbot.waitUntil(lambda: {name: rect(page, name) for name in before} == before)


def test_only_a_dragged_border_changes_the_shares(page, make_run):
    page.show_run(make_run(1, "lab"))
    split = page.panels.watch.split
    first = split.shares
    page.resize(700, 500)
    page.resize(1040, 740)
    assert split.shares == first
    split.setSizes([500, 500])
    split.splitterMoved.emit(500, 1)
    assert split.shares != first
    again = RunPage(page.actions_, PANELS)
    again.restore_choices(page.choices())
    assert again.panels.watch.split.shares == split.shares
    again.deleteLater()
    page.panels.reset()
    assert split.shares == first
    split.restore("no shares")
    assert split.shares == first


def test_each_run_is_shown_again_as_it_was_left(page, make_run):
    one, two = make_run(1, "lab"), make_run(2, "other")
    page.show_run(one)
    page.panels["heatmap"].tone = "loud"
    page.panels.go_to("log")
    page.show_run(two)
    assert page.panels["heatmap"].tone == ""
    assert page.panels.watch.drawer == ""
    page.panels.set_mode("read")
    page.show_run(one)
    assert page.panels["heatmap"].tone == "loud"
    assert (page.panels.mode, page.panels.watch.drawer) == ("watch", "log")
    page.leave()
    later = RunPage(page.actions_, PANELS, Settings())
    later.show_run(two)
    assert later.panels.mode == "read"
    later.show_run(one)
    assert (later.panels.mode, later.panels.watch.drawer) == ("watch", "log")
    assert later.panels["heatmap"].tone == "loud"
    later.deleteLater()


def test_a_deleted_run_takes_its_place_along(page, make_run):
    one, two = make_run(1, "lab"), make_run(2, "other")
    page.show_run(one)
    page.show_run(two)
    assert Settings().texts(f"run.{one.id}")
    page.take(StoreChange((two,), frozenset(), frozenset({one.id})))
    assert Settings().texts(f"run.{one.id}") == {}


def test_a_file_is_read(page, make_run):
    page.show_run(make_run(1, "file", "done", kind="import"))
    assert page.panels.mode == "read"
    assert page.header.modes.values == [1, 2]


def test_the_strip_folds_by_hand_and_where_height_is_dear(page, make_run):
    page.show_run(make_run(1, "lab"))
    whole = page.strip.height()
    page.fold_strip()
    assert page.strip.folded
    assert page.strip.height() < whole / 2
    page.fold_strip()
    page.resize(1040, 520)
    assert page.strip.folded
    page.resize(1040, 740)
    assert not page.strip.folded
