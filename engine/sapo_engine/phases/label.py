"""Phase `label`: L_i, labels of subset(S_i) and, expanded, of the rollouts made on the way (eq. 3-5, 12-13)."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sapo_engine.evaluation.labels import label_accuracy
from sapo_engine.labeling.consensus import agree
from sapo_engine.labeling.costs import check_cost, cost_case
from sapo_engine.labeling.expansion import expand
from sapo_engine.labeling.human_labels import Judged, with_people
from sapo_engine.labeling.labelers import checker_for, make_checks, run_labeler
from sapo_engine.labeling.outcome import LabelingOutcome, RolloutFacts
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.numbering import BLOCK
from sapo_engine.phases.codecs import LabelsCodec, TrainingSet
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.rows import emit_trajectories
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import LabeledRow, Trajectory
from sapo_engine.verifier.scoring import Prediction
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.consensus import Bounds
from sapo_studio.domain.dawid_skene import Unidentified
from sapo_studio.domain.labelers.registry import COMPARED, LABELERS
from sapo_studio.domain.labeling_cost import estimated, measured
from sapo_studio.domain.labels import Checks
from sapo_studio.domain.metrics import wilson
from sapo_studio.domain.runs import PhaseName
from sapo_studio.domain.self_verification import Verified, error_as_sampled
from sapo_studio.events.kinds import (
    JudgementsWanted,
    LabelRow,
    Labels,
    RolloutRow,
    Rollouts,
    TrainingLabelRow,
    TrainingLabels,
)

LABEL_SHARD = 500
"""Trajectories that are labeled between two looks at what the run is asked to do."""
PEOPLE_SHARD = 99_999
"""The shard with what people said, behind all that hold labels."""


def label(
    run: RunContext,
    iteration: int,
    model: Reasoner,
    samples: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
    calibration: Platt | None = None,
    pool: Sequence[Trajectory] = (),
) -> list[LabeledRow]:
    """Labels of subset(S_i) and of expanded rollouts, with people's where the run wants them, of all of the `pool` D_i.
    `calibration` is that of the verifier behind `predictions`."""
    session, config = run.session, run.config.labeling
    labeler = config.labeler if iteration else config.start_labeler

    def work(phase: PhaseContext) -> TrainingSet:
        began = time.monotonic()
        if iteration and config.searches and calibration is None:
            phase.log(
                "The verifier before this iteration was trained by an earlier version, without labels held out to "
                "calibrate it: the search takes its scores for probabilities as they are.",
                "warning",
            )
        chosen = subset(session, iteration, samples)
        wrong = {t.number: t for t in chosen if not t.correct}
        rows = [LabelRow(trajectory=t.number, labels="1" * t.n, case="right") for t in chosen if t.correct]
        expanded: list[LabeledRow] = []
        rolled_out: list[RolloutFacts] = []
        if not LABELERS[labeler].rolls_out:
            rows += [LabelRow(trajectory=t.number, labels="0" * t.n, case="outcome") for t in wrong.values()]
            phase.emit(Labels(iteration=iteration, source=labeler, rows=rows))
        else:
            phase.emit(Labels(iteration=iteration, source=labeler, rows=rows))
            labeling = Labeling(session, model, iteration, labeler, predictions, calibration or Platt())
            outcome = label_wrong(phase, labeling, list(wrong.values()))
            rows += outcome.rows
            rolled_out = outcome.rollouts
            _report_costs(phase, labeler, wrong, outcome, model.parameters_in_all())
            _report_promises(phase, wrong, outcome)
            if config.expansion:
                expanded = expand(session.builder, session.questions, iteration, wrong, outcome)
        by_number = {t.number: t for t in chosen}
        labeled = [(by_number[row.trajectory], row.labels) for row in rows]
        phase.share("label_accuracy", label_accuracy(labeled))
        for case, count in sorted(Counter(row.case for row in rows).items()):
            phase.metric(f"case_{case}", count)
        if predictions and not config.no_self_verification:
            _report_changes(phase, rows, samples, predictions)
        expanded = _choose_expansion(session, iteration, len(labeled), expanded)
        emit_trajectories(phase, [t for t, _ in expanded])
        written = [LabelRow(trajectory=t.number, labels=labels, case="expansion") for t, labels in expanded]
        phase.emit(Labels(iteration=iteration, source="expansion", rows=written))
        phase.metric("labelled", len(labeled))
        phase.metric("label_seconds", time.monotonic() - began)
        training, filtered = labeled + expanded, dict[int, TrainingLabelRow]()
        trained = run.trained_labels()
        judged = _what_people_say(phase) if trained.people == "use" else {}
        if trained.consensus != "off":
            bounds = Bounds(trained.consensus_low, trained.consensus_high)
            training, filtered = _agreed(phase, training, predictions, rolled_out, judged, bounds)
        if trained.people == "use":
            return _with_people(phase, training, [*samples, *pool], filtered, judged)
        return TrainingSet(training)

    return run.phase(PhaseName.LABEL, iteration, work, LabelsCodec()).labels


def scored(session: RunSession, iteration: int, samples: Sequence[Trajectory]) -> list[Trajectory]:
    """What V_{i-1} scores: subset(S_i). Where no right ones are to be labeled, as many as there are wrong ones all the
    same, since the self-verification error is that of all trajectories: scores are all that it needs of right ones.
    """
    chosen = subset(session, iteration, samples)
    right = [t for t in samples if t.source == "sample" and t.correct]
    if session.config.labeling.no_self_verification or any(t.correct for t in chosen):
        return chosen
    order = session.rng("scored", iteration).permutation(len(right))[: max(1, len(chosen))]
    return chosen + [right[k] for k in sorted(order)]


def subset(session: RunSession, iteration: int, samples: Sequence[Trajectory]) -> list[Trajectory]:
    """subset(S_i): the wrong trajectories to label, with right ones in the share asked for."""
    config = session.config.labeling
    most = config.trajectories if iteration else config.start_trajectories
    rng = session.rng("subset", iteration)
    wrong = [t for t in samples if t.source == "sample" and not t.correct]
    right = [t for t in samples if t.source == "sample" and t.correct]
    chosen = [wrong[k] for k in sorted(rng.permutation(len(wrong))[:most])]
    count = round(len(chosen) * config.right_share / (1 - config.right_share))
    return chosen + [right[k] for k in sorted(rng.permutation(len(right))[:count])]


@dataclass(frozen=True, slots=True)
class Labeling:
    """One iteration's way to label wrong trajectories: the reasoner M_i that rolls out, the labeler, and what the
    verifier before has predicted."""

    session: RunSession
    model: Reasoner
    iteration: int
    labeler: str
    predictions: Mapping[int, Prediction]
    calibration: Platt

    @property
    def version(self) -> int:
        """i of M_i. M_1 is M_0: its rollouts are the same reasoner's."""
        return max(self.iteration, 1)

    def checks(self, trajectory: Trajectory) -> Checks:
        """The checks to be made on a wrong trajectory."""
        config = self.session.config.labeling
        found = self.predictions.get(trajectory.number)
        scores = self.calibration(found[0]) if found and config.detection == "verifier" else None
        predicted = found[1] if found else 0
        if config.detection == "random":
            predicted = int(self.session.rng("detect", trajectory.number).integers(1, trajectory.n + 1))
        return make_checks(config, self.labeler, trajectory, scores, predicted)

    def of(self, part: Sequence[Trajectory], tick: Callable[[int], None]) -> LabelingOutcome:
        """Label `part`, with a cache of prefixes of its own. `tick` hears how many are done."""
        config = self.session.config.labeling
        checker = checker_for(self.session, self.model, self.version, config.rollouts, config.wave)
        labeled, _ = run_labeler(part, lambda _, t: self.checks(t), checker, tick=tick)
        outcome = LabelingOutcome()
        for item in labeled:
            outcome.rows.append(
                LabelRow(
                    trajectory=item.trajectory.number,
                    labels=item.verdict.labels,
                    case=item.verdict.case,
                    predicted=item.verdict.predicted if LABELERS[self.labeler].guided else 0,
                    verified=item.verdict.verified,
                    rollouts=item.cost.rollouts,
                    tokens=item.cost.tokens,
                )
            )
            if item.verdict.confidence:
                outcome.confidences[item.trajectory.number] = item.verdict.confidence
        by_number = {t.number: t for t in part}
        for (question, tokens), result in checker.known.items():
            first = result.rollouts[0]
            to_go = by_number[first.trajectory].n - first.prefix
            prefix_tokens = len(self.session.prompts.of(question)) + len(tokens)
            outcome.checks.append(check_cost(result, to_go, prefix_tokens, config.wave))
            outcome.rollouts += [(r.trajectory, r.prefix, r.tokens, r.correct) for r in result.rollouts]
        return outcome


