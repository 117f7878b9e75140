"""The audit of an iteration's labels: who is wrong how often, what a consensus filter would leave out, and where the
sources disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sapo_studio.domain.calibration import Bin, expected_calibration_error, in_words, reliability
from sapo_studio.domain.consensus import LEFT_OUT, Bounds, Noise, filtered, noise
from sapo_studio.domain.dawid_skene import (
    DRAWS,
    NONE,
    ROLLOUTS,
    Rate,
    SourceErrors,
    Unidentified,
    Votes,
    estimate,
    measured,
)
from sapo_studio.domain.judgements import Judgement
from sapo_studio.domain.labels import detect
from sapo_studio.domain.metrics import json_number
from sapo_studio.domain.step_evidence import GRADER, PERSON, VERIFIER, StepEvidence, Tries, votes_of
from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.evidence import LabeledTrajectory, correct_scores, evidence, labeled_iterations

FEWEST_SCORES = 100
"""Scores, at least, for a reliability curve."""
LEAST_SHARED = 0.6
"""Share of a source's votes, at least, on steps that another source judged, too: below it the estimate leans on the
model."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source of votes. `estimated`: its errors by agreement, None where that tells nothing. `true`: its errors by the
    task's oracle, None where there is none."""

    name: str
    title: str
    votes: int
    shared: int
    estimated: SourceErrors | None
    true: SourceErrors | None


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a consensus filter with these bounds would do."""

    bounds: Bounds
    before: Noise
    after: Noise

    @property
    def kept_share(self) -> float:
        """Share of the labels that stay. NaN where there are none."""
        return self.after.labels / self.before.labels if self.before.labels else float("nan")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A step (1-based) of which not everybody says the same. `verifier`: whether the verifier's predicted first error
    lies beyond it, None where it has not scored the trajectory. `belief`: the chance that it is correct, None where it
    cannot be estimated. `oracle`: whether it is correct by the task's oracle, None where that is unknown."""

    trajectory: int
    question: int
    step: int
    text: str
    score: float | None
    verifier: bool | None
    rollouts: Tries | None
    graders: Mapping[str, bool]
    people: Mapping[str, bool]
    written: bool
    belief: float | None
    oracle: bool | None

    def out(self, bounds: Bounds) -> bool:
        """Whether a filter with these bounds leaves its label out."""
        return self.belief is not None and not bounds.keeps("1" if self.written else "0", self.belief)

    @property
    def doubt(self) -> float:
        """The chance that the written label is false; without an estimate, how far the verifier is from it."""
        chance = self.belief if self.belief is not None else self.score
        return 0.0 if chance is None else 1.0 - chance if self.written else chance


@dataclass(frozen=True, eq=False)
class Reliability:
    """The verifier's scores against how many steps are right, of the labeled trajectories of both kinds up to the first
    error. `by`: who says what is right: the task's oracle, the agreement of the sources, or the labels as written.
    `curve` is empty where there are fewer than FEWEST_SCORES."""

    scores: int
    by: str
    curve: Sequence[Bin]

    @property
    def calibration_error(self) -> float:
        """ECE. NaN where there is no curve."""
        return expected_calibration_error(self.curve)

    @property
    def sentence(self) -> str:
        """What the curve says."""
        if not self.curve:
            return f"A curve takes {FEWEST_SCORES} scores; there are {self.scores}."
        return in_words(self.curve)


