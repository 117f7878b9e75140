"""Whole runs on a card that is not there (`stand_in_cards`): nothing is parked while it is trained, nobody samples with
weights from before, and what a phase has taken is given back."""

from __future__ import annotations

import contextlib
import copy
import hashlib

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from sapo_engine.loop import run
from sapo_engine.models.loading import load_network
from sapo_engine.models.placement import Training
from sapo_engine.models.reasoner import Adapters, Reasoner, load_adapter
from sapo_engine.phases import warmup
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.phases.warmup import warm_up
from sapo_engine.rollouts import HfBackend, pool
from sapo_engine.rollouts.slots import SlotBackend
from sapo_engine.rollouts.slots.weights import Weights
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.errors import Stopped
from sapo_studio.events import kinds as k
from tests.fixtures.small_run import config
from tests.fixtures.stand_in_cards import SIZE, stand_in_cards

CPU, CARD = torch.device("cpu"), torch.device("cuda:1")
CHECKED = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 20, "stop_at": 0.999}
FEW = {
    "iterations": 1,
    # Shorter problems than the bundled reasoner knows: what it answers does not matter here.
    "task": {"min_steps": 2, "max_steps": 2},
    "warmup": CHECKED,
    "sampling": {"questions": 10, "start_questions": 10, "samples": 2},
    "labeling": {"trajectories": 10, "start_trajectories": 10, "rollouts": 1},
    "verifier": {"epochs": 1, "max_trajectories": 12},
    "optimiser": {"max_pairs": 10},
    "evaluation": {"samples": 1},
}
LORA = {"tuning": "lora", "lora_rank": 4}
FULL_CARD = 6 * 2**20
"""Bytes of a card beside which the lab's network is not small."""


def settings(**more):
    changed = {name: FEW.get(name, {}) | part if isinstance(part, dict) else part for name, part in more.items()}
    return config(**FEW | changed)


def merged(reasoner):
    """The weights that a token goes through, as one network."""
    weights = Weights(CPU, "fp32")
    weights.load(reasoner)
    return weights.network


def digest(network):
    return hashlib.blake2b(b"".join(p.detach().cpu().numpy().tobytes() for p in network.parameters())).hexdigest()[:12]


class Outside:
    """Stands where vLLM does, in a process of its own: it holds the weights that it was given last, as files, and takes
    the whole card for itself."""

    cards = None

    def __init__(self, folder, *, eos, card=None, **_):
        assert card == CARD.index
        self.eos = eos
        self.load(folder)

    def _use(self, reasoner):
        self.reasoner = reasoner
        self.backend = HfBackend(reasoner, eos=self.eos, pad=self.eos, batch=64)

    def load(self, base=None, adapter=None):
        if base is not None:
            # A copy, as on a card: what it is handed is gone once it has been taken.
            self.base = copy.deepcopy(load_network(base))
        self.has_weights = True
        self._use(load_adapter(self.base, Adapters(4, 32.0, 0.0), adapter) if adapter else Reasoner(self.base))

    @property
    def usage(self):
        return self.backend.usage

    def generate(self, requests, **how):
        assert self.cards.left(CARD) == 0  # it would find no room
        assert self.has_weights
        return self.backend.generate(requests, **how)

    def release(self, *, weights_follow):
        self.has_weights = not weights_follow

    def close(self):
        self.has_weights = False


class Asked:
    """Notes which weights each call is to be answered with."""

    def __init__(self, inner, reasoner, seen):
        self.inner, self.reasoner, self.seen = inner, reasoner, seen

    @property
    def usage(self):
        return self.inner.usage

    def generate(self, requests, **how):
        self.seen.asked_for.append(digest(merged(self.reasoner)))
        return self.inner.generate(requests, **how)


class Seen:
    """Of a run: its metrics; the weights that were to sample and those that did; after each phase, bytes of the card
    that nobody knows of, and gradients; and steps of optimisers."""

    def __init__(self):
        self.metrics = {}
        self.asked_for, self.sampled_with = [], []
        self.lost, self.gradients = {}, {}
        self.steps = 0


