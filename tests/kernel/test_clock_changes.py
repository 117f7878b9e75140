"""A clock that is set back or on turns nothing round that people did, and holds nobody up."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from sapo_studio.app.annotation.agreement import people_of
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.store import act_times, annotations, queue_items, queue_work
from sapo_studio.store.bundle_union import closing_acts
from sapo_studio.store.bundles import read_queue
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.queue_progress import progress, saved_items
from sapo_studio.store.resolutions import resolve
from tests.fixtures.two_people import JONAS, MIRA, judged_queue

HOUR = 3600.0


@pytest.fixture
def clock(monkeypatch):
    """Set it with `clock(seconds)`, counted from now."""
    base, shift = time.time(), [0.0]
    pretended = SimpleNamespace(time=lambda: base + shift[0])
    for module in (act_times, queue_items, queue_work):
        monkeypatch.setattr(module, "time", pretended)

    def set_to(seconds: float) -> None:
        shift[0] = seconds

    return set_to


@pytest.mark.parametrize("change", [-HOUR, HOUR, -1.0, 0.0])
def test_what_stood_at_the_save_is_what_was_judged_before_it(store: Store, clock, change: float):
    queue_id = judged_queue(store, [])
    item = queue_work.next_item(store, queue_id, MIRA)
    assert item is not None
    n = store.value("SELECT n_steps FROM trajectories WHERE id = ?", (item.trajectory_id,))
    queue_work.judge(store, item.id, MIRA, first_error_here(n, 1))
    clock(change)
    queue_work.judge(store, item.id, MIRA, {1: 1})
    queue_work.undo_last(store, queue_id, MIRA)
    clock(2 * change)
    queue_work.save_item(store, item.id, MIRA)
    clock(3 * change)
    annotations.annotate(store, item.trajectory_id, "Mira", no_error(n))  # on the run page, later
    annotations.undo(store, item.trajectory_id, "Mira")
    annotations.annotate(store, item.trajectory_id, "Mira", no_error(n))
    (saved,) = people_of(store, queue_id).items
    assert saved.judged.steps["Mira"] == first_error_here(n, 1)
    queue_work.reopen(store, item.id, MIRA)
    clock(4 * change)
    queue_work.save_item(store, item.id, MIRA)
    (saved,) = people_of(store, queue_id).items
    assert saved.judged.steps["Mira"] == no_error(n)
    assert closing_acts(read_queue(store, queue_id).acts)[item.place, "Mira"].undone_at is None


def test_the_later_resolution_holds(store: Store, clock):
    judged_queue(store)
    trajectory, n = store.rows("SELECT id, n_steps FROM trajectories WHERE n_steps > 2 LIMIT 1")[0]
    for error, change in ((2, 0.0), (1, -HOUR), (3, -2 * HOUR)):
        clock(change)
        resolve(store, trajectory, "Eva", first_error_here(n, error))
        assert human_first_errors(store, trajectory, trajectory)[trajectory] == error


def test_a_claim_from_before_the_clock_was_set_back_holds_nobody_up(store: Store, clock):
    queue_id = judged_queue(store, [], size=1)
    store.execute("UPDATE queue_items SET shared = 0")
    assert queue_work.next_item(store, queue_id, MIRA) is not None
    assert queue_work.next_item(store, queue_id, JONAS) is None
    clock(-HOUR)
    item = queue_work.next_item(store, queue_id, JONAS)
    assert item is not None
    assert queue_work.next_item(store, queue_id, MIRA) is None


@pytest.mark.parametrize("size", [1, 3])
def test_progress_and_pace(store: Store, clock, size: int):
    queue_id = judged_queue(store, [], size=size)
    assert progress(store, queue_id, "Mira").seconds_left is None
    order: list[int] = []
    for at in range(size):
        clock(-HOUR * at)
        item = queue_work.next_item(store, queue_id, MIRA)
        assert item is not None
        n = store.value("SELECT n_steps FROM trajectories WHERE id = ?", (item.trajectory_id,))
        queue_work.judge(store, item.id, MIRA, no_error(n), seconds=10.0 * (at + 1))
        queue_work.save_item(store, item.id, MIRA)
        order.insert(0, item.id)
        found = progress(store, queue_id, "Mira")
        assert (found.saved, found.left) == (at + 1, size - at - 1)
        assert found.pace == pytest.approx(10.0 * (at + 2) / 2)
        assert found.seconds_left == pytest.approx(found.pace * found.left)
    assert [one.id for one in saved_items(store, queue_id, "Mira", 20)] == order, "the last one first"


def test_the_pace_is_that_of_the_last_items_of_many(store: Store):
    queue_id = judged_queue(store, [], size=24)
    store.execute(
        "INSERT INTO item_states (item_id, annotator, status, at, seconds)"
        " SELECT id, 'Mira', 'saved', place, CASE WHEN place <= 4 THEN 900 ELSE 10 END FROM queue_items"
    )
    found = progress(store, queue_id, "Mira")
    assert (found.pace, found.left, found.seconds_left) == (10.0, 0, 0.0)
