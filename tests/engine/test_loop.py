"""Tiny whole runs: the plan, the numbers, what the store makes of them, and going on after a stop anywhere."""

from __future__ import annotations

import random
import shutil
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sapo_engine.loop import run
from sapo_engine.models.loading import load_model
from sapo_engine.phases import label as label_phase
from sapo_engine.phases import sample as sample_phase
from sapo_engine.phases import train_verifier as train_verifier_phase
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.rollouts import HfBackend, Request
from sapo_engine.rollouts.sampler import Sampler
from sapo_engine.session import RunSession
from sapo_engine.training import trainer as training
from sapo_studio.config.changes import changed
from sapo_studio.config.phase_plan import plan
from sapo_studio.domain.process_measures import Benchmark
from sapo_studio.domain.runs import PhaseName, RunStatus, Verb
from sapo_studio.errors import EngineError, InputError, Stopped
from sapo_studio.events import decode, encode
from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.runs import create_run, set_status
from tests.fixtures.small_run import beginning, config

CPU = torch.device("cpu")
TIMES = {"label_seconds"}
"""Metrics that are times, and so never the same twice."""


@dataclass
class Seen:
    """What the parent would know of a run: everything sent, over all attempts."""

    events: list = field(default_factory=list)
    attempts: int = 0

    @property
    def done(self):
        return [e.ordinal for e in self.events if isinstance(e, k.PhaseFinished)]

    @property
    def metrics(self):
        return {
            (e.iteration, e.name): (e.value, e.low, e.high, e.n, e.estimate)
            for e in self.events
            if isinstance(e, k.Metric) and e.name not in TIMES
        }

    @property
    def bills(self):
        return {e.ordinal: (e.method, e.evaluation) for e in self.events if isinstance(e, k.PhaseCompute)}

    def rows(self, kind):
        """Rows by number (or trajectory and source), as upserts would leave them."""
        return {
            (
                getattr(e, "source", ""),
                getattr(e, "verifier", 0),
                row.number if hasattr(row, "number") else row.trajectory,
            ): row
            for e in self.events
            if isinstance(e, kind)
            for row in e.rows
        }


def attempt(settings, folder, seen, control=None):
    """A new worker goes on with the run; whether it got to the end."""
    seen.attempts += 1
    session = RunSession(settings, folder, CPU)
    try:
        run(RunContext(session, plan(settings), seen.events.append, control, seen.done, checkpoint_seconds=1e9))
    except Stopped:
        return False
    return True


def whole(settings, folder):
    seen = Seen()
    assert attempt(settings, folder, seen)
    return seen


@pytest.fixture(scope="module", autouse=True)
def _small_shards():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_phase, "SAMPLE_SHARD", 10)
        patch.setattr(label_phase, "LABEL_SHARD", 9)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An uninterrupted run and its folder."""
    folder = tmp_path_factory.mktemp("finished")
    return whole(config(), folder), folder


def same(seen, reference):
    assert seen.metrics == reference.metrics
    assert seen.bills == reference.bills
    for kind in (k.Trajectories, k.Scores, k.Labels, k.Rollouts, k.Pairs):
        assert seen.rows(kind) == reference.rows(kind)


def begins(seen, reference):
    """A run of one iteration is the beginning of one with two."""
    assert seen.metrics == {key: value for key, value in reference.metrics.items() if key[0] < 2}
    assert seen.bills.items() <= reference.bills.items()
    for kind in (k.Trajectories, k.Scores, k.Labels, k.Rollouts, k.Pairs):
        assert seen.rows(kind).items() <= reference.rows(kind).items()


def began(finished, ordinal, folder):
    """The first phases of the uninterrupted run in a folder of their own, and what was seen of them."""
    seen, whole_run = finished
    beginning(whole_run, ordinal, folder)
    at = next(n for n, e in enumerate(seen.events) if isinstance(e, k.PhaseStarted) and e.ordinal == ordinal)
    return Seen(seen.events[:at])


def artefacts(folder):
    """Name without the ordinal -> folder."""
    return {path.name.split("-", 1)[1]: path for path in (folder / "artefacts").iterdir()}


def test_same_seed_same_numbers(finished, tmp_path):
    begins(whole(config(iterations=1), tmp_path), finished[0])


@pytest.mark.slow
@pytest.mark.parametrize("base", ["copy", "shared"])
def test_same_seed_same_numbers_with_adapters(base, tmp_path):
    """Whatever torch's generator begins with, which is something else in every process."""
    adapters = {"source": "bundled:lab", "tuning": "lora", "lora_rank": 2, "lora_dropout": 0.1}
    settings = config(
        iterations=1,
        model=adapters,
        task={"min_steps": 2, "max_steps": 2},  # few tokens: what they say does not matter here
        sampling={"questions": 10, "samples": 3},
        labeling={"trajectories": 10},
        verifier={"base": base, "max_trajectories": 16},
        optimiser={"max_pairs": 10},
    )
    runs = []
    for process in (1, 2):
        torch.manual_seed(process)
        runs.append(whole(settings, tmp_path / str(process)))
    same(*runs)
    assert runs[0].metrics[1, "pairs_used"][0] > 0