@contextlib.contextmanager
def watching(seen, cards, patch):
    """Note the weights of all who sample, and hold that what is trained is on the card at every step."""

    def noting(real, weights):
        def generate(self, requests, **how):
            seen.sampled_with.append(digest(weights(self)))
            return real(self, requests, **how)

        return generate

    def step(optimiser, *_):
        seen.steps += 1
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                on = [parameter, parameter.grad, *optimiser.state.get(parameter, {}).values()]
                assert all(t.device == CARD for t in on if t is not None and t.dim())

    patch.setattr(HfBackend, "generate", noting(HfBackend.generate, lambda backend: merged(backend.reasoner)))
    patch.setattr(SlotBackend, "generate", noting(SlotBackend.generate, lambda backend: backend.weights.network))
    backend = pool.BackendPool.backend
    patch.setattr(pool.BackendPool, "backend", lambda self, reasoner: Asked(backend(self, reasoner), reasoner, seen))
    patch.setattr(pool, "VllmBackend", Outside)
    patch.setattr(Outside, "cards", cards)
    hook = register_optimizer_step_pre_hook(step)
    try:
        yield
    finally:
        hook.remove()


def known_bytes(placement):
    """Of the networks that the owner has on the card."""
    tensors = [t for part in placement._here for t in (*part.parameters(), *part.buffers())]
    return sum({t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors if t.device == CARD}.values())


def went(folder, what, size=FULL_CARD, work=run, ends=()):
    """A run of `what`, on a card of `size` bytes. It may end by one of `ends`, which is still at hand when the card is
    looked at."""
    folder.mkdir(parents=True)
    seen, phases, ended = Seen(), plan(what), None
    with pytest.MonkeyPatch.context() as patch, stand_in_cards(size) as cards:
        session = RunSession(what, folder, CARD)

        def hear(event):
            if isinstance(event, k.Metric):
                seen.metrics[event.iteration, event.name] = event.value
            elif isinstance(event, k.PhaseFinished):
                name = (phases[event.ordinal].name, phases[event.ordinal].iteration)
                here = list(session.placement._here)
                seen.gradients[name] = sum(p.grad is not None for part in here for p in part.parameters())
                session.placement.place()  # whoever has memory of his own gives it back
                seen.lost[name] = cards.held(CARD) - known_bytes(session.placement)

        try:
            with watching(seen, cards, patch), contextlib.closing(session):
                seen.result = work(RunContext(session, phases, hear))
        except ends as error:
            ended = error
        seen.lost["end", 0] = cards.left(CARD)
        assert cards.used == {str(CARD)}
        assert bool(ended) == bool(ends)
    return seen


def check(seen, phases):
    assert seen.sampled_with == seen.asked_for
    assert len(set(seen.sampled_with)) >= 4  # M_1, M_2, and the checks of the warm-up
    assert set(seen.lost) == {*((phase.name, phase.iteration) for phase in phases), ("end", 0)}
    assert set(seen.lost.values()) == set(seen.gradients.values()) == {0}
    assert seen.steps >= 8
    gaps = [value for (_, name), value in seen.metrics.items() if name == "sampler_trainer_logprob_gap"]
    assert len(gaps) == 2
    assert max(gaps) < 1e-4


def described(backend, tuning="full", base="copy"):
    return settings(
        runtime={"backend": backend},
        model={} if tuning == "full" else LORA,
        verifier={"base": base},
    )


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("backend", "tuning", "base"),
    [
        pytest.param("hf", "full", "copy", marks=SLOW),
        ("vllm", "full", "copy"),
        pytest.param("slots", "lora", "shared", marks=SLOW),
        pytest.param("slots", "full", "copy", marks=SLOW),
        pytest.param("hf", "lora", "shared", marks=SLOW),
        pytest.param("vllm", "lora", "shared", marks=SLOW),
        pytest.param("hf", "lora", "copy", marks=SLOW),
        pytest.param("vllm", "lora", "copy", marks=SLOW),
    ],
)
def test_whole_runs_leave_nothing_and_sample_with_the_weights_of_their_moment(backend, tuning, base, tmp_path):
    what = described(backend, tuning, base)
    check(went(tmp_path / "run", what), plan(what))


