"""Phase `evaluate`: the metrics of an iteration, on held-out questions and on the process benchmark."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sapo_engine.evaluation.accuracy import Sampled, solve
from sapo_engine.evaluation.eval_set import counts, set_trajectories, solutions
from sapo_engine.evaluation.monte_carlo import monte_carlo_labels
from sapo_engine.evaluation.sampler_gap import sampler_gap
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.numbering import BLOCK, TESTS
from sapo_engine.phases.codecs import JsonCodec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.golds import golds_metrics
from sapo_engine.phases.rows import emit_set, emit_trajectories
from sapo_engine.phases.score import score_and_emit
from sapo_engine.rollouts.asked import EvalSet
from sapo_engine.rollouts.overheard import Heard
from sapo_engine.session import RunSession
from sapo_engine.tasks import Question
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.verifier.model import Verifier
from sapo_studio.domain.metrics import Share, mean_share, ratio_share, wilson
from sapo_studio.domain.process_measures import Benchmark
from sapo_studio.domain.runs import PhaseName
from sapo_studio.domain.verifier_metrics import gap, label_scores, step_metrics

SET_SHARD = 100
"""Questions of an evaluation set that are answered between two looks at what the run is asked to do."""
OVERHEARD = 16
"""Sampled solutions whose log-probabilities are held against those of the network that is trained."""
LABELS = "labels"
"""Where the ceiling's labels stand in the artefact, of a benchmark that came with the data."""


def evaluate(
    run: RunContext,
    iteration: int,
    model: Reasoner,
    aligned: Reasoner,
    verifier: Verifier | None,
    benchmark: Sequence[Trajectory],
) -> None:
    """All metrics of the iteration: accuracies of M_{i+1} (`aligned`), V_i and the ceiling by M_i (`model`)."""
    session = run.session
    given = session.task.process_benchmark()
    ungraded = frozenset(row.question.number for row in given or () if row.ungraded)

    def ceiling(phase: PhaseContext) -> list[str]:
        if iteration == 1:
            # M_1 is M_0: the ceiling of iteration 1 is that of iteration 0.
            known: list[str] = _labels_in(run.result_of(PhaseName.EVALUATE, 0, JsonCodec()), supplied=given is not None)
            if known:
                return known
        return monte_carlo_labels(session, model, max(iteration, 1), benchmark, ungraded, tick=phase.progress)

    def work(phase: PhaseContext) -> list[str] | dict[str, list[str]]:
        if iteration == 0:
            golds_metrics(phase)  # again, for a run that an earlier version warmed up
        part = shares(session, benchmark if verifier is not None else [], ceiling_known=iteration == 1)
        with phase.part(part.questions):
            heard, greedy = reasoner_metrics(phase, aligned)
        with phase.part(part.sets):
            sets_metrics(phase, aligned)
        # Behind all that these weights sample: a sampler outside gives the card back for it.
        sampler_metric(phase, aligned, heard)
        if verifier is not None:
            # For whoever asks where a solution goes wrong, and which of two is the better one: no metric needs it.
            score_and_emit(phase, verifier, iteration, greedy, quietly=True)
        if verifier is None or not any(t.truth is not None for t in benchmark):
            return []
        scores = score_and_emit(phase, verifier, iteration, benchmark, quietly=True)
        with phase.part(part.ceiling):
            labels = ceiling(phase)
        of_steps = [scores[t.number][0] for t in benchmark]
        verifier_metrics(phase, benchmark, of_steps, labels)
        threshold_metrics(phase, benchmark, of_steps)
        if given is None:
            return labels
        left_out = sum(t.question in ungraded for t in benchmark)
        phase.metric("mce_solutions", len(benchmark) - left_out)
        phase.metric("mce_left_out", left_out)
        return {LABELS: labels}

    run.phase(PhaseName.EVALUATE, iteration, work, JsonCodec())


