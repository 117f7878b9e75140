"""The metrics of an iteration: accuracies on held-out questions, the verifier and the Monte-Carlo ceiling on
the process benchmark.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sapo_engine.context import Phase
from sapo_engine.data import Trajectory
from sapo_engine.lab import Lab
from sapo_engine.labelers import run_labeler
from sapo_engine.reasoner import Reasoner
from sapo_engine.tasks import Question
from sapo_studio.domain.labels import shepherd
from sapo_studio.domain.metrics import (
    Share,
    mean_share,
    pass_at_k,
    predicted_first_error,
    processbench_f1,
    ratio_difference,
    ratio_share,
    step_hits,
    wilson,
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """Right samples of each question, out of `samples`; with a step oracle also those that are right at every step."""

    right: list[int]
    samples: int
    sound: list[int] | None = None

    @property
    def accuracy(self) -> Share:
        """Sampled accuracy: the mean over questions."""
        return mean_share([c / self.samples for c in self.right])

    def pass_at(self, k: int) -> Share:
        """pass@k."""
        return mean_share([pass_at_k(self.samples, c, k) for c in self.right])


def accuracy(
    lab: Lab, model: Reasoner, split: str, path: str, samples: int, *, greedy: bool = False, steps: bool = False
) -> Sampled:
    """How many of `samples` solutions of each question of `split` are right; with `steps` and a step oracle also how
    many are so at every step."""
    questions = lab.task.questions(split)
    completions = lab.sample_many(model, questions, path, samples, greedy=greedy)
    grades = iter(
        lab.cutter.grade([(q, c.tokens) for q, mine in zip(questions, completions, strict=True) for c in mine])
    )
    right = [[c.tokens for c in mine if next(grades).correct] for mine in completions]
    counts = [len(mine) for mine in right]
    if not steps or lab.task.first_error(questions[0], questions[0].steps) is None:
        return Sampled(counts, samples)

    def sound(question: Question, tokens: tuple[int, ...]) -> bool:
        return lab.task.first_error(question, lab.cutter.cut(tokens)[1]) == 0

    found = [
        sum(copies for tokens, copies in Counter(mine).items() if sound(question, tokens))
        for question, mine in zip(questions, right, strict=True)
    ]
    return Sampled(counts, samples, found)


def send_share(phase: Phase, name: str, share: Share) -> None:
    """A share with its interval."""
    if share.n:
        phase.metric(name, share.value, low=share.low, high=share.high, n=share.n)


def reasoner_metrics(lab: Lab, phase: Phase, model: Reasoner) -> None:
    """Greedy and sampled accuracy and pass@k on the test questions; with a step oracle also the share of samples that
    are right at every step, and the share of right answers that are not (false positives)."""
    greedy = accuracy(lab, model, "test", "greedy", 1, greedy=True)
    send_share(phase, "greedy_accuracy", wilson(sum(greedy.right), len(greedy.right)))
    phase.breathe()
    # The same keys in every iteration: what differs between two iterations is the reasoner.
    samples = lab.config.evaluation.samples
    sampled = accuracy(lab, model, "test", "test", samples, steps=True)
    send_share(phase, "sampled_accuracy", sampled.accuracy)
    if sampled.sound is not None:
        send_share(phase, "sound_accuracy", mean_share([c / samples for c in sampled.sound]))
        lucky = [c - s for c, s in zip(sampled.right, sampled.sound, strict=True)]
        send_share(phase, "false_positives", ratio_share(lucky, sampled.right))
    k = 1
    while k <= samples:
        send_share(phase, f"pass_at_{k}", sampled.pass_at(k))
        k *= 2


def monte_carlo_labels(
    lab: Lab, phase: Phase, model: Reasoner, version: int, benchmark: Sequence[Trajectory]
) -> list[str]:
    """The reasoner's own labels of the benchmark: T roll-outs from every step, a right answer being its own witness."""
    wrong = [t for t in benchmark if not t.correct]
    rollouts = lab.config.evaluation.mce_rollouts
    checker = lab.checker(model, version, rollouts, min(lab.config.labeling.wave, rollouts))
    labelled, _ = run_labeler(
        wrong, lambda _, t: shepherd(t.n), checker, tick=lambda done: phase.progress(done, len(wrong))
    )
    found = {item.trajectory.number: item.verdict.labels for item in labelled}
    return [found.get(t.number, "1" * t.n) for t in benchmark]


def verifier_metrics(
    phase: Phase, benchmark: Sequence[Trajectory], scores: Sequence[Sequence[float]], labels: Sequence[str]
) -> None:
    """Step accuracy of verifier and Monte-Carlo labels, the gap, first-error accuracy and F1.

    Intervals are over solutions; the gap's is paired, both being measured on the same steps.
    """
    known = [(t, s, m) for t, s, m in zip(benchmark, scores, labels, strict=True) if t.truth is not None]
    truths = [t.truth or 0 for t, _, _ in known]
    hits = [step_hits(s, truth) for (_, s, _), truth in zip(known, truths, strict=True)]
    ceiling = [step_hits([float(c == "1") for c in m], truth) for (_, _, m), truth in zip(known, truths, strict=True)]
    sizes = [size for _, size in hits]
    send_share(phase, "verifier_step_accuracy", ratio_share([h for h, _ in hits], sizes))
    send_share(phase, "mce", ratio_share([h for h, _ in ceiling], sizes))
    value, low, high = ratio_difference([h for h, _ in ceiling], [h for h, _ in hits], sizes)
    phase.metric("gap", value, low=low, high=high, n=len(sizes))
    predicted = [predicted_first_error(s) for _, s, _ in known]
    exact = sum(p == t for p, t in zip(predicted, truths, strict=True))
    send_share(phase, "first_error_accuracy", wilson(exact, len(truths)))
    f1, _, _ = processbench_f1(predicted, truths)
    if not math.isnan(f1):
        phase.metric("process_f1", f1, n=len(truths))


def label_accuracy(phase: Phase, labelled: Sequence[tuple[Trajectory, str]]) -> None:
    """Share of written labels that are true by the task's step oracle."""
    right: list[int] = []
    total: list[int] = []
    for trajectory, labels in labelled:
        if trajectory.truth is None:
            continue
        error = trajectory.truth or trajectory.n + 1
        written = [(label == "1") == (step < error) for step, label in enumerate(labels, 1) if label != "?"]
        right.append(sum(written))
        total.append(len(written))
    if total:
        send_share(phase, "label_accuracy", ratio_share(right, total))
