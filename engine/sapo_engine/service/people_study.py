"""The same verifier trained with and without what people say, on the same held-out rows (`sapo people-study` asks)."""

from __future__ import annotations

from typing import Any

from sapo_engine.labeling.human_labels import with_people, without_people
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.codecs import TrajectoriesCodec
from sapo_engine.phases.train_verifier import fit_verifier
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.torch_setup import set_up_on
from sapo_engine.text.trajectory import LabeledRow, Trajectory
from sapo_engine.training.trainer import NullCallback
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain.question_text import normalized
from sapo_studio.domain.verifier_metrics import Scored, benchmark_rows, gap, step_metrics
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import PeopleStudyRequest


def answer(request: PeopleStudyRequest) -> dict[str, Any]:
    """See PeopleStudyRequest."""
    config = config_of(request.run)
    place = set_up_on(config.runtime, request.device)
    if request.benchmark is not None:
        task = config.task.model_copy(update={"process_data": str(request.benchmark)})
        config = config.model_copy(update={"task": task})
    run = SavedRun(config, request.run, place)
    try:
        return _study(run, request)
    finally:
        run.close()


def _study(run: SavedRun, request: PeopleStudyRequest) -> dict[str, Any]:
    last = request.iteration or (run.verifiers or [0])[-1]
    kept = run.training_set(last)
    without = without_people(kept.labels, kept.written)
    pool = [*_samples(run, last), *(t for t, _ in kept.labels)]
    found = with_people(without, pool, request.judged, {})
    if not found.labels:
        raise InputError(
            "Nobody has judged a trajectory that this verifier could be trained on",
            why="Held-out trajectories (of the process benchmark and of evaluation sets) are never trained on.",
            fix="Judge samples of the run's training questions first.",
        )
    questions = run.session.questions
    judged = {normalized(questions[t.question].text) for t, _ in found.training if t.number in found.written}
    rows = run.session.builder.benchmark() if request.benchmark is not None else run.benchmark()
    tuning = request.tuning if request.benchmark is not None else 0
    measured, thresholds = rows[: len(rows) - tuning], rows[len(rows) - tuning :]
    fair, for_thresholds = (
        [t for t in part if t.truth is not None and normalized(questions[t.question].text) not in judged]
        for part in (measured, thresholds)
    )
    if not fair:
        raise InputError(
            "There is nothing to measure the two verifiers on",
            why="No row of the process benchmark is of a question that nobody has judged.",
            fix="Name another process benchmark by --benchmark.",
        )
    model = run.reasoner(max(last, 1))
    scored: dict[str, tuple[Scored, Scored]] = {
        name: _scored(run, last, model, labels, fair, for_thresholds)
        for name, labels in (("without", without), ("with", found.training))
    }
    groups = [t.question for t in fair]
    difference = gap(*(step_metrics(scored[name][0]) for name in ("with", "without")))
    return {
        "run": run.folder.name,
        "iteration": last,
        "judged": len(found.rows),
        "labels": found.labels,
        "changed": found.changed,
        "trained_on": len(found.training),
        "left_out": len(measured) - len(fair),
        "leaks": run.session.leaks() if request.benchmark is not None else [],
        **{name: benchmark_rows(rows, groups, tuned) for name, (rows, tuned) in scored.items()},
        "difference": dict(zip(("value", "low", "high"), difference, strict=True)),
    }


def _samples(run: SavedRun, last: int) -> list[Trajectory]:
    """All that the run has sampled up to iteration `last`: D_i, as far as it is there."""
    folders = [run.artefacts[name] for i in range(last + 1) if (name := f"sample-{i}") in run.artefacts]
    return [t for folder in folders for t in TrajectoriesCodec().load(folder)]


def _scored(
    run: SavedRun,
    iteration: int,
    model: Reasoner,
    labels: list[LabeledRow],
    measured: list[Trajectory],
    thresholds: list[Trajectory],
) -> tuple[Scored, Scored]:
    """A verifier trained on `labels` as V_`iteration` was: its scores of the rows that are measured, and of those for
    thresholds."""
    verifier = fit_verifier(run.session, iteration, model, labels, NullCallback())
    scores = predict(run.session, verifier, [*measured, *thresholds])
    of_measured, of_thresholds = (
        [(scores[t.number][0], t.truth or 0) for t in part] for part in (measured, thresholds)
    )
    return of_measured, of_thresholds