@dataclass(frozen=True)
class Shares:
    """Parts of an evaluation: of what is written, which is nearly all its work, about so much each."""

    questions: float
    sets: float
    ceiling: float


def shares(session: RunSession, benchmark: Sequence[Trajectory], *, ceiling_known: bool) -> Shares:
    """How the work is divided, in whole solutions: a rollout of the ceiling begins in the middle of one, on average."""
    config = session.config.evaluation
    questions = len(session.task.questions("test")) * (1 + config.samples)
    sets = sum(len(one.task.questions("test")) * (1 + one.samples) for one in session.sets)
    steps = 0 if ceiling_known else sum(t.n for t in benchmark if not t.correct)
    ceiling = steps * config.mce_rollouts / 2
    whole = max(questions + sets + ceiling, 1)
    return Shares(questions / whole, sets / whole, ceiling / whole)


def _labels_in(artefact: list[str] | dict[str, list[str]], *, supplied: bool) -> list[str]:
    """The ceiling's labels that an evaluation left. Of a `supplied` benchmark a plain list is an earlier version's,
    which graded rollouts without knowing the answers: it is not used."""
    if isinstance(artefact, dict):
        return artefact[LABELS]
    return [] if supplied else artefact


def reasoner_metrics(phase: PhaseContext, model: Reasoner) -> tuple[list[Heard], list[Trajectory]]:
    """Greedy and sampled accuracy and pass@k on the run's own test questions, whose solutions are sent, too; with a
    step oracle also the share of samples that are right at every step, and the share of right answers that are not
    (false positives). Returns what was overheard of the samples, and the greedy solutions."""
    session = phase.context.session
    questions, samples = session.task.questions("test"), session.config.evaluation.samples
    count = len(questions)
    whole = count * (1 + samples)
    best = solve(session, model, questions, "greedy", 1, greedy=True, tick=lambda done, _: phase.progress(done, whole))
    phase.poll_control()
    # The same keys in every iteration: what differs between two iterations is the reasoner.
    with session.pool.overhear(OVERHEARD) as heard:
        others = solve(
            session, model, questions, "test", samples, tick=lambda done, _: phase.progress(count + done, whole)
        )
    written = solutions(session.builder, questions, best, others, phase.iteration, TESTS + BLOCK * phase.iteration)
    emit_trajectories(phase, written)
    greedy, sampled = counts(questions, samples, written)
    phase.share("greedy_accuracy", greedy_share(greedy))
    sampled_metrics(phase, sampled)
    if sampled.sound is not None:
        phase.share("sound_accuracy", mean_share([c / samples for c in sampled.sound]))
        lucky = [c - s for c, s in zip(sampled.right, sampled.sound, strict=True)]
        phase.share("false_positives", ratio_share(lucky, sampled.right))
    return heard, [t for t in written if t.sample == 0]


def sampler_metric(phase: PhaseContext, model: Reasoner, heard: Sequence[Heard]) -> None:
    """How far the sampler is from the network that is trained. Its weights are those of the latest warm-up or
    alignment, so that this is measured once after each change."""
    if heard:
        phase.metric("sampler_trainer_logprob_gap", sampler_gap(phase.context.session, model, heard), n=len(heard))


def greedy_share(greedy: Sampled) -> Share:
    """Greedy accuracy: each question counts once."""
    return wilson(sum(greedy.right), len(greedy.right))


def sampled_metrics(phase: PhaseContext, sampled: Sampled, set: str = "") -> None:
    """Sampled accuracy and pass@k, on the evaluation set `set`."""
    phase.share("sampled_accuracy", sampled.accuracy, set)
    k = 1
    while k <= sampled.samples:
        phase.share(f"pass_at_{k}", sampled.pass_at(k), set)
        k *= 2