def label_wrong(phase: PhaseContext, labeling: Labeling, wrong: Sequence[Trajectory]) -> LabelingOutcome:
    """Label `wrong` shard by shard, and send labels and rollouts as they come.

    Shards are independent (each has its own cache of prefixes, and a question's trajectories stay together), so
    that a run that goes on from its shards, or several processes, come to the same labels at the same cost.
    """
    ordered = sorted(wrong, key=lambda t: (t.question, t.number))
    total = LabelingOutcome()
    for index, at in enumerate(range(0, len(ordered), LABEL_SHARD)):
        part = ordered[at : at + LABEL_SHARD]

        def tick(done: int, at: int = at) -> None:
            phase.progress(at + done, len(ordered))

        data = phase.shard(index, lambda part=part, tick=tick: labeling.of(part, tick).to_json())
        outcome = LabelingOutcome.from_json(data)
        phase.emit(Labels(iteration=phase.iteration, source=labeling.labeler, rows=outcome.rows))
        first = BLOCK * (phase.iteration + 1) + len(total.rollouts)
        rows = [
            RolloutRow(
                number=first + k,
                trajectory=number,
                prefix=prefix,
                text="\n".join(labeling.session.builder.cut(tokens)[1]),
                correct=correct,
                tokens=len(tokens),
            )
            for k, (number, prefix, tokens, correct) in enumerate(outcome.rollouts)
        ]
        phase.emit(Rollouts(iteration=phase.iteration, rows=rows))
        total.extend(outcome)
        phase.progress(at + len(part), len(ordered))
    return total


