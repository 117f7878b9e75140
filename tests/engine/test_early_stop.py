"""The loop asks after each iteration but the last whether to go on, and only where a rule is on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sapo_engine import loop
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.process_group import ALONE
from sapo_studio.config.schema import RunConfig
from sapo_studio.events.kinds import Event, IterationEnded

MODEL = SimpleNamespace(adapter="")
"""A reasoner that nobody asks anything."""


def context(control: ControlState, sent: list[Event], **early_stop: object) -> RunContext:
    values = {"iterations": 4, "early_stop": early_stop, "labeling": {"labeler": "none"}}
    config = RunConfig.model_validate({**values, "optimiser": {"reward": "answer"}})
    session: Any = SimpleNamespace(config=config, group=ALONE, run_dir=Path("none"), start=lambda: MODEL)

    def emit(event: Event) -> None:
        sent.append(event)
        if isinstance(event, IterationEnded):  # the parent, which ends it after the second
            control.take_go_on(event.iteration < 2)

    return RunContext(session, [], emit, control)


@pytest.fixture
def aligned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The iterations that were gone through, without their work."""
    found: list[int] = []

    def nothing(*_: object) -> list[object]:
        return []

    def align(_: object, iteration: int, *more: object) -> object:
        found.append(iteration)
        return MODEL

    monkeypatch.setattr(loop, "warm_up", lambda *_: MODEL)
    for name in ("sample", "process_benchmark", "evaluate", "answer_rewards", "preference_pairs"):
        monkeypatch.setattr(loop, name, nothing)
    monkeypatch.setattr(loop, "align", align)
    return found


def test_a_rule_ends_the_loop_after_the_iteration(aligned: list[int]):
    sent: list[Event] = []
    loop.run(context(ControlState(), sent, pairs=5))
    assert aligned == [1, 2]
    assert sent == [IterationEnded(iteration=1), IterationEnded(iteration=2)]


def test_without_a_rule_nobody_asks(aligned: list[int]):
    sent: list[Event] = []
    loop.run(context(ControlState(), sent))
    assert aligned == [1, 2, 3, 4]
    assert sent == []