@dataclass(frozen=True, eq=False)
class Audit:
    """What is known of an iteration's labels of trajectories with an incorrect answer. `why`: why nothing can be
    estimated; empty where it can. `steps`: labels in all; `shared`: steps with votes of two sources or more.
    `configured`: the filter as the run has it. `labeled`: the trajectories themselves."""

    run_id: str
    iteration: int
    iterations: Sequence[int]
    trajectories: int
    steps: int
    shared: int
    why: str
    sources: Sequence[Source]
    disagreements: Sequence[Disagreement]
    reliability: Reliability
    configured: Bounds
    consensus: str
    labeled: Sequence[LabeledTrajectory]
    _rows: Sequence[tuple[str, Sequence[float], int | None]]

    @property
    def caution(self) -> str:
        """Why the estimates of a source rest on the model more than on agreement; empty where they do not."""
        alone = next((s for s in self.sources if s.estimated and s.votes and s.shared / s.votes < LEAST_SHARED), None)
        if alone is None:
            return ""
        share = 1 - alone.shared / alone.votes
        return (
            f"Of the steps that {alone.title} judged, {share:.0%} were judged by nobody else: how often it is wrong"
            " there is inferred from the model, and can be further off than the interval says."
        )

    def filtered(self, bounds: Bounds) -> Filtered | None:
        """What a filter with these bounds would do; None where nothing can be estimated."""
        if self.why:
            return None
        kept = [(filtered(labels, beliefs, bounds)[0], beliefs, truth) for labels, beliefs, truth in self._rows]
        return Filtered(bounds, noise(self._rows), noise(kept))

    def believed(self) -> Iterator[tuple[LabeledTrajectory, Sequence[float]]]:
        """Each trajectory with the belief of each of its steps. None where nothing can be estimated."""
        if not self.why:
            yield from ((one, beliefs) for one, (_, beliefs, _) in zip(self.labeled, self._rows, strict=True))

    @property
    def beliefs(self) -> list[float]:
        """The belief of each labeled step, in no order; empty where nothing can be estimated."""
        return [
            belief
            for labels, beliefs, _ in self._rows
            for label, belief in zip(labels, beliefs, strict=False)
            if label != LEFT_OUT
        ]

    def as_json(self, top: int, bounds: Bounds) -> dict[str, Any]:
        """All of it, with what a filter with `bounds` would do and the first `top` disagreements."""
        effect = self.filtered(bounds)
        return {
            "run": self.run_id,
            "iteration": self.iteration,
            "iterations": list(self.iterations),
            "trajectories": self.trajectories,
            "steps": self.steps,
            "shared_steps": self.shared,
            "unidentified": self.why,
            "caution": self.caution,
            "sources": [_source_row(source) for source in self.sources],
            "filter": effect and _filter_row(effect, self.consensus),
            "reliability": {
                "by": self.reliability.by,
                "scores": self.reliability.scores,
                "ece": json_number(self.reliability.calibration_error),
                "curve": [asdict(point) for point in self.reliability.curve],
            },
            "disagreements": len(self.disagreements),
            "worst": [_step_row(step, bounds) for step in self.disagreements[:top]],
        }


def audit(store: Store, run_id: str, iteration: int | None = None, draws: int = DRAWS) -> Audit:
    """The audit of an iteration's labels; of the last that has any without `iteration`. `draws`: of the bootstrap.

    Raises InputError where there are no labels.
    """
    known = labeled_iterations(store, run_id)
    if not known and queries.get_run(store, run_id).imported:
        raise InputError(
            f"{run_id} is an imported file",
            why="Audited are the labels that a run writes; those of a file are the file's own.",
            fix="Choose a run; `sapo export` and the Annotate page show the labels of a file.",
        )
    if not known:
        raise InputError(
            f"{run_id} has no labels yet",
            why="Labels are written in the phase Label of each iteration.",
            fix="Wait for it; `sapo follow` shows where the run is.",
        )
    chosen = known[-1] if iteration is None else iteration
    if chosen not in known:
        raise InputError(f"{run_id} has no labels of iteration {chosen}", fix=f"It has those of {_listed(known)}.")
    labeled = evidence(store, run_id, chosen)
    facts = [one.evidence for one in labeled]
    votes = votes_of(facts)
    found = estimate(votes, draws)
    why, estimated = ("", found.sources) if not isinstance(found, Unidentified) else (found.why, ())
    beliefs: list[list[float]] = [] if isinstance(found, Unidentified) else found.beliefs.tolist()
    rows = [
        (one.labels, row[: one.n], one.truth) for one, row in zip(facts, beliefs or [[] for _ in facts], strict=True)
    ]
    given = votes.votes != NONE
    config = queries.get_config(store, run_id).labeling
    return Audit(
        run_id=run_id,
        iteration=chosen,
        iterations=known,
        trajectories=len(labeled),
        steps=sum(len(one.labels.replace(LEFT_OUT, "")) for one in facts),
        shared=int((given.sum(axis=0) > 1).sum()),
        why=why,
        sources=_sources(votes, facts, estimated, chosen, draws),
        disagreements=_disagreements(labeled, beliefs),
        reliability=_reliability(facts, beliefs, correct_scores(store, run_id, chosen)),
        configured=Bounds(config.consensus_low, config.consensus_high),
        consensus=config.consensus,
        labeled=labeled,
        _rows=rows,
    )


def _sources(
    votes: Votes, facts: Sequence[StepEvidence], estimated: Sequence[SourceErrors], iteration: int, draws: int
) -> list[Source]:
    true = _true(votes, facts, draws)
    given = votes.votes != NONE
    shared = given & (given.sum(axis=0) > 1)
    return [
        Source(
            name,
            title(name, iteration),
            int(given[place].sum()),
            int(shared[place].sum()),
            estimated[place] if estimated else None,
            true[place] if true else None,
        )
        for place, name in enumerate(votes.names)
        if given[place].any()
    ]


def _true(votes: Votes, facts: Sequence[StepEvidence], draws: int) -> Sequence[SourceErrors]:
    if not facts or any(one.truth is None for one in facts):
        return ()
    first = np.array([one.truth or one.n + 1 for one in facts])
    return measured(votes, np.arange(1, votes.votes.shape[2] + 1) < first[:, None], draws)


