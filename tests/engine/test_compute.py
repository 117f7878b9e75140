"""What a run says that it has computed, against counts of the networks' own calls, of rows, and by hand."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel

from sapo_engine.loop import run
from sapo_engine.models.loading import load_model
from sapo_engine.models.reasoner import Adapters, Reasoner, clone, parameters_at_work, with_adapter
from sapo_engine.phases import label as label_phase
from sapo_engine.phases import sample as sample_phase
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.rollouts.lean import LeanForward
from sapo_engine.session import RunSession
from sapo_engine.training import reading
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import dpo, orpo, preferences, sft
from sapo_engine.training.trainer import NullCallback, TrainingArgs
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.training import VerifierExample, train_verifier
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.schema import VerifierConfig
from sapo_studio.domain.ledger import Compute, Meter, Usage, rolled_out
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import Stopped
from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.runs import create_run, set_status
from tests.fixtures.small_run import beginning, config
from tests.fixtures.tiny_models import SHAPE
from tests.fixtures.trainings import StopAt

CPU = torch.device("cpu")


def tokens_of(rows):
    """Tokens of the texts in a pack, a prompt that several share with each of them. Padding repeats a row's first."""
    return sum(len(set(row)) for block in rows.blocks for row in block.take.view(block.rows, -1).tolist())


class Calls:
    """Tokens of the texts that Llama networks were called with, padding left out, by phase and what for: `read` (a
    prompt before something is written, or a reference pass), `scored`, `trained`. Looking at a network, before it reads
    its first texts, is nobody's work."""

    def __init__(self, monkeypatch):
        self.tokens = Counter()
        self.phase = None
        self.verifier = False
        self.looking = False
        forward, score, look = LlamaModel.forward, Verifier.forward, reading._look
        lean_read = LeanForward.read

        def called(model, *args, input_ids=None, attention_mask=None, past_key_values=None, **more):
            writing = past_key_values is not None and past_key_values.get_seq_length() > 0
            if not writing and not self.looking:
                rows = more.get("packed")
                known = attention_mask is not None
                count = tokens_of(rows) if rows else int(attention_mask.sum()) if known else input_ids.numel()
                kind = "trained" if torch.is_grad_enabled() else "scored" if self.verifier else "read"
                self.tokens[self.phase, kind] += count
                if kind == "trained":
                    self.tokens[self.phase, "trained verifier" if self.verifier else "trained reasoner"] += count
            more |= {"input_ids": input_ids, "attention_mask": attention_mask, "past_key_values": past_key_values}
            return forward(model, *args, **more)

        def scoring(verifier, *args):
            self.verifier = True
            try:
                return score(verifier, *args)
            finally:
                self.verifier = False

        def reads(lean, prompts, *args):
            self.tokens[self.phase, "read"] += sum(map(len, prompts))
            return lean_read(lean, prompts, *args)

        def looked(network):
            self.looking = True
            try:
                return look(network)
            finally:
                self.looking = False

        monkeypatch.setattr(reading, "_look", looked)
        monkeypatch.setattr(LeanForward, "read", reads)
        monkeypatch.setattr(LlamaModel, "forward", called)
        monkeypatch.setattr(Verifier, "forward", scoring)

    def hear(self, event):
        if isinstance(event, k.PhaseStarted):
            self.phase = event.ordinal


def attempt(settings, folder, events, control=None, hear=lambda _: None):
    def take(event):
        events.append(event)
        hear(event)

    done = [e.ordinal for e in events if isinstance(e, k.PhaseFinished)]
    try:
        run(RunContext(RunSession(settings, folder, CPU), plan(settings), take, control, done, checkpoint_seconds=1e9))
    except Stopped:
        return False
    return True


