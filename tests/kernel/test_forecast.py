"""Progress and remaining time as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.progress import PhaseClock, progress, remaining_seconds, smoothed


@st.composite
def runs(draw: st.DrawFn) -> list[PhaseClock]:
    """Phases as they can be: some done, at most one under way, the rest to come."""
    weights = draw(st.lists(st.floats(0.1, 100), min_size=1, max_size=8))
    done = draw(st.integers(0, len(weights)))
    phases = [
        PhaseClock(at, draw(st.sampled_from("abc")), weight, done=at < done, seconds=draw(st.floats(0.1, 500)))
        for at, weight in enumerate(weights)
    ]
    if done < len(phases) and draw(st.booleans()):
        phases[done].running = True
        phases[done].fraction = draw(st.floats(0, 1))
    return phases


@given(phases=runs())
def test_progress_is_a_share_and_forecasts_are_not_negative(phases: list[PhaseClock]):
    assert 0.0 <= progress(phases) <= 1.0 + 1e-9
    left = remaining_seconds(phases)
    assert left is None or left >= 0
    if all(phase.done for phase in phases):
        assert progress(phases) == pytest.approx(1.0)
        assert left == 0


@given(phases=runs(), factor=st.floats(0.1, 10))
def test_forecasts_scale_with_the_machine(phases: list[PhaseClock], factor: float):
    left = remaining_seconds(phases)
    for phase in phases:
        phase.seconds *= factor
    again = remaining_seconds(phases)
    assert (left is None) == (again is None)
    if left is not None:
        assert again == pytest.approx(left * factor, rel=1e-6, abs=1e-6)


def test_a_phase_to_come_takes_what_its_namesake_took():
    phases = [
        PhaseClock(0, "sft", 1, done=True, seconds=100),
        PhaseClock(1, "label", 1, done=True, seconds=10),
        PhaseClock(2, "label", 2),
    ]
    assert remaining_seconds(phases) == pytest.approx(20)


def test_an_attempt_goes_by_its_own_pace():
    """Half of the run was done elsewhere, twice as fast: what is left is told by how fast it goes here."""
    earlier = [
        PhaseClock(0, "sample", 1, done=True, seconds=10, earlier=True),
        PhaseClock(1, "label", 1, done=True, seconds=30, earlier=True),
    ]
    left = [PhaseClock(3, "label", 1), PhaseClock(4, "sample", 1)]
    assert remaining_seconds([*earlier, PhaseClock(2, "sample", 1), *left]) == pytest.approx(50)
    here = PhaseClock(2, "sample", 1, done=True, seconds=20)
    assert remaining_seconds([*earlier, here, *left]) == pytest.approx(60 + 20)
    half = PhaseClock(2, "sample", 1, running=True, fraction=0.5, seconds=10)
    assert remaining_seconds([*earlier, half, *left]) == pytest.approx(10 + 60 + 20)


def test_nothing_is_said_before_anything_is_known():
    assert remaining_seconds([PhaseClock(0, "sft", 1)]) is None
    assert remaining_seconds([PhaseClock(0, "sft", 1, running=True, fraction=0.01, seconds=1)]) is None
    assert progress([]) == 0.0


@given(shown=st.floats(0, 1000), new=st.floats(0, 1000), passed=st.floats(0, 100))
def test_smoothing_stays_between_the_old_and_the_new(shown: float, new: float, passed: float):
    found = smoothed(shown, passed, new)
    assert found is not None
    counted = max(0.0, shown - passed)
    assert min(counted, new) - 1e-6 <= found <= max(counted, new) + 1e-6
    assert smoothed(None, passed, new) == new
    assert smoothed(shown, passed, None) is None
