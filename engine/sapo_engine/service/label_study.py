"""The labelers side by side: what each costs and how true its labels are, on the same wrong trajectories with the same
reasoner (`sapo label-study` asks).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sapo_engine.labeling.labelers import checker_for, make_checks, run_labeler
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.torch_setup import set_up_on
from sapo_engine.session import RunSession
from sapo_engine.tasks import Question
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_engine.verifier.scoring import Prediction, predict
from sapo_studio.config.schema import LabelingConfig, RunConfig
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.labels import Verdict
from sapo_studio.domain.search import least_checks, prior
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import LabelStudyRequest

MANY = 64
"""Checks of a trajectory, at most, for the labeler `search`."""
SAMPLES_A_QUESTION = 8
"""Samples of each question among which wrong trajectories are looked for."""


@dataclass(frozen=True, slots=True)
class LabelerResult:
    """One labeler's result. Costs are totals over `trajectories`; accuracies are fractions by the step oracle, None
    where the task has none. `steps`: mean steps of a trajectory. Of `search` alone: `least_checks`, what no search from
    the verifier's scores can do with fewer of, on average; `promised`, how sure it was of the first errors it found, on
    average; `reached`, the share of trajectories of whose first error it was as sure as it was to be; `kept`, the share
    of these whose first error is true.
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
    promised: float | None = None
    reached: float | None = None
    kept: float | None = None

    def to_json(self) -> dict[str, float | int | str | None]:
        """All fields by name."""
        return asdict(self)


def study(
    session: RunSession,
    model: Reasoner,
    version: int,
    wrong: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
    labelers: Sequence[str] = tuple(LABELERS),
    calibration: Platt | None = None,
) -> list[LabelerResult]:
    """Run every labeler on `wrong`, each with a cache of its own and the same random keys; all stop a prefix at
    its first success. `calibration` is that of the verifier behind `predictions`, for the search.
    """
    sure = calibration or Platt()
    known = {number: (sure(scores), predicted) for number, (scores, predicted) in predictions.items()}
    return [_try(session, model, version, wrong, known, name) for name in labelers]


def _try(
    session: RunSession,
    model: Reasoner,
    version: int,
    wrong: Sequence[Trajectory],
    predictions: Mapping[int, Prediction],
    name: str,
) -> LabelerResult:
    config = session.config.labeling.model_copy(update={"max_checks": MANY if name == "search" else 2})
    checker = checker_for(session, model, version, config.rollouts, config.wave)
    began = time.monotonic()
    if not LABELERS[name].rolls_out:
        verdicts = [Verdict("0" * t.n, "outcome", verified=1) for t in wrong]
        rollouts = tokens = prefill = checks = 0
    else:
        labeled, usage = run_labeler(wrong, lambda _, t: make_checks(config, name, t, *predictions[t.number]), checker)
        verdicts = [item.verdict for item in labeled]
        rollouts, tokens, prefill = usage.sequences, usage.generated_tokens, usage.prefill_tokens
        checks = len(checker.known)
    seconds = time.monotonic() - began
    right = total = exact = 0
    for trajectory, verdict in zip(wrong, verdicts, strict=True):
        error = trajectory.truth or trajectory.n + 1
        right += sum((c == "1") == (step < error) for step, c in enumerate(verdict.labels, 1))
        total += trajectory.n
        exact += verdict.verified == error
    known = all(t.truth is not None for t in wrong) and bool(wrong)
    return LabelerResult(
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
        **(_promises(config, wrong, verdicts, predictions, known=known) if name == "search" and wrong else {}),
    )