def bills(events):
    return {e.ordinal: e for e in events if isinstance(e, k.PhaseCompute)}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A finished run of rpo (it makes reference passes), and what its networks were called with."""
    folder = tmp_path_factory.mktemp("counted")
    settings = config(iterations=1, optimiser={"kind": "rpo", "beta": 0.1, "eta": 0.0})
    events = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_phase, "SAMPLE_SHARD", 10)
        patch.setattr(label_phase, "LABEL_SHARD", 9)
        calls = Calls(patch)
        assert attempt(settings, folder, events, hear=calls.hear)
    return settings, folder, events, calls.tokens


def test_tokens_are_those_that_the_networks_were_called_with(counted):
    settings, _, events, calls = counted
    found = bills(events)
    assert sorted(found) == [phase.ordinal for phase in plan(settings)]
    for ordinal, bill in found.items():
        both = [bill.method, bill.evaluation]
        assert sum(one.prefill for one in both) == calls[ordinal, "read"]
        assert sum(one.scored for one in both) == calls[ordinal, "scored"]
        assert sum(one.trained_reasoner for one in both) == calls[ordinal, "trained reasoner"]
        assert sum(one.trained_verifier for one in both) == calls[ordinal, "trained verifier"]
        assert all(one.complete for one in both)
    kinds = Counter()
    for (ordinal, kind), count in calls.items():
        if count:
            kinds[plan(settings)[ordinal].name, kind] += 1
    assert {("label", "read"), ("score", "scored"), ("rate", "scored"), ("align", "read")} <= set(kinds)


def test_generated_tokens_are_those_of_the_rows(counted):
    settings, _, events, _ = counted
    by_name = {(p.name, p.iteration): p.ordinal for p in plan(settings)}
    for i in (0, 1):
        samples = [r for e in events if isinstance(e, k.Trajectories) for r in e.rows if r.source == "sample"]
        rollouts = [r for e in events if isinstance(e, k.Rollouts) and e.iteration == i for r in e.rows]
        written = bills(events)[by_name["sample", i]].method.generated
        assert written == sum(r.tokens * r.copies for r in samples if r.iteration == i) > 0
        assert bills(events)[by_name["label", i]].method.generated == sum(r.tokens for r in rollouts) > 0


def test_flops_by_hand(counted):
    _, folder, events, _ = counted
    places = {path.name.split("-", 1)[1]: path for path in (folder / "artefacts").iterdir()}
    reasoner, _ = load_model(places["sft-0"] / "model")
    n = sum(p.numel() for p in reasoner.parameters())
    width = reasoner.config.hidden_size
    v = n + width + 6 + 1  # the head of kind "likelihood" sees six features more, and has a bias
    for bill in bills(events).values():
        for one in (bill.method, bill.evaluation):
            forward = 2 * n * (one.generated + one.prefill) + 2 * v * one.scored
            assert one.flops == forward + 6 * n * one.trained_reasoner + 6 * v * one.trained_verifier


def test_what_only_measures_is_kept_apart(counted):
    settings, _, events, _ = counted
    by_name = {(p.name, p.iteration): bills(events)[p.ordinal] for p in plan(settings)}
    for name in ("benchmark", "evaluate"):
        assert by_name[name, 0].method.flops == 0 < by_name[name, 0].evaluation.flops
    align = by_name["align", 1]
    assert align.method.generated == 0 < align.evaluation.generated  # the guard's samples
    assert align.method.prefill > 0  # the reference pass
    for name in ("sample", "label", "verifier", "rate"):
        assert by_name[name, 1].evaluation.flops == 0 < by_name[name, 1].method.flops


def test_whole_epochs_come_to_what_was_counted_before(counted):
    """Tokens generated and trained on after the warm-up: the metrics that comparisons were made of."""
    settings, folder, events, _ = counted
    values = {(e.iteration, e.name): e.value for e in events if isinstance(e, k.Metric) and not e.estimate}
    names = ("sample_tokens", "label_tokens_omega", "label_tokens_sapo", "verifier_tokens", "align_tokens")
    with Store.open(folder / "studio.db") as store:
        run_id = stored(store, settings, events)
        for i, mine in queries.compute(store, run_id).items():
            old = sum(values.get((i, name), 0) for name in names)
            assert mine.method.generated + mine.method.trained == old > 0
            assert mine.method.tokens > 1.2 * old  # prompts and scoring were left out


def stored(store, settings, events):
    run_id = create_run(store, settings)
    set_status(store, run_id, RunStatus.RUNNING)
    Ingest(store, run_id).apply([k.Plan(phases=plan(settings)), *events])
    return run_id


# -- Going on


class StopIn(ControlState):
    """A stop at the n-th boundary of a phase."""

    def __init__(self, events, ordinal, boundary):
        super().__init__()
        self.events, self.ordinal, self.left = events, ordinal, boundary

    @property
    def stop(self):
        """Asked once at each boundary."""
        started = [e.ordinal for e in self.events if isinstance(e, k.PhaseStarted)]
        self.left -= bool(started and started[-1] == self.ordinal)
        return self.left < 0


def began(counted, name, iteration, tmp_path):
    """The run of `counted`, stopped in the middle of a phase: its events so far, and the phase's number."""
    settings, folder, events, _ = counted
    ordinal = next(p.ordinal for p in plan(settings) if (p.name, p.iteration) == (name, iteration))
    at = next(n for n, e in enumerate(events) if isinstance(e, k.PhaseStarted) and e.ordinal == ordinal)
    beginning(folder, ordinal, tmp_path)
    return list(events[:at]), ordinal


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(sample_phase, "SAMPLE_SHARD", 10)
    monkeypatch.setattr(label_phase, "LABEL_SHARD", 9)


