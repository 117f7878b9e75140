"""What a configuration asks for, in plain arithmetic: how much is sampled, and how many roll-outs labelling can cost at most."""

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
    """The review of a valid configuration. Upper bounds only: equal samples are dropped and roll-outs stop early, so a run does less."""
    i, s, lab = config.iterations, config.sampling, config.labeling
    sampled = s.start_questions * s.samples + i * s.questions * s.samples
    lines = [
        Line(
            "Trajectories sampled",
            fmt.count(sampled),
            f"({fmt.exact(s.start_questions)} + {i} \u00d7 {fmt.exact(s.questions)} questions) \u00d7 {s.samples} samples; equal ones are kept once",
        )
    ]
    if lab.labeler != "none":
        lines.append(
            Line(
                "Wrong trajectories labelled",
                f"\u2264 {fmt.count(lab.start_trajectories + i * lab.trajectories)}",
                f"{fmt.exact(lab.start_trajectories)} + {i} \u00d7 {fmt.exact(lab.trajectories)}, as far as there are that many",
            )
        )
    checks = {
        "sapo": lab.max_checks,
        "omega": max(1, (config.task.max_steps - 1).bit_length()),
        "shepherd": config.task.max_steps,
    }.get(lab.labeler)
    if checks is not None:
        lines.append(
            Line(
                f"Roll-outs to label ({lab.labeler})",
                f"\u2264 {fmt.count(i * lab.trajectories * checks * lab.rollouts)}",
                f"iterations 1 to {i}: {fmt.exact(lab.trajectories)} trajectories \u00d7 {checks} prefixes \u00d7 {lab.rollouts} roll-outs; "
                "they stop at the first success",
            )
        )
        if lab.labeler != "shepherd":
            most = i * lab.trajectories * config.task.max_steps * lab.rollouts
            lines.append(
                Line(
                    "The same with shepherd",
                    f"\u2264 {fmt.count(most)}",
                    f"{fmt.exact(lab.trajectories)} trajectories \u00d7 {config.task.max_steps} steps \u00d7 {lab.rollouts} roll-outs \u00d7 {i}",
                )
            )
    evaluated = (i + 1) * config.task.test_questions * (config.evaluation.samples + 1)
    lines.append(
        Line(
            "Test answers",
            fmt.count(evaluated),
            f"{i + 1} evaluations \u00d7 {fmt.exact(config.task.test_questions)} questions \u00d7 ({config.evaluation.samples} samples + 1 greedy)",
        )
    )
    return tuple(lines)