def test_the_plan_is_what_is_run(finished):
    started = [e.ordinal for e in finished[0].events if isinstance(e, k.PhaseStarted)]
    assert started == finished[0].done == [p.ordinal for p in plan(config())] == list(range(23))
    names = [p.name for p in plan(config())]
    assert names[:7] == ["sft", "sample", "label", "verifier", "rate", "benchmark", "evaluate"]
    assert names[7:15] == ["sample", "score", "label", "verifier", "rate", "pairs", "align", "evaluate"] == names[15:]


def test_every_metric_of_the_method_is_there(finished):
    names = {name for iteration, name in finished[0].metrics if iteration == 2}
    assert names >= {
        *("greedy_accuracy", "sampled_accuracy", "sound_accuracy", "false_positives", "pass_at_1", "pass_at_2"),
        *("verifier_step_accuracy", "first_error_accuracy", "mce", "gap", "self_verification_error"),
        *("label_accuracy", "labelled", "pairs", "pairs_used", "mean_reward", "guard_kept"),
        "sampler_trainer_logprob_gap",
        *(f"label_{what}_{who}" for what in ("rollouts", "tokens", "flops") for who in ("sapo", "omega", "shepherd")),
    }
    own = {name for (i, name), value in finished[0].metrics.items() if i == 2 and not value[4]}
    assert {"label_rollouts_sapo", "label_tokens_sapo"} <= own
    assert not {"label_rollouts_omega", "label_tokens_shepherd"} & own
    metrics = finished[0].metrics
    assert metrics[2, "gap"][0] == pytest.approx(metrics[2, "mce"][0] - metrics[2, "verifier_step_accuracy"][0])
    sampled, sound, lucky = (metrics[2, name][0] for name in ("sampled_accuracy", "sound_accuracy", "false_positives"))
    assert 0 < sound <= sampled
    assert lucky == pytest.approx(1 - sound / sampled)


