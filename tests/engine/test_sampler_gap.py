"""How far the sampler is from the network that is trained: nothing where both have the same weights, and plainly more
where the sampler was not given the new ones."""

from __future__ import annotations

import copy

import pytest
import torch

from sapo_engine.evaluation.sampler_gap import sampler_gap
from sapo_engine.loop import run
from sapo_engine.models.loading import load_network
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.context import RunContext
from sapo_engine.rollouts import Completion, HfBackend, Request, Usage, pool
from sapo_engine.rollouts.overheard import Heard, Listener, OverheardBackend
from sapo_engine.rollouts.sampler import Sampler
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.domain.alarms import alarms
from sapo_studio.domain.ledger import Meter
from sapo_studio.events import kinds as k
from sapo_studio.store.records import MetricValue
from tests.fixtures.small_run import config

CPU = torch.device("cpu")
NAME = "sampler_trainer_logprob_gap"
ROUNDING = 1e-5
"""Of log-probabilities in fp32, read one token after another or all at once."""


class Outside:
    """Stands where vLLM does: it samples with the weights that it was given last, as files. It says that it takes new
    ones whenever it is told to, but does so `listens` times only."""

    has_weights = True

    def __init__(self, folder, *, eos, listens, **_):
        self.eos, self.listens = eos, listens
        self._take(folder)

    def load(self, base=None, adapter=None):
        self.listens -= 1
        if self.listens >= 0:
            self._take(base)

    def _take(self, folder):
        # A copy, as on a card: the folder's weights are gone once they have been taken.
        taken = Reasoner(copy.deepcopy(load_network(folder)))
        self.backend = HfBackend(taken, eos=self.eos, pad=self.eos, batch=64)

    @property
    def usage(self):
        return self.backend.usage

    def generate(self, requests, **how):
        return self.backend.generate(requests, **how)

    def release(self, *, weights_follow):
        assert weights_follow

    def close(self):
        pass


def test_a_reload_that_is_skipped_is_seen(tmp_path, monkeypatch):
    """M_0 is what the sampler starts with, M_2 is loaded, and M_3 is not."""
    monkeypatch.setattr(pool, "VllmBackend", lambda *args, **options: Outside(*args, **options, listens=1))
    listened, sample = set(), Sampler.sample

    def sample_and_note(self, model, questions, path, *rest, **more):
        if self.pool._listener is not None:
            listened.add(path)
        return sample(self, model, questions, path, *rest, **more)

    monkeypatch.setattr(Sampler, "sample", sample_and_note)
    settings = config(
        warmup={"epochs": 0},
        sampling={"questions": 10, "start_questions": 10, "samples": 2},
        labeling={"labeler": "none"},
        optimiser={"kind": "sft", "learning_rate": 1e-3, "guard": "off"},
        evaluation={"samples": 1},
        runtime={"backend": "vllm"},
    )
    events = []
    session = RunSession(settings, tmp_path, CPU)
    try:
        run(RunContext(session, plan(settings), events.append))
    finally:
        session.close()
    found = [e for e in events if isinstance(e, k.Metric) and e.name == NAME]
    assert [(e.iteration, e.n) for e in found] == [(0, 16), (1, 16), (2, 16)]
    assert listened == {"test"}  # of sampled solutions: a greedy one has no choice that weights could change
    assert found[0].value < ROUNDING
    assert found[1].value < ROUNDING
    assert found[2].value > 100 * ROUNDING
    numbers = {e.iteration: {NAME: MetricValue(e.value, n=e.n)} for e in found}
    raised = alarms(numbers, paired=lambda _: True, eta=0.1, sets={})
    assert [(alarm.iteration, alarm.kind) for alarm in raised] == [(2, "sampler")]


# -- The number


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    made = RunSession(config(), tmp_path_factory.mktemp("run"), CPU)
    made.model = made.start()
    yield made
    made.close()


def overheard(session, most=6):
    questions = session.task.questions("test")[:4]
    with session.pool.overhear(most) as heard:
        session.sampler.sample(session.model, questions, "test", 2)
    return heard


def test_it_is_the_mean_over_tokens_of_the_absolute_difference(session):
    heard, total, count = [], 0, 0
    for number, one in enumerate(overheard(session)):
        tokens = one.completion.tokens[: 4 + 3 * number]
        with torch.inference_mode():
            logits = session.model.network(torch.tensor([[*one.prompt, *tokens]])).logits[0].float()
        read = torch.log_softmax(logits, -1)[len(one.prompt) - 1 : -1].gather(1, torch.tensor(tokens)[:, None])[:, 0]
        # Told in turn too high and too low, by another amount in each completion: no signs cancel.
        signs = torch.tensor([(-1.0) ** place for place in range(len(tokens))]) * len(tokens)
        heard.append(Heard(one.prompt, Completion(tokens, False, tuple((read + signs).tolist()))))
        total += len(tokens) ** 2
        count += len(tokens)
    assert sampler_gap(session, session.model, heard) == pytest.approx(total / count, rel=1e-5)


def test_other_weights_are_apart_and_the_same_ones_are_not(session):
    heard = overheard(session)
    assert 0 <= sampler_gap(session, session.model, heard) < ROUNDING
    other = copy.deepcopy(session.model.network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.02)
    assert sampler_gap(session, Reasoner(other), heard) > 100 * ROUNDING


def test_its_reading_is_on_the_bill(session):
    heard = overheard(session)
    with session.meter.span() as bill, session.meter.measuring():
        sampler_gap(session, session.model, heard)
    tokens = sum(len(one.prompt) + len(one.completion.tokens) for one in heard)
    assert bill.evaluation.prefill == tokens
    assert bill.evaluation.flops == 2 * session.model.parameters_in_all() * tokens
    assert bill.method.flops == 0


def test_listening_changes_nothing_that_is_written_and_nothing_that_it_costs(session):
    questions = session.task.questions("test")[:5]
    meters, texts = [], []
    for most in (0, 3, 100):
        session.pool.meter = meter = Meter()
        with meter.span() as bill, session.pool.overhear(most) as heard:
            found = session.sampler.sample(session.model, questions, "test", 2)
        assert len(heard) == min(most, 10)
        meters.append(bill)
        texts.append([[completion.tokens for completion in row] for row in found])
    session.pool.meter = session.meter
    assert texts[0] == texts[1] == texts[2]
    assert meters[0] == meters[1] == meters[2]
    assert meters[0].method.generated > 0


class Numbers:
    """Writes a token for each key. Implements RolloutBackend."""

    def __init__(self):
        self.usage = Usage()
        self.asked = []

    def generate(self, requests, *, temperature, tick=None):
        self.asked.append([request.log_probs for request in requests])
        return [[Completion((key,), True, (-1.0,) * r.log_probs) for key in r.keys] for r in requests]


def test_it_hears_of_many_prompts_before_it_hears_of_one_again():
    listener, inner = Listener(5), Numbers()
    backend = OverheardBackend(inner, listener)
    first, second = Request((7,), (1, 2, 3), 4), Request((8,), (4,), 4)
    backend.generate([], temperature=1.0)
    backend.generate([first, second], temperature=1.0)
    assert [one.completion.tokens for one in listener.heard] == [(1,), (4,), (2,), (3,)]
    backend.generate([second, first], temperature=1.0)
    backend.generate([first], temperature=1.0)
    assert listener.heard[4:] == [Heard((8,), Completion((4,), True, (-1.0,)))]
    assert inner.asked == [[], [True, True], [True, False], [False]]