def sets_metrics(phase: PhaseContext, model: Reasoner) -> None:
    """The same on every evaluation set, whose solutions are sent, too. What is written is kept shard by shard."""
    shard = itertools.count()
    sets = phase.context.session.sets
    total = sum(len(one.task.questions("test")) * (1 + one.samples) for one in sets)
    for one in sets:
        questions = one.task.questions("test")
        found: list[Trajectory] = []
        for at in range(0, len(questions), SET_SHARD):
            part = questions[at : at + SET_SHARD]

            def make(one: EvalSet = one, part: Sequence[Question] = part, at: int = at) -> bytes:
                rows = set_trajectories(one, model, phase.iteration, part, at, phase)
                return json.dumps([t.to_json() for t in rows]).encode()

            with phase.part(len(part) * (1 + one.samples) / total):
                rows = [Trajectory.from_json(row) for row in json.loads(phase.shard(next(shard), make))]
            emit_set(phase, one, part, rows)
            found += rows
        greedy, sampled = counts(questions, one.samples, found)
        phase.share("greedy_accuracy", greedy_share(greedy), one.name)
        sampled_metrics(phase, sampled, one.name)


def verifier_metrics(
    phase: PhaseContext, benchmark: Sequence[Trajectory], scores: Sequence[Sequence[float]], labels: Sequence[str]
) -> None:
    """Step accuracy of verifier and Monte-Carlo labels, the gap, first-error accuracy and F1.

    Intervals are over solutions; the gap's is paired, both being measured on the same steps. MCE and gap are measured
    where there are labels (`?`: there is none), the others on the whole benchmark.
    """
    known = [(t.truth, s, m) for t, s, m in zip(benchmark, scores, labels, strict=True) if t.truth is not None]
    verifier = step_metrics([(scores, truth) for truth, scores, _ in known])
    phase.share("verifier_step_accuracy", verifier.step_accuracy)
    graded = [(truth, scores, labels) for truth, scores, labels in known if "?" not in labels]
    if graded:
        ceiling = step_metrics([(label_scores(labels), truth) for truth, _, labels in graded])
        beside = step_metrics([(scores, truth) for truth, scores, _ in graded])
        phase.share("mce", ceiling.step_accuracy)
        value, low, high = gap(ceiling, beside)
        phase.metric("gap", value, low=low, high=high, n=len(graded))
    phase.share("first_error_accuracy", verifier.first_error_accuracy)
    phase.metric("verifier_ece", verifier.calibration_error, n=len(known))
    if not math.isnan(verifier.f1):
        phase.metric("process_f1", verifier.f1, n=len(known))


def threshold_metrics(phase: PhaseContext, benchmark: Sequence[Trajectory], scores: Sequence[Sequence[float]]) -> None:
    """What hangs on a threshold, at one half and at one that is tuned on held-out rows (`process_measures`), as far as
    the benchmark has the kinds of solutions that it takes. Intervals, where there are any, are over solutions."""
    known = [(t.question, mine, t.truth) for t, mine in zip(benchmark, scores, strict=True) if t.truth is not None]
    measured = Benchmark.of([(mine, truth) for _, mine, truth in known])
    wrong = sum(truth > 0 for _, _, truth in known)
    counts = {"error_accuracy": wrong, "correct_accuracy": len(known) - wrong}
    half = measured.measures(0.5)
    phase.share("error_accuracy", _counted(half.error_accuracy, wrong))
    phase.share("correct_accuracy", _counted(half.correct_accuracy, len(known) - wrong))
    if not math.isnan(half.prm_score):
        phase.metric("prm_score", half.prm_score, n=len(known))
    if not math.isnan(half.mcc):
        phase.metric("mcc", half.mcc, n=len(known))
    tuned = measured.tuned([question for question, _, _ in known])
    for name, value in tuned.to_json().items() if tuned is not None else ():
        if value is not None:
            phase.metric(f"tuned_{name}", value, n=counts.get(name, len(known)))


def _counted(share: float, n: int) -> Share:
    """The share with Wilson's interval; of none where there were none."""
    return wilson(round(share * n) if n else 0, n)