def test_the_own_test_questions_are_kept_answer_by_answer(finished):
    """Accuracies again from the rows that were sent, and the scores of greedy solutions."""
    seen, metrics = finished[0], finished[0].metrics
    test = {row.number: row for row in seen.rows(k.Questions).values() if row.split == "test"}
    solved = [row for row in seen.rows(k.Trajectories).values() if row.source == "test"]
    assert {row.question for row in solved} == {*test}
    assert len({row.number for row in seen.rows(k.Trajectories).values()}) == len(seen.rows(k.Trajectories))
    for iteration in range(3):
        mine = [row for row in solved if row.iteration == iteration]
        greedy, samples = [r for r in mine if not r.sample], [r for r in mine if r.sample]
        assert len(greedy) == len(test)
        assert metrics[iteration, "greedy_accuracy"][0] == pytest.approx(sum(r.correct for r in greedy) / len(test))
        made = sum(r.copies for r in samples)
        assert made == len(test) * config().evaluation.samples
        right = sum(r.copies for r in samples if r.correct)
        sound = sum(r.copies for r in samples if r.correct and r.truth == 0)
        assert metrics[iteration, "sampled_accuracy"][0] == pytest.approx(right / made)
        assert metrics[iteration, "sound_accuracy"][0] == pytest.approx(sound / made)
        scored = {n: row for (_, verifier, n), row in seen.rows(k.Scores).items() if verifier == iteration}
        assert {*scored} & {r.number for r in mine} == {r.number for r in greedy}
        assert all(len(scored[r.number].scores) == len(r.steps) for r in greedy)


def test_what_to_trust_a_run_by(finished):
    """Rewards, pairs and cut samples, reckoned again from the rows that were sent."""
    seen, metrics = finished[0], finished[0].metrics
    trajectories = {row.number: row for row in seen.rows(k.Trajectories).values()}
    used = [row for e in seen.events if isinstance(e, k.Pairs) and e.iteration == 1 for row in e.rows if row.used]
    every = [row for e in seen.events if isinstance(e, k.Pairs) and e.iteration == 1 for row in e.rows]
    assert metrics[1, "pairs_used_share"][0] == pytest.approx(len(used) / len(every))
    for name, end in (("winner_tokens", "winner"), ("loser_tokens", "loser")):
        lengths = [trajectories[getattr(row, end)].tokens for row in used]
        assert metrics[1, name][0] == pytest.approx(sum(lengths) / len(lengths))
    scores = {n: row.scores for (_, verifier, n), row in seen.rows(k.Scores).items() if verifier == 1}
    mine = [t for t in trajectories.values() if t.source == "sample" and t.iteration <= 1]
    rewards = [statistics.fmean(scores[t.number]) for t in mine]
    for name, other in (("length", [t.tokens for t in mine]), ("correctness", [float(t.correct) for t in mine])):
        want = statistics.correlation(rewards, other)
        assert metrics[1, f"reward_with_{name}"][0] == pytest.approx(want, abs=1e-6)
    assert 0 <= metrics[1, "cut_off"][0] < 0.5
    assert 0 < metrics[1, "verifier_ece"][0] < 1


def test_what_hangs_on_a_threshold_is_measured_in_every_iteration(finished):
    """Reckoned again from the scores that were sent of the process benchmark, at one half and at the tuned one."""
    seen, metrics = finished[0], finished[0].metrics
    benchmark = {row.number: row for row in seen.rows(k.Trajectories).values() if row.source == "process"}
    assert benchmark
    for iteration in (0, 1, 2):
        of_it = {n: row.scores for (_, v, n), row in seen.rows(k.Scores).items() if v == iteration and n in benchmark}
        assert of_it.keys() == benchmark.keys()
        first = {n: next((j for j, s in enumerate(scores, 1) if s < 0.5), 0) for n, scores in of_it.items()}
        wrong = [n for n, row in benchmark.items() if row.truth]
        right = [n for n, row in benchmark.items() if row.truth == 0]
        for name, kind in (("error_accuracy", wrong), ("correct_accuracy", right)):
            value, low, high, n, _ = metrics[iteration, name]
            assert value == pytest.approx(sum(first[m] == benchmark[m].truth for m in kind) / len(kind))
            assert low <= value <= high
            assert n == len(kind)
        measured = Benchmark.of([(of_it[n], row.truth) for n, row in benchmark.items()])
        half, tuned = measured.measures(0.5), measured.tuned([row.question for row in benchmark.values()])
        assert metrics[iteration, "prm_score"][0] == pytest.approx(half.prm_score)
        assert metrics[iteration, "mcc"][0] == pytest.approx(half.mcc)
        for name in ("threshold", "error_accuracy", "correct_accuracy", "f1", "prm_score", "mcc", "step_accuracy"):
            assert metrics[iteration, f"tuned_{name}"][0] == pytest.approx(getattr(tuned, name))


