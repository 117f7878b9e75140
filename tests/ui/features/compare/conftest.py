"""Runs whose answers are given, and the Compare page over them."""

from __future__ import annotations

import pytest

from sapo_studio.store import queries
from sapo_ui.features.compare.page import ComparePage
from sapo_ui.services.picks import Picks
from sapo_ui.services.poller import StoreChange
from tests.fixtures.answered_runs import answered_run

RIGHT = "11111111000000000000" * 2
FEWER = "11100000110000000000" * 2


@pytest.fixture
def picks():
    return Picks()


@pytest.fixture
def add(store):
    """Adds a run: `add("name", greedy marks by iteration)`."""

    def add_(name, *greedy, **more):
        more.setdefault("metrics", {"verifier_step_accuracy": 0.8, "gap": 0.05})
        return answered_run(store, greedy or (FEWER, RIGHT), name=name, **more)

    return add_


@pytest.fixture
def page(qtbot, store, picks):
    """The page, on the screen and told of the runs there are; `page.tell()` tells it again."""
    made = ComparePage(picks)
    qtbot.addWidget(made)
    made.resize(1064, 752)

    def tell(*changed):
        runs = queries.list_runs(store)
        made.take(StoreChange(tuple(runs), frozenset(changed)))

    made.tell = tell
    made.show()
    return made


@pytest.fixture
def compare(qtbot, page, picks):
    """Picks runs, and waits until they are shown."""

    def compare_(*run_ids):
        page.tell()
        picks.choose(run_ids)
        qtbot.waitUntil(lambda: page.comparison is not None and page.stack.currentWidget() is page.board)
        return page

    return compare_