def _promises(
    config: LabelingConfig,
    wrong: Sequence[Trajectory],
    verdicts: Sequence[Verdict],
    predictions: Mapping[int, Prediction],
    *,
    known: bool,
) -> dict[str, float | None]:
    """What is said of a search alone."""
    sure = [
        verdict.verified == trajectory.truth
        for trajectory, verdict in zip(wrong, verdicts, strict=True)
        if verdict.confidence >= config.confidence
    ]
    bound = sum(least_checks(prior(predictions[t.number][0]), config.confidence) for t in wrong) / len(wrong)
    return {
        "least_checks": bound,
        "promised": sum(verdict.confidence for verdict in verdicts) / len(wrong),
        "reached": len(sure) / len(wrong),
        "kept": sum(sure) / len(sure) if known and sure else None,
    }


def sample_wrong(
    session: RunSession, model: Reasoner, questions: Sequence[Question], path: str, count: int
) -> list[Trajectory]:
    """At most `count` distinct wrong trajectories of `questions`, out of SAMPLES_A_QUESTION samples of each. `path`
    names the purpose in the random keys."""
    found: list[Trajectory] = []
    samples = session.sampler.sample(model, questions, path, SAMPLES_A_QUESTION)
    for question, completions in zip(questions, samples, strict=True):
        distinct = dict.fromkeys(completion.tokens for completion in completions)
        grades = session.builder.grade([(question, tokens) for tokens in distinct])
        for tokens, grade in zip(distinct, grades, strict=True):
            if not grade.correct:
                draft = TrajectoryDraft(question, tokens, len(found), iteration=0)
                found.append(session.builder.trajectory(draft, grade))
    order = session.rng(path).permutation(len(found))[:count]
    return [found[k] for k in sorted(order)]


def of_length(config: RunConfig, length: int, questions: int) -> RunConfig:
    """`config` for problems of `length` steps alone (arithmetic lab), that the run has not seen."""
    if config.task.kind != "arithmetic":
        raise InputError("Only the arithmetic lab can make problems of a length", fix="Leave --lengths out.")
    most = config.task.largest_change - 4
    if not 2 <= length <= most:
        raise InputError(
            f"The tokenizer of this run's reasoner does not cover problems of {length} steps",
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
    folder: Path,
    *,
    iteration: int,
    trajectories: int,
    lengths: Sequence[int],
    labelers: Sequence[str],
    device: str = "",
) -> dict[str, Any]:
    """The study on a run: with M_i and, as in the run, V_{i-1}; i = `iteration`, 0 for the last that is there. On the
    run's device, or another `device`."""
    config = config_of(folder)
    place = set_up_on(config.runtime, device)
    first = SavedRun(config, folder, place)
    pairs = [i for i in first.reasoners if i - 1 in first.verifiers]
    last = iteration or (min(pairs[-1], config.iterations) if pairs else 1)
    found: dict[str, Any] = {
        "run": folder.name,
        "iteration": last,
        "rollouts": config.labeling.rollouts,
        "confidence": config.labeling.confidence,
        "studies": [],
    }
    calibration: Platt | None = None
    for length in lengths or (0,):
        run = SavedRun(of_length(config, length, trajectories * 4), folder, place) if length else first
        session = run.session
        try:
            model = run.reasoner(last)
            verifier = run.verifier(last - 1, model if last == 1 else None)
            wrong = sample_wrong(session, model, session.task.questions("development"), "label study", trajectories)
            if not wrong:
                raise InputError(
                    "There is no wrong trajectory to label",
                    why=f"Of {SAMPLES_A_QUESTION} samples of each question all were right.",
                    fix="Study an earlier --iteration, or longer problems.",
                )
            predictions = predict(session, verifier, wrong)
            if "search" in labelers and calibration is None:
                calibration = first.calibration(last - 1, verifier)
            rows = study(session, model, last, wrong, predictions, labelers, calibration)
        finally:
            run.close()
        found["studies"].append({"length": length, "labelers": [row.to_json() for row in rows]})
    first.close()
    return found


def answer(request: LabelStudyRequest) -> dict[str, Any]:
    """See LabelStudyRequest."""
    return study_run(
        request.run,
        iteration=request.iteration,
        trajectories=request.trajectories,
        lengths=request.lengths,
        labelers=request.labelers,
        device=request.device,
    )