def test_the_self_verification_error_is_of_trajectories_as_they_are_sampled(finished, tmp_path):
    """Whatever share of correct ones is labeled, none included, it is the same quantity."""
    seen, _ = finished
    bare = whole(config(iterations=1, labeling={"right_share": 0.0}), tmp_path)
    found = []
    for one in (seen, bare):
        sampled = [
            t
            for e in one.events
            if isinstance(e, k.Trajectories)
            for t in e.rows
            if (t.iteration, t.source) == (1, "sample")
        ]
        scores = {n: row for (_, verifier, n), row in one.rows(k.Scores).items() if verifier == 0}
        cases = {n: row.case for (source, _, n), row in one.rows(k.Labels).items() if source == "sapo"}
        shares = []
        for kind in (False, True):
            of_kind = [t for t in sampled if t.correct is kind]
            known = [t.number for t in of_kind if t.number in (scores if kind else cases)]
            changed = [min(scores[n].scores) < 0.5 if kind else cases[n] != "confirmed" for n in known]
            shares.append((len(of_kind), sum(changed) / len(changed)))
        want = sum(n * share for n, share in shares) / sum(n for n, _ in shares)
        value, low, high, questions, estimate = one.metrics[1, "self_verification_error"]
        assert value == pytest.approx(want)
        assert low < value < high
        assert questions <= len({t.question for t in sampled})
        assert not estimate
        found.append((low, high))
    assert not any(row.case == "right" for row in bare.rows(k.Labels).values())
    assert found[0][0] < found[1][1]
    assert found[1][0] < found[0][1]


def test_the_labels_bill_is_the_rollouts_that_were_sent(finished):
    for iteration, labeler in ((0, "omega"), (1, "sapo"), (2, "sapo")):
        rows = [r for e in finished[0].events if isinstance(e, k.Rollouts) and e.iteration == iteration for r in e.rows]
        bills = [
            r
            for e in finished[0].events
            if isinstance(e, k.Labels) and e.iteration == iteration and e.source == labeler
            for r in e.rows
        ]
        metrics = finished[0].metrics
        assert len(rows) == sum(r.rollouts for r in bills) == metrics[iteration, f"label_rollouts_{labeler}"][0]
        assert sum(r.tokens for r in rows) == sum(r.tokens for r in bills)
        assert sum(r.tokens for r in rows) == metrics[iteration, f"label_tokens_{labeler}"][0]


def test_the_store_takes_every_event(finished, tmp_path):
    seen, _ = finished
    settings = config()
    with Store.open(tmp_path / "studio.db") as store:
        run_id = create_run(store, settings)
        set_status(store, run_id, RunStatus.RUNNING)
        ingest = Ingest(store, run_id)
        first = [k.Hello(pid=1, device="cpu"), k.Plan(phases=plan(settings))]
        events = [decode(encode(event)) for event in (*first, *seen.events, k.Finished(complete=True))]
        for at in range(0, len(events), 50):
            ingest.apply(events[at : at + 50])
        assert {p.status for p in queries.phases(store, run_id)} == {"done"}
        kept = {
            (i, name): (m.value, m.low, m.high, m.n, m.estimate)
            for i, mine in queries.metrics(store, run_id).items()
            for name, m in mine.items()
            if name not in TIMES
        }
        assert kept == seen.metrics
        assert queries.verifiers_of(store, run_id) == [0, 1, 2]
        assert store.value("SELECT count(*) FROM trajectories") == len(seen.rows(k.Trajectories))
        assert store.value("SELECT count(*) FROM rollouts") == len(seen.rows(k.Rollouts))
        assert store.value("SELECT count(*) FROM scores") == len(seen.rows(k.Scores))
        assert store.rows("PRAGMA foreign_key_check") == []