@pytest.mark.parametrize(("name", "keeps"), [("label", "shard"), ("verifier", "training"), ("align", "training")])
def test_stopped_in_a_phase_the_bill_is_the_same(counted, name, keeps, tmp_path, small_shards):
    settings, _, events, _ = counted
    mine, ordinal = began(counted, name, 1, tmp_path)
    assert not attempt(settings, tmp_path, mine, StopIn(mine, ordinal, 1))
    (left,) = (tmp_path / "artefacts").glob("*.shards")
    assert {file.suffix for file in left.iterdir()} >= ({"", ".compute"} if keeps == "shard" else {".safetensors"})
    assert attempt(settings, tmp_path, mine)
    assert bills(mine) == bills(events)


@pytest.mark.parametrize("name", ["label", "verifier"])
def test_what_an_earlier_version_left_is_gone_on_with(counted, name, tmp_path, small_shards):
    """It left no bills. What is counted from there on is a lower bound, and says so; trained tokens are known."""
    settings, _, events, _ = counted
    mine, ordinal = began(counted, name, 1, tmp_path)
    assert not attempt(settings, tmp_path, mine, StopIn(mine, ordinal, 1))
    shutil.rmtree(tmp_path / "compute")
    mine[:] = [e for e in mine if not isinstance(e, k.PhaseCompute)]
    for file in tmp_path.glob("artefacts/*.shards/*"):
        if file.suffix == ".compute":
            file.unlink()
        elif file.suffix == ".safetensors":
            forget_bill(file)
    assert attempt(settings, tmp_path, mine)
    got, want = bills(mine)[ordinal].method, bills(events)[ordinal].method
    if name == "label":
        assert not got.complete
        assert 0 < got.generated < want.generated
    else:
        assert got == want
    with Store.open(tmp_path / "studio.db") as store:
        found = queries.compute(store, stored(store, settings, mine))
    assert found[0].method is None  # all of it was done before
    assert not found[1].method.complete
    assert found[1].evaluation.complete


def forget_bill(file: Path):
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    del header["__metadata__"]["compute"]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def test_a_bill_that_the_store_has_lost_is_told_again(counted, tmp_path):
    settings, folder, events, _ = counted
    shutil.copytree(folder / "artefacts", tmp_path / "artefacts")
    shutil.copytree(folder / "compute", tmp_path / "compute")
    mine = [e for e in events if not isinstance(e, k.PhaseCompute)]
    assert attempt(settings, tmp_path, mine)
    assert bills(mine) == bills(events)


# -- Trainings by themselves

TEXTS = [PromptCompletion((1,) * (2 + i % 3), (5, 6, 7, 8)[: 2 + i % 3]) for i in range(10)]
PAIRS = list(zip(TEXTS[:6], TEXTS[4:], strict=True))
TOKENS = sum(len(text.prompt) + len(text.completion) for text in TEXTS)
PAIR_TOKENS = sum(len(text.prompt) + len(text.completion) for pair in PAIRS for text in pair)


