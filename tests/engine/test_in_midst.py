"""In the midst of a step, where texts are written: how far it is, pausing, stopping."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from sapo_engine.loop import run
from sapo_engine.phases import context, control
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.domain.runs import PhaseName, Verb
from sapo_studio.errors import Stopped
from sapo_studio.events import kinds as k
from tests.fixtures.small_run import config

CPU = torch.device("cpu")
SETTINGS = config(iterations=1, optimiser={"guard": "keep"}, runtime={"rollout_batch": 8})
ORDINALS = {(phase.name, phase.iteration): phase.ordinal for phase in plan(SETTINGS)}


@pytest.fixture(autouse=True)
def _each_report_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "PROGRESS_SECONDS", 0)


def metrics(events):
    return {(e.iteration, e.name): e.value for e in events if isinstance(e, k.Metric) and "second" not in e.name}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The events of a run that nobody disturbs."""
    events: list = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "PROGRESS_SECONDS", 0)
        run(RunContext(RunSession(SETTINGS, tmp_path_factory.mktemp("a"), CPU), plan(SETTINGS), events.append))
    return events


def reports(events, name, iteration):
    """How far a phase was, by its reports, as shares of it."""
    ordinal = ORDINALS[name, iteration]
    return [e.done / e.total for e in events if isinstance(e, k.PhaseProgress) and e.ordinal == ordinal]


@pytest.mark.parametrize(
    ("name", "iteration"),
    [
        (PhaseName.SAMPLE, 1),
        (PhaseName.EVALUATE, 0),
        (PhaseName.EVALUATE, 1),
        (PhaseName.ALIGN, 1),
    ],
)
def test_a_phase_says_how_far_it_is_and_never_goes_back(straight, name, iteration):
    told = reports(straight, name, iteration)
    assert sum(0 < share < 1 for share in told) >= 2
    assert all(first <= second for first, second in pairwise(told))
    assert told[-1] == pytest.approx(1, abs=1e-9)


class Disturbed:
    """A run that is asked for something when a phase reports for the first time."""

    def __init__(self, folder, name, verb):
        self.control, self.events, self._verb = ControlState(), [], verb
        self._ordinal = ORDINALS[name, 1]
        self._context = RunContext(RunSession(SETTINGS, folder, CPU), plan(SETTINGS), self._hear, self.control)

    def run(self):
        run(self._context)

    def _hear(self, event):
        self.events.append(event)
        if isinstance(event, k.PhaseProgress) and event.ordinal == self._ordinal and self._verb:
            verb, self._verb = self._verb, None
            self.control.take(verb)
        if isinstance(event, k.Paused) and event.paused:
            self.control.take(Verb.RESUME)


@pytest.mark.parametrize("name", [PhaseName.SAMPLE, pytest.param(PhaseName.EVALUATE, marks=pytest.mark.slow)])
def test_a_stop_does_not_wait_for_the_end_of_a_long_step(straight, tmp_path, monkeypatch, name):
    monkeypatch.setattr(control, "STOP_GRACE_SECONDS", 0)
    stopped = Disturbed(tmp_path, name, Verb.STOP)
    with pytest.raises(Stopped):
        stopped.run()
    told = reports(stopped.events, name, 1)
    assert len(told) == 1
    assert told[-1] < 1
    events: list = []
    run(RunContext(RunSession(SETTINGS, tmp_path, CPU), plan(SETTINGS), events.append))
    assert metrics(events) == metrics(straight)


@pytest.mark.slow
def test_a_step_that_ends_soon_is_kept(tmp_path):
    """A stop in sampling comes into effect behind the shard."""
    stopped = Disturbed(tmp_path, PhaseName.SAMPLE, Verb.STOP)
    with pytest.raises(Stopped):
        stopped.run()
    assert reports(stopped.events, PhaseName.SAMPLE, 1)[-1] == 1


def test_a_pause_comes_at_once(straight, tmp_path):
    paused = Disturbed(tmp_path, PhaseName.SAMPLE, Verb.PAUSE)
    paused.run()
    at = [k.Paused(paused=True), k.Paused(paused=False)]
    assert [event for event in paused.events if isinstance(event, k.Paused)] == at
    before = paused.events[: paused.events.index(at[0])]
    assert 0 < reports(before, PhaseName.SAMPLE, 1)[-1] < 1
    assert metrics(paused.events) == metrics(straight)
