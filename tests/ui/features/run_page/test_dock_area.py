"""The docks: where panels stand, and that their layout is kept."""


def test_a_trace_is_shown_by_the_panel_for_it(page):
    page.docks.docks["log"].raise_()
    page.docks.docks["heatmap"].panel.trace_requested.emit(2**33 + 5, 3)
    panel = page.docks.docks["traces"].panel
    assert panel.calls[-1] == ("trace", 2**33 + 5, 3)
    assert not panel.visibleRegion().isEmpty()


def test_docks_layout_is_saved_restored_and_reset(qtbot, page):
    docks = page.docks
    first = docks.layout_state()
    docks.docks["gap"].close()
    docks.docks["heatmap"].setFloating(True)
    changed = docks.layout_state()
    docks.reset()
    assert docks.docks["gap"].isVisible()
    assert not docks.docks["heatmap"].isFloating()
    assert docks.restore_layout(changed)
    assert not docks.docks["gap"].isVisible()
    assert docks.docks["heatmap"].isFloating()
    assert docks.restore_layout(first)
    assert docks.docks["gap"].isVisible()


def test_at_first_main_stands_left_of_side_and_above_bottom(page):
    docks = page.docks.docks
    places = {name: docks[name].geometry() for name in ("heatmap", "gap", "cases", "traces")}
    assert places["heatmap"].right() < places["gap"].left()
    assert places["gap"].bottom() < places["cases"].top()
    assert places["heatmap"].bottom() < places["traces"].top()
    assert page.docks.tabifiedDockWidgets(docks["heatmap"]) == [docks["detail"]]
    assert page.docks.tabifiedDockWidgets(docks["cases"]) == [docks["more"]]
    assert page.docks.tabifiedDockWidgets(docks["traces"]) == [docks["log"]]


def test_tabbed_docks_name_themselves_once(page):
    docks = page.docks.docks
    assert docks["gap"].titleBarWidget().height() > 0
    assert docks["traces"].titleBarWidget().height() == 0
    docks["log"].close()
    assert docks["traces"].titleBarWidget().height() > 0
