"""Every number that a run stores of an iteration: what it is called, what it counts in, which way is better, and what
it means. Tables, pages, cards and tooltips read it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sapo_studio.domain.labelers.registry import CASES, COMPARED

Unit = Literal["share", "points", "count", "tokens", "flops", "seconds", "score", "nats"]
"""What a value is stored in. `share`: a fraction, shown in per cent. `points`: a difference of two shares, stored as a
fraction, shown in percentage points. `score`: a mean of verifier scores, or a correlation. `nats`: a difference of
natural logarithms of probabilities."""

SHOWN: dict[Unit, str] = {
    "share": "%",
    "points": "points",
    "count": "",
    "tokens": "tokens",
    "flops": "FLOP",
    "seconds": "s",
    "score": "",
    "nats": "nats",
}
"""The unit as it stands behind a title."""


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric. `name` is that in the store.

    `title` stands alone in a row; `short` where there is little room; `column` heads a column among many; `card` is on
    a card with the number. `meaning` explains it in a phrase, without a full stop; `more` are further sentences for who
    asks. `better`: whether more is better (1), less is (-1), or neither (0). `headline`: one of the numbers that a run
    is judged by at a glance.
    """

    name: str
    title: str
    meaning: str
    unit: Unit = "share"
    better: int = 0
    short: str = ""
    column: str = ""
    card: str = ""
    more: str = ""
    headline: bool = False

    @property
    def shown_unit(self) -> str:
        """What stands behind the title: "%", "points"."""
        return SHOWN[self.unit]

    @property
    def definition(self) -> str:
        """`meaning` as a sentence, and what there is more to say."""
        return f"{self.meaning[0].upper()}{self.meaning[1:]}. {self.more}".strip()


@dataclass(frozen=True, slots=True)
class LabelCostInfo:
    """One of the costs of labeling that are stored for each labeler. `name` is the middle of the metric's name."""

    name: str
    title: str
    meaning: str
    unit: Unit


LABEL_COSTS = {
    cost.name: cost
    for cost in (
        LabelCostInfo("rollouts", "Rollouts", "Rollouts sampled to find out which steps are correct", "count"),
        LabelCostInfo("tokens", "Generated tokens", "Tokens that those rollouts wrote", "tokens"),
        LabelCostInfo("prefill_tokens", "Prefilled tokens", "Tokens of the prefixes that they started from", "tokens"),
        LabelCostInfo("flops", "FLOPs", "2 x parameters x tokens, generated and prefilled", "flops"),
    )
}
"""By name."""


def label_cost(cost: str, labeler: str) -> str:
    """The metric that holds a cost of labeling by this labeler: measured if it labeled, else an estimate."""
    return f"label_{cost}_{labeler}"


AT_HALF = "A step that scores below 0.5 is called incorrect."
TUNED = (
    "At a threshold tuned on held-out rows: each fifth of the benchmark's questions is judged with that of the best F1 "
    "on the other four."
)