def _report_changes(
    phase: PhaseContext, rows: Sequence[LabelRow], samples: Sequence[Trajectory], predictions: Mapping[int, Prediction]
) -> None:
    """Send the self-verification error: the share of S_i whose labels, assigned by V_{i-1}, the checks change."""
    sampled = [t for t in samples if t.source == "sample"]
    cases = {row.trajectory: row.case for row in rows}
    correct = sum(t.correct for t in sampled)
    verified = [
        Verified.of(t.question, t.correct, predictions[t.number][0], cases.get(t.number, "right"))
        for t in sampled
        if t.number in predictions
    ]
    phase.share("self_verification_error", error_as_sampled(verified, correct, len(sampled) - correct))


def _report_promises(phase: PhaseContext, wrong: Mapping[int, Trajectory], outcome: LabelingOutcome) -> None:
    """Send how sure a search was of the first errors that it found and, where the task knows, how many are true."""
    promised = outcome.confidences
    if not promised:
        return
    phase.metric("search_confidence", sum(promised.values()) / len(promised), n=len(promised))
    found = {row.trajectory: row.verified for row in outcome.rows}
    true = [found[number] == wrong[number].truth for number in promised if wrong[number].truth is not None]
    phase.share("search_exact", wilson(sum(true), len(true)))