# -- Stopping and going on


@pytest.mark.parametrize("first", [pytest.param(0, marks=pytest.mark.slow), 7])
def test_stopped_after_every_phase_it_comes_to_the_same(finished, first, tmp_path):
    """From the beginning, or from the first iteration on."""
    settings, seen = config(iterations=1), began(finished, first, tmp_path)
    while True:
        orders = ControlState()
        orders.take(Verb.STOP_AFTER_PHASE)
        before = len(seen.done)
        complete = attempt(settings, tmp_path, seen, orders)
        assert len(seen.done) == before + 1
        if complete:
            break
    assert seen.attempts == len(plan(settings)) - first
    begins(seen, finished[0])


class StopAtBoundary(ControlState):
    """A stop that comes at the n-th step boundary."""

    def __init__(self, boundaries):
        super().__init__()
        self.left = boundaries

    @property
    def stop(self):
        self.left -= 1  # asked once at each boundary
        return self.left < 0


def test_stopped_anywhere_it_comes_to_the_same(finished, tmp_path, monkeypatch):
    """Stops inside phases too: those go on from their shards and training states, the others anew."""
    loaded, made = [], []
    load, sample_part = training.load_training_state, Sampler.sample

    def load_and_note(*arguments):
        loaded.append(load(*arguments))
        return loaded[-1]

    def sample_and_note(self, model, questions, path, *rest, **more):
        made.append((path, tuple(q.number for q in questions)))
        return sample_part(self, model, questions, path, *rest, **more)

    monkeypatch.setattr(training, "load_training_state", load_and_note)
    monkeypatch.setattr(Sampler, "sample", sample_and_note)
    chance = random.Random(2)
    seen = Seen()
    while not attempt(config(iterations=1), tmp_path, seen, StopAtBoundary(chance.randint(4, 18))):
        assert seen.attempts < 60
    begins(seen, finished[0])
    assert seen.attempts > 5
    starts = [e.ordinal for e in seen.events if isinstance(e, k.PhaseStarted)]
    assert len(starts) > len(set(starts))  # some stops really came inside a phase
    assert any(step > 1 for step, _ in loaded)
    shards = [entry for entry in made if entry[0].startswith("sample ")]
    assert len(shards) == len(set(shards)) == 1 + 2  # none is sampled twice
    assert not list((tmp_path / "artefacts").glob("*.shards"))


@pytest.mark.slow
def test_a_search_stopped_anywhere_comes_to_the_same(tmp_path):
    """What the folds of its verifiers' calibration have found is kept between attempts."""
    settings = config(iterations=1, labeling={"max_checks": 6}, verifier={"base": "shared", "learning_rate": 2e-3})
    straight = whole(settings, tmp_path / "straight")
    chance, seen = random.Random(3), Seen()
    while not attempt(settings, tmp_path / "stopped", seen, StopAtBoundary(chance.randint(8, 20))):
        assert seen.attempts < 60
    same(seen, straight)
    assert seen.attempts > 4
    assert {(0, "search_ece_before"), (0, "search_ece_after"), (1, "search_confidence")} <= set(seen.metrics)


def test_resumed_with_a_lower_rate_it_is_trained_with_it_from_there_on(finished, tmp_path):
    """Killed inside the alignment and resumed with another rate: as if it had been asked for before the alignment."""
    high = config(iterations=1, optimiser={"batch_size": 3})
    low, changes = changed(high, ["optimiser.learning_rate=1e-5"], {"sft"})
    assert len(changes) == 1
    (align,) = (p.ordinal for p in plan(high) if p.name == PhaseName.ALIGN)
    straight = began(finished, align, tmp_path / "straight")
    killed = began(finished, align, tmp_path / "killed")
    assert attempt(low, tmp_path / "straight", straight)

    assert not attempt(high, tmp_path / "killed", killed, StopAtBoundary(4))
    assert list((tmp_path / "killed" / "artefacts").glob("*align-1.shards/training.safetensors"))
    assert attempt(low, tmp_path / "killed", killed)
    same(killed, straight)
    mine, other = (artefacts(tmp_path / name)["align-1"] / "model/model.safetensors" for name in ("killed", "straight"))
    assert mine.read_bytes() == other.read_bytes()


