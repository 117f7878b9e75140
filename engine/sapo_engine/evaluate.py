"""A verifier on a process benchmark, as a chooser among samples, and against reasoners: `python -m
sapo_engine.evaluate` (`sapo evaluate` starts it).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from sapo_engine.classifiers import Classifier
from sapo_engine.data import Draft, Trajectory
from sapo_engine.finished import FinishedRun, config_of
from sapo_engine.labelers import checks_of, run_labeler
from sapo_engine.reasoner import Reasoner
from sapo_engine.stages import Stages
from sapo_engine.tasks.base import Question
from sapo_engine.tell import tell_error
from sapo_engine.verifier import Verifier
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain import selection
from sapo_studio.domain.calibration import auroc, expected_calibration_error, reliability
from sapo_studio.domain.metrics import (
    Share,
    mean_share,
    predicted_first_error,
    processbench_f1,
    ratio_share,
    self_verification_right,
    step_hits,
    wilson,
)
from sapo_studio.errors import InputError, SapoError
from sapo_studio.formats import processbench

CHOICES = {
    "best_of_n": selection.best,
    "majority": selection.majority,
    "weighted_vote": selection.weighted,
    "pass_at_n": selection.any_right,
}


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution of a process benchmark with its first error (0: none)."""

    question: Question
    steps: tuple[str, ...]
    truth: int


Scored = Sequence[tuple[Sequence[float], int]]
"""Scores of a solution's steps, and its first error."""


def on_benchmark(scored: Scored) -> dict[str, Any]:
    """Everything that is measured of a verifier on a process benchmark. Steps count up to and including the first
    error: whether a step behind one is right is nobody's to say."""
    hits = [step_hits(scores, truth) for scores, truth in scored]
    predicted = [predicted_first_error(scores) for scores, _ in scored]
    truths = [truth for _, truth in scored]
    flat = [
        (score, truth == 0 or step < truth)
        for scores, truth in scored
        for step, score in enumerate(scores[: truth or len(scores)], start=1)
    ]
    scores, right = [score for score, _ in flat], [truth for _, truth in flat]
    curve = reliability(scores, right)
    f1, on_wrong, on_right = processbench_f1(predicted, truths)
    exact = sum(p == t for p, t in zip(predicted, truths, strict=True))
    return {
        "solutions": len(truths),
        "steps": len(flat),
        "step_accuracy": _share(ratio_share([h for h, _ in hits], [n for _, n in hits])),
        "first_error_accuracy": _share(wilson(exact, len(truths))),
        "f1": _number(f1),
        "accuracy_on_wrong": _number(on_wrong),
        "accuracy_on_right": _number(on_right),
        "auroc": _number(auroc(scores, right)),
        "ece": _number(expected_calibration_error(curve)),
        "reliability": [asdict(point) for point in curve],
    }


def _share(share: Share) -> dict[str, float]:
    return asdict(share)


def _number(value: float) -> float | None:
    return None if value != value else value


def best_of(
    lab: Stages, model: Reasoner, verifier: Verifier, questions: Sequence[Question], most: int
) -> dict[str, Any]:
    """Accuracy of choosing one of N samples of `model`, N = 1, 2, 4 .. `most`: by the verifier's mean step score, by
    majority, by both, and by somebody who knows."""
    samples = lab.sample_many(model, questions, "best of", most)
    drafts = [
        Draft(question, completion.tokens, number, iteration=0)
        for number, (question, completion) in enumerate(
            (question, completion) for question, mine in zip(questions, samples, strict=True) for completion in mine
        )
    ]
    grades = lab.cutter.grade([(draft.question, draft.tokens) for draft in drafts])
    written = [lab.cutter.trajectory(draft, grade) for draft, grade in zip(drafts, grades, strict=True)]
    scores = lab.predict(verifier, written)
    candidates = [
        selection.Candidate(grade.answer, sum(scores[t.number][0]) / max(t.n, 1), grade.correct)
        for t, grade in zip(written, grades, strict=True)
    ]
    mine = [candidates[at : at + most] for at in range(0, len(candidates), most)]
    counts = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= most]
    # Programs have no answers that could be counted.
    names = CHOICES if any(c.answer for c in candidates) else ("best_of_n", "pass_at_n")
    found: dict[str, Any] = {"questions": len(questions), "n": counts}
    for name in names:
        found[name] = [
            _share(mean_share([selection.share_right(each, n, CHOICES[name]) for each in mine])) for n in counts
        ]
    return found


def matrix(run: FinishedRun, verifiers: Sequence[int], reasoners: Sequence[int], count: int) -> list[dict[str, Any]]:
    """Self-verification error rate of every pair (V_i, M_j): the share of M_j's own trajectories whose labels by V_i
    self-verification with M_j changes."""
    lab = run.stages
    found: list[dict[str, Any]] = []
    config = lab.config.labeling.model_copy(update={"max_checks": 2})
    for j in reasoners:
        model = run.reasoner(j)
        written = _own_trajectories(lab, model, count)
        wrong = [t for t in written if not t.correct]
        checker = lab.checker(model, j, config.rollouts, config.wave)
        for i in verifiers:
            predictions = lab.predict(run.verifier(i), written)
            labelled, _ = run_labeler(
                wrong, lambda _, t, p=predictions: checks_of(config, "sapo", t, None, p[t.number][1]), checker
            )
            cases: Mapping[int, str] = {item.trajectory.number: item.verdict.case for item in labelled}
            changed = [
                0.0
                if self_verification_right(t.correct, predictions[t.number][0], cases.get(t.number, "right"))
                else 1.0
                for t in written
            ]
            on_wrong = mean_share([c for c, t in zip(changed, written, strict=True) if not t.correct])
            found.append(
                {"verifier": i, "reasoner": j, "error": _share(mean_share(changed)), "error_on_wrong": _share(on_wrong)}
            )
    return found


