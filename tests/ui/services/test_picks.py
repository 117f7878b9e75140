"""Picked runs: each keeps its colour, whatever comes and goes beside it, and all comes back at the next start."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_ui.services.picks import MOST, Picks

RUNS = [f"run-{at}" for at in range(9)]
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("toggle"), st.sampled_from(RUNS)),
        st.tuples(st.just("baseline"), st.sampled_from(RUNS)),
        st.tuples(st.just("group"), st.booleans()),
        st.tuples(st.just("groups"), st.lists(st.integers(0, 2), min_size=9, max_size=9)),
    ),
    max_size=25,
)


def act(picks: Picks, what: str, value) -> None:
    if what == "toggle":
        picks.toggle(value)
    elif what == "baseline":
        picks.set_baseline(value)
    elif what == "group":
        picks.group(value)
    else:  # runs of the same number are one configuration
        kinds = dict(zip(RUNS, value, strict=True))
        found = [[run for run in picks.runs if kinds[run] == kind] for kind in range(3)]
        picks.set_groups([group for group in found if group])


def lines(picks: Picks) -> dict[str, int]:
    """The colour of each line: of a group its first run's."""
    return {picks._leaders.get(run, run): picks.slot(run) for run in picks.shown}


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_no_two_lines_ever_share_a_colour_and_none_changes_while_it_is_picked(acts):
    picks = Picks()
    for what, value in acts:
        before = lines(picks)
        act(picks, what, value)
        now = lines(picks)
        assert len(set(now.values())) == len(now) <= MOST
        assert all(0 <= slot < MOST for slot in now.values())
        if what in ("toggle", "baseline"):
            assert all(now[run] == slot for run, slot in before.items() if run in now)
        assert len(now) == min(MOST, len({picks._leaders.get(run, run) for run in picks.runs})) or what == "toggle"
        assert picks.baseline in now or not now
        again = Picks()
        again.restore_choices(picks.choices())
        assert (again.runs, again.grouped) == (picks.runs, picks.grouped)


def test_a_colour_that_becomes_free_goes_to_the_next_one():
    picks = Picks()
    for run in RUNS[:7]:
        picks.toggle(run)
    assert [picks.slot(run) for run in RUNS[:7]] == [0, 1, 2, 3, 4, 5, None]
    assert picks.shown == tuple(RUNS[:6])
    picks.toggle(RUNS[2])
    assert picks.slot(RUNS[6]) == 2
    assert picks.slot(RUNS[3]) == 3


def test_the_next_run_of_a_group_inherits_its_colour():
    picks = Picks()
    picks.choose(RUNS[:4])
    picks.group(True)
    picks.set_groups([[RUNS[0]], [RUNS[1], RUNS[3]], [RUNS[2]]])
    assert picks.slot(RUNS[3]) == 1
    picks.toggle(RUNS[1])
    assert picks.slot(RUNS[3]) == 1
    picks.group(False)
    assert len(set(picks.slots.values())) == 3


def test_runs_that_are_gone_are_picked_no_longer():
    picks = Picks()
    picks.choose(RUNS[:3])
    picks.set_baseline(RUNS[1])
    picks.keep({RUNS[0], RUNS[2]})
    assert picks.runs == (RUNS[0], RUNS[2])
    assert picks.baseline == RUNS[0]


def test_what_was_saved_and_cannot_be_read_counts_as_not_picked():
    picks = Picks()
    for broken in ("", "{}", "[1]", '[["a"]]', '[["a", 99]]', "not json"):
        picks.restore_choices({"runs": broken})
        assert picks.shown in ((), ("a",))
    assert Picks().choices()["runs"] == "[]"