@SLOW
def test_group_relative_optimisation_leaves_nothing_either(tmp_path, monkeypatch):
    pytest.importorskip("trl")
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", str(CARD))
    what = settings(
        warmup={"epochs": 0},
        labeling={"labeler": "none"},
        optimiser={"kind": "grpo", "batch_size": 8, "epochs": 0.5, "learning_rate": 1e-3, "guard": "off"},
    )
    seen = went(tmp_path / "run", what)
    assert len(set(seen.sampled_with)) == 2
    assert set(seen.lost) == {*((phase.name, phase.iteration) for phase in plan(what)), ("end", 0)}
    assert set(seen.lost.values()) == set(seen.gradients.values()) == {0}
    assert seen.steps > 0


# -- However it ends


@pytest.mark.parametrize("backend", ["hf", "slots", "vllm"])
def test_a_check_that_fails_leaves_nothing(backend, tmp_path, monkeypatch):
    class LostError(Exception):
        pass

    def fails(*_, **__):
        raise LostError

    monkeypatch.setattr(warmup, "accuracy", lambda session, model, *_: session.pool.backend(model) and fails())
    assert warmed(tmp_path / "run", backend, ends=LostError).lost == {("end", 0): 0}


def test_a_run_that_is_stopped_in_a_training_leaves_nothing(tmp_path, monkeypatch):
    asked = iter([False] * 3)
    monkeypatch.setattr(ControlState, "stop", property(lambda _: next(asked, True)))
    seen = warmed(tmp_path / "run", "hf", ends=Stopped)
    assert seen.steps > 1
    assert seen.lost == {("end", 0): 0}


# -- What goes wrong where the owner does not do its work


def warmed(folder, backend, size=FULL_CARD, ends=(), tuning="full"):
    what = described(backend, tuning)

    def work(context):
        return warm_up(context, context.session.start())

    return went(folder, what, size, work, ends)


@pytest.mark.parametrize("backend", [pytest.param("hf", marks=SLOW), "slots", pytest.param("vllm", marks=SLOW)])
def test_the_check_of_a_warm_up_is_made_with_the_weights_of_its_moment(backend, tmp_path):
    seen = warmed(tmp_path / backend, backend)
    assert seen.sampled_with == seen.asked_for
    assert len(set(seen.sampled_with)) == len(seen.sampled_with) > 1
    assert seen.lost == {("sft", 0): 0, ("end", 0): 0}


def test_a_network_that_stays_parked_after_a_check_is_noticed(tmp_path, monkeypatch):
    @contextlib.contextmanager
    def careless(self):
        self.trained.weights_changed()
        self.paused = True
        yield

    monkeypatch.setattr(Training, "pause", careless)
    with pytest.raises((RuntimeError, AssertionError)):
        warmed(tmp_path / "run", "vllm")


def test_a_sampler_with_the_weights_of_the_check_before_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(Reasoner, "weights_changed", lambda _: None)
    seen = warmed(tmp_path / "run", "vllm", tuning="lora")  # otherwise it has none left that could be old
    assert len(set(seen.asked_for)) == len(seen.asked_for) > 1
    assert len(set(seen.sampled_with)) == 1


def test_gradients_that_are_kept_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "zero_grad", lambda *_, **__: None)
    real = torch.optim.Optimizer.zero_grad
    monkeypatch.setattr(torch.optim.Optimizer, "zero_grad", lambda self, set_to_none=True: real(self, False))
    seen = warmed(tmp_path / "run", "hf", SIZE)
    assert seen.gradients["sft", 0] > 10
    assert seen.lost["sft", 0] > 400_000


def test_a_check_that_is_made_without_a_pause_is_refused_on_a_cpu_too(tmp_path):
    what = described("vllm")
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(RunSession(what, tmp_path, CPU)) as session:
        patch.setattr(pool, "VllmBackend", Outside)
        model = session.start()
        with session.placement.training(model), pytest.raises(RuntimeError, match="being trained"):
            session.pool.backend(model)
