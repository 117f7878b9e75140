"""What should not be missed of a run, read off its numbers: whether they can still be trusted. Pure.

Each alarm belongs to the iteration whose numbers raise it. Limits are set where the lab's ordinary runs raise none of
them but for what is really so (docs/alarms.md has the figures).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from sapo_studio.domain.iteration_numbers import Measured, Numbers, finite, gap_widened, points, too_few_pairs
from sapo_studio.domain.reward_and_truth import EVALUATIONS, evaluations, parted
from sapo_studio.domain.runs import PhaseName

Kind = Literal[
    "reward_and_truth",
    "reward_with_length",
    "gap",
    "sampler",
    "few_pairs",
    "cut_off",
    "bad_golds",
    "calibration",
]

TITLES: dict[str, str] = {
    "reward_and_truth": "Reward and accuracy part",
    "reward_with_length": "Reward follows length",
    "gap": "The gap widens",
    "sampler": "Sampler and trainer apart",
    "few_pairs": "Too few pairs",
    "cut_off": "Samples are cut off",
    "bad_golds": "Reference answers fail",
    "calibration": "Scores are worse calibrated",
}
"""What each kind is called on screen."""

SETTLED_BY: Mapping[str, PhaseName] = {
    "bad_golds": PhaseName.SFT,
    "cut_off": PhaseName.SAMPLE,
    "reward_with_length": PhaseName.RATE,
    "few_pairs": PhaseName.PAIRS,
}
"""The phase of an iteration after which the figures behind a kind stay as they are; the evaluation for the others."""

LENGTH_CORRELATION = 0.4
"""From here on rewards follow length, if they follow correctness less. The lab's runs stay below 0.15."""
SAMPLER_FACTOR = 4.0
"""So many times the largest difference of earlier iterations is out of the usual range."""
SAMPLER_FLOOR = 5e-4
"""Nats below which a difference is rounding, whatever the earlier ones were."""
SAMPLER_CEILING = 0.1
"""Nats that are out of any usual range: in bf16 samplers and networks differ by a tenth of this."""
FEW_PAIRS = 200
"""Fewer pairs than this teach little."""
CUT_OFF = 0.1
"""Share of samples cut off from which on the length limit shapes what is learned."""
BAD_GOLDS = 0.01
"""Share of reference answers that may fail before the grader or the data are to be looked at."""
CALIBRATION = 0.05
"""How far the calibration error may rise above its lowest."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm. `message`: what is so, in figures, and what to do. `facts`: the figures by name."""

    iteration: int
    kind: Kind
    message: str
    facts: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def title(self) -> str:
        """What it is called on screen."""
        return TITLES[self.kind]

    def is_due(self, done: Collection[tuple[str, int]]) -> bool:
        """Whether its figures are final, given the phases (name, iteration) that are done."""
        settled = SETTLED_BY.get(self.kind, PhaseName.EVALUATE)
        return (settled, self.iteration) in done or (PhaseName.EVALUATE, self.iteration) in done


def alarms(numbers: Numbers, *, paired: Callable[[int], bool], eta: float, sets: Mapping[str, Numbers]) -> list[Alarm]:
    """All alarms of a run whose metrics are `numbers`, iteration by iteration, however often it is asked.

    `paired`: whether an iteration's alignment learns from pairs. `eta`: the margin that these must have. `sets`: the
    metrics of evaluation sets by name.
    """
    known = finite(numbers)
    found = [
        *_reward_and_truth(known),
        *_reward_with_length(known),
        *_gap(known),
        *_sampler(known),
        *_few_pairs(known, paired, eta),
        *_cut_off(known),
        *_bad_golds(known, {name: finite(rows) for name, rows in sets.items()}),
        *_calibration(known),
    ]
    return sorted(found, key=lambda alarm: alarm.iteration)


# -- Reward


def _reward_and_truth(numbers: Numbers) -> list[Alarm]:
    all_of_them = evaluations(numbers)
    made: list[Alarm] = []
    for count in range(EVALUATIONS, len(all_of_them) + 1):
        found = parted(all_of_them[:count])
        if found is None:
            continue
        first, now = all_of_them[count - EVALUATIONS], all_of_them[count - 1]
        made.append(
            Alarm(
                now.iteration,
                "reward_and_truth",
                f"Mean reward rose from {first.reward:.3f} to {now.reward:.3f} since iteration {found.since} while"
                f" greedy accuracy fell by {points(found.fall)} ({points(found.low)} to {points(found.high)}). The"
                " reasoner learns to please the verifier: label more trajectories an iteration, raise eta, or go back"
                f" to iteration {found.since}.",
                {"reward_before": first.reward, "reward": now.reward, "fall": found.fall, "low": found.low},
            )
        )
    return made


