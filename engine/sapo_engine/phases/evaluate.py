"""The metrics of an iteration: accuracies on held-out questions, the verifier and the Monte-Carlo ceiling on
the process benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sapo_engine.evaluation.accuracy import accuracy
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.context import Phase, send_share
from sapo_engine.session import Lab
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.domain.metrics import (
    mean_share,
    predicted_first_error,
    processbench_f1,
    ratio_difference,
    ratio_share,
    step_hits,
    wilson,
)


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
