"""What a configuration asks for, in plain arithmetic: how much is sampled, and how many roll-outs labelling can cost
at most."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_ui import format as fmt


@dataclass(frozen=True)
class Line:
    """A line of the review: what, how much, and how it is reckoned (on hover)."""

    label: str
    value: str
    reckoned: str


def review(config: RunConfig) -> tuple[Line, ...]:
    """The review of a valid configuration.

    Upper bounds only: equal samples are kept once and roll-outs stop at the first success, so a run does less.
    """
    rounds, sampling, labeling = config.iterations, config.sampling, config.labeling
    lines = [
        Line(
            "Trajectories sampled",
            fmt.count((sampling.start_questions + rounds * sampling.questions) * sampling.samples),
            f"({fmt.exact(sampling.start_questions)} + {rounds} \u00d7 {fmt.exact(sampling.questions)} questions) "
            f"\u00d7 {sampling.samples} samples; equal ones are kept once",
        )
    ]
    if labeling.labeler != "none":
        lines.append(
            Line(
                "Wrong ones labelled",
                _at_most(labeling.start_trajectories + rounds * labeling.trajectories),
                f"{fmt.exact(labeling.start_trajectories)} + {rounds} \u00d7 {fmt.exact(labeling.trajectories)}, "
                "as far as there are that many",
            )
        )
        lines += _rollouts(config)
    evaluated = (rounds + 1) * config.task.test_questions * (config.evaluation.samples + 1)
    lines.append(
        Line(
            "Test answers",
            fmt.count(evaluated),
            f"{rounds + 1} evaluations \u00d7 {fmt.exact(config.task.test_questions)} questions "
            f"\u00d7 ({config.evaluation.samples} samples + 1 greedy)",
        )
    )
    return tuple(lines)


def _rollouts(config: RunConfig) -> list[Line]:
    """What labelling can cost at most from iteration 1 on, beside Shepherd's worst case for as many trajectories."""
    labeling, steps = config.labeling, config.task.max_steps
    checks = {"sapo": labeling.max_checks, "omega": max(1, (steps - 1).bit_length()), "shepherd": steps}
    made: list[Line] = []
    for labeler in dict.fromkeys((labeling.labeler, "shepherd")):
        prefixes = checks.get(labeler)
        if prefixes is not None and labeling.labeler in checks:
            most = config.iterations * labeling.trajectories * prefixes * labeling.rollouts
            made.append(
                Line(
                    f"Roll-outs, {labeler}",
                    _at_most(most),
                    f"{config.iterations} iterations \u00d7 {fmt.exact(labeling.trajectories)} trajectories \u00d7 "
                    f"{prefixes} prefixes \u00d7 {labeling.rollouts} roll-outs; they stop at the first success",
                )
            )
    return made


def _at_most(value: float) -> str:
    return f"\u2264{fmt.THIN}{fmt.count(value)}"