def test_a_training_that_diverges_names_the_rate_to_lower(tmp_path, monkeypatch):
    def diverge(*arguments, **more):
        raise FloatingPointError("the loss became nan at step 3")

    monkeypatch.setattr(train_verifier_phase.training, "train_verifier", diverge)
    with pytest.raises(EngineError) as told:
        whole(config(iterations=1), tmp_path)
    assert "diverged" in told.value.what
    assert "step 3" in told.value.why
    assert "sapo resume RUN --set verifier.learning_rate=" in told.value.fix
    assert "optimiser" not in told.value.fix


def test_an_artefact_that_was_lost_is_made_again(finished, tmp_path):
    seen = Seen(list(finished[0].events))
    shutil.copytree(finished[1] / "artefacts", tmp_path / "artefacts")
    (artefacts(tmp_path)["verifier-1"] / "verifier" / "head.safetensors").unlink()
    assert attempt(config(), tmp_path, seen)
    again = [e.ordinal for e in seen.events[len(finished[0].events) :] if isinstance(e, k.PhaseStarted)]
    assert [(plan(config())[o].name, plan(config())[o].iteration) for o in again] == [(PhaseName.VERIFIER, 1)]
    same(seen, finished[0])


# -- Every labeler, optimiser and head

NO_VERIFIER = {"labeling": {"labeler": "none"}, "optimiser": {"reward": "answer"}}


def rarer(name, sections):
    """A case of the slow tier: what is its own in it is tried by itself elsewhere, too."""
    return pytest.param(sections, id=name, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "sections",
    [
        rarer("omega", {"labeling": {"labeler": "omega"}, "verifier": {"head": "scalar"}}),
        pytest.param(
            {"labeling": {"labeler": "shepherd", "expansion": False}, "optimiser": {"kind": "sft"}}, id="shepherd-sft"
        ),
        pytest.param({"labeling": {"labeler": "outcome", "start_labeler": "outcome"}}, id="outcome"),
        pytest.param(
            {"labeling": {"detection": "random"}, "optimiser": {"history": "current", "guard": "off"}}, id="random"
        ),
        rarer("random-search", {"labeling": {"detection": "random", "max_checks": 4}}),
        pytest.param(NO_VERIFIER, id="none-orpo"),
        rarer("none-sft", {"labeling": {"labeler": "none"}, "optimiser": {"kind": "sft"}}),
        rarer(
            "none-dpo",
            {"labeling": {"labeler": "none"}, "optimiser": {"kind": "dpo", "reward": "answer", "beta": 0.1}},
        ),
        rarer("rpo", {"optimiser": {"kind": "rpo", "beta": 0.1, "eta": 0.0}}),
    ],
)
def test_every_variant_runs(sections, tmp_path):
    settings = config(iterations=1, warmup={"epochs": 0}, **sections)
    seen = whole(settings, tmp_path)
    assert seen.done == [p.ordinal for p in plan(settings)]
    labeler = settings.labeling.labeler
    names = {name for iteration, name in seen.metrics if iteration == 1}
    assert {"greedy_accuracy", "sampled_accuracy"} <= names
    assert ("verifier_step_accuracy" in names) == (labeler != "none")
    assert ("label_rollouts_omega" in names) == (labeler not in ("none", "outcome"))
    assert ("label_accuracy" in names) == (labeler != "none")
    assigns = labeler == "sapo" and settings.labeling.detection == "verifier"
    assert ("self_verification_error" in names) == assigns
    sources = {e.source for e in seen.events if isinstance(e, k.Labels) and e.iteration == 1}
    assert sources == (set() if labeler == "none" else {labeler, "expansion"})
    expanded = [t for t in seen.rows(k.Trajectories).values() if t.source == "expansion" and t.iteration == 1]
    assert bool(expanded) == (settings.labeling.expansion and labeler not in ("none", "outcome"))
    start, _ = load_model(artefacts(tmp_path)["sft-0"] / "model")
    after, _ = load_model(artefacts(tmp_path)["align-1"] / "model")
    moved = any(not torch.equal(a, b) for a, b in zip(start.parameters(), after.parameters(), strict=True))
    assert moved or seen.metrics[1, "guard_kept"][0] == 1