_STORED = (
    MetricInfo(
        "sampled_accuracy",
        "Sampled accuracy",
        "share of sampled test solutions whose answer is correct",
        better=1,
        short="Sampled",
        column="sampled",
        more="Samples are drawn at the run's temperature.",
        headline=True,
    ),
    MetricInfo(
        "greedy_accuracy",
        "Greedy accuracy",
        "share of greedy test solutions whose answer is correct",
        better=1,
        short="Greedy",
        column="greedy",
        headline=True,
    ),
    MetricInfo(
        "sound_accuracy",
        "Fully correct",
        "share of sampled test solutions that are correct at every step",
        better=1,
        short="Fully correct",
        column="fully correct",
        more="Only where the task can tell.",
    ),
    MetricInfo(
        "false_positives",
        "False positives",
        "share of the samples with a correct answer that have an incorrect step",
        better=-1,
        short="False positives",
        column="false positives",
    ),
    MetricInfo(
        "verifier_step_accuracy",
        "Verifier, steps",
        "share of the process benchmark's steps that the verifier judges correctly",
        better=1,
        short="Verifier",
        column="verifier, steps",
        more="Steps count up to and including the first error; a score of 0.5 is the threshold.",
        headline=True,
    ),
    MetricInfo(
        "mce",
        "Monte-Carlo estimate",
        "share of the process benchmark's steps that rollouts of the reasoner from every step judge correctly",
        better=1,
        short="MCE",
        column="MCE",
        card="MCE ceiling",
        more="A Monte-Carlo estimate (MCE), and what a verifier trained on such labels can hope for.",
        headline=True,
    ),
    MetricInfo(
        "gap",
        "Gap",
        "how far the verifier's share of steps lies below that of the reasoner's own rollouts",
        "points",
        better=-1,
        short="Gap",
        column="gap",
        more="In percentage points. SAPO is there to close it. Below zero, the verifier is ahead of the estimate.",
        headline=True,
    ),
    MetricInfo(
        "mce_solutions",
        "Solutions for MCE and gap",
        "solutions of a supplied process benchmark that MCE and gap are measured on",
        "count",
        more="Rollouts need an answer or tests to be graded by.",
    ),
    MetricInfo(
        "mce_left_out",
        "Solutions left out",
        "solutions of a supplied process benchmark that MCE and gap leave out",
        "count",
        more="Neither an answer nor tests of their questions are known.",
    ),
    MetricInfo(
        "self_verification_error",
        "Self-verification error",
        "share of trajectories, as they are sampled, whose labels by the predicted first error two checks change",
        better=-1,
        short="Self-ver. error",
        column="self-verification error",
        more="It falls as verifier and reasoner agree. A number of SAPO alone: Omega, Shepherd, outcome labels and a "
        "random step assign no labels that checks could change.",
    ),
    MetricInfo(
        "first_error_accuracy",
        "Verifier, first error",
        "share of the benchmark's solutions whose first error the verifier names",
        better=1,
        short="First error",
        column="first error",
    ),
    MetricInfo(
        "process_f1",
        "Verifier, ProcessBench F1",
        "harmonic mean of its accuracy on incorrect solutions (first error named) and on correct ones (none found)",
        better=1,
        short="F1",
        column="ProcessBench F1",
    ),
    MetricInfo(
        "error_accuracy",
        "Verifier, error accuracy",
        "share of the benchmark's incorrect solutions whose first error the verifier finds exactly",
        better=1,
        more=AT_HALF,
    ),
    MetricInfo(
        "correct_accuracy",
        "Verifier, correct accuracy",
        "share of the benchmark's correct solutions in which the verifier finds no error",
        better=1,
        more=AT_HALF,
    ),
    MetricInfo(
        "prm_score",
        "Verifier, PRMScore",
        "mean of two F1 of the benchmark's steps: correct ones found, and incorrect ones (PRMBench)",
        better=1,
        more=AT_HALF,
    ),
    MetricInfo(
        "mcc",
        "Verifier, MCC",
        "Matthews' correlation of solutions called incorrect with solutions that are (MR-Score)",
        "score",
        better=1,
        more=AT_HALF,
    ),
    MetricInfo(
        "label_accuracy",
        "Label accuracy",
        "share of an iteration's labels that are true, before a consensus filter leaves any out",
        better=1,
        short="Labels",
        column="labels correct",
    ),
    MetricInfo(
        "consensus_kept_share",
        "Labels kept by consensus",
        "share of the step labels of incorrect trajectories that the consensus filter leaves in training",
        more="Only in runs that filter (`labeling.consensus`).",
    ),
    MetricInfo(
        "consensus_noise_before",
        "Label noise before the filter, estimated",
        "share of the step labels of incorrect trajectories that are false, as agreement of the sources has it",
        better=-1,
        more="An estimate: nothing but verifier and rollouts is asked.",
    ),
    MetricInfo(
        "consensus_noise_estimate",
        "Label noise after the filter, estimated",
        "share of the labels that the consensus filter keeps that are false, as agreement of the sources has it",
        better=-1,
        more="An estimate: nothing but verifier and rollouts is asked.",
    ),
    MetricInfo(
        "consensus_noise_true_before",
        "Label noise before the filter",
        "share of the step labels of incorrect trajectories that are false",
        better=-1,
        more="Only where the task can tell.",
    ),
    MetricInfo(
        "people_labels",
        "Labels by people",
        "step labels that the verifier is trained on because people say so",
        unit="count",
        more="Only in runs that use them (`labeling.people`).",
    ),
    MetricInfo(
        "people_changed",
        "Labels changed by people",
        "those of the labels by people that were others before, or none",
        unit="count",
        more="Only in runs that use them (`labeling.people`).",
    ),
    MetricInfo(
        "consensus_noise_true",
        "Label noise after the filter",
        "share of the labels that the consensus filter keeps that are false",
        better=-1,
        more="Only where the task can tell.",
    ),
    MetricInfo(
        "search_ece_before",
        "Calibration error of scores, held out",
        "how far scores lie from the share of steps that are right, on labels held out of the verifier's training",
        better=-1,
        more="Expected calibration error (ECE) by tenths of the score, of what a search has to tell apart: steps of "
        "incorrect trajectories but the last. By cross-fitting, in runs that search alone.",
    ),
    MetricInfo(
        "search_ece_after",
        "Calibration error for the search, held out",
        "the same of what the search takes for probabilities: scores through Platt's map",
        better=-1,
        more="The map is fitted on folds that the steps measured are not in.",
    ),
    MetricInfo(
        "search_confidence",
        "Promised by the search",
        "how sure the search was of the first errors that it found, on average",
        more="To be compared with how many are true.",
    ),
    MetricInfo(
        "search_exact",
        "First errors of the search",
        "share of the first errors that the search found that are true",
        better=1,
        more="Only where the task can tell.",
    ),
    MetricInfo(
        "dev_accuracy_before",
        "Development accuracy before",
        "sampled accuracy on the development questions before the alignment",
        better=1,
    ),
    MetricInfo(
        "dev_accuracy_after",
        "Development accuracy after",
        "sampled accuracy on the development questions after the alignment",
        better=1,
    ),
    MetricInfo(
        "guard_kept", "Guard", "1 where the guard went back to the weights before the alignment, else 0", "count"
    ),
    MetricInfo("mean_reward", "Mean reward", "mean step score over all trajectories, which ranks pairs", "score"),
    MetricInfo(
        "reward_with_length",
        "Reward with length",
        "correlation of mean step scores with the number of tokens, over all samples so far",
        "score",
        more="A verifier that rewards length teaches length.",
    ),
    MetricInfo(
        "reward_with_correctness",
        "Reward with correctness",
        "correlation of mean step scores with whether the answer is correct, over all samples so far",
        "score",
        better=1,
    ),
    MetricInfo(
        "verifier_ece",
        "Verifier, calibration error",
        "how far the verifier's scores lie from the share of the process benchmark's steps that are correct",
        better=-1,
        more="Expected calibration error (ECE), by tenths of the score, of steps up to the first error.",
    ),
    MetricInfo(
        "cut_off",
        "Samples cut off",
        "share of the iteration's samples that ended at the length limit, without an end of their own",
        better=-1,
    ),
    MetricInfo(
        "sampler_trainer_logprob_gap",
        "Sampler and trainer apart",
        "mean absolute difference of a sampled token's log-probability by the sampler and by the trained network",
        "nats",
        better=-1,
        more="Of 16 sampled test solutions, after each change of the weights. Next to nothing in fp32, rounding in "
        "bf16; where it jumps, the sampler does not write with the weights that were trained.",
    ),
    MetricInfo(
        "bad_golds",
        "Reference answers that fail",
        "reference answers or programs of the questions to ask that are not graded as correct",
        "count",
        better=-1,
        more="Their questions are left out (task.bad_golds). Measured once, before the run.",
    ),
    MetricInfo(
        "bad_golds_share",
        "Reference answers that fail, share",
        "share of the reference answers or programs of the questions to ask that are not graded as correct",
        better=-1,
        more="Their questions are left out (task.bad_golds). Measured once, before the run.",
    ),
    MetricInfo("pairs", "Pairs", "candidate pairs of a winner and a loser", "count"),
    MetricInfo("pairs_used", "Pairs used", "pairs that the alignment trains on", "count"),
    MetricInfo("pairs_used_share", "Pairs used, of candidates", "share of the candidate pairs that are trained on"),
    MetricInfo("winner_tokens", "Winners' length", "mean tokens of the winners of the pairs used", "tokens"),
    MetricInfo(
        "loser_tokens",
        "Losers' length",
        "mean tokens of the losers of the pairs used",
        "tokens",
        more="Far from the winners' length, pairs teach length.",
    ),
    MetricInfo("labelled", "Labeled trajectories", "trajectories labeled, expanded rollouts left out", "count"),
    MetricInfo("label_seconds", "Labeling time", "time that labeling took", "seconds", better=-1),
    MetricInfo(
        "ran_on",
        "Samples that ran on",
        "samples that went on with a question of their own; cut behind their first complete answer",
        "count",
        better=-1,
    ),
    MetricInfo("sample_tokens", "Tokens sampled", "tokens of the iteration's samples", "tokens"),
    MetricInfo(
        "verifier_tokens", "Tokens for the verifier", "tokens that the verifier was trained on, each epoch", "tokens"
    ),
    MetricInfo(
        "align_tokens", "Tokens for the alignment", "tokens that the alignment trained on, each epoch", "tokens"
    ),
    MetricInfo(
        "align_generated_tokens",
        "Tokens sampled by the alignment",
        "tokens that the alignment sampled for itself (GRPO)",
        "tokens",
    ),
)