def _agreed(
    phase: PhaseContext,
    written: Sequence[LabeledRow],
    predictions: Mapping[int, Prediction],
    rollouts: Sequence[RolloutFacts],
    judged: Judged,
    bounds: Bounds,
) -> tuple[list[LabeledRow], dict[int, TrainingLabelRow]]:
    """What V_i is trained on: `written` without the labels that the sources leave open, and what that means, sent.
    Beside it, by number, the trajectories of which labels are left out."""
    scores = {number: found for number, (found, _) in predictions.items()}
    agreed = agree(written, scores, rollouts, bounds, judged)
    if isinstance(agreed, Unidentified):
        phase.log(f"No label is left out by consensus. {agreed.why}")
        return list(written), {}
    rows = [
        TrainingLabelRow(trajectory=one.trajectory.number, labels=one.labels, reasons=one.reasons, beliefs=one.beliefs)
        for one in agreed.rows
        if one.changed
    ]
    phase.emit(TrainingLabels(verifier=phase.iteration, rows=rows))
    phase.metric("consensus_kept_share", agreed.kept_share, n=agreed.before.labels)
    phase.metric("consensus_noise_before", agreed.before.estimated_share, n=agreed.before.labels, estimate=True)
    if agreed.before.known:
        phase.metric("consensus_noise_true_before", agreed.before.true_share, n=agreed.before.known)
    if agreed.after.labels:
        phase.metric("consensus_noise_estimate", agreed.after.estimated_share, n=agreed.after.labels, estimate=True)
    if agreed.after.known:
        phase.metric("consensus_noise_true", agreed.after.true_share, n=agreed.after.known)
    return agreed.training, {row.trajectory: row for row in rows}


def _what_people_say(phase: PhaseContext) -> Judged:
    """What people say at this moment, as the parent has it. A run that goes on from here takes the same words again."""

    def ask() -> bytes:
        if not phase.context.group.leader:
            return b""
        phase.emit(JudgementsWanted(verifier=phase.iteration))
        return json.dumps(phase.context.control.wait_for_judgements()).encode()

    told: dict[str, dict[str, bool]] = json.loads(phase.shard(PEOPLE_SHARD, ask))
    return {int(number): {int(step): ok for step, ok in steps.items()} for number, steps in told.items()}


def _with_people(
    phase: PhaseContext,
    training: Sequence[LabeledRow],
    pool: Sequence[Trajectory],
    filtered: Mapping[int, TrainingLabelRow],
    judged: Judged,
) -> TrainingSet:
    """`training` with what people say in place of what was written, sent with the reasons."""
    found = with_people(training, pool, judged, filtered)
    phase.emit(TrainingLabels(verifier=phase.iteration, rows=found.rows))
    phase.metric("people_labels", found.labels, n=len(found.rows))
    phase.metric("people_changed", found.changed, n=found.labels)
    return TrainingSet(found.training, found.written)


def _choose_expansion(
    session: RunSession, iteration: int, labeled: int, expanded: list[LabeledRow]
) -> list[LabeledRow]:
    """As many expanded rollouts as the verifier's training has room for."""
    room = max(0, session.config.verifier.max_trajectories - labeled)
    order = session.rng("expansion", iteration).permutation(len(expanded))[:room]
    return [expanded[k] for k in sorted(order)]


def _report_costs(
    phase: PhaseContext, labeler: str, wrong: Mapping[int, Trajectory], outcome: LabelingOutcome, parameters: int
) -> None:
    """Send what the labeler has cost, and what the others would have."""
    session = phase.context.session
    cases = [
        cost_case(session, wrong[row.trajectory], row, closed=not LABELERS[labeler].guided) for row in outcome.rows
    ]
    for name, compared in COMPARED.items():
        own = name == labeler
        cost = measured(outcome.checks) if own else estimated(compared, cases, outcome.checks)
        phase.metric(f"label_rollouts_{name}", round(cost.rollouts), estimate=not own)
        phase.metric(f"label_tokens_{name}", round(cost.tokens), estimate=not own)
        phase.metric(f"label_prefill_tokens_{name}", round(cost.prefill_tokens), estimate=not own)
        phase.metric(f"label_flops_{name}", cost.flops(parameters), estimate=not own)