def _reward_with_length(numbers: Numbers) -> list[Alarm]:
    made: list[Alarm] = []
    for iteration, row in numbers.items():
        length, correct = row.get("reward_with_length"), row.get("reward_with_correctness")
        if length is None or abs(length.value) < LENGTH_CORRELATION:
            continue
        if correct is not None and correct.value >= abs(length.value):
            continue
        way = "longer" if length.value > 0 else "shorter"
        beside = "" if correct is None else f", with a correct answer by {correct.value:.2f}"
        made.append(
            Alarm(
                iteration,
                "reward_with_length",
                f"Rewards go with the number of tokens (correlation {length.value:.2f}){beside}: pairs teach {way}"
                " solutions. Look at the lengths of winners and losers, and label more trajectories an iteration.",
                {"with_length": length.value} | ({} if correct is None else {"with_correctness": correct.value}),
            )
        )
    return made


# -- Verifier


def _gap(numbers: Numbers) -> list[Alarm]:
    gaps = [(iteration, row["gap"]) for iteration, row in numbers.items() if "gap" in row]
    return [
        Alarm(
            iteration,
            "gap",
            f"The gap grew from {points(before.value)} to {points(now.value)}, by more than the two intervals: the"
            " verifier falls behind its reasoner. More labels an iteration (labeling.trajectories) usually help.",
            {"before": before.value, "gap": now.value},
        )
        for (_, before), (iteration, now) in pairwise(gaps)
        if gap_widened(before, now)
    ]


def _calibration(numbers: Numbers) -> list[Alarm]:
    """Once where the error leaves its lowest behind, and again only after it had come back."""
    made: list[Alarm] = []
    lowest, off = math.inf, False
    for iteration, row in numbers.items():
        if "verifier_ece" not in row:
            continue
        error = row["verifier_ece"].value
        was_off, off = off, error - lowest > CALIBRATION
        if off and not was_off:
            made.append(
                Alarm(
                    iteration,
                    "calibration",
                    f"The verifier's calibration error rose from {lowest:.3f} to {error:.3f}: its scores say less of"
                    " how likely a step is correct. Look at Reliability on the Audit page; more labels an iteration or"
                    " fewer epochs of the verifier may help.",
                    {"lowest": lowest, "calibration_error": error},
                )
            )
        lowest = min(lowest, error)
    return made


# -- What is trained on


def _sampler(numbers: Numbers) -> list[Alarm]:
    made: list[Alarm] = []
    usual = 0.0  # the largest that was in range: weights that are not taken over stay out of it
    seen = False
    for iteration, row in numbers.items():
        if "sampler_trainer_logprob_gap" not in row:
            continue
        value = row["sampler_trainer_logprob_gap"].value
        limit = min(max(SAMPLER_FACTOR * usual, SAMPLER_FLOOR), SAMPLER_CEILING) if seen else SAMPLER_CEILING
        if value <= limit:
            usual, seen = max(usual, value), True
            continue
        before = f", at most {usual:.2g} before" if seen else ""
        made.append(
            Alarm(
                iteration,
                "sampler",
                f"The sampler's log-probabilities are {value:.2g} nats from those of the trained network{before}: it"
                " does not seem to write with the weights that were trained. Stop the run and resume it; if that does"
                ' not help, use runtime.backend = "hf".',
                {"nats": value, "usual": usual, "limit": limit},
            )
        )
    return made


def _few_pairs(numbers: Numbers, paired: Callable[[int], bool], eta: float) -> list[Alarm]:
    made: list[Alarm] = []
    for iteration, row in numbers.items():
        if not paired(iteration) or not too_few_pairs(row, FEW_PAIRS):
            continue
        used = row["pairs_used"].value
        candidates = row["pairs"].value if "pairs" in row else used
        made.append(
            Alarm(
                iteration,
                "few_pairs",
                f"{used:.0f} of {candidates:.0f} pairs reach eta = {eta:g}: the alignment has little to learn from."
                " Look at the margins in Preferences and lower optimiser.eta, or sample more.",
                {"used": used, "candidates": candidates, "eta": eta},
            )
        )
    return made


def _cut_off(numbers: Numbers) -> list[Alarm]:
    return [
        Alarm(
            iteration,
            "cut_off",
            f"{row['cut_off'].value:.0%} of the samples end at the length limit, without an end of their own: they"
            " count as incorrect, whatever they were about to say. Raise the limit on tokens (task.max_new_tokens).",
            {"share": row["cut_off"].value},
        )
        for iteration, row in numbers.items()
        if "cut_off" in row and row["cut_off"].value >= CUT_OFF
    ]


def _bad_golds(numbers: Numbers, sets: Mapping[str, Numbers]) -> list[Alarm]:
    """One alarm for the run's own questions and all sets."""
    failing: Sequence[tuple[str, Measured]] = [
        (name, row["bad_golds_share"])
        for name, rows in (("", numbers), *sorted(sets.items()))
        for iteration, row in sorted(rows.items())
        if iteration == 0 and "bad_golds_share" in row and row["bad_golds_share"].value >= BAD_GOLDS
    ]
    if not failing:
        return []
    parts = [
        f"{share.value:.1%}" + (f" of {share.n:,}" if share.n else "") + (f" in the set {name}" if name else "")
        for name, share in failing
    ]
    return [
        Alarm(
            0,
            "bad_golds",
            f"Reference answers or programs are not graded as correct: {', '.join(parts)}. Their questions are left"
            " out. Look at them with `sapo doctor --task`: the data or the way to grade is not what it should be.",
            {name or "questions": share.value for name, share in failing},
        )
    ]