MOST_SAMPLES = 256
"""pass@k is stored for k = 1, 2, 4, ... up to the samples of a test question, at most so many."""


def _all() -> Iterator[MetricInfo]:
    yield from _STORED
    for k in (1 << bit for bit in range(MOST_SAMPLES.bit_length())):
        yield MetricInfo(
            f"pass_at_{k}", f"pass@{k}", f"share of test questions that one of {k} samples answers correctly", better=1
        )
    for of, title, meaning in (
        ("error_accuracy", "error accuracy", "share of the benchmark's incorrect solutions whose first error is found"),
        ("correct_accuracy", "correct accuracy", "share of the benchmark's correct solutions with no error found"),
        ("f1", "ProcessBench F1", "harmonic mean of accuracy on incorrect solutions and on correct ones"),
        ("prm_score", "PRMScore", "mean of the F1 of correct and of incorrect steps"),
        ("mcc", "MCC", "Matthews' correlation of solutions called incorrect with solutions that are"),
        ("step_accuracy", "steps", "share of the benchmark's steps that are judged correctly"),
    ):
        unit = "score" if of == "mcc" else "share"
        yield MetricInfo(f"tuned_{of}", f"Verifier, {title}, tuned", meaning, unit, better=1, more=TUNED)
    yield MetricInfo(
        "tuned_threshold", "Verifier, threshold tuned", "mean of the thresholds tuned on held-out rows", "score"
    )
    for case, words in (("right", "Correct"), *CASES.items()):
        yield MetricInfo(f"case_{case}", f"Case: {words}", f"labeled trajectories of the case {case}", "count")
    for labeler in COMPARED.values():
        for cost in LABEL_COSTS.values():
            name = label_cost(cost.name, labeler.key)
            meaning = f"{cost.meaning[0].lower()}{cost.meaning[1:]}, by {labeler.title}"
            yield MetricInfo(name, f"{cost.title}, {labeler.title}", meaning, cost.unit, better=-1)


METRICS: dict[str, MetricInfo] = {metric.name: metric for metric in _all()}
"""By the name in the store."""

HEADLINES: tuple[MetricInfo, ...] = tuple(metric for metric in METRICS.values() if metric.headline)
"""The numbers that a run is judged by at a glance, in the order to show them."""
