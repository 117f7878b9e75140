"""Time at work, breaks left out."""

from __future__ import annotations

import pytest

from sapo_studio.domain.pace import BREAK, RECENT, seconds_an_item, time_at_work


def test_a_break_does_not_count():
    assert [time_at_work(gap) for gap in (0.0, 3.5, BREAK, BREAK + 1, -5.0)] == [0.0, 3.5, BREAK, 0.0, 0.0]


def test_the_pace_is_that_of_the_last_items():
    assert seconds_an_item([]) is None
    assert seconds_an_item([0.0]) is None
    assert seconds_an_item([0.0, 10.0, 20.0]) == 15.0
    assert seconds_an_item([1000.0] * 5 + [30.0] * RECENT) == pytest.approx(30.0)
