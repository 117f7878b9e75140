"""What the window remembers from one start to the next."""

from sapo_studio.store import run_keeping
from sapo_ui.features.traces.table_model import COLUMNS
from sapo_ui.services.settings import Settings
from sapo_ui.shell.panel_registry import PANELS


def test_the_window_comes_back_as_it_was(qtbot, open_window, add_run, select):
    add_run("first")
    wanted = add_run("second")
    add_run("third")
    one = open_window()
    select(one, wanted)
    one.run_list.search.setText("s")
    one.side.toggle()
    one.actions_["view.dark"].trigger()
    assert one.side.folded
    one.close()
    two = open_window()
    qtbot.waitUntil(lambda: two.run_page.run_id == wanted)
    assert two.run_list.search.text() == "s"
    assert two.side.folded
    assert two.focusWidget().isVisible(), "the list of runs is folded away"
    assert Settings().theme == "dark"
    two.actions_["view.system"].trigger()


def test_filter_and_order_of_the_runs_are_remembered(qtbot, open_window, add_run, store):
    for name, tags in (("b", ("paper",)), ("a", ("paper",)), ("c", ())):
        run_id = add_run(name)
        if tags:
            run_keeping.set_tags(store, run_id, tags)
    one = open_window()
    qtbot.waitUntil(lambda: one.run_list.model.total == 3)
    for text in ("Tag: paper", "By name"):
        one.run_list.filter.fill()
        next(action for action in one.run_list.filter.menu().actions() if action.text() == text).trigger()
    one.close()
    two = open_window()
    model = two.run_list.model
    qtbot.waitUntil(lambda: model.total == 3)
    assert [model.index(row).data() for row in range(model.rowCount())] == ["a", "b"]
    assert two.run_list.filter.accessibleName() == "Filter and order: paper"
    two.run_list.filter.restore_choices({"tags": "no JSON", "status": "none such", "order": "by chance"})
    assert [model.index(row).data() for row in range(model.rowCount())] == ["a", "b", "c"]


def test_choices_in_panels_are_remembered(open_window):
    def opened():
        window = open_window(PANELS)
        return window, {panel.panel_id: panel for panel in window.run_page.panels.panels}

    window, panels = opened()
    for box, value in (
        (panels["heatmap"].controls.kind, "confirmed"),
        (panels["heatmap"].controls.sort, "length"),
        (panels["read"].table.filters.source, "solution"),
        (panels["read"].table.filters.people, 1),
        (panels["log"].level, "warning"),
    ):
        box.setCurrentIndex(box.findData(value))
    mean = next(at for at, column in enumerate(COLUMNS) if column[0] == "mean")
    for _ in range(2):
        panels["read"].table.table.horizontalHeader().sectionClicked.emit(mean)
    window.close()

    window, again = opened()
    assert {name: again[name].choices() for name in again} == {name: panels[name].choices() for name in panels}
    assert again["heatmap"].controls.selection.case == "confirmed"
    asked = again["read"].table.filters.filter("r", "id", descending=False)
    assert (asked.source, asked.annotated) == ("solution", True)
    assert (again["read"].table.choices()["sort"], again["read"].table.choices()["order"]) == ("mean", "descending")
    assert again["read"].table.table.horizontalHeader().sortIndicatorSection() == mean
    window.close()
    saved = Settings()
    saved.set_text("panel.log", "no JSON")
    assert saved.texts("panel.log") == {}
