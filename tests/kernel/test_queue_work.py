"""Working through a queue: claims, saving, skipping, comments, and taking back across items and restarts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sapo_studio.domain.judgements import no_error
from sapo_studio.errors import InputError
from sapo_studio.processes import identify
from sapo_studio.store import annotations, queries, queue_holders, queue_work
from sapo_studio.store.comments import comments, write_comment
from sapo_studio.store.db import Store
from sapo_studio.store.queue_items import CLAIM_SECONDS, Worker, get_item, waiting
from sapo_studio.store.queue_progress import progress, saved_items
from sapo_studio.store.queue_records import QueueSpec, Undone
from sapo_studio.store.queues import make_queue
from sapo_studio.store.records import TraceFilter
from tests.fixtures.racers import race, save_next
from tests.fixtures.synthetic import synthetic_run

SIZE = 6


def prepared(store: Store, *, overlap: float = 0.0, size: int = SIZE) -> int:
    run_id = synthetic_run(store, trajectories=8, questions=8, iterations=1)
    spec = QueueSpec("q", TraceFilter(run_id), rule="random", size=size, overlap=overlap)
    return make_queue(store, spec, "ann")


def take(store: Store, queue_id: int, worker: Worker) -> int:
    item = queue_work.next_item(store, queue_id, worker)
    assert item is not None
    return item.id


def steps_of(store: Store, item_id: int, worker: Worker) -> int:
    return len(queries.trace(store, get_item(store, item_id, worker).trajectory_id).steps)


def finish(store: Store, item_id: int, worker: Worker, *, seconds: float = 0.0) -> None:
    queue_work.judge(store, item_id, worker, no_error(steps_of(store, item_id, worker)), seconds=seconds)
    queue_work.save_item(store, item_id, worker)


ANN, BEN = Worker("ann", "window 1"), Worker("ben", "window 2")


def test_an_item_for_one_goes_to_who_comes_first(store: Store):
    queue_id = prepared(store)
    first = take(store, queue_id, ANN)
    assert take(store, queue_id, ANN) == first  # one's own comes again
    second = take(store, queue_id, BEN)
    assert second != first
    assert [one.taken_by for one in waiting(store, queue_id, BEN, 9)] == ["ann", "", "", "", "", ""]
    with pytest.raises(InputError, match="ann has this item"):
        queue_work.claim(store, first, BEN)
    finish(store, first, ANN)
    assert waiting(store, queue_id, BEN, 9)[0].id == second
    with pytest.raises(InputError, match="has saved this item"):
        queue_work.claim(store, first, BEN)
    assert progress(store, queue_id, "ben").left == SIZE - 1


def test_an_item_for_everybody_goes_to_each(store: Store):
    queue_id = prepared(store, overlap=1.0)
    first = take(store, queue_id, ANN)
    assert take(store, queue_id, BEN) == first
    finish(store, first, ANN)
    assert take(store, queue_id, BEN) == first
    finish(store, first, BEN)
    finish(store, take(store, queue_id, BEN), BEN)
    assert progress(store, queue_id, "ann").others == {"ben": (2, 1)}


def test_two_windows_of_one_person_get_two_items(store: Store):
    queue_id = prepared(store, overlap=1.0)
    other = replace(ANN, holder="window 3")
    first, second = take(store, queue_id, ANN), take(store, queue_id, other)
    assert first != second
    with pytest.raises(InputError, match="Another window of yours"):
        queue_work.judge(store, first, other, {1: 1})
    queue_work.release(store, ANN)
    assert take(store, queue_id, other) == first


def test_a_claim_that_rests_is_given_back(store: Store):
    queue_id = prepared(store)
    first = take(store, queue_id, ANN)
    store.execute("UPDATE item_states SET at = at - ?", (CLAIM_SECONDS - 5.0,))
    assert take(store, queue_id, BEN) != first
    queue_work.judge(store, first, ANN, {1: 1})  # whoever goes on keeps it
    store.execute("UPDATE item_states SET at = at - ? WHERE annotator = 'ben'", (CLAIM_SECONDS + 1.0,))
    again = queue_work.next_item(store, queue_id, ANN, but=[first])
    assert again is not None
    assert again.place == 2  # what ben had
    store.execute("UPDATE item_states SET at = at - ?", (CLAIM_SECONDS + 1.0,))
    assert take(store, queue_id, BEN) == first
    with pytest.raises(InputError, match="ben has this item"):
        queue_work.judge(store, first, ANN, {1: 1})


def test_what_a_dead_window_held_is_free_at_once(store: Store):
    queue_id = prepared(store)
    living = Worker("ann", queue_holders.new_holder())
    first = take(store, queue_id, living)
    queue_holders.release_dead(store)
    assert get_item(store, first, living).status == "claimed"
    store.execute("UPDATE item_states SET holder = replace(holder, ?, ' 999999999,')", (f" {identify().pid},",))
    queue_holders.release_dead(store)
    assert take(store, queue_id, BEN) == first
    store.execute("UPDATE item_states SET holder = 'of another version' WHERE annotator = 'ben'")
    queue_holders.release_dead(store)
    assert get_item(store, first, ANN).taken_by == "ben"


def test_two_processes_never_get_the_same_item(store: Store):
    queue_id = prepared(store, size=8)
    got = race(save_next, store.path, [queue_id] * 5)
    taken = [item for pair in got for item in pair if item]
    assert sorted(taken) == [item_id for (item_id,) in store.rows("SELECT id FROM queue_items ORDER BY id")]
    assert progress(store, queue_id, "ann").left == 0


def test_saving_needs_a_first_error_or_every_step(store: Store):
    queue_id = prepared(store)
    item_id = take(store, queue_id, ANN)
    with pytest.raises(InputError, match="Not every step"):
        queue_work.save_item(store, item_id, ANN)
    queue_work.judge(store, item_id, ANN, {2: -1})
    queue_work.save_item(store, item_id, ANN, blind=True)
    assert store.rows("SELECT status, holder, blind FROM item_states") == [("saved", "", 1)]
    with pytest.raises(InputError, match="is saved"):
        queue_work.judge(store, item_id, ANN, {1: 1})
    assert queue_work.claim(store, item_id, ANN).status == "saved"
    assert store.value("SELECT count(*) FROM queue_acts WHERE verb = 'save'") == 1  # what was refused left nothing


def test_skipped_items_do_not_come_again_by_themselves(store: Store):
    queue_id = prepared(store)
    first = take(store, queue_id, ANN)
    queue_work.skip_item(store, first, ANN)
    assert take(store, queue_id, ANN) != first
    assert take(store, queue_id, BEN) == first  # nobody has said anything of it
    assert progress(store, queue_id, "ann").skipped == 1
    queue_work.release(store, BEN)
    assert queue_work.reopen(store, first, ANN).status == "claimed"
    with pytest.raises(InputError, match="open already"):
        queue_work.reopen(store, first, ANN)


def test_undo_goes_back_over_items_and_windows(store: Store):
    queue_id = prepared(store, overlap=1.0)
    first = take(store, queue_id, ANN)
    trajectory = get_item(store, first, ANN).trajectory_id
    queue_work.judge(store, first, ANN, {1: 1})
    queue_work.judge(store, first, ANN, {1: -1, 2: -1}, filled=[2])
    queue_work.comment(store, first, ANN, 1, "a slip")
    queue_work.save_item(store, first, ANN)
    second = take(store, queue_id, ANN)
    queue_work.skip_item(store, second, ANN)
    finish(store, take(store, queue_id, BEN), BEN)
    later = replace(ANN, holder="the window after the restart")

    assert queue_work.undo_last(store, queue_id, later) == Undone("skip", second)
    assert queue_work.undo_last(store, queue_id, later) == Undone("save", first)
    assert get_item(store, first, later).status == "claimed"
    assert [one.text for one in comments(store, trajectory)] == ["a slip"]
    assert queue_work.undo_last(store, queue_id, later) == Undone("comment", first)
    assert comments(store, trajectory) == []
    filled = {one.step: one.filled for one in annotations.current(store, trajectory) if one.annotator == "ann"}
    assert filled == {1: False, 2: True}
    assert queue_work.undo_last(store, queue_id, later) == Undone("judge", first)
    assert annotations.by_hand(store, trajectory, "ann") == {1: 1}
    assert queue_work.undo_last(store, queue_id, later) == Undone("judge", first)
    assert annotations.by_hand(store, trajectory, "ann") == {}
    assert queue_work.undo_last(store, queue_id, later) is None
    assert progress(store, queue_id, "ben").saved == 1


def test_undo_passes_over_what_was_taken_back_elsewhere(store: Store):
    queue_id = prepared(store)
    first = take(store, queue_id, ANN)
    queue_work.judge(store, first, ANN, {1: 1})
    queue_work.judge(store, first, ANN, {2: 1})
    assert annotations.undo(store, get_item(store, first, ANN).trajectory_id, "ann")  # on the run page
    assert queue_work.undo_last(store, queue_id, ANN) == Undone("judge", first)
    assert annotations.by_hand(store, get_item(store, first, ANN).trajectory_id, "ann") == {}


def test_undo_opens_nothing_that_somebody_else_has_by_now(store: Store):
    queue_id = prepared(store)
    first = take(store, queue_id, ANN)
    queue_work.judge(store, first, ANN, {1: 1})
    queue_work.skip_item(store, first, ANN)
    finish(store, take(store, queue_id, BEN), BEN)
    assert queue_work.undo_last(store, queue_id, ANN) is None


def test_progress_and_what_the_models_said(store: Store):
    queue_id = prepared(store, overlap=1.0)
    assert progress(store, queue_id, "ann").pace is None
    for seconds in (10.0, 30.0):
        finish(store, take(store, queue_id, ANN), ANN, seconds=seconds)
    found = progress(store, queue_id, "ann")
    assert (found.size, found.saved, found.skipped, found.left, found.pace) == (SIZE, 2, 0, SIZE - 2, 20.0)
    assert found.seconds_left == 20.0 * (SIZE - 2)
    for one in saved_items(store, queue_id, "ann", 9):
        (row,) = queries.trace_rows(store, [one.trajectory_id])
        assert one.scores.tolist() == row.scores.tolist()
        assert (one.verified, one.judged, one.sample) == (row.verified, 0, row.sample)
        low = [step for step, score in enumerate(row.scores.tolist(), start=1) if score < 0.5]
        assert one.called == (low[0] if low else 0)
    assert len(saved_items(store, queue_id, "ann", 1)) == 1
    assert saved_items(store, queue_id, "ben", 9) == []


def test_what_goes_with_a_run_or_a_queue(store: Store):
    queue_id = prepared(store)
    first = take(store, queue_id, ANN)
    finish(store, first, ANN)
    trajectory = get_item(store, first, ANN).trajectory_id
    store.execute("DELETE FROM queues")
    with pytest.raises(InputError, match="gone"):
        queue_work.claim(store, first, ANN)
    assert annotations.by_hand(store, trajectory, "ann")  # the judgements stay
    assert store.value("SELECT count(*) FROM item_states") + store.value("SELECT count(*) FROM queue_acts") == 0


def test_comments(store: Store):
    prepared(store)
    trajectory = int(store.value("SELECT min(id) FROM trajectories"))
    write_comment(store, trajectory, 1, "ann", " one ")
    write_comment(store, trajectory, 1, "ann", "two \ud800")
    write_comment(store, trajectory, 0, "ben", "all of it")
    said = [(one.step, one.annotator, one.text) for one in comments(store, trajectory)]
    assert said == [(0, "ben", "all of it"), (1, "ann", "two ?")]
    write_comment(store, trajectory, 1, "ann", "")
    assert [one.annotator for one in comments(store, trajectory)] == ["ben"]
    for step, text in ((99, "x"), (-1, "x"), (1, "x" * 5000)):
        with pytest.raises(InputError):
            write_comment(store, trajectory, step, "ann", text)
    with pytest.raises(InputError, match="no trajectory"):
        write_comment(store, 5, 1, "ann", "x")


class Working(RuleBasedStateMachine):
    """Two people at a queue of which a half is for both, beside a log of acts in memory."""

    @initialize()
    def begin(self) -> None:
        self.store = Store.open()
        run_id = self.store.value("SELECT id FROM runs")  # of an earlier example
        run_id = run_id or synthetic_run(self.store, trajectories=8, questions=8, iterations=0)
        self.store.execute("DELETE FROM queues")
        spec = QueueSpec("q", TraceFilter(run_id), rule="random", size=SIZE, overlap=0.5)
        self.queue_id = make_queue(self.store, spec, "ann")
        self.acts: dict[Worker, list[tuple[str, int]]] = {ANN: [], BEN: []}
        self.at: dict[Worker, int | None] = {ANN: None, BEN: None}

    @rule(who=st.sampled_from([ANN, BEN]))
    def go_on(self, who: Worker) -> None:
        item = queue_work.next_item(self.store, self.queue_id, who)
        self.at[who] = None if item is None else item.id

    @rule(who=st.sampled_from([ANN, BEN]), verb=st.sampled_from(["judge", "comment", "save", "skip"]))
    def act(self, who: Worker, verb: str) -> None:
        item_id = self.at[who]
        if item_id is None:
            return
        if verb == "judge":
            queue_work.judge(self.store, item_id, who, {1: -1})
        elif verb == "comment":
            queue_work.comment(self.store, item_id, who, 1, "x")
        elif verb == "skip":
            queue_work.skip_item(self.store, item_id, who)
        elif ("judge", item_id) in self.acts[who]:
            queue_work.save_item(self.store, item_id, who)
        else:
            return
        self.acts[who].append((verb, item_id))
        if verb in ("save", "skip"):
            self.at[who] = None

    @rule(who=st.sampled_from([ANN, BEN]))
    def undo(self, who: Worker) -> None:
        gone = {one.id for one in self._items(who) if one.done_by_other or one.taken_by}
        own = [at for at, (_, item_id) in enumerate(self.acts[who]) if item_id not in gone]
        done = queue_work.undo_last(self.store, self.queue_id, who)
        assert done == (Undone(*self.acts[who][own[-1]]) if own else None)  # pyright: ignore[reportArgumentType]
        if own:
            self.at[who] = self.acts[who].pop(own[-1])[1]

    def _items(self, who: Worker):
        ids = self.store.rows("SELECT id FROM queue_items ORDER BY place")
        return [get_item(self.store, item_id, who) for (item_id,) in ids]

    @invariant()
    def nobody_shares_what_is_for_one(self) -> None:
        for one, other in zip(self._items(ANN), self._items(BEN), strict=True):
            if not one.shared:
                assert not ({"claimed", "saved"} >= {one.status, other.status})

    @invariant()
    def the_states_follow_from_the_acts(self) -> None:
        for who in (ANN, BEN):
            closed = {item_id: verb for verb, item_id in self.acts[who] if verb in ("save", "skip")}
            for item in self._items(who):
                assert {"saved": "save", "skipped": "skip"}.get(item.status) == closed.get(item.id)

    def teardown(self) -> None:
        self.store.close()


TestWorking = Working.TestCase
TestWorking.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
