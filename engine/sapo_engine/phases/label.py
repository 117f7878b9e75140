"""The label phase: checks of wrong trajectories shard by shard, what is sent of them, and the expansion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sapo_engine.labeling.costs import check_cost, cost_case
from sapo_engine.labeling.labelers import make_checks, run_labeler
from sapo_engine.labeling.outcome import Outcome
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.numbering import BLOCK
from sapo_engine.phases.context import Phase
from sapo_engine.session import Lab
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.verifier.scoring import Prediction
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.labelers.registry import COMPARED, LABELERS
from sapo_studio.domain.labeling_cost import estimated, measured
from sapo_studio.events.kinds import LabelRow, Labels, RolloutRow, Rollouts

SHARD = 500


def label_wrong(
    lab: Lab,
    phase: Phase,
    model: Reasoner,
    version: int,
    labeler: str,
    wrong: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
    calibration: Platt,
) -> Outcome:
    """Run `labeler` on `wrong` with reasoner M_`version` and send labels and roll-outs as they come.

    Shards are independent (each has its own cache of prefixes, and a question's trajectories stay together), so
    that a run that goes on from its shards, or several processes, come to the same labels and the same bill.
    """
    ordered = sorted(wrong, key=lambda t: (t.question, t.number))
    total = Outcome()
    for index, at in enumerate(range(0, len(ordered), SHARD)):
        part = ordered[at : at + SHARD]
        data = phase.shard(
            index,
            lambda part=part, at=at: _label_part(
                lab, phase, model, version, labeler, part, predictions, calibration, at, len(ordered)
            ).to_json(),
        )
        outcome = Outcome.from_json(data)
        phase.emit(Labels(iteration=phase.iteration, source=labeler, rows=outcome.rows))
        first = BLOCK * (phase.iteration + 1) + len(total.rollouts)
        phase.emit(
            Rollouts(
                iteration=phase.iteration,
                rows=[
                    RolloutRow(
                        number=first + k,
                        trajectory=number,
                        prefix=prefix,
                        text="\n".join(lab.cutter.cut(tokens)[1]),
                        correct=right,
                        tokens=len(tokens),
                    )
                    for k, (number, prefix, tokens, right) in enumerate(outcome.rollouts)
                ],
            )
        )
        total.extend(outcome)
        phase.progress(at + len(part), len(ordered))
    return total


def _label_part(
    lab: Lab,
    phase: Phase,
    model: Reasoner,
    version: int,
    labeler: str,
    part: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
    calibration: Platt,
    done: int,
    whole: int,
) -> Outcome:
    config = lab.config.labeling
    checker = lab.checker(model, version, config.rollouts, config.wave)

    def predicted(trajectory: Trajectory) -> int:
        if config.detection == "random":
            return int(lab.rng("detect", trajectory.number).integers(1, trajectory.n + 1))
        found = predictions.get(trajectory.number)
        return found[1] if found else 0

    def believed(trajectory: Trajectory) -> list[float] | None:
        found = predictions.get(trajectory.number)
        return calibration(found[0]) if found and config.detection == "verifier" else None

    labelled, _ = run_labeler(
        part,
        lambda _, t: make_checks(config, labeler, t, believed(t), predicted(t)),
        checker,
        tick=lambda count: phase.progress(done + count, whole),
    )
    outcome = Outcome()
    for item in labelled:
        outcome.rows.append(
            LabelRow(
                trajectory=item.trajectory.number,
                labels=item.verdict.labels,
                case=item.verdict.case,
                predicted=item.verdict.predicted if LABELERS[labeler].guided else 0,
                verified=item.verdict.verified,
                rollouts=item.bill.rollouts,
                tokens=item.bill.tokens,
            )
        )
    by_number = {t.number: t for t in part}
    for (question, tokens), checked in checker.known.items():
        first = checked.rollouts[0]
        to_go = by_number[first.trajectory].n - first.prefix
        prefix_tokens = len(lab.prompt(question)) + len(tokens)
        outcome.checks.append(check_cost(checked, to_go, prefix_tokens, config.wave))
        outcome.rollouts += [(r.trajectory, r.prefix, r.tokens, r.correct) for r in checked.rollouts]
    return outcome


def report_costs(
    lab: Lab, phase: Phase, labeler: str, wrong: Mapping[int, Trajectory], outcome: Outcome, parameters: int
) -> None:
    """Send the labeler's own bill, and the estimates for the others."""
    cases = [cost_case(lab, wrong[row.trajectory], row, closed=not LABELERS[labeler].guided) for row in outcome.rows]
    for name, compared in COMPARED.items():
        own = name == labeler
        cost = measured(outcome.checks) if own else estimated(compared, cases, outcome.checks)
        phase.metric(f"label_rollouts_{name}", round(cost.rollouts), estimate=not own)
        phase.metric(f"label_tokens_{name}", round(cost.tokens), estimate=not own)
        phase.metric(f"label_prefill_tokens_{name}", round(cost.prefill_tokens), estimate=not own)
        phase.metric(f"label_flops_{name}", cost.flops(parameters), estimate=not own)