def test_right_answers_first_then_pairs(tmp_path):
    """RFT+DPO: its first iteration is that of RFT to the bit, its second learns from pairs."""
    none = {"warmup": {"epochs": 0}, "labeling": {"labeler": "none"}}
    dpo = {"kind": "dpo", "reward": "answer", "beta": 0.1, "guard": "off"}
    both = whole(config(**none, optimiser=dpo | {"rft_iterations": 1}), tmp_path / "both")
    rft = whole(config(iterations=1, **none, optimiser={"kind": "sft", "guard": "off"}), tmp_path / "rft")
    assert rft.metrics == {key: value for key, value in both.metrics.items() if key[0] < 2}
    curves = {(e.ordinal, e.name) for e in both.events if isinstance(e, k.CurvePoint)}
    ordinals = {p.iteration: p.ordinal for p in plan(config(**none, optimiser=dpo)) if p.name == PhaseName.ALIGN}
    first, second = ({name for at, name in curves if at == ordinals[i]} for i in (1, 2))
    assert second > first
    after = [load_model(artefacts(tmp_path / "both")[f"align-{i}"] / "model")[0] for i in (1, 2)]
    assert any(not torch.equal(a, b) for a, b in zip(*(m.parameters() for m in after), strict=True))


# -- The reasoner that comes out


def test_the_reasoner_is_an_ordinary_transformers_model(finished):
    folder: Path = artefacts(finished[1])["align-2"] / "model"
    assert {p.name for p in folder.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    settings = config()
    session = RunSession(settings, finished[1], CPU)
    ours, _ = load_model(folder)
    questions = session.task.questions("test")[:6]
    limit = session.task.max_new_tokens
    prompts = [tuple(tokenizer(session.task.prompt(question))["input_ids"]) for question in questions]
    assert prompts == [session.prompts.of(question.number) for question in questions]
    backend = HfBackend(ours, eos=tokenizer.eos_token_id, pad=tokenizer.pad_token_id)
    found = backend.generate([Request(p, (0,), limit) for p in prompts], temperature=0)
    for question, prompt, (mine,) in zip(questions, prompts, found, strict=True):
        theirs = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=limit)[0, len(prompt) :]
        assert list(mine.tokens) == theirs.tolist()
        steps = tokenizer.decode(theirs, skip_special_tokens=True).strip().split("\n")
        assert [s.strip() for s in steps] == list(session.builder.cut(mine.tokens)[1])
        assert session.task.grade([(question, "\n".join(steps))]) == session.builder.grade([(question, mine.tokens)])


def test_a_reasoner_without_words_for_the_problems_is_refused(tmp_path):
    settings = config(task={"asks": "rest"})
    with pytest.raises(InputError, match="The tokenizer of bundled:lab maps this task's text to <unk>") as refused:
        RunSession(settings, tmp_path, CPU)
    assert "Packed in" in refused.value.why
    assert "bundled:lab-rest" in refused.value.fix
    known = config(task={"asks": "rest"}, model={"source": "bundled:lab-rest"})
    RunSession(known, tmp_path, CPU).close()