def _own_trajectories(lab: Stages, model: Reasoner, count: int) -> list[Trajectory]:
    """At most `count` distinct trajectories of `model` on development questions, right and wrong as they come."""
    questions = lab.task.questions("development")
    each = max(1, -(-count // len(questions)))
    samples = lab.sample_many(model, questions, "matrix", each)
    drafts = [
        (question, tokens)
        for question, mine in zip(questions, samples, strict=True)
        for tokens in dict.fromkeys(completion.tokens for completion in mine)
    ]
    return lab.cutter.trajectories(
        [Draft(question, tokens, number, iteration=0) for number, (question, tokens) in enumerate(drafts[:count])]
    )


# -- What is evaluated


def read_benchmark(file: Path) -> list[Solution]:
    """A ProcessBench file."""
    items = processbench.read_file(file)
    return [Solution(Question(k, "process", i.problem, (), ""), i.steps, i.first_error) for k, i in enumerate(items)]


def score_with_classifier(folder: Path, solutions: Sequence[Solution], device: torch.device) -> Scored:
    """By a classification model from elsewhere."""
    classifier = Classifier(folder, device)
    return [(classifier.score(one.question.text, one.steps), one.truth) for one in solutions]


def of_run(
    folder: Path,
    *,
    verifier: int | Path | None,
    benchmark: Path | None,
    best: int,
    questions: int,
    pairs: bool,
    trajectories: int,
    device: torch.device,
) -> dict[str, Any]:
    """Evaluate a run's verifier (None: its last), or a classification model, on its benchmark or another one."""
    config = config_of(folder)
    if benchmark is not None:
        config = _with_benchmark(config, benchmark)
    run = FinishedRun(config, folder, device)
    found: dict[str, Any] = {"run": folder.name}
    try:
        own = verifier if isinstance(verifier, int) else (run.verifiers or [0])[-1]
        written = run.stages.written_benchmark() if benchmark is not None else run.benchmark()
        known = [t for t in written if t.truth is not None]
        if isinstance(verifier, Path):
            found |= {"verifier": str(verifier)}
            rows = [Solution(run.stages.question(t.question), t.steps, t.truth or 0) for t in known]
            found["benchmark"] = on_benchmark(score_with_classifier(verifier, rows, device)) if rows else None
            return found
        loaded = run.verifier(own)
        found |= {"verifier": own}
        scores = run.stages.predict(loaded, known)
        found["benchmark"] = on_benchmark([(scores[t.number][0], t.truth or 0) for t in known]) if known else None
        if best:
            last = run.reasoners[-1]
            chosen = run.stages.task.questions("test")[:questions]
            found["best_of"] = {"reasoner": last, **best_of(run.stages, run.reasoner(last), loaded, chosen, best)}
        if pairs:
            reasoners = [j for j in run.reasoners if j <= config.iterations]
            found["matrix"] = matrix(run, run.verifiers, reasoners, trajectories)
        return found
    finally:
        run.close()


def _with_benchmark(config: RunConfig, file: Path) -> RunConfig:
    if config.task.kind == "arithmetic":
        raise InputError(
            "The arithmetic lab has a process benchmark of its own",
            why="Its reasoners know no words but the lab's.",
            fix="Leave --benchmark out.",
        )
    return config.model_copy(update={"task": config.task.model_copy(update={"process_data": str(file)})})


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 measured, 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m sapo_engine.evaluate", description=__doc__)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--verifier", default="")
    parser.add_argument("--benchmark", type=Path)
    parser.add_argument("--best-of", type=int, default=0)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--matrix", action="store_true")
    parser.add_argument("--trajectories", type=int, default=300)
    given = parser.parse_args(arguments)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    verifier = int(given.verifier) if given.verifier.isdigit() else Path(given.verifier) if given.verifier else None
    try:
        if given.run is not None:
            found = of_run(
                given.run,
                verifier=verifier,
                benchmark=given.benchmark,
                best=given.best_of,
                questions=given.questions,
                pairs=given.matrix,
                trajectories=given.trajectories,
                device=device,
            )
        elif isinstance(verifier, Path) and given.benchmark is not None:
            scored = score_with_classifier(verifier, read_benchmark(given.benchmark), device)
            found = {"verifier": str(verifier), "benchmark": on_benchmark(scored)}
        else:
            raise InputError(
                "There is nothing to evaluate",
                fix="Name a run, or the folder of a classification model by --verifier and a file by --benchmark.",
            )
    except SapoError as error:
        return tell_error(error)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