def tiny_model():
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(vocab_size=16, tie_word_embeddings=True, **SHAPE))


def recipe(meter, **more):
    return TrainingArgs(1e-3, 2, 4, 0, meter=meter, **more)


def test_adapters_cost_four_flops_a_weight_and_only_their_own():
    network = tiny_model()
    base = sum(p.numel() for p in network.parameters())
    first = with_adapter(network, Adapters(4, 8.0, 0.0))
    second = clone(first, Adapters(4, 8.0, 0.0))
    own = sum(p.numel() for name, p in network.named_parameters() if f".{second.adapter}." in name)
    assert own > 0
    assert parameters_at_work(first.activate()) == base + own == second.parameters_in_all()
    meter = Meter()
    with meter.span() as bill:
        sft(second.trainable(), TEXTS, recipe(meter, micro_tokens=40), NullCallback(), pad_id=0)
    assert bill.method.trained_reasoner == 2 * TOKENS
    assert bill.method.flops == 4 * (base + own) * 2 * TOKENS
    with meter.span() as bill:
        preferences(first.activate(), PAIRS, recipe(meter), pad_id=0)
    assert bill.method == Compute(prefill=PAIR_TOKENS, flops=2 * (base + own) * PAIR_TOKENS)


def test_both_sides_of_a_pair_count():
    network = Reasoner(tiny_model()).trainable()
    n = sum(p.numel() for p in network.parameters())
    meter = Meter()
    for train in (orpo, lambda *args, **more: dpo(*args, before=[0.0] * len(PAIRS), **more)):
        with meter.span() as bill:
            train(network, PAIRS, recipe(meter), NullCallback(), beta=0.1, pad_id=0)
        assert (bill.method.trained_reasoner, bill.method.flops) == (2 * PAIR_TOKENS, 12 * n * PAIR_TOKENS)


def test_a_verifier_is_billed_apart():
    base = Reasoner(tiny_model())
    verifier = Verifier(base, "scalar")
    n = sum(p.numel() for p in verifier.parameters())
    assert verifier.parameters_in_all() == n
    meter = Meter()
    rows = [VerifierExample(text, (len(text.completion),), "1") for text in TEXTS]
    settings = VerifierConfig(epochs=2, batch_size=4)
    with meter.span() as bill:
        train_verifier(verifier, rows, settings, NullCallback(), seed=0, pad_id=0, meter=meter)
    assert (bill.method.trained_verifier, bill.method.trained_reasoner) == (2 * TOKENS, 0)
    assert bill.method.flops == 12 * n * TOKENS


def test_looks_in_a_training_are_kept_with_its_state(tmp_path):
    """What `enough` takes (samples of the warm-up) is in the bill once, however often the training stops."""
    meter = Meter()

    def train_on(state, stop):
        model = Reasoner(tiny_model()).trainable()

        def enough(step):
            meter.add(rolled_out(Usage(generated_tokens=100 + step), 7))
            return False

        with meter.span() as bill:
            sft(model, TEXTS, recipe(meter), StopAt(stop), pad_id=0, state_file=state, enough=enough, check_every=2)
        return bill

    whole = train_on(tmp_path / "one", 99)
    assert whole.method.generated == 102 + 104
    with pytest.raises(Stopped):
        train_on(tmp_path / "two", 3)
    shutil.copy(tmp_path / "two", tmp_path / "old")
    assert train_on(tmp_path / "two", 99) == whole
    forget_bill(tmp_path / "old")
    old = train_on(tmp_path / "old", 99).method
    assert (old.trained_reasoner, old.generated, old.complete) == (whole.method.trained_reasoner, 104, False)


def test_packed_weights_are_counted_as_what_they_stand_for():
    packed = nn.Parameter(torch.zeros(12, 1, dtype=torch.uint8), requires_grad=False)
    packed.quant_state = type("State", (), {"shape": torch.Size([4, 6])})()
    module = nn.Linear(4, 6, bias=False)
    module.weight = packed
    assert parameters_at_work(module) == 24
