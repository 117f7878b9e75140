"""GRPO by TRL's trainer on the program's own sampler and grader."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from sapo_engine import preflight
from sapo_engine.loop import run
from sapo_engine.phases import context
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.domain.runs import Verb
from sapo_studio.errors import InputError, Stopped
from sapo_studio.events import kinds as k
from tests.fixtures.small_run import config

if importlib.util.find_spec("trl") is None:
    pytest.skip("trl is not installed", allow_module_level=True)

CPU = torch.device("cpu")
# Above the alignment's other settings: enough steps for a difference that is not chance.
SETTINGS = {
    "iterations": 1,
    "warmup": {"epochs": 0},
    "labeling": {"labeler": "none"},
    "sampling": {"questions": 50, "samples": 8},
    "optimiser": {"kind": "grpo", "batch_size": 64, "epochs": 2, "learning_rate": 1e-3, "guard": "off"},
    "evaluation": {"samples": 1},
}


def settings(**more):
    return config(
        **{name: value | more.get(name, {}) if isinstance(value, dict) else value for name, value in SETTINGS.items()}
    )


def went(folder, settings):
    folder.mkdir()
    events = []
    run(RunContext(RunSession(settings, folder, CPU), plan(settings), events.append))
    metrics = {(e.iteration, e.name): e.value for e in events if isinstance(e, k.Metric)}
    (ordinal,) = (p.ordinal for p in plan(settings) if p.name == "align")
    (bill,) = (e.method for e in events if isinstance(e, k.PhaseCompute) and e.ordinal == ordinal)
    assert bill.generated == metrics[1, "align_generated_tokens"]
    assert bill.trained_reasoner == metrics[1, "align_tokens"]
    # Each prompt is read once for its eight samples, and trained on with each of them.
    assert 8 * bill.prefill == bill.trained_reasoner - bill.generated
    return metrics, [e for e in events if isinstance(e, k.CurvePoint)]


def test_it_learns_and_says_what_it_took(tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    told = []
    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", lambda *what, **more: told.append((what, more)))
    metrics, curves = went(tmp_path / "a", settings())
    assert metrics[1, "sample_tokens"] == 0
    assert 0 < metrics[1, "align_generated_tokens"] < metrics[1, "align_tokens"]
    rewards = [point.value for point in curves if point.name == "reward"]
    assert rewards
    assert all(0 <= reward <= 1 for reward in rewards)
    assert rewards[-1] > rewards[0]
    assert not list((tmp_path / "a").glob("tmp*"))
    assert not told  # TRL would have its makers know


@pytest.mark.slow
def test_a_part_of_a_batch_at_a_time(tmp_path):
    """Micro-batches: the same steps over the same completions, so that the first of them cost the same tokens."""
    small = settings(optimiser={"epochs": 0.16})
    whole, _ = went(tmp_path / "whole", small)
    parts, _ = went(
        tmp_path / "parts", small.model_copy(update={"runtime": small.runtime.model_copy(update={"micro_tokens": 720})})
    )
    assert parts[1, "align_generated_tokens"] == whole[1, "align_generated_tokens"]


def test_it_stops_between_two_steps(tmp_path, capsys):
    small = settings()
    align = next(phase.ordinal for phase in plan(small) if phase.name == "align")
    control = ControlState()
    seen = []

    def note(event):
        seen.append(event)
        if isinstance(event, k.PhaseProgress) and event.ordinal == align:
            control.take(Verb.STOP)

    with pytest.raises(Stopped):
        run(RunContext(RunSession(small, tmp_path, CPU), plan(small), note, control))
    assert not any(isinstance(e, k.PhaseFinished) and e.ordinal == align for e in seen)
    assert capsys.readouterr().out == ""  # a worker's standard output belongs to its events


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_it_goes_on_where_it_stopped(tmp_path, method, monkeypatch):
    """The same weights, tokens and curves as without a stop."""
    monkeypatch.setattr(context, "PROGRESS_SECONDS", 0)  # each step is heard of, however fast one follows another
    small = settings(model={"tuning": method}, sampling={"questions": 24}, optimiser={"epochs": 1.5})
    phases = plan(small)
    align = next(phase.ordinal for phase in phases if phase.name == "align")
    whole, _ = went(tmp_path / "whole", small)
    first, seen, steps = ControlState(), [], []

    def note(event):
        seen.append(event)
        if isinstance(event, k.PhaseProgress) and event.ordinal == align:
            steps.append(event.done)
            if event.done >= 2:
                first.take(Verb.STOP)

    folder = tmp_path / "parts"
    folder.mkdir()
    with pytest.raises(Stopped):
        run(RunContext(RunSession(small, folder, CPU), phases, note, first))
    stopped_at = steps[-1]
    steps.clear()
    run(RunContext(RunSession(small, folder, CPU), phases, note))
    assert steps[0] == stopped_at + 1
    metrics = {(e.iteration, e.name): e.value for e in seen if isinstance(e, k.Metric)}
    assert metrics == whole
    (bill,) = (e.method for e in seen if isinstance(e, k.PhaseCompute) and e.ordinal == align)
    assert (bill.generated, bill.trained_reasoner) == tuple(
        metrics[1, name] for name in ("align_generated_tokens", "align_tokens")
    )
    assert 8 * bill.prefill == bill.trained_reasoner - bill.generated
    name = f"{align:03d}-align-1"
    made = [sorted((each / "artefacts" / name).rglob("*.safetensors")) for each in (tmp_path / "whole", folder)]
    assert made[0]
    assert [file.read_bytes() for file in made[0]] == [file.read_bytes() for file in made[1]]


def test_without_trl_a_run_does_not_begin(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="needs TRL") as told:
        RunSession(settings(), tmp_path, CPU)
    assert "baselines" in told.value.fix
