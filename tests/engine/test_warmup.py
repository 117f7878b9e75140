"""The warm-up looks at development questions while it trains in place: what samples for it gets today's weights, and
the network is back on the device when the training goes on."""

from __future__ import annotations

import copy
import hashlib

import pytest
import torch

from sapo_engine.models.loading import load_network
from sapo_engine.models.placement import Placement
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.phases.warmup import warm_up
from sapo_engine.rollouts import HfBackend, pool
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.events import kinds as k
from tests.fixtures.small_run import config

CPU = torch.device("cpu")


def digest(network):
    return hashlib.blake2b(b"".join(p.detach().numpy().tobytes() for p in network.parameters())).hexdigest()


class Outside:
    """Stands where vLLM does: it holds the weights that it was given last, as files, and no others."""

    has_weights = True

    def __init__(self, folder, *, eos, **_):
        self.eos = eos
        self.given: list[str] = []
        self.load(folder)

    def load(self, base=None, adapter=None):
        assert adapter is None
        # A copy, as on a card: the folder's weights are gone once they have been taken.
        self.network = copy.deepcopy(load_network(base))
        self.given.append(digest(self.network))
        self.backend = HfBackend(Reasoner(self.network), eos=self.eos, pad=self.eos, batch=64)

    @property
    def usage(self):
        return self.backend.usage

    def generate(self, requests, **how):
        return self.backend.generate(requests, **how)

    def release(self, *, weights_follow):
        assert weights_follow

    def close(self):
        pass


class Moves(Placement):
    """A device whose networks are noted instead of moved."""

    def __init__(self):
        super().__init__(CPU)
        self.here = []

    def _only(self, wanted):
        self.here = list(wanted)


class Watch(ControlState):
    """Asked at each step boundary: notes what lies on the device then."""

    def __init__(self, placement):
        super().__init__()
        self.placement = placement
        self.seen = []

    @property
    def paused(self):
        self.seen.append(list(self.placement.here))
        return False


@pytest.mark.parametrize("backend", ["vllm", "hf", "slots"])
def test_a_check_samples_todays_weights_and_leaves_the_network_in_its_place(backend, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(pool, "VllmBackend", lambda *args, **more: made.append(Outside(*args, **more)) or made[-1])
    settings = config(
        runtime={"backend": backend}, warmup={"epochs": 1, "learning_rate": 1e-3, "batch_size": 8, "stop_at": 0.999}
    )
    session = RunSession(settings, tmp_path, CPU)
    session.placement = session.pool.placement = Moves()
    control, events = Watch(session.placement), []
    model = session.start()
    before = digest(model.network)
    tuned = warm_up(RunContext(session, plan(settings), events.append, control), model)
    checks = [e for e in events if isinstance(e, k.CurvePoint) and e.name == "development_accuracy"]
    assert len(checks) >= 3
    assert all(here == [tuned.network] for here in control.seen[1:])  # the first boundary comes before the training
    assert len(control.seen) > len(checks)
    if backend == "vllm":
        (outside,) = made
        assert len(outside.given) == len(set(outside.given)) == len(checks)
        assert before not in outside.given
        # And whoever samples next gets what the training has come to.
        session.pool.backend(tuned)
        assert outside.given[-1] == digest(tuned.network)
    session.close()
