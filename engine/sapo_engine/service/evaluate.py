"""A verifier on a process benchmark, as a chooser among samples, and against reasoners (`sapo evaluate` asks)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sapo_engine.evaluation.best_of import best_of
from sapo_engine.evaluation.self_verification import matrix
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.telling import Parts, Told
from sapo_engine.service.torch_setup import set_up_on
from sapo_engine.tasks.base import Question
from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.scoring import predict
from sapo_studio.config.schema import RuntimeConfig
from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.domain.verifier_metrics import Scored, benchmark_rows
from sapo_studio.errors import InputError
from sapo_studio.formats.registry import read_file
from sapo_studio.requests.kinds import EvaluateRequest

WRITING = 10
"""How much longer it takes to write a solution than to score one, about."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution of a process benchmark with its first error (0: none); `odd` is its id where answer and steps
    contradict each other."""

    question: Question
    steps: tuple[str, ...]
    truth: int
    odd: str = ""


# -- What is evaluated


def read_benchmark(file: Path) -> list[Solution]:
    """The solutions of a file in a known format (`formats.registry`)."""
    items = read_file(file)
    return [
        Solution(Question(k, "process", i.problem, (), ""), i.steps, i.first_error or 0, i.id if i.contradicts else "")
        for k, i in enumerate(items)
    ]


def score_with_classifier(folder: Path, solutions: Sequence[Solution], device: torch.device) -> Scored:
    """By a classification model from elsewhere. Tells how far it is. Raises InputError, before any is scored, where it
    has no room for a solution."""
    classifier = Classifier(folder, device)
    for one in solutions:
        classifier.check(one.question.text, one.steps)
    told = Told(len(solutions))
    scored: list[tuple[list[float], int]] = []
    for one in solutions:
        scored.append((classifier.score(one.question.text, one.steps), one.truth))
        told.tick(1)
    return scored


def of_run(
    folder: Path,
    *,
    verifier: int | Path | None,
    benchmark: Path | None,
    tuning: int = 0,
    best: int,
    questions: int,
    pairs: bool,
    trajectories: int,
    aggregation: Aggregation,
    device: str = "",
) -> dict[str, Any]:
    """Evaluate a run's verifier (None: its last), or a classification model, on its benchmark or another one, whose
    last `tuning` rows are for the threshold alone. On the run's device, or another `device`. Tells how far it is."""
    config = config_of(folder)
    place = set_up_on(config.runtime, device)
    if benchmark is not None:
        config = config.model_copy(update={"task": config.task.model_copy(update={"process_data": str(benchmark)})})
    run = SavedRun(config, folder, place)
    found: dict[str, Any] = {"run": folder.name}
    try:
        own = verifier if isinstance(verifier, int) else (run.verifiers or [0])[-1]
        written = run.session.builder.benchmark() if benchmark is not None else run.benchmark()
        odd = [row.name for row in run.session.task.process_benchmark() or () if row.contradicts]
        found |= {"contradictory": odd} if odd else {}
        if benchmark is not None and (leaks := run.session.leaks()):
            found["leaks"] = leaks
        known = [t for t in written if t.truth is not None]
        if isinstance(verifier, Path):
            found |= {"verifier": str(verifier)}
            rows = [Solution(run.session.questions[t.question], t.steps, t.truth or 0) for t in known]
            scored = score_with_classifier(verifier, rows, place)
            found["benchmark"] = _measured(scored, [t.question for t in known], tuning)
            return found
        loaded = run.verifier(own)
        found |= {"verifier": own}
        reasoners = [j for j in run.reasoners if j <= config.iterations]
        cells = len(run.verifiers) * len(reasoners) if pairs else 0
        parts = Parts(
            {
                "scores": len(known),
                "best": WRITING * best * questions,
                "matrix": WRITING * cells * trajectories * config.labeling.rollouts,
            }
        )
        scores = predict(run.session, loaded, known, tick=Told(len(known), parts.hear("scores")).tick)
        scored = [(scores[t.number][0], t.truth or 0) for t in known]
        found["benchmark"] = _measured(scored, [t.question for t in known], tuning)
        if best:
            last = run.reasoners[-1]
            chosen = run.session.task.questions("test")[:questions]
            heard = parts.hear("best")
            picked = best_of(run.session, run.reasoner(last), loaded, chosen, best, aggregation, hear=heard)
            found["best_of"] = {"reasoner": last, "aggregation": aggregation, **picked}
        if pairs:
            heard = parts.hear("matrix")
            found["matrix"] = matrix(
                run.session, run.verifier, run.reasoner, run.verifiers, reasoners, trajectories, hear=heard
            )
        return found
    finally:
        run.close()


def _measured(scored: Scored, groups: Sequence[Hashable], tuning: int) -> dict[str, Any] | None:
    """What is measured on all rows but the last `tuning`, with the threshold of these; None where there is no row."""
    if not scored:
        return None
    if tuning >= len(scored):
        raise InputError("Nothing is left to measure on", why=f"All {len(scored):,} rows are for the threshold.")
    measured = len(scored) - tuning
    return benchmark_rows(scored[:measured], groups[:measured], scored[measured:])


def answer(request: EvaluateRequest) -> dict[str, Any]:
    """See EvaluateRequest."""
    if request.run is None:
        verifier, file = request.without_run()
        solutions = read_benchmark(file)
        scored = score_with_classifier(verifier, solutions, set_up_on(RuntimeConfig(), request.device))
        odd = [one.odd for one in solutions if one.odd]
        found: dict[str, Any] = {
            "verifier": str(verifier),
            "benchmark": _measured(scored, [one.question.text for one in solutions], request.tuning),
        }
        return found | ({"contradictory": odd} if odd else {})
    return of_run(
        request.run,
        verifier=request.verifier,
        benchmark=request.benchmark,
        tuning=request.tuning,
        best=request.best_of,
        questions=request.questions,
        pairs=request.matrix,
        trajectories=request.trajectories,
        aggregation=request.aggregation,
        device=request.device,
    )
