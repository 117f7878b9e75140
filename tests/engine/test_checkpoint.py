"""Artefacts are whole or absent, whenever the process dies; a stopped training goes on as if never stopped."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.process_group import ALONE
from sapo_engine.training import trainer
from sapo_engine.training.state import load_training_state, save_training_state
from sapo_engine.training.trainer import NullCallback, TrainingArgs, train
from sapo_studio.domain.ledger import Meter
from sapo_studio.domain.runs import PhaseName, PlannedPhase, Verb
from sapo_studio.errors import Stopped
from sapo_studio.files import MANIFEST, read_manifest, write_atomic, write_folder
from tests.fixtures.trainings import StopAt

FACTS = {"name": "sample", "iteration": 2}


class PowerCutError(Exception):
    """What the tests throw where a process would die."""


def fill(folder):
    (folder / "data.json").write_text("[1, 2, 3]")
    (folder / "model").mkdir()
    (folder / "model" / "weights").write_bytes(bytes(1000))


def no_sync(monkeypatch):
    def die(_):
        raise PowerCutError

    monkeypatch.setattr(os, "fsync", die)


def test_a_whole_folder_gives_its_facts_back(tmp_path):
    write_folder(tmp_path / "phase", fill, FACTS)
    assert read_manifest(tmp_path / "phase") == FACTS
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_is_replaced_whole(tmp_path):
    write_folder(tmp_path / "phase", fill, FACTS)
    write_folder(tmp_path / "phase", lambda folder: (folder / "other").write_text("x"), {"name": "new"})
    assert sorted(p.name for p in (tmp_path / "phase").iterdir()) == [MANIFEST, "other"]
    assert read_manifest(tmp_path / "phase") == {"name": "new"}


def test_dying_while_a_folder_is_filled_leaves_the_old_one(tmp_path):
    def half(folder):
        (folder / "data.json").write_text("[1,")
        raise PowerCutError

    with pytest.raises(PowerCutError):
        write_folder(tmp_path / "phase", half, {})
    assert read_manifest(tmp_path / "phase") is None

    write_folder(tmp_path / "phase", fill, FACTS)  # what lies about from before is no hindrance
    with pytest.raises(PowerCutError):
        write_folder(tmp_path / "phase", half, {"name": "new"})
    assert read_manifest(tmp_path / "phase") == FACTS
    assert json.loads((tmp_path / "phase" / "data.json").read_text()) == [1, 2, 3]


@pytest.mark.parametrize("name", ["data.json", "model/weights", MANIFEST])
@pytest.mark.parametrize("harm", ["missing", "cut short", "empty"])
def test_a_folder_that_lost_something_is_not_whole(tmp_path, name, harm):
    folder = tmp_path / "phase"
    write_folder(folder, fill, FACTS)
    file = folder / name
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] if harm == "cut short" else b"")
    assert read_manifest(folder) is None


def test_no_folder_is_not_whole(tmp_path):
    assert read_manifest(tmp_path / "nothing") is None


def test_dying_while_a_file_is_written_leaves_the_old_one(tmp_path, monkeypatch):
    file = tmp_path / "00003"
    with monkeypatch.context() as patch:
        no_sync(patch)
        with pytest.raises(PowerCutError):
            write_atomic(file, b"half")
    assert not file.exists()
    write_atomic(file, b"whole")
    with monkeypatch.context() as patch:
        no_sync(patch)
        with pytest.raises(PowerCutError):
            write_atomic(file, b"half")
    assert file.read_bytes() == b"whole"


# -- Training states

X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
Y = X.sum(dim=1, keepdim=True).sin()
LENGTHS = [3 + i % 5 for i in range(40)]
RECIPE = TrainingArgs(learning_rate=0.02, epochs=2.5, batch_size=6, seed=4, head_learning_rate=0.1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Linear(6, 8)
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))


@dataclass
class Squares:
    """Implements training.Loss."""

    net: Net

    def positions(self, index):
        return LENGTHS[index]

    def weigh(self, indices):
        return len(indices)

    def part(self, indices):
        return ((self.net(X[indices]) - Y[indices]) ** 2).sum(), {}


def fit(net, callback, state_file=None, **more):
    return train(net, LENGTHS, Squares(net), RECIPE, callback, state_file=state_file, **more)


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("enough_at", [None, 4])
def test_training_in_pieces_is_training_in_one(tmp_path, every, enough_at):
    cooling = {}
    if enough_at:
        cooling = {"enough": lambda step: step >= enough_at, "check_every": 2, "cool_down": 5}
    whole = Net()
    steps = fit(whole, NullCallback(), **cooling)
    assert steps == (9 if enough_at else 18)
    pieces, stops = Net(), 0
    file = tmp_path / "training.safetensors"
    while True:
        pieces = Net()  # a new process knows nothing but the file
        try:
            assert fit(pieces, StopAt(every), file, **cooling) == steps
            break
        except Stopped:
            stops += 1
    assert stops == (steps - 1) // every
    assert torch.equal(weights(whole), weights(pieces))


def test_dying_while_a_state_is_saved_leaves_the_one_before(tmp_path, monkeypatch):
    file = tmp_path / "training.safetensors"
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.1)
    net(X).sum().backward()
    optimiser.step()
    save_training_state(file, net, optimiser, 7, 3)
    kept = weights(net).clone()
    optimiser.step()
    with monkeypatch.context() as patch:
        no_sync(patch)
        with pytest.raises(PowerCutError):
            save_training_state(file, net, optimiser, 8, 3)
    again = Net()
    fresh = torch.optim.AdamW(again.parameters(), lr=0.1)
    assert load_training_state(file, again, fresh) == (7, 3)
    assert torch.equal(weights(again), kept)
    assert fresh.state_dict()["state"].keys() == optimiser.state_dict()["state"].keys()


# -- How often states are saved


class SteppedClock:
    """Moves where it is told to: a step of training and the writing of a state take as long as a test says."""

    def __init__(self, monkeypatch, step, write):
        self.now, self.writes = 1000.0, []

        def save(*args, **how):
            save_training_state(*args, **how)
            self.writes.append((self.now, self.now + write))
            self.now += write

        monkeypatch.setattr(trainer, "save_training_state", save)
        self._step = step

    def __call__(self):
        return self.now

    def part(self, net):
        """A loss that takes its time."""
        loss = Squares(net)
        inner = loss.part

        def part(indices):
            self.now += self._step
            return inner(indices)

        loss.part = part
        return loss


class Nothing:
    """A phase without a result."""

    def save(self, value, folder):
        pass

    def load(self, folder):
        return None


def long_training(tmp_path, clock, seconds, control=None, *, steps):
    planned = PlannedPhase(ordinal=0, name=PhaseName.SFT, iteration=0)
    session = SimpleNamespace(group=ALONE, run_dir=tmp_path, meter=Meter(), pool=SimpleNamespace())
    context = RunContext(session, [planned], lambda _: None, control, checkpoint_seconds=seconds, clock=clock)
    net = Net()

    def work(phase):
        recipe = replace(RECIPE, epochs=steps * RECIPE.batch_size / len(LENGTHS))
        return train(net, LENGTHS, clock.part(net), recipe, phase, state_file=phase.state_file)

    context.phase(PhaseName.SFT, 0, work, Nothing())
    return clock.writes


# Either the interval counts or nineteen times the writing does, and both kinds with each interval.
@pytest.mark.parametrize(("seconds", "write"), [(3, 0.01), (3, 0.5), (10, 0.5), (10, 5)])
def test_writing_states_takes_a_twentieth_of_the_time_at_most(tmp_path, monkeypatch, seconds, write):
    clock = SteppedClock(monkeypatch, 1.0, write)
    writes = long_training(tmp_path, clock, seconds, steps=40 if write < 1 else 120)
    apart = [later[0] - earlier[1] for earlier, later in itertools.pairwise(writes)]
    # A step boundary is up to a step later than what is due.
    assert writes[0][0] - 1000.0 == seconds
    assert all(gap >= max(seconds, 19 * write) for gap in apart)
    assert all(gap <= max(seconds, 19 * write) + 1 for gap in apart)
    assert len(apart) >= 1
    assert len(writes) * write <= 0.05 * (clock.now - 1000.0) + write


def test_a_state_that_is_asked_for_is_written_at_once(tmp_path, monkeypatch):
    clock = SteppedClock(monkeypatch, 1.0, 25.0)
    control = ControlState()
    part = clock.part

    def asking(net):
        loss = part(net)
        inner = loss.part

        def asked(indices):
            if len(clock.writes) == 1:
                control.take(Verb.CHECKPOINT)
            return inner(indices)

        loss.part = asked
        return loss

    clock.part = asking
    first, second, *_ = long_training(tmp_path, clock, 10, control, steps=20)
    assert second[0] - first[1] == 1.0