def title(source: str, iteration: int) -> str:
    """A source as people read it. `iteration`: whose labels are audited."""
    if source == VERIFIER:
        return f"Verifier V{iteration - 1}"
    return {ROLLOUTS: "Rollouts"}.get(source) or source.removeprefix(GRADER).removeprefix(PERSON)


def _disagreements(labeled: Sequence[LabeledTrajectory], beliefs: Sequence[Sequence[float]]) -> list[Disagreement]:
    """Worst first. The last step of a trajectory is left out: its answer says what it is."""
    found: list[Disagreement] = []
    for place, one in enumerate(labeled):
        facts = one.evidence
        predicted = detect(facts.scores) if facts.scores else 0
        for step in range(1, facts.n):
            mark = facts.labels[step - 1]
            if mark == LEFT_OUT:
                continue
            verdict = Disagreement(
                trajectory=facts.trajectory,
                question=facts.question,
                step=step,
                text=one.steps[step - 1],
                score=facts.scores[step - 1] if facts.scores else None,
                verifier=step < predicted if predicted else None,
                rollouts=facts.rollouts.get(step),
                graders={
                    n: marks[step - 1] == "1" for n, marks in facts.graders.items() if marks[step - 1] != LEFT_OUT
                },
                people={
                    name: judged[step] == Judgement.RIGHT
                    for name, judged in facts.people.items()
                    if judged.get(step, Judgement.NEUTRAL) != Judgement.NEUTRAL
                },
                written=mark == "1",
                belief=beliefs[place][step - 1] if beliefs else None,
                oracle=None if facts.truth is None else facts.truth == 0 or step < facts.truth,
            )
            if len(_opinions(verdict)) > 1:
                found.append(verdict)
    return sorted(found, key=lambda step: (-step.doubt, step.trajectory, step.step))


def _opinions(step: Disagreement) -> set[bool]:
    said = {step.written, *step.graders.values(), *step.people.values()}
    if step.verifier is not None:
        said.add(step.verifier)
    if step.rollouts is not None:
        said.add(step.rollouts.succeeded > 0)
    return said


def _reliability(
    facts: Sequence[StepEvidence], beliefs: Sequence[Sequence[float]], of_correct: Sequence[Sequence[float]]
) -> Reliability:
    known = bool(facts) and all(one.truth is not None for one in facts)
    scores, right = [score for row in of_correct for score in row], [1.0 for row in of_correct for _ in row]
    for place, one in enumerate(facts):
        if beliefs and not known:
            mine = list(beliefs[place])
        else:
            error = one.truth if known else one.labels.find("0") + 1
            mine = [1.0 if not error or step < error else 0.0 for step in range(1, one.n + 1)]
        # What follows the first error is nobody's to judge.
        upto = next((step for step, chance in enumerate(mine[: one.n], 1) if chance < 0.5), one.n)
        scores += one.scores[:upto]
        right += mine[: len(one.scores[:upto])]
    by = "oracle" if known else "agreement" if beliefs else "labels"
    return Reliability(len(scores), by, reliability(scores, right) if len(scores) >= FEWEST_SCORES else [])


def _rate_row(rate: Rate) -> dict[str, float | None]:
    return {"value": json_number(rate.value), "low": rate.low, "high": rate.high, "n": round(rate.n, 1)}


def _errors_row(errors: SourceErrors | None) -> dict[str, Any] | None:
    if errors is None:
        return None
    return {
        "calls_correct_incorrect": _rate_row(errors.calls_wrong),
        "calls_incorrect_correct": _rate_row(errors.calls_right),
    }


def _source_row(source: Source) -> dict[str, Any]:
    return {
        "source": source.name,
        "title": source.title,
        "votes": source.votes,
        "shared": source.shared,
        "estimated": _errors_row(source.estimated),
        "true": _errors_row(source.true),
    }


def _filter_row(effect: Filtered, consensus: str) -> dict[str, Any]:
    return {
        "consensus": consensus,
        "low": effect.bounds.low,
        "high": effect.bounds.high,
        "labels": effect.before.labels,
        "kept": effect.after.labels,
        "kept_share": json_number(effect.kept_share),
        "noise_before": json_number(effect.before.estimated_share),
        "noise_after": json_number(effect.after.estimated_share),
        "true_noise_before": json_number(effect.before.true_share),
        "true_noise_after": json_number(effect.after.true_share),
    }


def _step_row(step: Disagreement, bounds: Bounds) -> dict[str, Any]:
    return {
        **asdict(step),
        "rollouts": None if step.rollouts is None else [step.rollouts.succeeded, step.rollouts.made],
        "rollouts_interval": None if step.rollouts is None else step.rollouts.interval(),
        "out": step.out(bounds),
    }


def _listed(iterations: Sequence[int]) -> str:
    return ", ".join(map(str, iterations))
