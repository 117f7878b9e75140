"""What several people say about the items of a queue: agreement, conflicts and how they are resolved, gold items."""

from __future__ import annotations

import pytest

from sapo_studio.app.annotation.agreement import people_facts, people_of
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.errors import InputError
from sapo_studio.store import annotations, queries, queue_work
from sapo_studio.store.agreement import saved_by_people
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.queue_items import Worker
from sapo_studio.store.resolutions import LONGEST, resolutions_of, resolve, undo_resolution
from tests.fixtures.two_people import JONAS, MIRA, judge_all, judged_queue, truly

EVA = Worker("Eva", "window 3")


def human(store: Store, trajectory_id: int) -> int:
    return human_first_errors(store, trajectory_id, trajectory_id)[trajectory_id]


def test_only_what_was_saved_counts_and_as_it_stood_then(store: Store):
    queue_id = judged_queue(store, [(MIRA, truly)], size=3)
    assert [list(one.judged.steps) for one in saved_by_people(store, queue_id)] == [["Mira"]] * 3
    item = queue_work.next_item(store, queue_id, JONAS)
    assert item is not None
    n_steps = len(queries.trace(store, item.trajectory_id).steps)
    queue_work.judge(store, item.id, JONAS, {1: 1})
    assert saved_by_people(store, queue_id)[0].judged.steps.keys() == {"Mira"}, "not saved yet"
    queue_work.judge(store, item.id, JONAS, first_error_here(n_steps, 1))
    queue_work.save_item(store, item.id, JONAS)
    said = saved_by_people(store, queue_id)[0].judged.steps["Jonas"]
    assert said == first_error_here(n_steps, 1)
    annotations.annotate(store, item.trajectory_id, "Jonas", no_error(n_steps))  # having seen what the models think
    assert saved_by_people(store, queue_id)[0].judged.steps["Jonas"] == said
    queue_work.undo_last(store, queue_id, JONAS)
    assert saved_by_people(store, queue_id)[0].judged.steps.keys() == {"Mira"}


def test_agreement_of_a_queue(store: Store):
    queue_id = judged_queue(store)
    people = people_of(store, queue_id)
    found, differing = people.agreement, people.conflicts
    assert found.people == ("Jonas", "Mira")
    assert found.trajectories == 9
    assert {one.item.place for one in differing} <= {3, 6, 9}
    assert differing
    assert found.same_first_error.value == pytest.approx(1 - len(differing) / 9)
    pair = found.pairs[0]
    assert sum(map(sum, pair.table)) == pair.steps == found.steps
    facts = people_facts(people)
    assert facts["conflicts"] == {"open": len(differing), "resolved": 0}
    assert facts["pairs"][0]["kappa_steps"]["value"] == pair.kappa_steps.value
    assert people_of(store, queue_id, people).agreement is found, "not reckoned again"
    judge_all(store, queue_id, EVA, truly)
    assert people_of(store, queue_id, people).agreement.people == ("Eva", "Jonas", "Mira")


def test_a_resolution_is_a_third_judgement(store: Store):
    queue_id = judged_queue(store)
    first = people_of(store, queue_id).conflicts[0].item
    trajectory = first.trajectory_id
    theirs = annotations.current(store, trajectory)
    mira, jonas = (first.judged.first_errors()[who] for who in ("Mira", "Jonas"))
    assert human(store, trajectory) == jonas != mira, "who judged last"
    resolve(store, trajectory, "Eva", first.judged.steps["Mira"], taken="Mira", why="  72 / 2 is 36 ")
    assert human(store, trajectory) == mira
    assert queries.trace(store, trajectory).human == mira
    assert annotations.current(store, trajectory) == theirs, "theirs stay"
    found = resolutions_of(store, queue_id)[trajectory]
    assert (found.resolver, found.taken, found.why, found.first_error) == ("Eva", "Mira", "72 / 2 is 36", mira)
    assert found.steps == first.judged.steps["Mira"]
    shown = people_of(store, queue_id).conflicts
    assert [one.resolution for one in shown if one.item == first] == [found]
    assert shown[-1].item == first, "open ones first"
    resolve(store, trajectory, "Mira", first_error_here(first.judged.n_steps, 2))
    assert human(store, trajectory) == 2, "the last one holds"
    assert undo_resolution(store, queue_id, "Mira") == trajectory
    assert human(store, trajectory) == mira
    assert undo_resolution(store, queue_id, "Mira") is None, "Eva's is hers"
    assert undo_resolution(store, queue_id, "Eva") == trajectory
    assert human(store, trajectory) == jonas
    assert store.value("SELECT count(*) FROM resolutions") == 2, "nothing is lost"


def test_nonsense_is_no_resolution(store: Store):
    queue_id = judged_queue(store)
    item = people_of(store, queue_id).conflicts[0].item
    for judgements, why in (({}, "whether"), ({1: 1}, "whether"), ({99: -1}, "no step"), ({1: 5}, "not a valid")):
        with pytest.raises(InputError, match=why):
            resolve(store, item.trajectory_id, "Eva", judgements)
    with pytest.raises(InputError, match="at most"):
        resolve(store, item.trajectory_id, "Eva", no_error(item.judged.n_steps), why="x" * (LONGEST + 1))
    assert resolutions_of(store, queue_id) == {}


def test_what_most_people_say_counts_before_who_said_it_last(store: Store):
    queue_id = judged_queue(store, [(MIRA, truly)], size=1)
    (item,) = saved_by_people(store, queue_id)
    n_steps = item.judged.n_steps
    said = item.judged.first_errors()["Mira"]
    other = 1 if said != 1 else 2
    annotations.annotate(store, item.trajectory_id, "Jonas", first_error_here(n_steps, other))
    assert human(store, item.trajectory_id) == other, "they differ: the last one"
    annotations.annotate(store, item.trajectory_id, "Eva", item.judged.steps["Mira"])
    assert human(store, item.trajectory_id) == said
    annotations.annotate(store, item.trajectory_id, "Jonas", first_error_here(n_steps, other))
    assert human(store, item.trajectory_id) == said


def test_gold_items_say_who_leans_which_way(store: Store):
    queue_id = judged_queue(store, [(MIRA, truly)], size=12, gold_rate=1.0)
    judge_all(store, queue_id, JONAS, lambda *_: 1)
    people = people_of(store, queue_id)
    found = people.gold
    assert (found["Mira"].items, found["Mira"].exact, found["Mira"].bias("Mira")) == (12, 12, "")
    jonas = found["Jonas"]
    assert jonas.exact < 12
    assert jonas.misses == 0
    assert jonas.bias("Jonas") == f"Jonas calls {jonas.false_alarms} correct steps incorrect"
    facts = people_facts(people)["gold"]["Jonas"]
    assert (facts["bias"], facts["exact"]) == (jonas.bias("Jonas"), jonas.exact)
    assert facts["p"] == jonas.p < 0.05
