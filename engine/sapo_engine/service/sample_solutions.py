"""Solutions by several models of questions that nothing is trained on, with first errors by rollouts or none (`sapo
benchmark sample` asks)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sapo_engine.labeling.labelers import checker_for, run_labeler
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.torch_setup import set_up_on
from sapo_engine.session import RunSession
from sapo_engine.tasks import Question, make_task
from sapo_engine.tasks.base import WrittenSolution
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_engine.verifier.scoring import predict
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.labelers.shepherd import shepherd
from sapo_studio.domain.metrics import predicted_first_error
from sapo_studio.domain.question_text import normalized
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import SampleSolutionsRequest


def answer(request: SampleSolutionsRequest) -> dict[str, Any]:
    """See SampleSolutionsRequest."""
    like = config_of(request.like)
    place = set_up_on(like.runtime, request.device)
    trained = _trained_on([folder for folder in request.models if _is_run(folder)])
    rows: list[dict[str, Any]] = []
    asked: list[Question] = []
    for folder in request.models:
        run = SavedRun(_config(like, folder), folder if _is_run(folder) else request.like, place)
        try:
            fresh = [q for q in run.session.task.questions("test") if normalized(q.text) not in trained]
            asked = fresh[: request.questions]
            if not asked:
                raise InputError(
                    "There is no question that nothing is trained on",
                    why="Every test question of the run is a training question of one of the models.",
                    fix="Name models that were trained on the same split, or another run by --like.",
                )
            name = folder.name
            if _is_run(folder):
                last = run.reasoners[-1]
                model, name = run.reasoner(last), f"{folder.name}/M{last}"
            else:
                model = run.session.start()
            written = _solutions(run.session, model, asked, request.samples)
            errors = _first_errors(run.session, model, written, request.rollouts) if request.label else {}
            code = bool(getattr(run.session.task, "is_code", False))
            for t in written:
                question = run.session.questions[t.question]
                gold = {"answer": "", "tests": [question.answer]} if code else {"answer": question.answer, "tests": []}
                row = {"problem": question.text, **gold, "steps": list(t.steps), "correct": t.correct}
                labeled = {"first_error": errors.get(t.number, 0)} if request.label else {}
                rows.append({**row, "model": name, **labeled})
        finally:
            run.close()
    if request.verifier is not None:
        _second_opinion(like, request, rows, place)
    return {"questions": len(asked), "rows": rows}


def _is_run(folder: Path) -> bool:
    return (folder / "config.toml").is_file()


def _config(like: RunConfig, folder: Path) -> RunConfig:
    """The task, seed and prompts of `like` for the model in `folder`."""
    if _is_run(folder):
        return config_of(folder).model_copy(update={"task": like.task, "seed": like.seed, "labeling": like.labeling})
    model = like.model.model_copy(update={"source": str(folder), "tuning": "full"})
    return like.model_copy(update={"model": model})


def _trained_on(runs: list[Path]) -> set[str]:
    """The training questions of runs, as they are compared."""
    found: set[str] = set()
    for folder in runs:
        config = config_of(folder)
        task = make_task(config.task, config.seed)
        found |= {normalized(question.text) for question in task.questions("train")}
        task.close()
    return found


def _solutions(session: RunSession, model: Reasoner, asked: list[Question], samples: int) -> list[Trajectory]:
    """Distinct solutions of each question."""
    completions = session.sampler.sample(model, asked, "benchmark sample", samples)
    drafts = [
        (question, tokens)
        for question, mine in zip(asked, completions, strict=True)
        for tokens in dict.fromkeys(completion.tokens for completion in mine)
    ]
    return session.builder.trajectories(
        [TrajectoryDraft(question, tokens, number, iteration=0) for number, (question, tokens) in enumerate(drafts)]
    )


def _first_errors(session: RunSession, model: Reasoner, written: list[Trajectory], rollouts: int) -> dict[int, int]:
    """By number of the solution, of those with an incorrect answer: by rollouts from every step. One with a correct
    answer has none."""
    wrong = [t for t in written if not t.correct]
    checker = checker_for(session, model, 1, rollouts, min(session.config.labeling.wave, rollouts))
    labeled, _ = run_labeler(wrong, lambda _, t: shepherd(t.n), checker)
    return {item.trajectory.number: item.verdict.labels.find("0") + 1 for item in labeled}


def _second_opinion(
    like: RunConfig, request: SampleSolutionsRequest, rows: list[dict[str, Any]], place: torch.device
) -> None:
    """Add to each row the first error by the last verifier of the run `request.verifier`, as `verifier`."""
    assert request.verifier is not None
    run = SavedRun(_config(like, request.verifier), request.verifier, place)
    try:
        verifier = run.verifier((run.verifiers or [0])[-1])
        by_text = {question.text: question for question in run.session.questions.values()}
        written = [
            run.session.builder.from_written(
                number,
                WrittenSolution(by_text[row["problem"]], tuple(row["steps"]), row["correct"], row["first_error"]),
            )
            for number, row in enumerate(rows)
        ]
        scores = predict(run.session, verifier, written)
        for t, row in zip(written, rows, strict=True):
            row["verifier"] = predicted_first_error(scores[t.number][0])
    finally:
        run.close()
