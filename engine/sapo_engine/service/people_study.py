"""The same verifier trained with and without what people say, on the same held-out rows (`sapo people-study` asks)."""

from __future__ import annotations

from typing import Any

from sapo_engine.labeling.human_labels import with_people, without_people
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.held_out import held_out, side_by_side, trained_on
from sapo_engine.service.torch_setup import set_up_on
from sapo_engine.training.trainer import NullCallback
from sapo_studio.domain.question_text import normalized
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
    pool = [*run.samples_up_to(last), *(t for t, _ in kept.labels)]
    found = with_people(without, pool, request.judged, {})
    if not found.labels:
        raise InputError(
            "Nobody has judged a trajectory that this verifier could be trained on",
            why="Held-out trajectories (of the process benchmark and of evaluation sets) are never trained on.",
            fix="Judge samples of the run's training questions first.",
        )
    questions = run.session.questions
    judged = {normalized(questions[t.question].text) for t, _ in found.training if t.number in found.written}
    supplied = request.benchmark is not None
    benchmark = run.session.builder.benchmark() if supplied else run.benchmark()
    rows = held_out(run, benchmark, request.tuning if supplied else 0, judged)
    model = run.reasoner(max(last, 1))
    before, after = (trained_on(run, last, model, labels, rows, NullCallback()) for labels in (without, found.training))
    return {
        "run": run.folder.name,
        "iteration": last,
        "judged": len(found.rows),
        "labels": found.labels,
        "changed": found.changed,
        "trained_on": len(found.training),
        "left_out": rows.left_out,
        "leaks": run.session.leaks() if supplied else [],
        **side_by_side(rows, ("without", before), ("with", after)),
    }
