"""The label phase: checks of wrong trajectories shard by shard, what is sent of them, and the expansion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sapo_engine.context import Phase
from sapo_engine.costs import CheckCost, Cost, CostCase, check_cost, estimated, measured
from sapo_engine.data import Draft, Trajectory
from sapo_engine.grading.base import Grade
from sapo_engine.lab import BLOCK, Lab
from sapo_engine.labelers import checks_of, run_labeler
from sapo_engine.reasoner import Reasoner
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.labels import from_first_error
from sapo_studio.events.kinds import LabelRow, Labels, RolloutRow, Rollouts

SHARD = 500
EXPANSIONS = 5_000_000

Prediction = tuple[list[float], int]
"""Scores of a trajectory and the predicted first error."""
LabelledRow = tuple[Trajectory, str]
"""A trajectory with its labels, one character a step."""
RolloutFacts = tuple[int, int, tuple[int, ...], bool]
"""Trajectory number, prefix, tokens, right or not."""


@dataclass(slots=True)
class Outcome:
    """What labelling wrong trajectories brought: their rows, all roll-outs, and every check's cost."""

    rows: list[LabelRow] = field(default_factory=list)
    rollouts: list[RolloutFacts] = field(default_factory=list)
    checks: list[CheckCost] = field(default_factory=list)

    def to_json(self) -> bytes:
        """For a shard."""
        rows = [row.model_dump() for row in self.rows]
        checks = [[c.succeeded, c.to_go, c.prefix_tokens, c.rollouts, c.tokens, c.waves] for c in self.checks]
        return json.dumps({"rows": rows, "rollouts": self.rollouts, "checks": checks}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Outcome:
        """From a shard."""
        found = json.loads(data)
        return cls(
            [LabelRow(**row) for row in found["rows"]],
            [(number, prefix, tuple(tokens), right) for number, prefix, tokens, right in found["rollouts"]],
            [CheckCost(*check) for check in found["checks"]],
        )

    def extend(self, other: Outcome) -> None:
        """Add another shard's."""
        self.rows += other.rows
        self.rollouts += other.rollouts
        self.checks += other.checks


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
        lambda _, t: checks_of(config, labeler, t, believed(t), predicted(t)),
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
                predicted=item.verdict.predicted if labeler == "sapo" else 0,
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


def expand(lab: Lab, iteration: int, trajectories: Mapping[int, Trajectory], outcome: Outcome) -> list[LabelledRow]:
    """Roll-outs as labelled trajectories of their own, equal ones once.

    From a prefix labelled 1: a right roll-out is right at every step; a wrong one says nothing beyond the
    prefix, which is labelled already, and is left out. From a prefix labelled 0: every step after it is 0.
    """
    labels = {row.trajectory: row.labels for row in outcome.rows}
    seen = {(t.question, t.tokens) for t in trajectories.values()}
    expanded: list[LabelledRow] = []
    for number, prefix, tokens, right in outcome.rollouts:
        parent = trajectories[number]
        written = parent.tokens[: parent.ends[prefix - 1] if prefix else 0] + tokens
        good = right or prefix == 0 or labels[number][prefix - 1] == "1"
        if (good and not right) or (parent.question, written) in seen:
            continue
        seen.add((parent.question, written))
        draft = Draft(
            lab.question(parent.question),
            written,
            number=BLOCK * (iteration + 1) + EXPANSIONS + len(expanded),
            iteration=iteration,
            source="expansion",
        )
        trajectory = lab.cutter.trajectory(draft, Grade(right))
        error = 0 if right else labels[number].index("0") + 1
        expanded.append((trajectory, from_first_error(error, trajectory.n)))
    return expanded


def report_costs(
    lab: Lab, phase: Phase, labeler: str, wrong: Mapping[int, Trajectory], outcome: Outcome, parameters: int
) -> None:
    """Send the labeler's own bill, and the estimates for the other two."""
    cases = [_cost_case(lab, wrong[row.trajectory], row, closed=labeler != "sapo") for row in outcome.rows]
    for name in ("sapo", "omega", "shepherd"):
        own = name == labeler
        cost: Cost = measured(outcome.checks) if own else estimated(name, cases, outcome.checks)
        phase.metric(f"label_rollouts_{name}", round(cost.rollouts), estimate=not own)
        phase.metric(f"label_tokens_{name}", round(cost.tokens), estimate=not own)
        phase.metric(f"label_prefill_tokens_{name}", round(cost.prefill_tokens), estimate=not own)
        phase.metric(f"label_flops_{name}", cost.flops(parameters), estimate=not own)


def _cost_case(lab: Lab, trajectory: Trajectory, row: LabelRow, *, closed: bool) -> CostCase:
    """What is known of the first error: one step, or (`closed` False, not confirmed) all that two checks leave open."""
    prompt = len(lab.prompt(trajectory.question))
    first = row.verified or trajectory.n
    if closed or lab.config.labeling.max_checks > 2 or row.case not in ("later", "earlier"):
        return CostCase(trajectory.n, row.predicted, first, prompt)
    if row.case == "later":
        return CostCase(trajectory.n, row.predicted, first, prompt, latest=trajectory.n)
    return CostCase(trajectory.n, row.predicted, 1, prompt, latest=first)
