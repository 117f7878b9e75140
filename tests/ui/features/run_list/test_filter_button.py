"""Which runs the list shows and in which order, by the menu beside the search field."""

from __future__ import annotations

from sapo_ui.features.run_list.column import RunList
from sapo_ui.services.poller import StoreChange


def choose(column: RunList, text: str) -> None:
    column.filter.fill()
    next(action for action in column.filter.menu().actions() if action.text() == text).trigger()


def shown(column: RunList) -> list[str]:
    return [column.model.index(row).data() for row in range(column.model.rowCount())]


def test_state_tags_archive_and_order(qtbot, make_run):
    column = RunList()
    qtbot.addWidget(column)
    runs = (
        make_run(4, "d", "done", headline={"sampled_accuracy": 0.4}, tags=("paper",)),
        make_run(3, "c", "failed", tags=("paper", "old")),
        make_run(2, "b", "done", headline={"sampled_accuracy": 0.7}, archived_at=1.0),
        make_run(1, "a", "done", headline={"sampled_accuracy": 0.6}, notes="long steps"),
        make_run(5, "e", "done", binned_at=1.0),
    )
    column.take(StoreChange(runs, frozenset()))
    assert shown(column) == ["d", "c", "a"]
    choose(column, "By sampled accuracy")
    assert shown(column) == ["a", "d", "c"]
    choose(column, "done")
    assert shown(column) == ["a", "d"]
    assert column.filter.toolTip() == "Filter and order: done"
    choose(column, "Tag: paper")
    assert shown(column) == ["d"]
    choose(column, "Any state")
    choose(column, "Tag: old")
    assert shown(column) == ["c"]
    choose(column, "Tag: old")
    choose(column, "Tag: paper")
    choose(column, "Show the archive")
    assert shown(column) == ["b"]
    choose(column, "failed")
    assert shown(column) == []
    assert column.empty.text() == "No run matches search and filter."
    choose(column, "Any state")
    choose(column, "Show the archive")
    column.search.setText("long steps")
    assert shown(column) == ["a"]
