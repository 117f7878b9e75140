"""The labelers side by side: what each costs and how true its labels are, on the same wrong trajectories with the same
reasoner. `python -m sapo_engine.service.label_study RUN_FOLDER` (`sapo label-study` starts it).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from sapo_engine.labeling.labelers import make_checks, run_labeler
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.stages import HUNTED
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.tell import tell_error
from sapo_engine.session import Lab
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.verifier.scoring import Prediction
from sapo_studio.config.schema import LabelingConfig, RunConfig
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.labelers import registry
from sapo_studio.domain.search import least_checks, prior
from sapo_studio.errors import InputError, SapoError

LABELERS = tuple(registry.LABELERS)
"""`search` is `sapo` with as many checks as it wants."""
MANY = 64


@dataclass(frozen=True, slots=True)
class Tried:
    """One labeler's result. Costs are totals over `trajectories`; accuracies are fractions by the step oracle, None
    where the task has none. `steps`: mean steps of a trajectory. `least_checks`: what no search from the verifier's
    scores can do with fewer of, on average (`search` alone).
    """

    labeler: str
    trajectories: int
    steps: float
    checks: int
    rollouts: int
    tokens: int
    prefill_tokens: int
    flops: float
    seconds: float
    step_accuracy: float | None
    first_error_accuracy: float | None
    least_checks: float | None = None

    def to_json(self) -> dict[str, float | int | str | None]:
        """All fields by name."""
        return asdict(self)


def study(
    lab: Lab,
    model: Reasoner,
    version: int,
    wrong: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
    labelers: Sequence[str] = LABELERS,
    calibration: Platt | None = None,
) -> list[Tried]:
    """Run every labeler on `wrong`, each with a cache of its own and the same random keys; all stop a prefix at
    its first success. `calibration` is that of the verifier behind `predictions`, for the search.
    """
    sure = calibration or Platt()
    known = {number: (sure(scores), predicted) for number, (scores, predicted) in predictions.items()}
    return [_try(lab, model, version, wrong, known, name) for name in labelers]


def _try(
    lab: Lab,
    model: Reasoner,
    version: int,
    wrong: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
    name: str,
) -> Tried:
    config = lab.config.labeling.model_copy(update={"max_checks": MANY if name == "search" else 2})
    checker = lab.checker(model, version, config.rollouts, config.wave)
    began = time.monotonic()
    if name == "outcome":
        verdicts = [("0" * t.n, 1) for t in wrong]
        rollouts = tokens = prefill = checks = 0
    else:
        kind = "sapo" if name == "search" else name
        labelled, usage = run_labeler(wrong, lambda _, t: make_checks(config, kind, t, *predictions[t.number]), checker)
        verdicts = [(item.verdict.labels, item.verdict.verified) for item in labelled]
        rollouts, tokens, prefill = usage.sequences, usage.generated_tokens, usage.prefill_tokens
        checks = len(checker.known)
    seconds = time.monotonic() - began
    right = total = exact = 0
    for trajectory, (labels, verified) in zip(wrong, verdicts, strict=True):
        error = trajectory.truth or trajectory.n + 1
        right += sum((c == "1") == (step < error) for step, c in enumerate(labels, 1))
        total += trajectory.n
        exact += verified == error
    known = all(t.truth is not None for t in wrong) and bool(wrong)
    return Tried(
        labeler=name,
        trajectories=len(wrong),
        steps=sum(t.n for t in wrong) / max(len(wrong), 1),
        checks=checks,
        rollouts=rollouts,
        tokens=tokens,
        prefill_tokens=prefill,
        flops=2.0 * model.parameters_in_all() * (tokens + prefill),
        seconds=seconds,
        step_accuracy=right / max(total, 1) if known else None,
        first_error_accuracy=exact / max(len(wrong), 1) if known else None,
        least_checks=_bound(config, wrong, predictions) if name == "search" and wrong else None,
    )


def _bound(config: LabelingConfig, wrong: Sequence[Trajectory], predictions: Mapping[int, Prediction]) -> float:
    return sum(least_checks(prior(predictions[t.number][0]), config.confidence) for t in wrong) / len(wrong)


def of_length(config: RunConfig, length: int, questions: int) -> RunConfig:
    """`config` for problems of `length` steps alone (arithmetic lab), that the run has not seen."""
    if config.task.kind != "arithmetic":
        raise InputError("Only the arithmetic lab can make problems of a length", fix="Leave --lengths out.")
    most = config.task.largest_change - 4
    if not 2 <= length <= most:
        raise InputError(
            f"This run's reasoner has no words for problems of {length} steps",
            why=f"With task.largest_change = {config.task.largest_change} they have 2 to {most} steps.",
            fix="Take other --lengths, or a run with a larger task.largest_change.",
        )
    # Another seed: other problems than those it was trained on, also where the length is the run's own.
    task = config.task.model_copy(
        update={"min_steps": length, "max_steps": length, "train_questions": 1, "development_questions": questions}
        | {"test_questions": 1, "process_solutions": 1}
    )
    return config.model_copy(update={"task": task, "seed": config.seed + 1_000_003})


def study_run(
    folder: Path, *, iteration: int, trajectories: int, lengths: Sequence[int], labelers: Sequence[str]
) -> dict[str, Any]:
    """The study on a run: with M_i and, as in the run, V_{i-1}; i = `iteration`, 0 for the last that is there."""
    config = config_of(folder)
    first = SavedRun(config, folder)
    pairs = [i for i in first.reasoners if i - 1 in first.verifiers]
    last = iteration or (min(pairs[-1], config.iterations) if pairs else 1)
    found: dict[str, Any] = {
        "run": folder.name,
        "iteration": last,
        "rollouts": config.labeling.rollouts,
        "confidence": config.labeling.confidence,
        "studies": [],
    }
    for length in lengths or (0,):
        run = SavedRun(of_length(config, length, trajectories * 4), folder) if length else first
        lab = run.stages
        try:
            model = run.reasoner(last)
            verifier = run.verifier(last - 1, run.reasoner(last - 1) if last > 1 else model)
            wrong = lab.wrong_trajectories(model, lab.task.questions("development"), "label study", trajectories)
            if not wrong:
                raise InputError(
                    "There is no wrong trajectory to label",
                    why=f"Of {HUNTED} samples of each question all were right.",
                    fix="Study an earlier --iteration, or longer problems.",
                )
            predictions = lab.predict(verifier, wrong)
            rows = study(lab, model, last, wrong, predictions, labelers, verifier.calibration)
        finally:
            run.close()
        found["studies"].append({"length": length, "labelers": [row.to_json() for row in rows]})
    return found


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 measured, 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m sapo_engine.service.label_study", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--iteration", type=int, default=0)
    parser.add_argument("--trajectories", type=int, default=300)
    parser.add_argument("--lengths", default="")
    parser.add_argument("--labelers", default=",".join(LABELERS))
    given = parser.parse_args(arguments)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    try:
        found = study_run(
            given.folder,
            iteration=given.iteration,
            trajectories=given.trajectories,
            lengths=[int(length) for length in given.lengths.split(",") if length],
            labelers=given.labelers.split(","),
        )
    except SapoError as error:
        return tell_error(error)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
