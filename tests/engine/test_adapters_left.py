"""A run with LoRA keeps no more adapters on its network than are still needed."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from sapo_engine import loop
from sapo_engine.evaluation.self_verification import matrix
from sapo_engine.models import reasoner as reasoners
from sapo_engine.phases.align import Alignment
from sapo_engine.phases.context import RunContext
from sapo_engine.saved_run import SavedRun
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import to_toml
from tests.fixtures.small_run import config

CPU = torch.device("cpu")
LORA = {"tuning": "lora", "lora_rank": 2}


def adapters(session):
    """Names of the adapters beside the run's base."""
    return set(session.base.peft_config)


@pytest.fixture
def most(monkeypatch):
    """The most adapters that were on a network at a time."""
    seen = [0]
    add = reasoners.with_adapter

    def note(network, *args, **more):
        made = add(network, *args, **more)
        seen[0] = max(seen[0], len(network.peft_config))
        return made

    monkeypatch.setattr(reasoners, "with_adapter", note)
    return seen


def gone_through(folder, settings, done=()):
    session = RunSession(settings, folder, CPU)
    kept = []
    inner = loop.evaluate

    def evaluate(context, i, *rest):
        inner(context, i, *rest)
        kept.append(len(adapters(session)))

    loop.evaluate = evaluate
    try:
        loop.run(RunContext(session, plan(settings), lambda _: None, done=done))
    finally:
        loop.evaluate = inner
        session.close()
    return session, kept


@pytest.mark.slow
def test_an_iteration_leaves_a_reasoner_and_its_verifier(tmp_path, most):
    """Of cross-fitted verifiers, of the verifier before and of the reasoner before nothing is left."""
    settings = config(
        task={"min_steps": 2, "max_steps": 2},  # few tokens: what they say does not matter here
        model={"source": "bundled:lab", **LORA},
        sampling={"questions": 10, "start_questions": 10, "samples": 2},
        verifier={"base": "shared", "epochs": 0.5},
        labeling={"max_checks": 4, "trajectories": 10, "start_trajectories": 10},
        warmup={"epochs": 0.2},
        optimiser={"guard": "off"},
        evaluation={"samples": 1},
    )
    (tmp_path / "config.toml").write_text(to_toml(settings))
    session, kept = gone_through(tmp_path, settings)
    assert kept == [2, 3, 3]  # while it is evaluated, M_i is beside M_{i+1} and V_i
    assert len(adapters(session)) == 2
    assert most[0] <= 4
    # The same where the phases are read back.
    again, kept = gone_through(tmp_path, settings, [phase.ordinal for phase in plan(settings)])
    assert len(adapters(again)) == 2
    assert max(kept) <= 4

    run = SavedRun(settings, tmp_path, CPU)
    matrix(run.session, run.verifier, run.reasoner, run.verifiers, run.reasoners[:2], 4)
    assert len(adapters(run.session)) <= 1  # that of the start
    run.close()


def test_what_the_guard_does_not_keep_is_let_go(tmp_path, monkeypatch):
    settings = config(model={"source": "bundled:lab", **LORA}, optimiser={"guard": "keep"}, verifier={"base": "shared"})
    session = RunSession(settings, tmp_path, CPU)
    context = RunContext(session, plan(settings), lambda _: None)
    model = session.start()

    class Phase:
        def __init__(self):
            self.context = context

        def part(self, share):
            return nullcontext()

        def __getattr__(self, name):
            return lambda *args, **more: None

    monkeypatch.setattr("sapo_engine.phases.align.accuracy", FallingAccuracy())
    assert Alignment(Phase(), 1).of(model, [], []) is model
    assert adapters(session) == {model.adapter}
    session.close()


class FallingAccuracy:
    """Ever fewer right answers."""

    def __init__(self):
        self.right = 4

    def __call__(self, session, model, split, path, samples, tick):
        from types import SimpleNamespace

        self.right //= 2
        right = [self.right] * 20
        return SimpleNamespace(right=right, accuracy=SimpleNamespace(value=self.right / samples))
