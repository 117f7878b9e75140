"""What a resolution in the making holds, and which of its steps nobody judged one by one."""

from __future__ import annotations

from sapo_studio.domain.judgements import first_error_here
from sapo_studio.domain.people import Judged
from sapo_studio.store.agreement import Conflict, SavedByPeople
from sapo_ui.features.annotate.draft import Draft

N = 5


def conflict() -> Conflict:
    """Ann says step 2 by `e`; Ben judged 1, 2 and 3 by hand, 4 and 5 are incorrect by his `e` on step 3."""
    said = {"ann": first_error_here(N, 2), "ben": first_error_here(N, 3)}
    filled = {"ann": frozenset({1, 3, 4, 5}), "ben": frozenset({4, 5})}
    return Conflict(SavedByPeople(1, 1, 1, 1, 1, 1, None, Judged(N, said, filled)), None)


def test_what_is_taken_keeps_what_was_filled_in():
    draft = Draft(conflict())
    draft.take("ann")
    assert (draft.steps, draft.filled) == (first_error_here(N, 2), {1, 3, 4, 5})
    draft.take("ben")
    assert draft.filled == {4, 5}
    draft.drop()
    assert not draft.filled


def test_judging_anew_knows_what_somebody_looked_at():
    draft = Draft(conflict())
    draft.judge_anew()
    assert (draft.steps, draft.filled) == ({1: 1, 3: -1, 4: -1, 5: -1}, {4, 5})
    draft.judge("first_error", 2)
    assert draft.steps == first_error_here(N, 2)
    assert draft.filled == {4, 5}, "ben judged 1 and 3, the resolver 2"
    draft.judge("right", 4)
    assert draft.filled == {5}
    assert draft.undo()
    assert draft.filled == {4, 5}
    draft.judge("no_error", 1)
    assert draft.filled == {2, 3, 4, 5}, "what it says anew nobody judged by itself; of step 1 it says what stood"
