"""Saved views of the trace table."""

from __future__ import annotations

import pytest

from sapo_studio.errors import InputError, StoreError
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.trace_views import delete_view, list_views, save_view

FILTER = TraceFilter("a-1", iteration=2, outcome="wrong", case="later", text='x "y"', annotated=False, sort="mean")


def test_a_view_comes_back_for_any_run(store):
    save_view(store, "  hard   ones ", FILTER)
    (view,) = list_views(store)
    assert view.name == "hard ones"
    assert view.of_run("a-1") == FILTER
    assert view.of_run("b-2").run_id == "b-2"


def test_a_name_is_kept_once_and_can_be_forgotten(store):
    save_view(store, "b", FILTER)
    save_view(store, "A", TraceFilter(""))
    save_view(store, "b", TraceFilter("", descending=True))
    assert [(view.name, view.filter.descending) for view in list_views(store)] == [("A", False), ("b", True)]
    delete_view(store, "A")
    assert [view.name for view in list_views(store)] == ["b"]
    with pytest.raises(InputError, match="no view"):
        delete_view(store, "A")
    for bad in ("  ", "a\x07b", "x" * 81):
        with pytest.raises(InputError, match="cannot be the name of a view"):
            save_view(store, bad, FILTER)


def test_a_damaged_one_is_told_by_name_and_a_later_version_s_key_is_passed_over(store):
    store.execute('INSERT INTO trace_views VALUES (\'new\', \'{"text": "a", "colour": 3}\', 0)')
    assert list_views(store)[0].of_run("r") == TraceFilter("r", text="a")
    store.execute("INSERT INTO trace_views VALUES ('bad', '[1', 0)")
    with pytest.raises(StoreError, match="view bad"):
        list_views(store)
